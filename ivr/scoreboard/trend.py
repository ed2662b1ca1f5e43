"""A score over time, with the limits within which it varies by chance, and against the period before."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from ivr.scoreboard.board import Scoreboard, ScoreQuery, counted, people
from ivr.scoreboard.breakdown import first_day
from ivr.scores.comparison import Comparison, compare
from ivr.scores.intervals import Amount
from ivr.scores.trend import ChartPoint, ControlChart, p_chart
from storage import queries
from storage.records import RatedRow

Step = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """One day, week or month."""

    day: date
    """Its first day, in the site's zone."""
    point: ChartPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The share of the satisfied over time."""

    step: Step
    chart: ControlChart
    points: Sequence[TrendPoint]
    """Every day, week or month of the period, those without ratings too."""
    against_before: Comparison | None
    """The period against the one of the same length right before; None when one of them has no ratings."""


async def trend(board: Scoreboard, query: ScoreQuery, step: Step, *, agent: str | None = None) -> Trend:
    """The headline question of the query's flow over the period; of one agent when given."""
    by_day: dict[date, tuple[Amount, Amount]] = defaultdict(lambda: (0, 0))
    for row in await _by_day(board, query, agent):
        satisfied, n = by_day[first_day(row.day, step)]
        by_day[first_day(row.day, step)] = satisfied + row.satisfied, n + row.n
    days = list(_steps(query.from_day, query.to_day, step))
    chart = p_chart([by_day.get(day, (0, 0)) for day in days])
    now = _total(list(by_day.values()))
    before = _total([(row.satisfied, row.n) for row in await _by_day(board, query.before, agent)])
    return Trend(
        step=step,
        chart=chart,
        points=[TrendPoint(day=day, point=point) for day, point in zip(days, chart.points, strict=True)],
        against_before=compare(before, now),
    )


async def comparison(
    board: Scoreboard, first: ScoreQuery, second: ScoreQuery, *, agent: str | None = None
) -> Comparison | None:
    """The second period against the first; None when one of them has no ratings."""
    totals = [
        _total([(row.satisfied, row.n) for row in await _by_day(board, query, agent)]) for query in (first, second)
    ]
    return compare(totals[0], totals[1])


async def _by_day(board: Scoreboard, query: ScoreQuery, agent: str | None) -> list[RatedRow]:
    headline = board.flows[query.flow].headline
    narrowed = counted(query, await people(board, query), agent=agent)
    return await queries.rated(
        board.database, narrowed, question=headline.code, satisfied=headline.satisfied, by=("day",)
    )


def _total(counts: Sequence[tuple[Amount, Amount]]) -> tuple[Amount, Amount]:
    return sum(satisfied for satisfied, _ in counts), sum(n for _, n in counts)


def _steps(first: date, last: date, step: Step) -> Iterator[date]:
    day = first_day(first, step)
    while day <= last:
        yield day
        match step:
            case "month":
                day = first_day(day + timedelta(days=31), "month")
            case "week":
                day += timedelta(days=7)
            case _:
                day += timedelta(days=1)
