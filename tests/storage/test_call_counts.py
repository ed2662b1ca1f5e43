"""Every call that is over is counted once: who was or would be credited, why it was not asked, who ended it."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from storage import queries, schema
from storage.address import parse_url
from storage.engine import Database, connect, open_database
from storage.recorder import Recorder
from storage.records import CallRecord, CountFilter, LegRecord, Share
from storage.verify import verify
from tests.heard import hear_leg
from tests.storage.samples import ANA, BOB, DAY, NOON, SITE, at, offer, rated, silent


def leg(linkedid: str, agent: str, talk: int | None, ended_by: Any = "agent") -> LegRecord:
    return LegRecord(
        site=SITE, linkedid=linkedid, leg=f"{linkedid}-{agent}", agent=agent, queue="support", connected_at=NOON,
        ended_at=at(talk or 0), ended_by=ended_by, talk_seconds=talk,
    )  # fmt: skip


def over(linkedid: str, ended_by: Any = "agent", **known: Any) -> CallRecord:
    given = {"queue": "support", "reason": "billing", "agent": ANA, "ended_at": at(100), **known}
    return CallRecord(site=SITE, linkedid=linkedid, ended_by=ended_by, **given)


async def counted(database: Database, *by: Any) -> Counter[tuple[Any, ...]]:
    """Calls by the dimensions, then exclusion and who ended them."""
    rows = await queries.call_counts(database, CountFilter(), by=by)
    return Counter({(*(getattr(row, name) for name in by), row.exclusion, row.ended_by): row.calls for row in rows})


async def test_a_call_that_was_not_asked_is_counted_with_its_reason_code(
    recorder: Recorder, database: Database
) -> None:
    await recorder.record_heard(over("1.1", "caller"))
    await hear_leg(recorder, leg("1.1", ANA, 40, "caller"))
    # Nothing is counted before it is known why: it might still be asked.
    assert await counted(database, "agent") == {}
    await recorder.exclude(SITE, "1.1", "caller_hung_up")
    await recorder.exclude(SITE, "1.1", "caller_hung_up")
    assert await counted(database, "agent", "queue", "reason") == {
        (ANA, "support", "billing", "caller_hung_up", "caller"): 1
    }
    [row] = await queries.call_counts(database, CountFilter(), by=("day",))
    assert (row.day, row.talk_seconds) == (DAY, 40)
    assert await verify(database) == []


async def test_a_call_that_was_asked_counts_where_its_survey_does_and_once_it_is_over(
    recorder: Recorder, database: Database
) -> None:
    await recorder.offer(offer("1.1", agent=BOB, reason="sales"))
    await recorder.record_answer(SITE, "1.1", rated(4))
    assert await counted(database, "agent") == {}
    await hear_leg(recorder, leg("1.1", BOB, 70))
    await recorder.record_heard(over("1.1", agent=BOB))
    await recorder.finish(SITE, "1.1", "completed", at(100))
    # Under the survey's reason: the call's is told apart from it, and never counted twice.
    assert await counted(database, "agent", "reason") == {(BOB, "sales", "", "agent"): 1}
    assert await verify(database) == []


async def test_an_answer_that_is_told_after_the_end_moves_the_coverage(recorder: Recorder, database: Database) -> None:
    await recorder.offer(offer("1.1"))
    await hear_leg(recorder, leg("1.1", ANA, 70))
    await recorder.record_heard(over("1.1"))
    [before] = await queries.coverage(database, CountFilter(site=SITE))
    assert (before.hour, before.talk_band, before.rated, before.calls) == (13, 2, 0, 1)
    await recorder.record_answer(SITE, "1.1", rated(5))
    [after] = await queries.coverage(database, CountFilter(site=SITE))
    assert (after.hour, after.talk_band, after.rated, after.calls) == (13, 2, 1, 1)
    assert await verify(database) == []


@pytest.mark.parametrize(
    ("talks", "band"), [([], -1), ([None], -1), ([29], 0), ([30], 1), ([29, 31], 2), ([599], 4), ([600], 5)]
)
async def test_calls_are_told_apart_by_how_long_their_legs_were_talked(
    recorder: Recorder, database: Database, talks: list[int | None], band: int
) -> None:
    for number, talk in enumerate(talks):
        await hear_leg(recorder, leg("1.1", f"PJSIP/{number}", talk))
    await recorder.record_heard(over("1.1"))
    await recorder.exclude(SITE, "1.1", "sampled_out")
    [row] = await queries.coverage(database, CountFilter())
    assert row.talk_band == band
    assert await verify(database) == []


async def test_what_becomes_known_later_moves_the_counts(recorder: Recorder, database: Database) -> None:
    await recorder.record_heard(over("1.1", "unknown", reason="", agent=""))
    await recorder.exclude(SITE, "1.1", "unknown")
    await hear_leg(recorder, leg("1.1", ANA, 30))
    await recorder.record_heard(over("1.1", "agent", agent=ANA, reason=""))
    await recorder.set_reason(SITE, "1.1", "sales", "wrap_up")
    assert await counted(database, "agent", "reason") == {(ANA, "sales", "unknown", "agent"): 1}
    # It is asked after all, by a call-back.
    await recorder.offer(offer("c.1", linkedid="1.1", reason=""))
    assert await counted(database, "agent", "reason") == {(ANA, "sales", "", "agent"): 1}
    assert await verify(database) == []


async def test_a_call_that_several_share_counts_in_their_parts_and_moves_with_them(
    recorder: Recorder, database: Database
) -> None:
    shares = (Share(agent=ANA, parts=250), Share(agent=BOB, parts=750))
    await recorder.offer(offer("1.1", shares=shares))
    await hear_leg(recorder, leg("1.1", ANA, 20, "transfer"))
    await hear_leg(recorder, leg("1.1", BOB, 60))
    await recorder.record_heard(over("1.1"))
    rows = await queries.call_counts(database, CountFilter(), by=("agent",))
    assert {row.agent: (row.calls * 1000, row.talk_seconds) for row in rows} == {ANA: (250, 20), BOB: (750, 60)}
    await recorder.recredit(SITE, "1.1", agent=BOB)
    assert await counted(database, "agent") == {(BOB, "", "agent"): 1}
    assert await verify(database) == []


async def test_a_trial_is_no_call(recorder: Recorder, database: Database) -> None:
    await recorder.offer(offer("trial-1", linkedid="trial-1", trial=True, agent="", queue="", reason=""))
    await recorder.record_answer(SITE, "trial-1", rated(1))
    await recorder.finish(SITE, "trial-1", "completed", at(9))
    assert await counted(database, "agent") == {}
    assert await verify(database) == []


async def test_offered_and_excluded_are_all_calls_that_are_over(recorder: Recorder, database: Database) -> None:
    for number in range(6):
        linkedid = f"1.{number}"
        if number % 2:
            await recorder.offer(offer(linkedid))
            await recorder.record_answer(SITE, linkedid, silent())
        await recorder.record_heard(over(linkedid))
        if not number % 2:
            await recorder.exclude(SITE, linkedid, "sampled_out")
    offered = sum(row.surveys for row in await queries.funnel(database, CountFilter()) if row.step == "offered")
    rows = await queries.call_counts(database, CountFilter())
    assert sum(row.calls for row in rows if not row.exclusion) == offered == 3
    assert sum(row.calls for row in rows if row.exclusion) == 3


async def test_readers_narrow_to_days_queues_reasons_and_agents(recorder: Recorder, database: Database) -> None:
    for number, (agent, reason, days) in enumerate(
        [(ANA, "billing/refund", 0), (BOB, "billing", 1), (BOB, "sales", 1)]
    ):
        ended = NOON + timedelta(days=days)
        await recorder.record_heard(over(f"1.{number}", agent=agent, reason=reason, ended_at=ended))
        await recorder.exclude(SITE, f"1.{number}", "sampled_out")
    for narrowed, calls in (
        (CountFilter(reason="billing"), 2),
        (CountFilter(reason="billing", agent=BOB), 1),
        (CountFilter(agents=frozenset({BOB})), 2),
        (CountFilter(agents=frozenset()), 0),
        (CountFilter(from_day=DAY + timedelta(days=1)), 2),
        (CountFilter(to_day=DAY), 1),
        (CountFilter(queue="vip"), 0),
        (CountFilter(flow="csat", site=SITE), 3),
    ):
        found = await queries.call_counts(database, narrowed, by=())
        assert sum(row.calls for row in found) == calls, narrowed
        everything = {(): calls} if calls else {}
        assert await queries.calls_by(database, narrowed, ()) == everything
    assert await queries.calls_by(database, CountFilter(flow="csat"), ("agent", "reason")) == {
        (ANA, "billing/refund"): 1,
        (BOB, "billing"): 1,
        (BOB, "sales"): 1,
    }
    [covered] = await queries.coverage(database, CountFilter(reason="billing"))
    assert (covered.calls, covered.rated) == (2, 0)
    for wrong in (CountFilter(agent=ANA), CountFilter(agents=frozenset())):
        with pytest.raises(ValueError, match="not counted by agent"):
            await queries.coverage(database, wrong)
    with pytest.raises(ValueError, match="not counted by flow"):
        await queries.call_counts(database, CountFilter(), by=("flow",))


async def test_a_count_that_was_tampered_with_is_found(recorder: Recorder, database: Database) -> None:
    await recorder.record_heard(over("1.1"))
    await recorder.exclude(SITE, "1.1", "sampled_out")
    await database.write(lambda connection: connection.execute(text("UPDATE call_count SET calls = 2000, talk = 5000")))
    await database.write(lambda connection: connection.execute(text("UPDATE coverage SET hour = 4")))
    found = await verify(database)
    assert [(one.table, int(one.held), int(one.counted)) for one in found] == [
        ("call_count", 2, 1),
        ("call_count (talk)", 5, 0),
        ("coverage", 1, 0),
        ("coverage", 0, 1),
    ]


async def test_calls_of_an_older_schema_are_counted(empty_url: str) -> None:
    told = f"""
INSERT INTO site VALUES ('main', '', 'Asia/Taipei');
INSERT INTO flow_version VALUES ('aa', 'csat', '', '', '2026-03-02 12:00:00');
INSERT INTO call (site_id, linkedid, uniqueid, queue, reason, caller_digest, caller_mask, abandoned, exclusion,
    ended_at, ended_by) VALUES
    ('main', '1.1', '', 'support', 'sales', '', '', false, '', '2026-03-02 16:30:00', 'agent'),
    ('main', '1.2', '', 'support', '', '', '', false, 'caller_hung_up', '2026-03-02 15:30:00', 'caller'),
    ('main', '1.3', '', 'support', '', '', '', false, '', NULL, NULL);
INSERT INTO leg (site_id, linkedid, leg, agent, queue, connected_at, talk_seconds) VALUES
    ('main', '1.1', 'a', '{ANA}', 'support', '2026-03-02 12:00:00', 40),
    ('main', '1.2', 'b', '{BOB}', 'support', '2026-03-02 12:00:00', 10);
INSERT INTO survey
    (site_id, survey, linkedid, day, flow, flow_version, language, agent, queue, reason, status, offered_at)
    VALUES ('main', '1.1', '1.1', '2026-03-03', 'csat', 'aa', 'en', '{ANA}', 'support', 'sales', 'offered',
    '2026-03-02 16:29:00');
INSERT INTO funnel VALUES ('main', '2026-03-03', '{ANA}', 'support', 'sales', 'csat', 'offered', 1000)
"""
    async with await connect(parse_url(empty_url)) as database:
        await database.write(lambda connection: connection.run_sync(schema.migrate, "0009"))
        for row in told.split(";"):
            await database.write(lambda connection, row=row: connection.execute(text(row)))
    await schema.upgrade(empty_url)
    async with await open_database(empty_url) as database:
        assert await verify(database) == []
        rows = await queries.call_counts(database, CountFilter(), by=("day", "agent"))
        assert {(row.day, row.agent, row.exclusion, row.calls, row.talk_seconds) for row in rows} == {
            (date(2026, 3, 3), ANA, "", 1, 40),
            (date(2026, 3, 2), BOB, "caller_hung_up", 1, 10),
        }
        hours = {(row.hour, row.talk_band) for row in await queries.coverage(database, CountFilter())}
        assert hours == {(0, 1), (23, 0)}
        await database.write(lambda connection: connection.run_sync(schema.migrate, "base"))
