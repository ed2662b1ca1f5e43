"""What is known of calls is written behind them, whatever one of them is like."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from ivr.calls import Call, Gap
from ivr.errors import DatabaseRefuses
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution
from ivr.surveys.facts import FactWriter
from ivr.surveys.privacy import CallerKey
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import GapRecord, SiteRecord
from storage.tables import Call as CallRow
from storage.tables import LinkGap

LIMIT = 30
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        await Recorder(opened).ensure_site(SiteRecord(site="main", name="", zone="UTC"))
        yield opened


@pytest.fixture
async def facts(database: Database) -> AsyncIterator[FactWriter]:
    agents = AgentDirectory()
    writer = FactWriter(
        Recorder(database), CallerKey(b"a key of these tests"), agents, Attribution({}, agents.identify)
    )
    running = asyncio.create_task(writer.run())
    yield writer
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def column(database: Database, wanted: Any) -> list[Any]:
    async def work(transaction: Any) -> list[Any]:
        return list(await transaction.scalars(select(wanted).order_by(wanted)))

    return await database.read(work)


def call(linkedid: str) -> Call:
    return Call(site="main", linkedid=linkedid, uniqueid=linkedid, started_at=NOON, ended_at=NOON)


async def test_a_gap_in_which_the_clock_was_put_back_is_kept_and_holds_up_nobody(
    database: Database, facts: FactWriter
) -> None:
    facts.gap_found(Gap(site="main", since=NOON, until=NOON - timedelta(hours=1), live=frozenset()))
    facts.call_changed(call("1.1"))
    await asyncio.wait_for(facts.all_written(), LIMIT)
    assert await column(database, LinkGap.until) == [NOON]
    assert await column(database, CallRow.linkedid) == ["1.1"]


async def test_what_the_database_refuses_is_given_up_and_the_next_is_written(
    database: Database, facts: FactWriter
) -> None:
    unknown = Gap(site="nowhere", since=NOON, until=NOON, live=frozenset())
    with pytest.raises(DatabaseRefuses, match=r"(?i)foreign key"):
        await Recorder(database).record_gap(GapRecord(site=unknown.site, since=unknown.since, until=unknown.until))
    with capture_logs() as said:
        facts.gap_found(unknown)
        facts.call_changed(call("1.1"))
        await asyncio.wait_for(facts.all_written(), LIMIT)
    assert [line["event"] for line in said] == ["a call cannot be written"]
    assert facts.given_up == 1
    assert await column(database, CallRow.linkedid) == ["1.1"]


async def test_calls_are_written_side_by_side(database: Database, facts: FactWriter, monkeypatch: Any) -> None:
    keep = Recorder.record_heard
    both = asyncio.Barrier(2)

    async def with_another(*args: Any) -> None:
        await both.wait()
        await keep(*args)

    monkeypatch.setattr(Recorder, "record_heard", with_another)
    facts.call_changed(call("1.1"))
    facts.call_changed(call("1.2"))
    await asyncio.wait_for(facts.all_written(), LIMIT)
    assert await column(database, CallRow.linkedid) == ["1.1", "1.2"]
