"""The pages, served with a few calls behind them, without a PBX."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.typedefs import Handler

from callflows.loader import LIBRARY
from ivr.errors import PbxError
from ivr.live import LiveFeed
from ivr.parts.web import RatedFlows
from ivr.scoreboard.board import Scoreboard, ScoredSite
from ivr.surveys.flows import FlowShelf
from ivr.surveys.prompt_check import PromptState
from ivr.surveys.publishing import Publishing
from ivr.trial.trial import TrialStore
from ivr.web import live
from ivr.web.access import VIEWER, Viewer
from ivr.web.calls import CALLS, CallSource
from ivr.web.flows import FLOWS, FlowSource
from ivr.web.health import CHECKS, Check
from ivr.web.live import LIVE, LiveSource, end_streams
from ivr.web.operations import add_operations, operation_of
from ivr.web.pages.every import PAGES, add_pages
from ivr.web.pages.health import HEALTH, DoorFacts, HealthSource, LinkFacts
from ivr.web.problems import Problem, problems
from ivr.web.score_query import BOARD
from ivr.web.server import serving
from ivr.web.try_page import TrialRoom
from ivr.web.try_socket import add_trials
from storage.engine import Database, open_database
from storage.queries import agents
from storage.recorder import Recorder
from storage.records import SiteRecord

ZONE = ZoneInfo("Asia/Taipei")
NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
"""16:30 at the site."""
ADMIN = Viewer(name="ada", role="admin")


def now() -> datetime:
    return NOW


@dataclass
class Served:
    """What is served, and what can be changed about it."""

    url: str
    database: Database
    feed: LiveFeed
    shelf: FlowShelf
    viewer: Viewer = ADMIN
    """Who asks."""
    wrong: dict[str, str] = field(default_factory=dict)
    """What is wrong with each part; nothing when all is well."""
    prompts: list[PromptState] = field(default_factory=list)


@asynccontextmanager
async def served(url: str) -> AsyncIterator[Served]:
    """Serve the pages of a database."""
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site="main", name="Head office", zone=ZONE.key))
        shelf = FlowShelf(now)
        publishing = Publishing(database=database, shelf=shelf, folder=None, now=now)
        await publishing.start()
        here = Served(url="", database=database, feed=LiveFeed(), shelf=shelf)

        @web.middleware
        async def viewing(request: web.Request, handler: Handler) -> web.StreamResponse:
            operation = operation_of(request)
            if operation:
                if here.viewer.role not in operation.roles:
                    raise Problem(403, "Not allowed", "not for this role")
                request[VIEWER] = here.viewer
            return await handler(request)

        app = web.Application(middlewares=[problems, viewing])
        add_operations(app, [*live.OPERATIONS, *PAGES])
        app[CHECKS] = {name: _check(here, name) for name in ("database", "pbx main")}
        app[BOARD] = Scoreboard(
            database=database,
            sites={"main": ScoredSite(zone=ZONE, flow="csat", name="Head office")},
            flows=RatedFlows(shelf),
            now=now,
        )
        app[HEALTH] = HealthSource(
            links=lambda: {"main": _link(here)},
            door=lambda: DoorFacts(address="10.0.0.5:4573", open=1, accepted=1412, refused=0),
            prompts=lambda: here.prompts,
            flows=publishing.status,
            feed=here.feed,
            now=now,
        )
        app[FLOWS] = FlowSource(database=database, shelf=shelf, status=publishing.status, now=now)
        app[CALLS] = CallSource(database=database, sites=["main"])
        app[LIVE] = LiveSource(feed=here.feed, agents=lambda: agents(database))
        end_streams(app)
        add_trials(
            app,
            TrialRoom(
                token="a token of these tests",
                find=shelf.find,
                sounds=[LIBRARY / "sounds"],
                store=TrialStore(recorder=recorder, site="main"),
                now=now,
            ),
        )
        add_pages(app, {"main": ZONE})
        async with serving(app, "127.0.0.1", 0) as address:
            here.url = address
            yield here


def _check(here: Served, name: str) -> Check:
    async def check() -> None:
        if name in here.wrong:
            raise PbxError(here.wrong[name])

    return check


def _link(here: Served) -> LinkFacts:
    problem = here.wrong.get("pbx main", "")
    return LinkFacts(
        is_up=not problem,
        since=NOW - timedelta(hours=5),
        problem=problem,
        reconnects=2,
        armed=1398,
        not_armed=14,
        skipped=0,
    )
