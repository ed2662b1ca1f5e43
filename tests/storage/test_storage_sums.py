"""Sums of counts, by month and by agent alone: exact like what they sum, and read in its place."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from storage import queries
from storage.engine import Database
from storage.recorder import Recorder
from storage.records import PARTS, CallRecord, CountFilter, LegRecord, Share
from storage.sums import sum_fills
from storage.verify import verify
from tests.heard import hear_leg
from tests.storage.samples import ANA, BOB, DAY, NOON, SITE, offer, rated

# From the 2nd of March 2026, every ninth day until June.
SURVEYS = 12
DAYS = [DAY + timedelta(days=9 * number) for number in range(SURVEYS)]
KINDS = ("ratings", "rated", "steps", "calls", "talk")


@pytest.fixture
async def quarter(recorder: Recorder, database: Database) -> Database:
    """Rated calls of two agents, shared ones among them, and a call that was not asked after each."""
    for number in range(SURVEYS):
        at = NOON + timedelta(days=9 * number)
        asked, other = f"1.{number}", f"2.{number}"
        shares = (Share(agent=ANA, parts=333), Share(agent=BOB, parts=667)) if number % 3 == 0 else ()
        reason = ("billing/refund", "billing", "")[number % 3]
        await recorder.offer(offer(asked, offered_at=at, agent=(ANA, BOB)[number % 2], shares=shares, reason=reason))
        await recorder.record_answer(SITE, asked, rated(1 + number % 5))
        leg = LegRecord(site=SITE, linkedid=asked, leg="a", agent=ANA, queue="support", talk_seconds=30 * number)
        await hear_leg(recorder, leg)
        for linkedid in (asked, other):
            await recorder.record_heard(CallRecord(site=SITE, linkedid=linkedid, agent=BOB, ended_at=at, queue="sales"))
        await recorder.exclude(SITE, other, "sampled_out")
    return database


def day(month: int, number: int) -> date:
    return date(2026, month, number)


PERIODS = [
    (None, None),
    (day(3, 1), day(3, 31)),
    (day(3, 2), day(3, 31)),
    (day(3, 2), day(5, 31)),
    (day(3, 1), day(5, 30)),
    (day(3, 7), day(6, 6)),
    (day(3, 12), day(4, 11)),
    (day(4, 6), day(4, 6)),
    (None, day(5, 1)),
    (None, day(4, 30)),
    (day(4, 1), None),
    (day(4, 16), None),
    (date(2025, 12, 31), date(2027, 1, 1)),
    (day(5, 1), day(4, 1)),
]


async def test_a_period_is_the_sum_of_its_days(quarter: Database) -> None:
    for others in (
        CountFilter(),
        CountFilter(agents=frozenset({BOB}), reason="billing", site=SITE, flow="csat"),
    ):
        # A day by itself is no whole month, so each is read from the tables of days.
        by_day = {one: await whole(quarter, replace(others, from_day=one, to_day=one)) for one in DAYS}
        for first, last in PERIODS:
            total: dict[str, Counter[Any]] = {name: Counter() for name in KINDS}
            for one, counts in by_day.items():
                if (first or one) <= one <= (last or one):
                    for name in KINDS:
                        total[name].update(counts[name])
            assert await whole(quarter, replace(others, from_day=first, to_day=last)) == total, (first, last)


async def whole(database: Database, narrowed: CountFilter) -> dict[str, Counter[Any]]:
    """What is told when nothing is told apart by day."""
    found: dict[str, Counter[Any]] = {name: Counter() for name in KINDS}
    for row in await queries.tallies(database, narrowed, by=("agent", "reason")):
        found["ratings"][row.agent, row.reason, row.value] += row.ratings
    for good in await queries.rated(database, narrowed, question="rating", satisfied=(4, 5), by=("agent",)):
        found["rated"][good.agent] += good.satisfied
    for step in await queries.funnel(database, narrowed, by=("agent", "reason")):
        found["steps"][step.agent, step.reason, step.step] += step.surveys
    for calls in await queries.call_counts(database, narrowed, by=("agent", "queue")):
        found["calls"][calls.agent, calls.queue, calls.exclusion] += calls.calls
        found["talk"][calls.agent, calls.queue, calls.exclusion] += calls.talk_seconds
    return {name: Counter({key: count for key, count in counts.items() if count}) for name, counts in found.items()}


async def test_coverage_of_a_period_is_that_of_its_days(quarter: Database) -> None:
    for first, last in PERIODS:
        found = await queries.coverage(quarter, CountFilter(from_day=first, to_day=last))
        begin, end = first or date.min, last or date.max
        among = [number for number, one in enumerate(DAYS) if begin <= one <= end]
        assert sum(row.calls for row in found) == 2 * len(among)
        assert sum(row.rated for row in found) == len(among)


async def test_what_is_credited_elsewhere_moves_in_its_month_too(recorder: Recorder, quarter: Database) -> None:
    for number in range(SURVEYS):
        await recorder.recredit(SITE, f"1.{number}", agent=BOB, reason="sales")
    assert {row.agent for row in await queries.tallies(quarter, CountFilter(), by=("agent",))} == {BOB}
    assert {row.reason for row in await queries.funnel(quarter, CountFilter(), by=("reason",))} == {"sales"}
    assert await verify(quarter) == []


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE tally_month SET ratings = ratings + 1000 WHERE day = '2026-04-01'", "tally_month"),
        ("DELETE FROM funnel_month WHERE day = '2026-04-01'", "funnel_month (offered)"),
        ("UPDATE call_count_month SET talk = talk + 1000 WHERE day = '2026-04-01'", "call_count_month (talk)"),
        ("UPDATE coverage_month SET calls = 0 WHERE day = '2026-04-01'", "coverage_month"),
        ("UPDATE agent_tally_month SET ratings = ratings + 1000 WHERE day = '2026-04-01'", "agent_tally_month"),
    ],
)
async def test_a_month_that_is_not_the_sum_of_its_days_is_named(quarter: Database, tampering: str, said: str) -> None:
    assert await verify(quarter) == []
    await quarter.write(lambda connection: connection.execute(text(tampering)))
    found = await verify(quarter)
    assert said in {difference.table for difference in found}
    assert {difference.key[:3] for difference in found} == {(("site", SITE), ("year", 2026), ("month", 4))}


async def test_a_count_by_agent_that_is_not_the_sum_of_its_queues_and_reasons_is_named(quarter: Database) -> None:
    tampering = f"UPDATE agent_tally SET ratings = ratings + 500 WHERE day = '2026-03-11' AND agent = '{BOB}'"
    await quarter.write(lambda connection: connection.execute(text(tampering)))
    # The second survey: Bob's alone, with a 2.
    [found] = await verify(quarter)
    assert str(found) == (
        "agent_tally holds 1.500, counted are 1:"
        f" site 'main', day 2026-03-11, agent '{BOB}', flow 'csat', question 'rating', is_rating True, value 2"
    )


@pytest.mark.parametrize("period", [(None, None), (day(3, 2), day(3, 30))])
async def test_what_queue_and_reason_do_not_matter_for_is_read_from_the_sums_by_agent(
    quarter: Database, period: tuple[date | None, date | None]
) -> None:
    for table in ("tally", "tally_month"):
        await quarter.write(lambda connection, table=table: connection.execute(text(f"DELETE FROM {table}")))
    narrowed = CountFilter(site=SITE, flow="csat", from_day=period[0], to_day=period[1])
    for by in ((), ("agent",), ("site", "team"), ("agent", "day")):
        assert sum(row.n for row in await queries.rated(quarter, narrowed, question="rating", satisfied=(5,), by=by))
    for by in (("queue",), ("agent", "reason")):
        assert await queries.tallies(quarter, narrowed, by=by) == []
    for one in (replace(narrowed, queue="support"), replace(narrowed, reason="")):
        assert await queries.tallies(quarter, one, by=("agent",)) == []


async def test_sums_are_filled_from_what_was_filled_in_bulk(quarter: Database) -> None:
    async def anew(connection: Any) -> None:
        for table in ("tally", "funnel", "call_count", "coverage"):
            await connection.execute(text(f"DELETE FROM {table}_month"))
        await connection.execute(text("DELETE FROM agent_tally"))
        await connection.execute(text("DELETE FROM agent_tally_month"))
        for statement in sum_fills(connection.dialect.name):
            await connection.execute(statement)

    await quarter.write(anew)
    assert await verify(quarter) == []
    assert sum(row.ratings for row in await queries.tallies(quarter, CountFilter())) * PARTS == SURVEYS * PARTS
