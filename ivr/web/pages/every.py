"""All pages, as one list of operations."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.web.operations import Operation
from ivr.web.pages import agent, agents, call, calls, drivers, flows, funnel, health, now, reasons
from ivr.web.pages.chart_routes import add_easel
from ivr.web.pages.frame import add_frame
from ivr.web.pages.login import add_login
from ivr.web.pages.problem_pages import problem_pages
from ivr.web.problems import problems

PAGES: Sequence[Operation] = (
    *now.OPERATIONS,
    *agents.OPERATIONS,
    *agent.OPERATIONS,
    *reasons.OPERATIONS,
    *funnel.OPERATIONS,
    *drivers.OPERATIONS,
    *calls.OPERATIONS,
    *call.OPERATIONS,
    *flows.OPERATIONS,
    *health.OPERATIONS,
)


def add_pages(app: web.Application, sites: Mapping[str, ZoneInfo]) -> None:
    """Make `app`, which has the operations in `PAGES`, able to answer them.

    What they show is found under its keys: `BOARD`, `FLOWS`, `HEALTH`, `CHECKS`, `CALLS`, `LIVE` and `ROOM`.
    `sites` says in which zone the times of each are shown.
    """
    add_frame(app, sites)
    add_login(app)
    # Outside of the access check, inside of what makes problems of faults.
    app.middlewares.insert(app.middlewares.index(problems) + 1, problem_pages)
    add_easel(app)
