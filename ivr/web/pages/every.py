"""All pages, as one list of operations."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.web.access import EVERYBODY
from ivr.web.operations import Operation, add_operations
from ivr.web.pages import agent, agents, call, flows, health, now, reasons
from ivr.web.pages.chart_routes import add_easel
from ivr.web.pages.frame import add_frame
from ivr.web.pages.preferences import prefer
from ivr.web.pages.problem_pages import problem_pages

PREFERENCES = Operation(
    method="GET",
    path="/preferences",
    handler=prefer,
    roles=EVERYBODY,
    summary="Keep a language or a theme",
    answers={303: "text/html"},
)

PAGES = (
    PREFERENCES,
    *now.OPERATIONS,
    *agents.OPERATIONS,
    *agent.OPERATIONS,
    *reasons.OPERATIONS,
    *call.OPERATIONS,
    *flows.OPERATIONS,
    *health.OPERATIONS,
)


def add_pages(app: web.Application, sites: Mapping[str, ZoneInfo]) -> None:
    """Add every page. What they show is found under the keys of `app`: `BOARD`, `FLOWS`, `HEALTH`, `CHECKS` and others.

    `sites` says in which zone the times of each are shown.
    """
    add_frame(app, sites)
    app.middlewares.append(problem_pages)
    add_easel(app)
    add_operations(app, PAGES)
