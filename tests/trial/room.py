"""The part of the service on which flows are tried, without a PBX."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import select

from callflows.loader import LIBRARY, FlowVersion, library_flow, parse_flow
from ivr.trial.trial import TrialStore
from ivr.web.problems import problems
from ivr.web.server import serving
from ivr.web.try_link import try_link
from ivr.web.try_page import TrialRoom
from ivr.web.try_socket import add_trials
from storage.engine import Database, open_database
from storage.queries import funnel, tallies
from storage.recorder import Recorder
from storage.records import CountFilter, SiteRecord
from storage.tables import Answer, Base, Survey
from storage.verify import verify
from tests.waiting import until

TOKEN = "a token of these tests"
QUICK = """
flow: quick
title: Two quick questions & "more" <b>
languages: [en]
timeout: 1
tries: 2
wrong_key: {en: Wrong key.}
no_input: {en: No key.}
goodbye: {en: Goodbye.}
steps:
  - say: welcome
    text: {en: Welcome.}
  - ask: satisfaction
    headline: true
    text: {en: "From 1 to 5?"}
    keys: 1-5
    satisfied: [4, 5]
  - ask: recommend
    text: {en: "From 0 to 10?"}
    keys: 0-10
  - end: thanks
    text: {en: Thanks.}
"""


def flows() -> Mapping[str, FlowVersion]:
    """The flows that can be tried: a shipped one with its sounds, and one of which no sound was made."""
    return {"csat": library_flow("csat"), "quick": parse_flow(QUICK, "quick.yaml")}


@dataclass(frozen=True)
class Trials:
    """What is served, and what it left in the database."""

    url: str
    app: web.Application
    room: TrialRoom
    database: Database

    def link(self, flow: str, *, hours: float = 1, token: str = TOKEN) -> str:
        """The address that `postcall try-link` would print."""
        return self.url + try_link(token, flow, datetime.now(UTC) + timedelta(hours=hours))

    async def rows(self, table: type[Base]) -> list[Any]:
        """All rows of a table."""

        async def work(connection: Any) -> list[Any]:
            return list((await connection.execute(select(table.__table__))).all())

        return await self.database.read(work)

    async def kept(self) -> list[tuple[str, bool, str]]:
        """The surveys: flow, whether it is a trial, how it ended."""
        return [(row.flow, row.trial, row.status) for row in await self.surveys()]

    async def surveys(self) -> list[Any]:
        """The rows of the surveys."""
        return await self.rows(Survey)

    async def ended(self, flow: str, outcome: str) -> None:
        """Wait until the one trial that there is has ended so."""

        async def look() -> bool:
            return await self.kept() == [(flow, True, outcome)]

        await until(look)

    async def answers(self) -> list[tuple[str, str, int | None, int, str]]:
        """Question, keys, value, tries, how it ended."""
        return [(row.question, row.keys, row.value, row.tries, row.ended) for row in await self.rows(Answer)]

    async def counts_nothing(self) -> bool:
        """Whether no tally and no funnel holds anything, and a recount agrees."""
        nothing = CountFilter()
        return not [
            *await tallies(self.database, nothing),
            *await funnel(self.database, nothing),
            *await verify(self.database),
        ]


@asynccontextmanager
async def served(url: str, **changes: Any) -> AsyncIterator[Trials]:
    """Serve trials that are kept in the database at `url`."""
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site="main", name="Head office", zone="Asia/Taipei"))
        room = TrialRoom(
            **{
                "token": TOKEN,
                "find": flows().get,
                "sounds": [LIBRARY / "sounds"],
                "store": TrialStore(recorder=recorder, site="main"),
                "now": lambda: datetime.now(ZoneInfo("Asia/Taipei")),
                **changes,
            }
        )
        app = web.Application(middlewares=[problems])
        add_trials(app, room)
        async with serving(app, "127.0.0.1", 0) as address:
            yield Trials(address, app, room, database)
