"""`/funnel`: who was asked, who was not and why, who answered, and whether those speak for all."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web
from pydantic import Field

from ivr.scoreboard.board import People, people
from ivr.scoreboard.coverage import coverage_view
from ivr.scoreboard.funnel import Funnel, FunnelBy, FunnelView, funnel_view
from ivr.web.access import SUPERVISORS
from ivr.web.operations import Operation
from ivr.web.pages.agent_labels import agent_labels
from ivr.web.pages.chart_routes import ChartParameters, chart_operation, drawn
from ivr.web.pages.chart_style import ChartStyle
from ivr.web.pages.charts import Part, bars, bars_height
from ivr.web.pages.filtering import Asked, RowParameters, asked
from ivr.web.pages.frame import render, spoken_in

BY: tuple[FunnelBy, ...] = ("agent", "team", "queue", "reason")
MOST_DRAWN = 25
"""Of more groups, those with the most calls are drawn."""


class FunnelParameters(RowParameters):
    """The parameters of the page."""

    by: FunnelBy = Field(default="queue", description="By what calls are told apart")


class FunnelChartParameters(ChartParameters):
    """The parameters of its picture."""

    by: FunnelBy = Field(default="queue", description="By what calls are told apart")


async def funnel(request: web.Request) -> web.Response:
    """The funnel, told apart, and the bias."""
    about, parameters = await asked(request, FunnelParameters)
    view, coverage = await asyncio.gather(
        funnel_view(about.board, about.query, parameters.by), coverage_view(about.board, about.query)
    )
    who = await people(about.board, about.query)
    shown = _drawn(view)
    spoken = spoken_in(request)
    alternative = spoken.gettext(
        "For each group: callers who answered, callers who were asked in vain, and calls that were not asked. "
        "Over all, %(answered)s of %(offered)s answered."
    ) % {
        "answered": spoken.number(view.everything.response.answered),
        "offered": spoken.number(view.everything.response.offered),
    }
    return render(
        request,
        "funnel.html",
        here="funnel",
        # A call that was not asked has no flow.
        filters=replace(about.filters, hidden=frozenset({"flow"})),
        zone=about.query.zone,
        view=view,
        by=parameters.by,
        all_by=BY,
        groups=_in_order(view)[: parameters.most],
        coverage=coverage,
        covered_agents=sorted(coverage.by_agent, key=lambda one: -one.calls)[: parameters.most],
        agent_name=_agent_name(who),
        reason_name=about.reason,
        chart=drawn(
            "funnel",
            request,
            about.filters,
            alternative=alternative,
            height=bars_height(len(shown)),
            by=parameters.by,
        ),
        is_cut=len(shown) < len(view.groups),
    )


async def _chart(request: web.Request, style: ChartStyle) -> Mapping[str, Any]:
    about, parameters = await asked(request, FunnelChartParameters)
    gettext = style.language.gettext
    name = await _names(about, parameters.by)
    parts: list[Part] = []
    for group in _drawn(await funnel_view(about.board, about.query, parameters.by)):
        label = name(group.key) or gettext("not known")
        in_vain = group.steps["offered"] - group.steps["answered"]
        parts += [
            Part(bar=group.key, label=label, part=gettext("answered"), amount=float(group.steps["answered"])),
            Part(bar=group.key, label=label, part=gettext("asked in vain"), amount=float(in_vain)),
            Part(bar=group.key, label=label, part=gettext("not asked"), amount=float(sum(group.excluded.values()))),
        ]
    colours = (style.palette.good, style.palette.range_, style.palette.line)
    return bars(parts, style, title=gettext("Calls"), colours=colours)


def _in_order(view: FunnelView) -> Sequence[Funnel]:
    """Those that are marked, and then those with the most calls."""
    marked = {agent for agent, one in view.leaving_first.items() if one.flagged}
    return sorted(view.groups, key=lambda group: (group.key not in marked, -group.eligible))


def _drawn(view: FunnelView) -> Sequence[Funnel]:
    return sorted(view.groups, key=lambda group: -group.eligible)[:MOST_DRAWN]


async def _names(about: Asked, by: FunnelBy) -> Callable[[str], str]:
    """What a group is called, by its key."""
    match by:
        case "agent":
            return _agent_name(await people(about.board, about.query))
        case "reason":
            return about.reason
        case _:
            return str


def _agent_name(who: People) -> Callable[[str], str]:
    labels = agent_labels((code, agent.name, agent.team) for code, agent in who.known.items())
    return lambda code: labels.get(code, code)


OPERATIONS = [
    Operation(
        method="GET",
        path="/funnel",
        handler=funnel,
        roles=SUPERVISORS,
        summary="Who was asked, who answered, and whether those speak for all",
        query=FunnelParameters,
        answers={200: "text/html"},
    ),
    chart_operation("funnel", SUPERVISORS, _chart, "Calls that were answered, asked in vain, and not asked"),
]
