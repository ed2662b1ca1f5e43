"""Who follows a PBX when the service starts while its database is away, and what is known of calls afterwards."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from ivr.asterisk.link import AmiLink
from ivr.calls import AgentRef, Call, CallEnded, CallEvent, CallStarted, LegConnected
from ivr.parts.jobs import Jobs, pbx_job
from ivr.parts.pbx import PbxFollower
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution
from ivr.surveys.facts import FactWriter
from ivr.surveys.known_calls import KnownCalls
from ivr.surveys.privacy import CallerKey
from ivr.surveys.tracker import CallTracker
from storage.engine import Database, open_database
from storage.leases import HeldLease
from storage.recorder import Recorder
from storage.records import SiteRecord
from tests.waiting import until

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
JOB = pbx_job("main")


class PaperLink:
    """Notes what it is begun with."""

    def __init__(self) -> None:
        self.begun: list[tuple[datetime | None, set[str]]] = []
        """Until when the PBX was heard before, and the calls that were not over then."""
        self.is_up = False

    async def start(self, heard_until: datetime | None, calls: Iterable[Call]) -> None:
        assert not self.is_up
        self.begun.append((heard_until, {call.linkedid for call in calls}))
        self.is_up = True

    async def stop(self) -> None:
        self.is_up = False


class Replica:
    """A service that was started while the database could not say whose the PBX is."""

    def __init__(self, database: Database) -> None:
        agents = AgentDirectory()
        self.facts = FactWriter(
            Recorder(database), CallerKey(b"a key of these tests"), agents, Attribution({}, agents.identify)
        )
        self.calls = CallTracker(self.facts.call_changed)
        self.jobs = Jobs([JOB], is_alone=False)
        self.known = KnownCalls(self.calls, database, lambda _site: self.jobs.has(JOB))
        self.link = PaperLink()
        self.follower = PbxFollower(
            "main",
            cast("AmiLink", self.link),
            jobs=self.jobs,
            calls=self.calls,
            known=self.known,
            facts=self.facts,
        )

    def hears(self, *events: CallEvent) -> None:
        for event in events:
            self.calls.handle(event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.follower.start()
        tasks = [asyncio.create_task(self.facts.run()), asyncio.create_task(self.follower.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        await Recorder(opened).ensure_site(SiteRecord(site="main", name="", zone="UTC"))
        yield opened


def started(linkedid: str, number: str = "") -> CallStarted:
    return CallStarted(
        site="main",
        linkedid=linkedid,
        at=NOON,
        uniqueid=linkedid,
        channel="PJSIP/trunk-1",
        queue="support",
        caller_number=number,
        caller_name="",
    )


def ended(linkedid: str) -> CallEnded:
    return CallEnded(site="main", linkedid=linkedid, at=NOON + timedelta(seconds=60))


@pytest.fixture
async def replica(database: Database) -> Replica:
    before = Replica(database)
    before.hears(started("1.1"), started("2.1"), started("3.1"))
    while before.facts.waiting:
        await before.facts._write_oldest()
    return Replica(database)


async def test_it_follows_at_once_and_learns_of_the_calls_before_when_the_database_is_there(replica: Replica) -> None:
    replica.jobs.presume()
    async with replica.running():
        assert replica.link.begun == [(None, set())]
        # One that was up before, and ends; one of which more is heard; and a new one.
        replica.hears(started("1.1"), ended("1.1"), started("2.1", "0912345678"), started("4.1"))
        replica.jobs.are({JOB: HeldLease(heard_until=NOON)})

        async def has_begun_anew() -> bool:
            return len(replica.link.begun) == 2

        await until(has_begun_anew)
        assert replica.link.begun[1] == (NOON, {"2.1", "3.1", "4.1"})
        assert replica.link.is_up
    known = replica.calls.find("main", "2.1")
    assert known is not None
    assert known.caller_number == "0912345678"


async def test_it_leaves_the_pbx_to_the_replica_whose_it_is(replica: Replica) -> None:
    replica.jobs.presume()
    async with replica.running():
        alice = AgentRef(interface="PJSIP/1001", name="Doe, Alice")
        replica.hears(
            started("2.1"),
            LegConnected(
                site="main",
                linkedid="2.1",
                at=NOON,
                uniqueid="2.1",
                channel="PJSIP/trunk-1",
                leg="2.2",
                agent=alice,
                queue="support",
                hold_seconds=3,
            ),
        )
        replica.jobs.are({})

        async def has_let_go() -> bool:
            return not replica.link.is_up and not len(replica.calls)

        await until(has_let_go)
        assert len(replica.link.begun) == 1
        call = await replica.known.find("main", "2.1")
    assert call is not None
    assert [leg.agent for leg in call.legs.values()] == [alice]
