"""From a page's address to what it is about: the query of its numbers, and the filter bar above them."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from aiohttp import web

from ivr.scoreboard.board import DEFAULT_DAYS, Scoreboard, ScoreQuery
from ivr.web.access import VIEWER, Viewer
from ivr.web.pages.filters import Choice, Choices, FilterBar
from ivr.web.problems import Problem, wrong_parameter
from storage.codes import site_codes
from storage.queries import agents
from storage.records import AgentRecord

BOARD = web.AppKey("scoreboard of the pages", Scoreboard)
PARAMETERS = ("site", "flow", "queue", "reason", "team", "from", "to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a page is about."""

    board: Scoreboard
    query: ScoreQuery
    filters: FilterBar
    reasons: Mapping[str, str]
    """What reasons are called, by code."""

    def reason(self, code: str) -> str:
        """What a reason is called; ``""`` when it is not known."""
        return self.reasons.get(code) or code


async def asked(
    request: web.Request, *, own: Collection[str] = (), days: int = DEFAULT_DAYS, period: bool = True
) -> Asked:
    """Read the address of a page; `own` are the parameters of this page alone. A page without a `period` of its own is
    about the last `days`.

    Without ``from``, the last `days` are meant. An empty parameter is what a form sends for "all". Raises `Problem`
    that names the first wrong parameter.
    """
    given = _given(request, own)
    board, viewer = request.app[BOARD], request[VIEWER]
    sites = {code: site for code, site in board.sites.items() if viewer.site in (None, code)}
    if not sites:
        raise Problem(403, "Not allowed", f"{viewer.name} may see no site that there is")
    site = _one_of("site", given.get("site", next(iter(sites))), sites)
    flow = _one_of("flow", given.get("flow", board.sites[site].flow), board.flows)
    zone = board.sites[site].zone
    today = board.now().astimezone(zone).date()
    if not period:
        given = {name: value for name, value in given.items() if name not in ("from", "to")}
    to_day = _day("to", given["to"]) if "to" in given else today
    from_day = _day("from", given["from"]) if "from" in given else to_day - timedelta(days=days - 1)
    if from_day > to_day:
        raise wrong_parameter("from", from_day.isoformat(), f"a day not after `to`, which is {to_day.isoformat()}")
    everybody = await agents(board.database, site)
    seen = visible(viewer, site, everybody)
    codes = await site_codes(board.database, site)
    teams = sorted({agent.team for agent in everybody if agent.team and (seen is None or agent.agent in seen)})
    filters = FilterBar(
        choices=Choices(
            sites=[Choice(code=code, label=one.name or code) for code, one in sites.items()],
            flows=[Choice(code=code, label=one.title or code) for code, one in board.flows.items()],
            queues=[Choice(code=queue, label=queue) for queue in codes.queues],
            reasons=[Choice(code=code, label=label or code) for code, label in codes.reasons.items()],
            teams=[Choice(code=team, label=team) for team in teams],
        ),
        chosen={name: given[name] for name in PARAMETERS if name in given},
        shown={"site": site, "flow": flow},
        from_day=from_day,
        to_day=to_day,
        today=today,
        has_period=period,
    )
    query = ScoreQuery(
        site=site,
        zone=zone,
        flow=flow,
        from_day=from_day,
        to_day=to_day,
        queue=given.get("queue"),
        reason=given.get("reason"),
        team=given.get("team"),
        agents=seen,
    )
    return Asked(board=board, query=query, filters=filters, reasons=codes.reasons)


def visible(viewer: Viewer, site: str, everybody: Collection[AgentRecord]) -> frozenset[str] | None:
    """The codes of the agents of a site whom a viewer sees; None for all, those that are not known included."""
    if viewer.role != "agent" and viewer.teams is None and viewer.site in (None, site):
        return None
    return frozenset(agent.agent for agent in everybody if viewer.sees(site, agent.agent, agent.team))


def local(board: Scoreboard, query: ScoreQuery) -> datetime:
    """The time at the site."""
    return board.now().astimezone(query.zone)


def _given(request: web.Request, own: Collection[str]) -> dict[str, str]:
    allowed = (*PARAMETERS, *own)
    given: dict[str, str] = {}
    for name in request.query:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise wrong_parameter(name, request.query[name], f"no such parameter; there are {', '.join(allowed)}{hint}")
        values = request.query.getall(name)
        if len(values) > 1:
            raise wrong_parameter(name, ", ".join(values), "one value")
        if values[0]:
            given[name] = values[0]
    return given


def _one_of(name: str, given: str, allowed: Collection[str]) -> str:
    if given not in allowed:
        raise wrong_parameter(name, given, f"one of {', '.join(sorted(allowed))}")
    return given


def _day(name: str, given: str) -> date:
    try:
        day = date.fromisoformat(given) if len(given) == len("2026-11-22") else None
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year <= 2999:
        raise wrong_parameter(name, given, "a day such as 2026-11-22, in the site's zone")
    return day
