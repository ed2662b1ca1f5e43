"""One flow tried by somebody who is no caller: conducted like a survey, marked as a trial, counted nowhere."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from callflows.interview import Interview
from callflows.loader import FlowVersion
from callflows.steps import Context
from ivr.phone import Phone
from ivr.surveys.asking import Asking, store_outage
from storage.recorder import Recorder
from storage.records import NEVER_PUBLISHED, TRIAL, AnswerRecord, FlowVersionRecord, Outcome, SurveyOffer


@dataclass(frozen=True, slots=True, kw_only=True)
class PretendedCall:
    """What is taken to be known of the call that there was not."""

    queue: str = ""
    team: str = ""
    reason: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The channel's variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a survey with the same keys would have left in the database."""

    trial: str
    """The id under which it is kept; ``""`` when it is not."""
    flow: str
    flow_version: str
    """The digest of the version that was tried."""
    language: str
    """The one that was spoken last."""
    reason: str
    """Why the call was made: what was pretended, or what was chosen by key."""
    incentive: str
    """The code that was given as thanks; ``""`` when none was."""
    outcome: Outcome
    answers: tuple[AnswerRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStore:
    """Where trials are kept."""

    recorder: Recorder
    site: str
    """A site that the database knows."""


class TrialDesk:
    """Has flows tried. Without a `store` nothing is kept; `now` tells the time, in the site's zone."""

    def __init__(self, *, store: TrialStore | None, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def conduct(self, version: FlowVersion, phone: Phone, *, language: str, call: PretendedCall) -> TrialResult:
        """Ask whoever is on `phone`, in `language` unless the flow finds another.

        Raises `FlowError` when the flow does not have the language, and `DatabaseError` when the trial cannot be begun
        in the store. Whatever else breaks it off, the trial is ended in the store first.
        """
        trial = TRIAL + secrets.token_hex(8)
        interview = Interview(version.flow, language, self._context(version, call))
        book = _TrialBook(self._store.recorder if self._store else None, interview.language, call.reason)
        if self._store:
            await self._begin(self._store, trial, version, interview.language, call)
        asking = Asking(
            site=self._store.site if self._store else "",
            survey=trial,
            headline=version.flow.headline_question.code,
            interview=interview,
            phone=phone,
            book=book,
            recordings="",
            now=self._now,
            outage=store_outage(),
        )
        try:
            outcome = await asking.ask()
        except BaseException:
            await asyncio.shield(asking.break_off())
            raise
        return TrialResult(
            trial=trial if self._store else "",
            flow=version.flow.flow,
            flow_version=version.digest,
            language=book.language,
            reason=book.reason,
            incentive=book.incentive,
            outcome=outcome,
            answers=tuple(book.answers),
        )

    def _context(self, version: FlowVersion, call: PretendedCall) -> Context:
        return Context(
            at=self._now(),
            queue=call.queue,
            team=call.team,
            reason=call.reason,
            variables={name: call.variables.get(name, "") for name in version.flow.variables},
            seed=secrets.randbits(64),
        )

    async def _begin(
        self, store: TrialStore, trial: str, version: FlowVersion, language: str, call: PretendedCall
    ) -> None:
        await store.recorder.keep_draft(
            FlowVersionRecord(
                digest=version.digest,
                flow=version.flow.flow,
                title=version.flow.title,
                source=version.source,
                published_at=NEVER_PUBLISHED,
            )
        )
        await store.recorder.offer(
            SurveyOffer(
                site=store.site,
                survey=trial,
                linkedid=trial,
                flow=version.flow.flow,
                flow_version=version.digest,
                offered_at=self._now(),
                language=language,
                queue=call.queue,
                reason=call.reason,
                trial=True,
            )
        )


class _TrialBook:
    """A `SurveyBook` that can be read back, with the recorder behind it when the trial is kept."""

    def __init__(self, recorder: Recorder | None, language: str, reason: str) -> None:
        self._recorder = recorder
        self.language = language
        self.reason = reason
        self.incentive = ""
        self.answers: list[AnswerRecord] = []

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        """See `SurveyBook`."""
        return await self._recorder.start(site, survey, at) if self._recorder else True

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        """See `SurveyBook`."""
        if self._recorder:
            await self._recorder.record_answer(site, survey, answer)
        self.answers.append(answer)
        return True

    async def choose_reason(self, site: str, survey: str, reason: str) -> None:
        """See `SurveyBook`."""
        if self._recorder:
            await self._recorder.choose_reason(site, survey, reason)
        self.reason = reason

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        """See `SurveyBook`."""
        if self._recorder:
            await self._recorder.note(site, survey, language=language, incentive=incentive)
        self.language = language or self.language
        self.incentive = incentive or self.incentive

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        """See `SurveyBook`."""
        return await self._recorder.finish(site, survey, outcome, at) if self._recorder else True
