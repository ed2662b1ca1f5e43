"""Tells what becomes of a survey, after each commit and never before."""

from dataclasses import replace
from datetime import datetime

from callflows.steps import Outcome
from ivr.live import SurveyNews, Tell
from ivr.surveys.asking import SurveyBook
from storage.records import AnswerRecord, SurveyOffer


class ToldBook:
    """The `SurveyBook` of one survey that also tells what was written into it."""

    def __init__(self, book: SurveyBook, tell: Tell, offer: SurveyOffer) -> None:
        self._book = book
        self._tell = tell
        self._news = SurveyNews(
            happened="offered",
            at=offer.offered_at,
            site=offer.site,
            survey=offer.survey,
            linkedid=offer.linkedid,
            agents=tuple(share.agent for share in offer.shares) or ((offer.agent,) if offer.agent else ()),
            queue=offer.queue,
            reason=offer.reason,
            flow=offer.flow,
        )
        tell(self._news)

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        """The caller has heard the first prompt."""
        return await self._book.start(site, survey, at)

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        """The caller has dealt with a question; told when it has a value."""
        is_new = await self._book.record_answer(site, survey, answer)
        if is_new and answer.value is not None:
            self._tell(
                replace(
                    self._news,
                    happened="answered",
                    at=answer.answered_at,
                    question=answer.question,
                    is_rating=answer.is_rating,
                    value=answer.value,
                )
            )
        return is_new

    async def choose_reason(self, site: str, survey: str, reason: str) -> None:
        """The caller has said why they called."""
        await self._book.choose_reason(site, survey, reason)
        self._news = replace(self._news, reason=reason)

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        """The language that is spoken from now on, or the code that the caller was given."""
        await self._book.note(site, survey, language=language, incentive=incentive)

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        """The survey is over."""
        is_new = await self._book.finish(site, survey, outcome, at)
        if is_new:
            self._tell(replace(self._news, happened="ended", at=at, outcome=outcome))
        return is_new
