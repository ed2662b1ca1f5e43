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
from ivr.scoreboard.board import RatedFlow, RatedQuestion, Scoreboard, ScoredSite
from ivr.surveys.flows import FlowShelf
from ivr.surveys.prompt_check import PromptState
from ivr.surveys.publishing import Publishing
from ivr.trial.trial import TrialStore
from ivr.web.access import VIEWER, Viewer
from ivr.web.calls import CallSource, add_calls
from ivr.web.flows import FlowSource, add_flow_routes
from ivr.web.health import CHECKS
from ivr.web.live import LiveSource, add_live
from ivr.web.pages.every import add_pages
from ivr.web.pages.filtering import BOARD
from ivr.web.pages.health import HEALTH, DoorFacts, HealthSource, LinkFacts
from ivr.web.problems import problems
from ivr.web.server import serving
from ivr.web.try_page import TrialRoom
from ivr.web.try_socket import add_trials
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import SiteRecord

ZONE = ZoneInfo("Asia/Taipei")
NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
"""16:30 at the site."""
CSAT = RatedFlow(
    title="Customer satisfaction",
    headline=RatedQuestion(code="satisfaction", values=[1, 2, 3, 4, 5], satisfied=[4, 5], labels={}),
)
NPS = RatedFlow(
    title="Recommendation (NPS)",
    headline=RatedQuestion(code="recommend", values=list(range(11)), satisfied=[9, 10], labels={}),
)
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
    viewer: list[Viewer | None] = field(default_factory=lambda: [ADMIN])
    """Who asks: the last one."""
    states: dict[str, str] = field(default_factory=dict)
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
        feed = LiveFeed()
        here = Served(url="", database=database, feed=feed, shelf=shelf)

        @web.middleware
        async def viewing(request: web.Request, handler: Handler) -> web.StreamResponse:
            if here.viewer[-1] is not None:
                request[VIEWER] = here.viewer[-1]
            return await handler(request)

        app = web.Application(middlewares=[problems, viewing])
        app[CHECKS] = {name: _check(here, name) for name in ("database", "pbx main")}
        app[HEALTH] = HealthSource(
            links=lambda: {"main": _link(here)},
            door=lambda: DoorFacts(address="10.0.0.5:4573", open=1, accepted=1412, refused=0),
            prompts=lambda: here.prompts,
            flows=publishing.status,
            feed=feed,
            now=now,
        )
        add_flow_routes(app, FlowSource(database=database, shelf=shelf, status=publishing.status, now=now))
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
        app[BOARD] = Scoreboard(
            database=database,
            sites={"main": ScoredSite(zone=ZONE, flow="csat", name="Head office")},
            flows={"csat": CSAT, "nps": NPS},
            now=now,
        )
        add_live(app, LiveSource(feed=feed, sees=_sees_all))
        add_calls(app, CallSource(database=database, sites=["main"]))
        add_pages(app, {"main": ZONE})
        async with serving(app, "127.0.0.1", 0) as address:
            here.url = address
            yield here


async def _sees_all(viewer: Viewer):  # type: ignore[no-untyped-def]
    return lambda news: True


def _check(here: Served, name: str):  # type: ignore[no-untyped-def]
    async def check() -> None:
        if name in here.states:
            raise PbxError(here.states[name])

    return check


def _link(here: Served) -> LinkFacts:
    problem = here.states.get("pbx main", "")
    return LinkFacts(
        is_up=not problem,
        since=NOW - timedelta(hours=5),
        problem=problem,
        reconnects=2,
        armed=1398,
        not_armed=14,
        skipped=0,
    )
