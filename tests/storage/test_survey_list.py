"""Surveys one by one: in order, narrowed, page by page, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from storage.engine import Database
from storage.recorder import Recorder
from storage.records import AnswerRecord, Share
from storage.survey_list import SurveyFilter, surveys_page, surveys_under_way
from tests.storage.samples import ANA, BOB, MADRID, NOON, SITE, at, offer, rated, version

WIDE = {"site": SITE, "begins": NOON - timedelta(days=1), "ends": NOON + timedelta(days=1)}


def comment(question: str) -> AnswerRecord:
    return AnswerRecord(
        question=question,
        is_rating=False,
        keys="",
        value=None,
        tries=1,
        ended="recorded",
        answered_at=at(20),
        recording="/x",
        recording_seconds=3.0,
    )


@pytest.fixture
async def filled(recorder: Recorder) -> None:
    await recorder.ensure_site(MADRID)
    await recorder.publish(version())
    await recorder.publish(version("bb", flow="nps"))
    await recorder.offer(offer("1.1", offered_at=at(1), agent=ANA, queue="support", reason="billing/refund"))
    await recorder.offer(offer("2.1", offered_at=at(2), agent=BOB, queue="sales", reason="billing"))
    await recorder.offer(offer("3.1", offered_at=at(3), agent=BOB, reason="billings", flow="nps", flow_version="bb"))
    shares = (Share(agent=ANA, parts=400), Share(agent=BOB, parts=600))
    await recorder.offer(offer("4.1", offered_at=at(3), agent="", shares=shares, reason=""))
    await recorder.offer(offer("trial-5", linkedid="trial-5", offered_at=at(5), trial=True))
    await recorder.record_answer(SITE, "1.1", rated(5))
    await recorder.record_answer(SITE, "2.1", rated(1))
    await recorder.record_answer(SITE, "2.1", comment("why"))
    await recorder.record_answer(SITE, "2.1", comment("how"))
    await recorder.record_answer(SITE, "trial-5", rated(5))
    await recorder.finish(SITE, "1.1", "completed", at(30))


async def listed(database: Database, **narrowed: Any) -> list[str]:
    return [one.survey for one in (await surveys_page(database, SurveyFilter(**{**WIDE, **narrowed}))).surveys]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        ({}, ["4.1", "3.1", "2.1", "1.1"]),
        ({"site": "elsewhere"}, []),
        ({"begins": at(2)}, ["4.1", "3.1", "2.1"]),
        ({"ends": at(2)}, ["1.1"]),
        ({"flow": "nps"}, ["3.1"]),
        ({"queue": "sales"}, ["2.1"]),
        ({"reason": "billing"}, ["2.1", "1.1"]),
        ({"reason": "billing/refund"}, ["1.1"]),
        ({"reason": ""}, ["4.1"]),
        ({"agents": [ANA]}, ["4.1", "1.1"]),
        ({"agents": [BOB]}, ["4.1", "3.1", "2.1"]),
        ({"agents": []}, []),
        ({"values": [4, 5]}, ["1.1"]),
        ({"values": []}, []),
        ({"rated": True}, ["2.1", "1.1"]),
        ({"rated": False}, ["4.1", "3.1"]),
        ({"commented": True}, ["2.1"]),
    ],
)
async def test_the_newest_come_first_and_only_those_asked_for(
    database: Database, narrowed: dict[str, Any], found: list[str]
) -> None:
    assert await listed(database, **narrowed) == found


@pytest.mark.usefixtures("filled")
async def test_a_survey_is_told_with_its_rating_and_its_comment(database: Database) -> None:
    shared, _, second, first = (await surveys_page(database, SurveyFilter(**WIDE))).surveys
    assert (first.value, first.answered_at, first.comment, first.status) == (5, at(10), "", "completed")
    assert (second.value, second.comment, second.linkedid, second.queue) == (1, "how", "2.1", "sales")
    assert (shared.agent, shared.shared, shared.value, shared.answered_at) == (BOB, True, None, None)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
async def test_page_by_page_nothing_is_left_out_or_told_twice(database: Database, limit: int) -> None:
    found, after = [], ""
    while True:
        page = await surveys_page(database, SurveyFilter(**WIDE), after=after, limit=limit)
        found += [one.survey for one in page.surveys]
        after = page.older
        if not after:
            break
        assert len(page.surveys) == limit
    assert found == ["4.1", "3.1", "2.1", "1.1"]


@pytest.mark.parametrize("cursor", ["x", "1", "~1.1", "1~", "-1~1.1", "²~1.1", f"{10**20}~1.1"])
async def test_what_is_no_cursor_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(ValueError, match="is no place in this list"):
        await surveys_page(database, SurveyFilter(**WIDE), after=cursor)


@pytest.mark.usefixtures("filled")
async def test_callers_who_are_being_asked_are_counted_and_trials_are_not(database: Database) -> None:
    assert await surveys_under_way(database, SITE, NOON) == 3
    assert await surveys_under_way(database, SITE, at(3)) == 2
    assert await surveys_under_way(database, "elsewhere", NOON) == 0
