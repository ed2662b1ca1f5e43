"""The report of a period: one HTML file with its charts inside, to be sent or printed."""

from dataclasses import dataclass
from importlib.resources import files

import jinja2
from markupsafe import Markup

from ivr.scoreboard.agents import agents_table
from ivr.scoreboard.board import Scoreboard, ScoreQuery
from ivr.scoreboard.breakdown import breakdown
from ivr.scoreboard.funnel import funnel_view
from ivr.scoreboard.trend import trend
from ivr.web.pages.agents import fair_chart, in_order, who_is_drawn
from ivr.web.pages.chart_style import PALETTES, ChartStyle
from ivr.web.pages.charts import trend as trend_chart
from ivr.web.pages.drawing import Easel
from ivr.web.pages.language import Language
from ivr.web.pages.spoken import OPTIONS, loader, speak
from ivr.web.pages.trends import in_words, moments
from storage.codes import site_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What the report is about, in words."""

    site: str
    flow: str
    team: str
    """``""`` for all."""


async def report(board: Scoreboard, query: ScoreQuery, language: Language, heading: Heading) -> str:
    """The report as HTML that needs no other file."""
    table = await agents_table(board, query)
    over_time = await trend(board, query, "day")
    style = ChartStyle(palette=PALETTES["light"], size="wide", language=language)
    easel = Easel()
    try:
        trend_picture = await easel.draw(
            trend_chart(moments(over_time), style, title=language.gettext("Satisfied"), centre=over_time.chart.centre),
            "svg",
        )
        agents_picture = await easel.draw(fair_chart(table, style), "svg")
    finally:
        easel.close()
    environment = jinja2.Environment(loader=loader(), **OPTIONS)  # noqa: S701 - OPTIONS escape
    speak(environment, language)
    css = (files("ivr.web.pages") / "static" / "postcall.css").read_text("utf-8")
    return environment.get_template("report.html").render(
        css=Markup(css),  # noqa: S704 - our own file
        heading=heading,
        query=query,
        table=table,
        rows=in_order(table, "place"),
        reasons=await breakdown(board, query, ["reason"]),
        labels=(await site_codes(board.database, query.site)).reasons,
        funnel=(await funnel_view(board, query, "reason")).everything,
        trend=over_time,
        trend_words=in_words(over_time, language),
        trend_picture=_inline(trend_picture),
        agents_picture=_inline(agents_picture) if who_is_drawn(table) else "",
    )


def _inline(svg: bytes) -> Markup:
    # Vega escapes the texts that it is given.
    return Markup(svg.decode("utf-8"))  # noqa: S704
