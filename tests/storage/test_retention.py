"""Months long past are forgotten, with their counts; what is younger stays as it is, and every count is exact."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from ivr.parts.housekeeping import months_before
from storage.count_tables import MONTHS
from storage.engine import Database, open_database
from storage.partitions import following, make_parts, month_part
from storage.recorder import Recorder
from storage.records import CallRecord, LegRecord
from storage.retention import AT_ONCE, forget
from storage.tables import Answer, Call, Leg, Survey
from storage.verify import verify
from tests.heard import hear_leg
from tests.storage.samples import MADRID, SITE, offer, version
from tests.storage.samples import rated as rating

MARCH = date(2026, 3, 1)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        recorder = Recorder(opened)
        await recorder.ensure_site(MADRID)
        await recorder.publish(version())
        yield opened


async def rated(database: Database, *moments: datetime) -> None:
    """A call that was asked, and one that was not, at each of the moments."""
    recorder = Recorder(database)
    for number, at in enumerate(moments):
        name = f"{int(at.timestamp())}.{number}"
        leg = LegRecord(site=SITE, linkedid=name, leg=f"{name}1", agent="PJSIP/1", connected_at=at, talk_seconds=10)
        await recorder.record_heard(CallRecord(site=SITE, linkedid=name, started_at=at, ended_at=at, agent="PJSIP/1"))
        await hear_leg(recorder, leg)
        await recorder.offer(offer(survey=name, linkedid=name, offered_at=at))
        await recorder.record_answer(SITE, name, replace(rating(), answered_at=at))
        await recorder.finish(SITE, name, "completed", at)
        other = f"{name}9"
        await recorder.record_heard(CallRecord(site=SITE, linkedid=other, started_at=at, ended_at=at))
        await recorder.exclude(SITE, other, "caller_hung_up")


async def count(database: Database, *tables: Any) -> list[int]:
    async def work(connection: Any) -> list[int]:
        return [int(await connection.scalar(select(func.count()).select_from(table)) or 0) for table in tables]

    return await database.read(work)


async def parts(database: Database) -> set[str]:
    """The parts of the answers that hold something."""
    statement = text("SELECT DISTINCT tableoid::regclass::text FROM answer")
    return set(await database.read(lambda connection: connection.scalars(statement)))


async def test_what_is_older_goes_and_what_is_younger_stays(database: Database) -> None:
    noon = datetime(2026, 2, 28, 12, tzinfo=UTC)
    await rated(database, noon - timedelta(days=40), noon, noon + timedelta(days=1), noon + timedelta(days=32))
    assert await verify(database) == []
    gone = await forget(database, [SITE], MARCH)
    assert (gone.surveys, gone.calls) == (2, 4)
    assert await count(database, Survey, Answer, Call, Leg) == [2, 2, 4, 2]
    assert await verify(database) == []
    days = [await count(database, days, months) for days, months in MONTHS.items()]
    assert all(all(of) for of in days), "the counts of what is left are there"
    assert (await forget(database, [SITE], MARCH)).calls == 0


async def test_more_than_one_batch(database: Database) -> None:
    old = datetime(2026, 1, 5, 12, tzinfo=UTC)
    await rated(database, *(old + timedelta(seconds=number) for number in range(AT_ONCE + 1)))
    gone = await forget(database, [SITE], MARCH)
    assert (gone.surveys, gone.calls) == (AT_ONCE + 1, 2 * AT_ONCE + 2)
    assert await count(database, Survey, Answer, Call, Leg) == [0, 0, 0, 0]
    assert await verify(database) == []


async def test_the_day_is_the_sites_own(database: Database) -> None:
    """In Madrid it is March one hour before it is in Greenwich."""
    await rated(database, datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
    assert (await forget(database, [SITE], MARCH)).surveys == 0


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_answers_lie_with_their_month_and_go_with_it(database: Database) -> None:
    february = date(2026, 2, 1)
    try:
        made = await make_parts(database, date(2026, 2, 14))
        assert made == ["answer_2026_02", "answer_2026_03", "answer_2026_04"]
        assert await make_parts(database, date(2026, 3, 1)) == ["answer_2026_05"]
        noon = datetime(2026, 2, 27, 12, tzinfo=UTC)
        await rated(database, noon, noon + timedelta(days=2), noon - timedelta(days=40))
        assert await parts(database) == {month_part(february), month_part(MARCH), "answer_other"}
        assert (await forget(database, [SITE], MARCH)).parts == [month_part(february)]
        assert await parts(database) == {month_part(MARCH)}
        assert await count(database, Survey, Answer) == [1, 1]
        assert await verify(database) == []
    finally:
        await forget(database, [SITE], date(2026, 7, 1))


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_part_in_which_one_survey_is_younger_is_not_dropped(database: Database) -> None:
    """The call came into being in February, and its survey is of March."""
    try:
        await make_parts(database, date(2026, 2, 14))
        await rated(database, datetime(2026, 2, 28, 22, tzinfo=UTC), datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
        gone = await forget(database, [SITE], MARCH)
        assert (gone.parts, gone.surveys) == ([], 1)
        assert await verify(database) == []
    finally:
        await forget(database, [SITE], date(2026, 7, 1))


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_month_whose_answers_came_before_its_part_does_without(database: Database) -> None:
    try:
        await rated(database, datetime(2026, 2, 10, 12, tzinfo=UTC))
        assert await make_parts(database, date(2026, 2, 14)) == ["answer_2026_03", "answer_2026_04"]
        await rated(database, datetime(2026, 2, 15, 12, tzinfo=UTC))
        assert await parts(database) == {"answer_other"}
    finally:
        await forget(database, [SITE], date(2026, 7, 1))


@pytest.mark.parametrize(
    ("today", "months", "first"),
    [("2026-11-27", 1, "2026-10-01"), ("2026-01-31", 1, "2025-12-01"), ("2026-11-01", 24, "2024-11-01")],
)
def test_whole_months_are_kept_beside_the_current_one(today: str, months: int, first: str) -> None:
    assert months_before(date.fromisoformat(today), months) == date.fromisoformat(first)


def test_the_month_after_december_is_january() -> None:
    assert following(date(2026, 12, 1)) == date(2027, 1, 1)
