"""`/agents/{agent}`: one agent's score over time, by reason, and beside the others."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from ivr.scoreboard.agents import AgentRow, AgentsTable, agents_table
from ivr.scoreboard.board import ScoreQuery
from ivr.scoreboard.breakdown import breakdown
from ivr.scoreboard.trend import trend
from ivr.web.access import EVERYBODY, VIEWER
from ivr.web.operations import Operation
from ivr.web.pages.chart_routes import chart_operation, drawn
from ivr.web.pages.chart_style import ChartStyle
from ivr.web.pages.charts import TREND_HEIGHT
from ivr.web.pages.charts import trend as trend_chart
from ivr.web.pages.filtering import Asked, asked
from ivr.web.pages.frame import render, spoken_in
from ivr.web.pages.trends import STEPS, TrendChartParameters, TrendParameters, in_words, moments, step_of
from ivr.web.problems import Problem
from storage.survey_list import SurveyFilter, surveys_page

LAST = 10
"""How many of the last ratings, and of those with a comment, are shown."""


class AgentChartParameters(TrendChartParameters):
    """The parameters of the picture."""

    agent: str = Field(default="", description="The agent's code")


async def agent(request: web.Request) -> web.Response:
    """One agent. An agent who looks at the own page is told nothing of others."""
    about, parameters = await asked(request, TrendParameters)
    code = request.match_info["agent"]
    step = step_of(parameters.step, about.query)
    mine = _only(about.query, code)
    last = SurveyFilter(
        site=mine.site,
        begins=mine.begins,
        ends=mine.ends,
        flow=mine.flow,
        queue=mine.queue,
        reason=mine.reason,
        agents=[code],
        rated=True,
    )
    (table, row), over_time, by_reason, rated, commented = await asyncio.gather(
        _row(about, code),
        trend(about.board, mine, step),
        breakdown(about.board, mine, ["reason"]),
        surveys_page(about.board.database, last, limit=LAST),
        surveys_page(about.board.database, replace(last, commented=True), limit=LAST),
    )
    is_own = request[VIEWER].role == "agent"
    spoken = spoken_in(request)
    return render(
        request,
        "agent.html",
        here="own" if is_own else "agents",
        filters=about.filters,
        zone=about.query.zone,
        row=row,
        path=f"/agents/{quote(code)}",
        is_own=is_own,
        everybody=None if is_own else table.everybody,
        fewest=table.fewest,
        ranked=table.ranked,
        by_reason=by_reason,
        reason_name=about.reason,
        last=rated.surveys,
        commented=commented.surveys,
        satisfied=about.board.flows[mine.flow].headline.satisfied,
        trend=over_time,
        step=step,
        steps=STEPS,
        chart=drawn(
            "agent",
            request,
            about.filters,
            alternative=in_words(over_time, spoken),
            height=TREND_HEIGHT,
            agent=code,
            step=step,
        ),
    )


async def _row(about: Asked, code: str) -> tuple[AgentsTable, AgentRow]:
    """The agent among all who are seen, of whatever team; raises `Problem` (404) for any other."""
    table = await agents_table(about.board, replace(about.query, team=None), only=code)
    row = next(iter(table.rows), None)
    if row is None or not code:
        raise Problem(404, "No such agent", f"agent: site {about.query.site} has no agent {code[:80]!r}", "agent")
    return table, row


def _only(query: ScoreQuery, agent: str) -> ScoreQuery:
    return replace(query, agents=frozenset({agent}), team=None)


async def _chart(request: web.Request, style: ChartStyle) -> Mapping[str, Any]:
    about, parameters = await asked(request, AgentChartParameters)
    await _row(about, parameters.agent)
    over_time = await trend(about.board, _only(about.query, parameters.agent), step_of(parameters.step, about.query))
    title = style.language.gettext("Satisfied")
    return trend_chart(moments(over_time), style, title=title, centre=over_time.chart.centre)


OPERATIONS = [
    Operation(
        method="GET",
        # An agent's code may hold a slash.
        path="/agents/{agent:.+}",
        handler=agent,
        roles=EVERYBODY,
        summary="One agent",
        query=TrendParameters,
        answers={200: "text/html"},
    ),
    chart_operation("agent", EVERYBODY, _chart, "One agent's share of satisfied callers over time"),
]
