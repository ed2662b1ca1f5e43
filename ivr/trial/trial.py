"""One flow tried by somebody who is no caller: conducted like a survey, marked as a trial, counted nowhere."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from callflows.loader import FlowVersion
from ivr.phone import Phone
from ivr.surveys.conduct import ConductedSurvey
from storage.recorder import Recorder
from storage.records import NEVER_PUBLISHED, TRIAL, AnswerRecord, FlowVersionRecord, Outcome, SurveyOffer


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a survey with the same keys would have left in the database."""

    trial: str
    """The id under which it is kept; ``""`` when it is not."""
    flow: str
    flow_version: str
    """The digest of the version that was tried."""
    language: str
    outcome: Outcome
    answers: tuple[AnswerRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStore:
    """Where trials are kept."""

    recorder: Recorder
    site: str
    """A site that the database knows."""


class TrialDesk:
    """Has flows tried. Without a `store` nothing is kept; `now` tells the time, with its zone."""

    def __init__(self, *, store: TrialStore | None, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def conduct(
        self, version: FlowVersion, phone: Phone, *, language: str, queue: str = "", reason: str = ""
    ) -> TrialResult:
        """Ask whoever is on `phone` in one of the flow's languages, as if `queue` and `reason` were those of the call.

        Raises `FlowError` when the flow does not have the language, and `DatabaseError` when the trial cannot be begun
        in the store. Whatever else breaks it off, the trial is ended in the store first.
        """
        trial = TRIAL + secrets.token_hex(8)
        book = _TrialBook(self._store.recorder if self._store else None)
        survey = ConductedSurvey(
            site=self._store.site if self._store else "",
            survey=trial,
            flow=version.flow,
            language=language,
            phone=phone,
            book=book,
            now=self._now,
        )
        if self._store:
            await self._begin(self._store, trial, version, language, queue, reason)
        try:
            outcome = await survey.ask()
        except BaseException:
            await asyncio.shield(survey.break_off())
            raise
        return TrialResult(
            trial=trial if self._store else "",
            flow=version.flow.flow,
            flow_version=version.digest,
            language=language,
            outcome=outcome,
            answers=tuple(book.answers),
        )

    async def _begin(
        self, store: TrialStore, trial: str, version: FlowVersion, language: str, queue: str, reason: str
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
                queue=queue,
                reason=reason,
                trial=True,
            )
        )


class _TrialBook:
    """A `SurveyBook` that can be read back, with the recorder behind it when the trial is kept."""

    def __init__(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
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

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        """See `SurveyBook`."""
        return await self._recorder.finish(site, survey, outcome, at) if self._recorder else True
