"""An agent dials a feature code after a call, and the call has its reason."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ivr.calls import AgentRef
from ivr.surveys.agents import AgentBook, AgentDirectory, AgentEntry
from ivr.surveys.wrap_up import LAST_CALL, WrapUps
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import LegRecord, SiteRecord
from storage.tables import Call
from tests.heard import hear_leg

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALICES = AgentRef(interface="PJSIP/1001")
BOBS = AgentRef(interface="PJSIP/1002")


class Site:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = Recorder(database)
        book = AgentBook([AgentEntry(agent="B9", interface="PJSIP/1002"), AgentEntry(agent="B9", member="Bob")])
        self.wrap_ups = WrapUps(
            recorder=self.recorder, database=database, agents=AgentDirectory({"main": book}), now=lambda: NOON
        )

    async def talk(self, linkedid: str, agent: str, before: timedelta) -> None:
        leg = LegRecord(site="main", linkedid=linkedid, leg="x", agent=agent, connected_at=NOON - before)
        await hear_leg(self.recorder, leg)

    async def reasons(self) -> dict[str, tuple[str, str]]:
        async def work(connection: Any) -> list[Any]:
            return list((await connection.execute(select(Call.__table__))).all())

        return {row.linkedid: (row.reason, row.reason_source) for row in await self.database.read(work) if row.reason}


@pytest.fixture
async def site(url: str) -> AsyncIterator[Site]:
    async with await open_database(url) as database:
        site = Site(database)
        await site.recorder.ensure_site(SiteRecord(site="main", name="", zone="UTC"))
        await site.talk("1.1", "PJSIP/1001", timedelta(hours=2))
        await site.talk("2.1", "PJSIP/1001", timedelta(minutes=5))
        await site.talk("3.1", "B9", timedelta(minutes=1))
        yield site


async def test_the_agents_own_last_call_gets_the_reason(site: Site) -> None:
    assert await site.wrap_ups.note("main", ALICES, "billing/refund") == "ok"
    assert await site.wrap_ups.note("main", BOBS, "TECH") == "ok"
    assert await site.reasons() == {"2.1": ("billing/refund", "wrap_up"), "3.1": ("tech", "wrap_up")}


async def test_a_wrap_up_without_a_call_or_a_reason_changes_nothing(site: Site) -> None:
    assert await site.wrap_ups.note("main", AgentRef(interface="PJSIP/1009"), "tech") == "no_call"
    assert await site.wrap_ups.note("main", AgentRef(interface=""), "tech") == "no_call"
    assert await site.wrap_ups.note("lima", ALICES, "tech") == "no_call"
    assert await site.wrap_ups.note("main", ALICES, "") == "wrong_reason"
    assert await site.wrap_ups.note("main", ALICES, "x\r\nAction: Logoff") == "wrong_reason"
    assert await site.reasons() == {}


async def test_yesterdays_call_is_not_wrapped_up(site: Site) -> None:
    await site.talk("0.1", "PJSIP/1005", LAST_CALL + timedelta(minutes=1))
    assert await site.wrap_ups.note("main", AgentRef(interface="PJSIP/1005"), "tech") == "no_call"


async def test_calls_of_a_clock_that_was_put_back_since_are_not_wrapped_up_again(site: Site) -> None:
    await site.talk("0.9", "PJSIP/1001", -timedelta(minutes=50))
    assert await site.wrap_ups.note("main", ALICES, "tech") == "ok"
    assert await site.reasons() == {"2.1": ("tech", "wrap_up")}
