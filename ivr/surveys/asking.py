"""One interview under way: carries out its steps on the phone and in the database."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from callflows.interview import Interview
from callflows.steps import (
    Ask,
    End,
    Failed,
    HungUp,
    Input,
    Outcome,
    Played,
    Record,
    Recorded,
    Save,
    SaveCode,
    Saved,
    SaveLanguage,
    Say,
    Step,
)
from ivr.errors import CallerHungUp, DatabaseError, PhoneError, PromptMissing
from ivr.phone import Phone
from storage.outage import Outage
from storage.records import AnswerRecord

log = structlog.get_logger()

STORE_SECONDS = 1.5
"""How long a caller may wait in silence for the database before being let go: the dialplan goes on within 2 seconds."""


def store_outage() -> Outage:
    """What the log says, once for all callers, while what they say cannot be kept."""
    return Outage("callers are let go: what they say cannot be kept", "what callers say is kept again")


_NOT_FOR_A_PATH = re.compile(r"[^A-Za-z0-9_.-]")


class SurveyBook(Protocol):
    """Where the course of a survey is kept, as `storage.recorder.Recorder` does: durable when the call returns.

    Every method may raise `DatabaseError`.
    """

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        """The caller has heard the first prompt."""

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        """The caller has dealt with a question."""

    async def choose_reason(self, site: str, survey: str, reason: str) -> None:
        """The caller has said why they called."""

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        """The language that is spoken from now on, or the code that the caller was given."""

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        """The survey is over."""


class Asking:
    """One survey that is put to a caller on `phone`."""

    def __init__(
        self,
        *,
        site: str,
        survey: str,
        headline: str,
        interview: Interview,
        phone: Phone,
        book: SurveyBook,
        recordings: str,
        now: Callable[[], datetime],
        outage: Outage,
    ) -> None:
        """`outage` is told whether the book keeps what it is given."""
        self._outage = outage
        self._site = site
        self._survey = survey
        self._headline = headline
        self._interview = interview
        self._phone = phone
        self._book = book
        self._recordings = recordings
        self._now = now
        self._last = datetime.min.replace(tzinfo=UTC)
        self._started = False
        self.lacked_prompt = False
        """Whether the PBX could not play a prompt."""
        self.lacked_store = False
        """Whether something could not be stored."""

    async def ask(self) -> Outcome:
        """Carry out the interview to its end, whatever the caller, the PBX and the database do."""
        try:
            await self._phone.answer()
            step = self._interview.start()
        except PhoneError as error:
            self._interview.start()
            step = self._interview.send(self._fault(error))
        return await self._go_on(step)

    async def break_off(self) -> None:
        """The service stops: keep what was answered so far, and end the survey without the caller."""
        await self._go_on(self._interview.send(Failed()))

    async def _go_on(self, step: Step) -> Outcome:
        while not isinstance(step, End):
            step = self._interview.send(await self._carry_out(step))
        await self._store(self._book.finish(self._site, self._survey, step.outcome, self._at()))
        return step.outcome

    async def _carry_out(self, step: Say | Ask | Record | Save | SaveLanguage | SaveCode) -> Input:
        match step:
            case Save():
                return await self._save(step)
            case SaveLanguage():
                return self._saved(await self._store(self._note(language=step.language)))
            case SaveCode():
                return self._saved(await self._store(self._note(incentive=step.code)))
        try:
            came = await self._speak(step)
        except PhoneError as error:
            return self._fault(error)
        if not self._started:
            self._started = True
            await self._store(self._book.start(self._site, self._survey, self._at()))
        return came

    async def _speak(self, step: Say | Ask | Record) -> Input:
        match step:
            case Say():
                await self._phone.play(step.prompts)
                return Played()
            case Ask():
                return await self._phone.collect(
                    step.prompts,
                    max_keys=step.max_keys,
                    timeout_seconds=step.timeout_seconds,
                    key_timeout_seconds=step.key_timeout_seconds,
                    barge_in=step.barge_in,
                )
            case Record():
                seconds = await self._phone.record(
                    self._recording(step.name),
                    max_seconds=step.max_seconds,
                    silence_seconds=step.silence_seconds,
                    stop_keys=step.stop_keys,
                )
                return Recorded(seconds=seconds)

    def _recording(self, question: str) -> str:
        # One folder for all, because Asterisk creates none; and a uniqueid holds its system's name, which is any text.
        return f"{self._recordings}/{self._site}-{_NOT_FOR_A_PATH.sub('_', self._survey)}-{question}"

    async def _save(self, step: Save) -> Input:
        answer = step.answer
        record = AnswerRecord(
            question=answer.question,
            is_rating=answer.question == self._headline,
            keys=answer.keys,
            value=answer.value,
            tries=answer.tries,
            ended=answer.ended,
            answered_at=self._at(),
            recording=self._recording(answer.question) if answer.ended == "recorded" else None,
            recording_seconds=answer.recording_seconds,
        )
        stored = await self._store(self._book.record_answer(self._site, self._survey, record))
        if stored and step.reason:
            await self._store(self._book.choose_reason(self._site, self._survey, step.reason))
        return self._saved(stored)

    def _at(self) -> datetime:
        """Now, and later than what was said before: the clock may be put back, and answers keep their order."""
        self._last = max(self._now(), self._last + timedelta(microseconds=1))
        return self._last

    def _note(self, *, language: str | None = None, incentive: str | None = None) -> Awaitable[object]:
        return self._book.note(self._site, self._survey, language=language, incentive=incentive)

    def _saved(self, stored: bool) -> Input:
        return Saved() if stored else Failed()

    async def _store(self, write: Awaitable[object]) -> bool:
        """True when the database has it. The caller is never kept waiting for longer than `STORE_SECONDS`, and whatever
        is left to be stored after a failure has an eighth of that: up to two writes, so that it stays below 2 seconds.
        """
        seconds = STORE_SECONDS / 8 if self.lacked_store else STORE_SECONDS
        try:
            async with asyncio.timeout(seconds):
                await write
        except (DatabaseError, TimeoutError) as error:
            self.lacked_store = True
            why = str(error) or f"no answer in {seconds:g} s"
            self._outage.failed(why)
            log.debug("not stored", site=self._site, survey=self._survey, why=why)
            return False
        self._outage.worked()
        return True

    def _fault(self, error: PhoneError) -> Input:
        if isinstance(error, CallerHungUp):
            return HungUp()
        self.lacked_prompt = self.lacked_prompt or isinstance(error, PromptMissing)
        log.error("the survey breaks off", site=self._site, survey=self._survey, why=str(error))
        return Failed()
