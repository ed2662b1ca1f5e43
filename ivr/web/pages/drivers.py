"""`/drivers`: where it is worth to become better: importance against performance."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from ivr.scoreboard.breakdown import breakdown
from ivr.scoreboard.drivers import DriversView, drivers_view
from ivr.scores.drivers import Driver
from ivr.scores.scored import Scored
from ivr.web.access import SUPERVISORS
from ivr.web.operations import Operation
from ivr.web.pages.chart_routes import ChartParameters, Drawn, chart_operation, drawn
from ivr.web.pages.chart_style import ChartStyle
from ivr.web.pages.charts import QUADRANT_HEIGHT, DriverPoint, quadrant
from ivr.web.pages.filtering import PageParameters, asked
from ivr.web.pages.frame import render, spoken_in

Of = Literal["reasons", "questions"]


FEWEST = 30
"""Of a reason or question with fewer ratings nothing is said."""


class DriversChartParameters(ChartParameters):
    """The parameters of the pictures."""

    of: Of = Field(default="reasons", description="What is drawn")


async def drivers(request: web.Request) -> web.Response:
    """Reasons, and the flow's other questions."""
    about, _ = await asked(request, PageParameters)
    view = await drivers_view(about.board, about.query)
    alternative = spoken_in(request).gettext("Importance against performance; the table follows.")

    async def scores(by: Literal["reason", "question"]) -> Mapping[str, Scored]:
        return {str(group.keys[0]): group.scored for group in await breakdown(about.board, about.query, [by])}

    def chart(of: Of) -> Drawn:
        return drawn("drivers", request, about.filters, alternative=alternative, height=QUADRANT_HEIGHT, of=of)

    return render(
        request,
        "drivers.html",
        here="drivers",
        filters=about.filters,
        zone=about.query.zone,
        reasons=_shown(view, "reasons"),
        questions=_shown(view, "questions"),
        scores={"reasons": await scores("reason"), "questions": await scores("question")},
        fewest=FEWEST,
        has_questions=bool(about.board.flows[about.query.flow].others),
        reason_name=about.reason,
        reasons_chart=chart("reasons"),
        questions_chart=chart("questions"),
    )


async def _chart(request: web.Request, style: ChartStyle) -> Mapping[str, Any]:
    about, parameters = await asked(request, DriversChartParameters)
    view = await drivers_view(about.board, about.query)
    gettext = style.language.gettext
    points = [
        DriverPoint(
            label=(about.reason(key) if parameters.of == "reasons" else key) or gettext("not known"),
            performance=one.performance,
            importance=one.importance,
            kind=one.quadrant,
        )
        for key, one in _shown(view, parameters.of)
    ]
    count = max(len(points), 1)
    middle = (sum(one.performance for one in points) / count, sum(one.importance for one in points) / count)
    is_share = parameters.of == "reasons"
    return quadrant(
        points,
        style,
        performance=gettext("Satisfied") if is_share else gettext("Mean answer, as a share of the scale"),
        importance=gettext("Share of all ratings") if is_share else gettext("Goes with the rating"),
        importance_is_share=is_share,
        middle=middle,
    )


def _shown(view: DriversView, of: Of) -> Sequence[tuple[str, Driver]]:
    """The most important first; of few ratings nothing is said."""
    found = view.reasons if of == "reasons" else view.questions
    known = [(key, one) for key, one in found.items() if one.n >= FEWEST]
    return sorted(known, key=lambda item: (-item[1].importance, item[0]))


OPERATIONS = [
    Operation(
        method="GET",
        path="/drivers",
        handler=drivers,
        roles=SUPERVISORS,
        summary="Importance against performance",
        query=PageParameters,
        answers={200: "text/html"},
    ),
    chart_operation("drivers", SUPERVISORS, _chart, "Importance against performance"),
]
