"""What a request for scores asks: period, site, flow, queue, reason and team; and whom the one who asks may see."""

import difflib
from collections.abc import Collection
from datetime import timedelta

from aiohttp import web
from pydantic import Field

from ivr.scoreboard.board import DEFAULT_DAYS, Scoreboard, ScoreQuery
from ivr.web.access import VIEWER, visible_agents
from ivr.web.parameters import Day, Parameters
from ivr.web.problems import Problem, wrong_parameter
from storage import queries

BOARD = web.AppKey("board", Scoreboard)


class ScoreParameters(Parameters):
    """The parameters that all requests for scores have."""

    site: str | None = Field(
        default=None, description="Code of the site; without it the first that is seen", examples=["main"]
    )
    flow: str | None = Field(
        default=None, description="Code of the flow; without it the site's usual one", examples=["csat"]
    )
    queue: str | None = Field(
        default=None, description="Only this queue; empty for calls without one", examples=["support"]
    )
    reason: str | None = Field(
        default=None, description="Only this reason, with those below it; empty for unknown", examples=["billing"]
    )
    team: str | None = Field(default=None, description="Only the agents of this team", examples=["north"])
    from_: Day | None = Field(
        default=None, alias="from", description="First day, in the site's zone", examples=["2026-11-01"]
    )
    to: Day | None = Field(
        default=None, description="Last day, itself included; without it today", examples=["2026-11-22"]
    )


async def score_query(request: web.Request, asked: ScoreParameters) -> ScoreQuery:
    """What a request asks, narrowed to what its viewer may see. Raises `Problem` that names the wrong parameter."""
    board, viewer = request.app[BOARD], request[VIEWER]
    site = seen_site(request, asked.site, board.sites)
    zone = board.sites[site].zone
    to_day = asked.to or board.now().astimezone(zone).date()
    from_day = asked.from_ or to_day - timedelta(days=DEFAULT_DAYS - 1)
    if from_day > to_day:
        raise wrong_parameter("from", from_day.isoformat(), f"a day not after `to`, which is {to_day.isoformat()}")
    agents = None if viewer.sees_all_agents else visible_agents(viewer, await queries.agents(board.database, site))
    return ScoreQuery(
        site=site,
        zone=zone,
        flow=one_of("flow", asked.flow or board.sites[site].flow, board.flows),
        from_day=from_day,
        to_day=to_day,
        queue=asked.queue,
        reason=asked.reason,
        team=asked.team,
        agents=agents,
    )


def seen_site(request: web.Request, given: str | None, sites: Collection[str]) -> str:
    """The site that is asked for, or the first that the viewer sees. Raises `Problem` for any other."""
    only = request[VIEWER].site
    site = given or only or next(iter(sites))
    if site not in sites:
        raise wrong_parameter("site", site, f"one of {', '.join(sorted(sites))}")
    if only is not None and site != only:
        raise Problem(403, "Not allowed", f"site: you see the site {only} alone", "site")
    return site


def one_of(name: str, given: str, allowed: Collection[str]) -> str:
    """`given`, if it is allowed. Raises `Problem` that names the parameter and what is allowed."""
    if given not in allowed:
        near = difflib.get_close_matches(given, allowed, n=1)
        hint = f"; did you mean {near[0]}?" if near and len(allowed) > 1 else ""
        raise wrong_parameter(name, given, f"one of {', '.join(sorted(allowed))}{hint}")
    return given
