"""One interview under way: carries out its steps on the phone and in the database."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime

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
from ivr.errors import CallerHungUp, DatabaseError, PhoneError
from ivr.phone import Phone
from storage.recorder import Recorder
from storage.records import AnswerRecord

log = structlog.get_logger()

STORE_SECONDS = 1.5
"""How long a caller may wait in silence for the database before being let go: the dialplan goes on within 2 seconds."""

_NOT_FOR_A_PATH = re.compile(r"[^A-Za-z0-9_.-]")


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
        recorder: Recorder,
        recordings: str,
        now: Callable[[], datetime],
    ) -> None:
        self._site = site
        self._survey = survey
        self._headline = headline
        self._interview = interview
        self._phone = phone
        self._recorder = recorder
        self._recordings = recordings
        self._now = now
        self._started = False
        self._told = log.bind(site=site, survey=survey)

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
        await self._store(self._recorder.finish(self._site, self._survey, step.outcome, self._now()))
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
            await self._store(self._recorder.start(self._site, self._survey, self._now()))
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
            answered_at=self._now(),
            recording=self._recording(answer.question) if answer.ended == "recorded" else None,
            recording_seconds=answer.recording_seconds,
        )
        stored = await self._store(self._recorder.record_answer(self._site, self._survey, record))
        if stored and step.reason:
            await self._store(self._recorder.recredit(self._site, self._survey, reason=step.reason))
        return self._saved(stored)

    def _note(self, *, language: str | None = None, incentive: str | None = None) -> Awaitable[object]:
        return self._recorder.note(self._site, self._survey, language=language, incentive=incentive)

    def _saved(self, stored: bool) -> Input:
        return Saved() if stored else Failed()

    async def _store(self, write: Awaitable[object]) -> bool:
        """True when the database has it. The caller is never kept waiting for longer than `STORE_SECONDS`."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await write
        except (DatabaseError, TimeoutError) as error:
            self._told.error("not stored", why=str(error) or f"no answer in {STORE_SECONDS} s")
            return False
        return True

    def _fault(self, error: PhoneError) -> Input:
        if isinstance(error, CallerHungUp):
            return HungUp()
        self._told.error("the survey breaks off", why=str(error))
        return Failed()
