"""Trends on pages: the step that fits the period, the points of the picture, and the same in words."""

from collections.abc import Sequence

from pydantic import Field

from ivr.scoreboard.board import ScoreQuery
from ivr.scoreboard.trend import Step, Trend
from ivr.web.pages.chart_routes import ChartParameters
from ivr.web.pages.charts import Moment
from ivr.web.pages.filtering import PageParameters
from ivr.web.pages.language import Language

STEPS: tuple[Step, ...] = ("day", "week", "month")
DAYS_BY_DAY = 62
"""A longer period is shown by the week, and by the month when it is twelve times as long."""


class TrendParameters(PageParameters):
    """The parameters of a page with a trend."""

    step: Step | None = Field(default=None, description="What a point of the trend is; without it what fits the period")


class TrendChartParameters(ChartParameters):
    """The parameters of the picture of a trend."""

    step: Step | None = Field(default=None, description="What a point of the trend is; without it what fits the period")


def step_of(given: Step | None, query: ScoreQuery) -> Step:
    """The step that is asked for, or else one that fits the period."""
    if given:
        return given
    days = (query.to_day - query.from_day).days + 1
    if days <= DAYS_BY_DAY:
        return "day"
    return "week" if days <= DAYS_BY_DAY * 12 else "month"


def moments(trend: Trend) -> Sequence[Moment]:
    """The points of the picture."""
    return [
        Moment(
            day=one.day,
            share=one.point.share,
            low=one.point.lower,
            high=one.point.upper,
            signals=one.point.signal is not None,
        )
        for one in trend.points
    ]


def in_words(trend: Trend, language: Language) -> str:
    """What the picture of a trend says."""
    if trend.chart.centre is None:
        return language.gettext("No ratings in this period.")
    signals = [one for one in trend.points if one.point.signal]
    days = ", ".join(language.short_day(one.day) for one in signals[:5])
    words = language.gettext("Share of the satisfied over time; over all: %(share)s.") % {
        "share": language.percent(trend.chart.centre)
    }
    if not signals:
        return words + " " + language.gettext("Nothing but chance.")
    return words + " " + language.gettext("More than chance: %(days)s.") % {"days": days}
