"""A caller comes to a replica that does not follow the PBX: what the call is, the database says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ivr.calls import AgentRef, Call, CallEnded, CallStarted, LegConnected, LegEnded
from ivr.errors import DatabaseError
from ivr.surveys import known_calls
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution
from ivr.surveys.facts import FactWriter
from ivr.surveys.known_calls import KnownCalls
from ivr.surveys.privacy import CallerKey
from ivr.surveys.tracker import CallTracker
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import SiteRecord

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
ALICE = AgentRef(interface="PJSIP/1001", name="Doe, Alice")
BOB = AgentRef(interface="PJSIP/1002")


class Follower:
    """A replica that hears the PBX, and writes down what it hears."""

    def __init__(self, database: Database) -> None:
        agents = AgentDirectory()
        self.facts = FactWriter(
            Recorder(database), CallerKey(b"a key of these tests"), agents, Attribution({}, agents.identify)
        )
        self.tracker = CallTracker(self.facts.call_changed)

    async def hears(self, *events: CallStarted | LegConnected | LegEnded | CallEnded) -> Call:
        for event in events:
            self.tracker.handle(event)
        while self.facts.waiting:
            await self.facts._write_oldest()
        call = self.tracker.find("main", events[-1].linkedid)
        assert call is not None
        return replace(call, caller_number="", caller_name="")  # which are not kept


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        await Recorder(opened).ensure_site(SiteRecord(site="main", name="", zone="UTC"))
        yield opened


def started(linkedid: str) -> CallStarted:
    return CallStarted(
        site="main",
        linkedid=linkedid,
        at=NOON,
        uniqueid=linkedid,
        channel="PJSIP/trunk-1",
        queue="support",
        caller_number="0912345678",
        caller_name="Somebody",
    )


def connected(linkedid: str, agent: AgentRef, leg: str, at: int) -> LegConnected:
    return LegConnected(
        site="main",
        linkedid=linkedid,
        at=NOON + timedelta(seconds=at),
        uniqueid=linkedid,
        channel="PJSIP/trunk-1",
        leg=leg,
        agent=agent,
        queue="support",
        hold_seconds=3,
    )


def ended(linkedid: str, agent: AgentRef, leg: str, at: int) -> LegEnded:
    return LegEnded(
        site="main",
        linkedid=linkedid,
        at=NOON + timedelta(seconds=at),
        leg=leg,
        agent=agent,
        queue="support",
        ended_by="agent",
        talk_seconds=20,
    )


def elsewhere(database: Database, *, follows: bool = False) -> KnownCalls:
    """What a replica knows that has heard nothing."""
    return KnownCalls(CallTracker(lambda _: None), database, lambda _: follows)


async def test_it_is_the_call_as_its_events_told_it(database: Database) -> None:
    call = await Follower(database).hears(
        started("1.1"),
        connected("1.1", ALICE, "1.2", 10),
        ended("1.1", ALICE, "1.2", 30),
        connected("1.1", BOB, "1.3", 31),
    )
    assert await elsewhere(database).find("main", "1.1") == call


async def test_of_a_call_that_nobody_heard_of_nothing_is_known(database: Database) -> None:
    assert await elsewhere(database).find("main", "1.1") is None


async def test_whoever_follows_the_pbx_asks_nobody_else(database: Database) -> None:
    await Follower(database).hears(started("1.1"))
    assert await elsewhere(database, follows=True).find("main", "1.1") is None


async def is_away(*_: object) -> None:
    raise DatabaseError("it is away")


async def hangs(*_: object) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("read", [is_away, hangs])
async def test_a_database_that_does_not_answer_holds_up_no_caller(
    database: Database, monkeypatch: pytest.MonkeyPatch, read: Callable[..., Awaitable[None]]
) -> None:
    await Follower(database).hears(started("1.1"))
    monkeypatch.setattr(known_calls, "kept_call", read)
    monkeypatch.setattr(known_calls, "LOOK_SECONDS", 0.01)
    assert await elsewhere(database).find("main", "1.1") is None


async def test_whoever_takes_over_knows_the_calls_that_are_not_over(database: Database) -> None:
    follower = Follower(database)
    await follower.hears(started("1.1"), CallEnded(site="main", linkedid="1.1", at=NOON, abandoned=True))
    open_call = await follower.hears(started("2.1"), connected("2.1", ALICE, "2.2", 10))
    known = elsewhere(database, follows=True)
    assert await known.take_over("main") == [open_call]
    assert await known.find("main", "2.1") == open_call
    assert await known.find("main", "1.1") is None
