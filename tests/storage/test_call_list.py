"""Calls one by one, asked and not: in order, narrowed, page by page, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from storage.call_list import CallFilter, calls_page
from storage.call_steps import exclude_call
from storage.engine import Database
from storage.recorder import Recorder
from storage.records import CallRecord, Exclusion, LegRecord, Share
from tests.heard import hear_leg
from tests.storage.samples import ANA, BOB, MADRID, NOON, SITE, at, offer, rated, version

CID = "PJSIP/1003"
WIDE = {"site": SITE, "begins": NOON - timedelta(days=1), "ends": NOON + timedelta(days=1)}


async def call(recorder: Recorder, linkedid: str, ended: float, *talked: tuple[str, int | None], **known: Any) -> None:
    for place, (agent, seconds) in enumerate(talked):
        leg = LegRecord(site=SITE, linkedid=linkedid, leg=f"{linkedid}-{place}", agent=agent, talk_seconds=seconds)
        await hear_leg(recorder, leg)
    await recorder.record_heard(CallRecord(site=SITE, linkedid=linkedid, ended_at=at(ended), **known))


@pytest.fixture
async def filled(database: Database, recorder: Recorder) -> None:
    await recorder.ensure_site(MADRID)
    await recorder.publish(version())
    await recorder.offer(offer("1.1", offered_at=at(1), agent=ANA, queue="support", reason="billing/refund"))
    await recorder.record_answer(SITE, "1.1", rated(4))
    await call(recorder, "1.1", 10, (ANA, 40), queue="support", ended_by="agent")
    await call(recorder, "2.1", 20, (BOB, 7), queue="sales", reason="billing", agent=BOB, ended_by="caller")
    why = Exclusion(exclusion="too_short", rule="least_talk")
    await database.write(lambda connection: exclude_call(connection, SITE, "2.1", why))
    await call(recorder, "3.1", 20, queue="sales", abandoned=True)
    await recorder.exclude(SITE, "3.1", "abandoned")
    shares = (Share(agent=CID, parts=400), Share(agent=BOB, parts=600))
    await recorder.offer(offer("4.1", offered_at=at(3), agent="", shares=shares, queue="sales", reason=""))
    await call(recorder, "4.1", 40, (ANA, 20), (BOB, None), ended_by="transfer")
    # What is no call that counts: one that is up, one that nothing was decided of yet, a trial.
    await recorder.record_heard(CallRecord(site=SITE, linkedid="5.1", queue="support"))
    await call(recorder, "6.1", 50, (ANA, 9), ended_by="agent")
    await recorder.offer(offer("trial-7", linkedid="trial-7", offered_at=at(5), trial=True))


async def listed(database: Database, **narrowed: Any) -> list[str]:
    return [one.linkedid for one in (await calls_page(database, CallFilter(**{**WIDE, **narrowed}))).calls]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        ({}, ["4.1", "3.1", "2.1", "1.1"]),
        ({"site": "elsewhere"}, []),
        ({"begins": at(20)}, ["4.1", "3.1", "2.1"]),
        ({"ends": at(20)}, ["1.1"]),
        ({"queue": "sales"}, ["4.1", "3.1", "2.1"]),
        ({"reason": "billing"}, ["2.1", "1.1"]),
        ({"reason": ""}, ["4.1", "3.1"]),
        ({"agents": [ANA]}, ["4.1", "1.1"]),
        ({"agents": [BOB]}, ["4.1", "2.1"]),
        ({"agents": [CID]}, ["4.1"]),
        ({"agents": []}, []),
        ({"asked": True}, ["4.1", "1.1"]),
        ({"asked": False}, ["3.1", "2.1"]),
        ({"exclusion": "too_short"}, ["2.1"]),
        ({"ended_by": "caller"}, ["2.1"]),
        ({"ended_by": "unknown"}, ["3.1"]),
    ],
)
async def test_the_last_come_first_and_only_those_asked_for(
    database: Database, narrowed: dict[str, Any], found: list[str]
) -> None:
    assert await listed(database, **narrowed) == found


@pytest.mark.usefixtures("filled")
async def test_a_call_is_told_with_why_it_was_not_asked_or_with_its_rating(database: Database) -> None:
    shared, left, short, asked = (await calls_page(database, CallFilter(**WIDE))).calls
    assert (asked.exclusion, asked.survey, asked.value, asked.agent, asked.reason) == (
        "",
        "1.1",
        4,
        ANA,
        "billing/refund",
    )
    assert (short.exclusion, short.exclusion_rule, short.survey, short.value) == ("too_short", "least_talk", "", None)
    assert (short.agent, short.talk_seconds, short.ended_by) == (BOB, 7, "caller")
    assert (left.agent, left.talk_seconds, left.ended_by) == ("", None, "unknown")
    assert (shared.agent, shared.talk_seconds, shared.queue) == (BOB, 20, "sales")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
async def test_page_by_page_nothing_is_left_out_or_told_twice(database: Database, limit: int) -> None:
    found, after = [], ""
    while True:
        page = await calls_page(database, CallFilter(**WIDE), after=after, limit=limit)
        found += [one.linkedid for one in page.calls]
        after = page.older
        if not after:
            break
        assert len(page.calls) == limit
    assert found == ["4.1", "3.1", "2.1", "1.1"]


async def test_what_is_no_cursor_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="'x' is no place in this list"):
        await calls_page(database, CallFilter(**WIDE), after="x")
