"""`/reasons`: scores by reason and by queue, and where the two meet."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from ivr.scoreboard.breakdown import Group, breakdown, breakdowns
from ivr.scoreboard.trend import trend
from ivr.scores.scored import Scored
from ivr.web.access import SUPERVISORS
from ivr.web.operations import Operation
from ivr.web.pages.chart_routes import ChartParameters, chart_operation, drawn
from ivr.web.pages.chart_style import ChartStyle
from ivr.web.pages.charts import TREND_HEIGHT, Interval, intervals, intervals_height
from ivr.web.pages.charts import trend as trend_chart
from ivr.web.pages.filtering import asked
from ivr.web.pages.frame import render, spoken_in
from ivr.web.pages.trends import STEPS, TrendChartParameters, TrendParameters, in_words, moments, step_of

MOST_DRAWN = 40
"""Of more reasons, those with the most ratings are drawn."""


async def reasons(request: web.Request) -> web.Response:
    """Reasons, queues, and each reason in each queue."""
    about, parameters = await asked(request, TrendParameters)
    step = step_of(parameters.step, about.query)
    (by_reason, by_queue, by_both), over_time = await asyncio.gather(
        breakdowns(about.board, about.query, [["reason"], ["queue"], ["reason", "queue"]]),
        trend(about.board, about.query, step),
    )
    cells = {(str(group.keys[0]), str(group.keys[1])): group.scored for group in by_both}
    plotted = _plotted(by_reason)
    spoken = spoken_in(request)
    return render(
        request,
        "reasons.html",
        here="reasons",
        filters=about.filters,
        zone=about.query.zone,
        by_reason=by_reason,
        by_queue=by_queue,
        cells=cells,
        is_rated=any(group.scored.score.n for group in by_reason),
        offered=sum(group.scored.response.offered for group in by_reason),
        reason_name=about.reason,
        trend=over_time,
        step=step,
        steps=STEPS,
        chart=drawn(
            "reasons",
            request,
            about.filters,
            alternative=spoken.gettext("Share of the satisfied for each reason, with its interval; the table follows."),
            height=intervals_height(len(plotted)),
        ),
        trend_chart=drawn(
            "trend",
            request,
            about.filters,
            alternative=in_words(over_time, spoken),
            height=TREND_HEIGHT,
            step=step,
        ),
    )


async def _reasons_chart(request: web.Request, style: ChartStyle) -> Mapping[str, Any]:
    about, _ = await asked(request, ChartParameters)
    gettext = style.language.gettext
    rows = []
    for group in _plotted(await breakdown(about.board, about.query, ["reason"])):
        found = group.scored.score.satisfied
        assert found  # only reasons with ratings are plotted
        label = about.reason(str(group.keys[0])) or gettext("not known")
        rows.append(Interval(label=label, share=found.share, low=found.low, high=found.high))
    return intervals(rows, style, title=gettext("Satisfied"))


async def _trend_chart(request: web.Request, style: ChartStyle) -> Mapping[str, Any]:
    about, parameters = await asked(request, TrendChartParameters)
    over_time = await trend(about.board, about.query, step_of(parameters.step, about.query))
    title = style.language.gettext("Satisfied")
    return trend_chart(moments(over_time), style, title=title, centre=over_time.chart.centre)


def _plotted(groups: Sequence[Group]) -> Sequence[Group]:
    rated = sorted((group for group in groups if group.scored.score.n), key=lambda group: -group.scored.score.n)
    return sorted(rated[:MOST_DRAWN], key=lambda group: -_share(group.scored))


def _share(found: Scored) -> float:
    return found.score.satisfied.share if found.score.satisfied else 0.0


OPERATIONS = [
    Operation(
        method="GET",
        path="/reasons",
        handler=reasons,
        roles=SUPERVISORS,
        summary="Scores by reason and queue",
        query=TrendParameters,
        answers={200: "text/html"},
    ),
    chart_operation("reasons", SUPERVISORS, _reasons_chart, "Shares of satisfied callers by reason"),
    chart_operation("trend", SUPERVISORS, _trend_chart, "The share of satisfied callers over time"),
]
