"""`/agents`: the fair table, and the intervals as a picture."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from ivr.scoreboard.agents import AgentRow, AgentsTable, agents_table
from ivr.web.access import SUPERVISORS
from ivr.web.operations import Operation
from ivr.web.pages.agent_labels import agent_labels
from ivr.web.pages.chart_axes import Spec
from ivr.web.pages.chart_routes import ChartParameters, chart_operation, drawn
from ivr.web.pages.chart_style import ChartStyle
from ivr.web.pages.charts import Interval, intervals, intervals_height
from ivr.web.pages.filtering import RowParameters, asked
from ivr.web.pages.frame import render, spoken_in

Order = Literal["place", "name", "ratings", "response"]
MOST_DRAWN = 60
"""With more agents than that, the picture shows those who stand out."""


class AgentsParameters(RowParameters):
    """The parameters of the page."""

    sort: Order = Field(default="place", description="The order of the table")


async def agents(request: web.Request) -> web.Response:
    """All agents: by place, or in another order."""
    about, parameters = await asked(request, AgentsParameters)
    order = parameters.sort
    table = await agents_table(about.board, about.query)
    plotted = who_is_drawn(table)
    spoken = spoken_in(request)
    by_place = in_order(table, "place")
    above = [row for row in by_place if row.fair and row.fair.standing == "above"]
    below = [row for row in reversed(by_place) if row.fair and row.fair.standing == "below"]
    alternative = spoken.gettext(
        "Each agent's fair share of satisfied callers with its interval. Above the others: %(above)s, below: %(below)s."
    ) % {"above": len(above), "below": len(below)}
    return render(
        request,
        "agents.html",
        here="agents",
        filters=about.filters,
        zone=about.query.zone,
        table=table,
        rows=in_order(table, order)[: parameters.most],
        order=order,
        above=above,
        below=below,
        labels=agent_labels((row.agent, row.name, row.team) for row in table.rows),
        plotted=len(plotted),
        chart=drawn("agents", request, about.filters, alternative=alternative, height=intervals_height(len(plotted))),
    )


def in_order(table: AgentsTable, order: Order) -> Sequence[AgentRow]:
    """The rows of the table; agents who have no place come after those who have one."""
    match order:
        case "name":
            return table.rows
        case "ratings":
            return sorted(table.rows, key=lambda row: -row.scored.score.n)
        case "response":
            return sorted(
                table.rows, key=lambda row: -1.0 if row.scored.response.rate is None else -row.scored.response.rate
            )
        case "place":
            return sorted(table.rows, key=_place)


def fair_chart(table: AgentsTable, style: ChartStyle) -> Spec:
    """The picture of the table."""
    everybody = table.everybody.score.satisfied
    labels = agent_labels((row.agent, row.name, row.team) for row in table.rows)
    return intervals(
        [_interval(row, labels[row.agent]) for row in who_is_drawn(table)],
        style,
        title=style.language.gettext("Satisfied, with the usual mix of calls"),
        line=everybody.share if everybody else None,
    )


async def _chart(request: web.Request, style: ChartStyle) -> Mapping[str, Any]:
    about, _ = await asked(request, ChartParameters)
    return fair_chart(await agents_table(about.board, about.query), style)


def who_is_drawn(table: AgentsTable) -> Sequence[AgentRow]:
    """The rows of the picture, from the best place on; of very many those who stand out, which may be nobody."""
    ranked = [row for row in in_order(table, "place") if row.fair and row.fair.band]
    if len(ranked) <= MOST_DRAWN:
        return ranked
    return [row for row in ranked if row.fair and row.fair.standing != "near"][:MOST_DRAWN]


def _interval(row: AgentRow, label: str) -> Interval:
    assert row.fair  # whoever has a place has one
    kind: Literal["", "good", "poor"] = ""
    if row.fair.standing != "near":
        kind = "good" if row.fair.standing == "above" else "poor"
    fair = row.fair.fair
    return Interval(label=label, share=fair.share, low=fair.low, high=fair.high, kind=kind)


def _place(row: AgentRow) -> tuple[int, float, str]:
    if row.fair is None:
        return (2, 0.0, row.name)
    return (0 if row.fair.band else 1, -row.fair.fair.share, row.name)


OPERATIONS = [
    Operation(
        method="GET",
        path="/agents",
        handler=agents,
        roles=SUPERVISORS,
        summary="The fair table of agents",
        query=AgentsParameters,
        answers={200: "text/html"},
    ),
    chart_operation("agents", SUPERVISORS, _chart, "The intervals of the agents"),
]
