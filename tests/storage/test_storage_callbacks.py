"""Who is called back: once, by one, within the limits, and the number is gone afterwards."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ivr.errors import DatabaseError
from storage.callback_records import CallbackLimits, CallbackRecord
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import FlowVersionRecord, SiteRecord, SurveyOffer
from storage.tables import Callback

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MANY = CallbackLimits(at_once=100, per_minute=100)


@pytest.fixture
async def database(url):
    async with await open_database(url) as opened:
        yield opened


@pytest.fixture
async def recorder(database):
    recorder = Recorder(database)
    await recorder.ensure_site(SiteRecord(site="main", name="", zone="UTC"))
    await recorder.publish(FlowVersionRecord(digest="d", flow="csat", source="", published_at=NOON))
    return recorder


def callback(linkedid: str = "1.1", **given: Any) -> CallbackRecord:
    return CallbackRecord(
        **{
            "site": "main",
            "linkedid": linkedid,
            "sealed_number": f"sealed {linkedid}",
            "caller_digest": "c" * 64,
            "agent": "PJSIP/1001",
            "queue": "support",
            "due_at": NOON,
            "expires_at": NOON + timedelta(hours=24),
            **given,
        }
    )


async def rows(database: Database) -> list[Any]:
    async def work(connection: Any) -> list[Any]:
        return list((await connection.execute(select(Callback.__table__).order_by(Callback.linkedid))).all())

    return await database.read(work)


async def asked(recorder: Recorder, linkedid: str) -> None:
    offer = SurveyOffer(site="main", survey=linkedid, linkedid=linkedid, flow="csat", flow_version="d", offered_at=NOON)
    assert await recorder.offer(offer)


async def test_a_call_has_one_call_back_whatever_became_of_it(recorder, database):
    assert await recorder.add_callback(callback())
    assert not await recorder.add_callback(callback(sealed_number="another"))
    claimed = await recorder.claim_callback("main", NOON, MANY)
    assert claimed is not None
    assert (claimed.linkedid, claimed.sealed_number, claimed.agent, claimed.queue, claimed.tries) == (
        "1.1",
        "sealed 1.1",
        "PJSIP/1001",
        "support",
        1,
    )
    assert await recorder.callback_answered("main", "1.1", NOON)
    assert not await recorder.add_callback(callback())
    (row,) = await rows(database)
    assert (row.state, row.why, row.sealed_number, row.ended_at) == ("answered", "answered", None, NOON)


async def test_a_caller_who_was_asked_is_not_called_back(recorder, database):
    await asked(recorder, "1.1")
    assert not await recorder.add_callback(callback())
    assert await recorder.add_callback(callback("1.2"))
    await asked(recorder, "1.2")
    assert await recorder.claim_callback("main", NOON, MANY) is None
    (row,) = await rows(database)
    assert (row.state, row.why, row.sealed_number, row.tries) == ("withdrawn", "asked", None, 0)


async def test_the_one_that_is_due_for_longest_comes_first_and_none_before_its_time(recorder):
    for linkedid, minutes in (("1.1", 3), ("1.2", 1), ("1.3", 2)):
        await recorder.add_callback(callback(linkedid, due_at=NOON + minutes * MINUTE))
    assert await recorder.claim_callback("main", NOON, MANY) is None
    claimed = [await recorder.claim_callback("main", NOON + 5 * MINUTE, MANY) for _ in range(4)]
    assert [one and one.linkedid for one in claimed] == ["1.2", "1.3", "1.1", None]


async def test_no_more_at_once_than_allowed(recorder):
    for number in range(4):
        await recorder.add_callback(callback(f"1.{number}"))
    limits = CallbackLimits(at_once=2, per_minute=100)
    assert await recorder.claim_callback("main", NOON, limits)
    assert await recorder.claim_callback("main", NOON, limits)
    assert await recorder.claim_callback("main", NOON + 10 * MINUTE, limits) is None
    assert await recorder.callback_failed("main", "1.0", tries=1, why="busy", again_at=None, at=NOON)
    assert await recorder.claim_callback("main", NOON + 10 * MINUTE, limits)


async def test_no_more_in_a_minute_than_allowed_and_the_next_minute_is_another(recorder):
    for number in range(4):
        await recorder.add_callback(callback(f"1.{number}"))
    limits = CallbackLimits(at_once=100, per_minute=2)
    assert await recorder.claim_callback("main", NOON, limits)
    assert await recorder.claim_callback("main", NOON + MINUTE / 2, limits)
    assert await recorder.callback_answered("main", "1.0", NOON + MINUTE / 2)
    assert await recorder.claim_callback("main", NOON + MINUTE / 2, limits) is None
    assert await recorder.claim_callback("main", NOON + MINUTE, limits)
    assert await recorder.claim_callback("main", NOON + MINUTE, limits) is None


async def test_many_replicas_at_once_begin_each_try_once_and_pass_no_limit(recorder, url):
    for number in range(12):
        await recorder.add_callback(callback(f"1.{number}"))
    limits = CallbackLimits(at_once=5, per_minute=100)
    async with await open_database(url) as second:
        others = [recorder, Recorder(second)]
        claims = await asyncio.gather(*(others[n % 2].claim_callback("main", NOON, limits) for n in range(20)))
    claimed = [one.linkedid for one in claims if one]
    assert len(claimed) == len(set(claimed)) == 5


async def test_another_try_and_the_last_and_then_the_number_is_gone(recorder, database):
    await recorder.add_callback(callback())
    await recorder.claim_callback("main", NOON, MANY)
    again = NOON + 60 * MINUTE
    assert await recorder.callback_failed("main", "1.1", tries=1, why="no_key", again_at=again, at=NOON)
    assert not await recorder.callback_failed("main", "1.1", tries=1, why="no_key", again_at=again, at=NOON)
    (row,) = await rows(database)
    assert (row.state, row.why, row.sealed_number, row.due_at) == ("pending", "no_key", "sealed 1.1", again)
    claimed = await recorder.claim_callback("main", again, MANY)
    assert claimed is not None
    assert claimed.tries == 2
    assert not await recorder.callback_failed("main", "1.1", tries=1, why="lost", again_at=again, at=again)
    assert await recorder.callback_failed("main", "1.1", tries=2, why="no_answer", again_at=None, at=again)
    (row,) = await rows(database)
    assert (row.state, row.why, row.sealed_number, row.tries, row.ended_at) == (
        "given_up",
        "no_answer",
        None,
        2,
        again,
    )


async def test_what_the_pbx_did_not_place_was_no_try(recorder, database):
    await recorder.add_callback(callback())
    await recorder.claim_callback("main", NOON, MANY)
    await recorder.callback_not_placed("main", "1.1", tries=1, again_at=NOON + MINUTE)
    (row,) = await rows(database)
    assert (row.state, row.tries, row.called_at, row.due_at) == ("pending", 0, None, NOON + MINUTE)


async def test_it_is_too_late(recorder, database):
    await recorder.add_callback(callback(expires_at=NOON + MINUTE))
    assert await recorder.claim_callback("main", NOON + MINUTE, MANY) is None
    (row,) = await rows(database)
    assert (row.state, row.why, row.sealed_number) == ("given_up", "expired", None)


async def test_never_again_ends_every_call_back_of_the_caller_and_of_nobody_else(recorder, database):
    for linkedid, digest in (("1.1", "c"), ("1.2", "c"), ("1.3", "d"), ("1.4", "")):
        await recorder.add_callback(callback(linkedid, caller_digest=digest))
    assert await recorder.withdraw_callbacks_of("main", "c", NOON)
    assert not await recorder.withdraw_callbacks_of("main", "", NOON)
    assert [row.state for row in await rows(database)] == ["withdrawn", "withdrawn", "pending", "pending"]


async def test_an_opt_out_at_one_site_or_at_all_is_known_until_it_is_taken_back(recorder):
    assert not await recorder.has_opted_out("main", "c")
    await recorder.opt_out("main", "c", NOON, "api")
    await recorder.opt_out(None, "d", NOON, "key")
    assert await recorder.has_opted_out("main", "c")
    assert not await recorder.has_opted_out("other", "c")
    assert await recorder.has_opted_out("other", "d")
    await recorder.opt_in(None, "c")
    assert not await recorder.has_opted_out("main", "c")


async def test_a_try_whose_service_ended_is_found(recorder):
    await recorder.add_callback(callback())
    await recorder.claim_callback("main", NOON, MANY)
    assert await recorder.lost_callbacks("main", called_before=NOON) == []
    (lost,) = await recorder.lost_callbacks("main", called_before=NOON + MINUTE)
    assert (lost.linkedid, lost.tries) == ("1.1", 1)


async def test_only_a_try_that_is_under_way_can_be_answered(recorder):
    await recorder.add_callback(callback())
    assert await recorder.calling_back("main", "1.1") is None
    assert not await recorder.callback_answered("main", "1.1", NOON)
    await recorder.claim_callback("main", NOON, MANY)
    found = await recorder.calling_back("main", "1.1")
    assert found is not None
    assert found.tries == 1
    assert await recorder.callback_answered("main", "1.1", NOON)
    assert not await recorder.callback_answered("main", "1.1", NOON)


@pytest.mark.parametrize("state", ["answered", "given_up", "withdrawn"])
async def test_the_database_itself_keeps_no_number_of_a_call_back_that_is_over(recorder, database, state):
    await recorder.add_callback(callback())

    async def work(connection: Any) -> None:
        await connection.exec_driver_sql(f"UPDATE callback SET state = '{state}', ended_at = '2026-11-23 12:00:00'")

    with pytest.raises((DatabaseError, IntegrityError)):
        await database.write(work)


async def test_calls_of_a_clock_that_was_put_back_since_hold_up_nobody(recorder):
    for number in range(2):
        await recorder.add_callback(callback(f"1.{number}"))
    limits = CallbackLimits(at_once=100, per_minute=1)
    assert await recorder.claim_callback("main", NOON + 60 * MINUTE, limits)
    assert await recorder.claim_callback("main", NOON, limits)
    assert await recorder.claim_callback("main", NOON, limits) is None
