"""What becomes of a survey is told after it was written, and not when nothing was."""

from datetime import UTC, datetime
from typing import Any

import pytest

from callflows.steps import Outcome
from ivr.errors import DatabaseError
from ivr.live import SurveyNews
from ivr.surveys.telling import ToldBook
from storage.records import AnswerRecord, Share, SurveyOffer

AT = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)


class Book:
    """A survey's book that is, or is not, written."""

    def __init__(self, told: list[SurveyNews]) -> None:
        self.is_new = True
        self.is_away = False
        self._told = told
        self.told_before: list[int] = []

    async def _write(self) -> bool:
        self.told_before.append(len(self._told))
        if self.is_away:
            raise DatabaseError("away")
        return self.is_new

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        return await self._write()

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        return await self._write()

    async def choose_reason(self, site: str, survey: str, reason: str) -> None:
        await self._write()

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        await self._write()

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        return await self._write()


def offer(**changes: Any) -> SurveyOffer:
    given = {"site": "main", "survey": "2.1", "linkedid": "1.1", "flow": "csat", "flow_version": "aa", "offered_at": AT}
    return SurveyOffer(**{**given, "agent": "PJSIP/1001", "queue": "support", **changes})


def answer(value: int | None) -> AnswerRecord:
    ended: Any = "answered" if value is not None else "no_input"
    return AnswerRecord(question="rating", is_rating=True, keys="", value=value, tries=1, ended=ended, answered_at=AT)


@pytest.fixture
def told() -> list[SurveyNews]:
    return []


async def test_a_survey_is_told_from_its_offer_to_its_end(told: list[SurveyNews]) -> None:
    book = ToldBook(Book(told), told.append, offer())
    await book.start("main", "2.1", AT)
    await book.record_answer("main", "2.1", answer(5))
    await book.choose_reason("main", "2.1", "billing")
    await book.record_answer("main", "2.1", answer(1))
    await book.finish("main", "2.1", "completed", AT)
    assert [(news.happened, news.value, news.reason, news.outcome) for news in told] == [
        ("offered", None, "", ""),
        ("answered", 5, "", ""),
        ("answered", 1, "billing", ""),
        ("ended", None, "billing", "completed"),
    ]
    assert {(news.site, news.survey, news.linkedid, news.agents, news.queue, news.flow) for news in told} == {
        ("main", "2.1", "1.1", ("PJSIP/1001",), "support", "csat")
    }


async def test_nothing_is_told_before_it_is_written_nor_twice_nor_when_it_is_not(told: list[SurveyNews]) -> None:
    inner = Book(told)
    book = ToldBook(inner, told.append, offer())
    await book.record_answer("main", "2.1", answer(5))
    assert (inner.told_before, len(told)) == ([1], 2)
    inner.is_new = False
    await book.record_answer("main", "2.1", answer(5))
    await book.finish("main", "2.1", "completed", AT)
    inner.is_away = True
    with pytest.raises(DatabaseError):
        await book.finish("main", "2.1", "completed", AT)
    assert len(told) == 2


async def test_a_question_without_an_answer_is_no_news(told: list[SurveyNews]) -> None:
    await ToldBook(Book(told), told.append, offer()).record_answer("main", "2.1", answer(None))
    assert [news.happened for news in told] == ["offered"]


async def test_a_shared_survey_names_all_who_share_it_and_an_unknown_agent_nobody(told: list[SurveyNews]) -> None:
    shares = (Share(agent="PJSIP/1001", parts=400), Share(agent="PJSIP/1002", parts=600))
    ToldBook(Book(told), told.append, offer(shares=shares))
    ToldBook(Book(told), told.append, offer(agent=""))
    assert [news.agents for news in told] == [("PJSIP/1001", "PJSIP/1002"), ()]
