"""Scores told apart as one likes, over time, and of two periods: `/api/v1/scores`, `/trend` and `/comparison`."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Self

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, Field

from ivr.scoreboard.breakdown import Group, GroupBy, breakdown
from ivr.scoreboard.trend import Step, Trend, comparison, trend
from ivr.scores.comparison import Comparison
from ivr.web.access import EVERYBODY
from ivr.web.answers import json_answer
from ivr.web.operations import Operation
from ivr.web.parameters import Day, read_parameters
from ivr.web.problems import wrong_parameter
from ivr.web.score_models import Asked, Count, Csat, ScoreBody, asked_fields, count, percent, score_fields
from ivr.web.score_query import BOARD, ScoreParameters, score_query
from ivr.web.tables import Format, at_once, table_answer

DIMENSIONS = "one or two of agent, team, queue, reason, flow, question, day, week, month, with a comma between"


def _listed(given: object) -> object:
    return given.split(",") if isinstance(given, str) else given


class GroupParameters(ScoreParameters):
    """The parameters of a breakdown."""

    by: Annotated[tuple[GroupBy, ...], BeforeValidator(_listed)] = Field(
        min_length=1,
        max_length=2,
        description=DIMENSIONS,
        examples=[["agent", "reason"]],
        json_schema_extra={"allowed": DIMENSIONS},
    )
    format: Format = Field(default="json", description="json, csv or xlsx")


class GroupBody(ScoreBody):
    """The ratings of one group."""

    keys: dict[str, str | date | None] = Field(description="By dimension: a code (null when not known) or a first day")
    question: str = Field(description="The question whose answers these are")

    @classmethod
    def of_group(cls, by: tuple[GroupBy, ...], group: Group) -> Self:
        """The body for one group."""
        keys = {name: key if key != "" else None for name, key in zip(by, group.keys, strict=True)}
        return cls(**score_fields(group.scored), keys=keys, question=group.question.code)


class GroupsBody(Asked):
    """Answer of `GET /api/v1/scores`."""

    groups: list[GroupBody] = Field(description="Groups with ratings or surveys, in the order of their keys")


async def scores(request: web.Request) -> web.StreamResponse:
    """Ratings told apart by one or two dimensions."""
    asked = read_parameters(request, GroupParameters)
    if len({*asked.by}) != len(asked.by):
        raise wrong_parameter("by", ",".join(asked.by), DIMENSIONS)
    board, query = request.app[BOARD], await score_query(request, asked)
    groups = await breakdown(board, query, asked.by)
    if asked.format != "json":
        head = [*asked.by, "question", "n", "mean", "csat_percent", "csat_low", "csat_high", "offered", "answered"]
        return await table_answer(request, asked.format, "scores", head, at_once(map(_row, groups)))
    body = GroupsBody(
        **asked_fields(query, board.flows[query.flow].headline),
        groups=[GroupBody.of_group(asked.by, group) for group in groups],
    )
    return json_answer(request, body)


def _row(group: Group) -> list[str | date | int | float | None]:
    score, response = group.scored.score, group.scored.response
    share = score.satisfied
    return [
        *group.keys,
        group.question.code,
        count(score.n),
        round(score.mean.value, 4) if score.mean else None,
        *((percent(share.share), percent(share.low), percent(share.high)) if share else (None, None, None)),
        count(response.offered),
        count(response.answered),
    ]


class TrendParameters(ScoreParameters):
    """The parameters of a trend."""

    step: Step = Field(default="day", description="day, week or month")
    agent: str | None = Field(default=None, description="One agent alone, by code", examples=["PJSIP/1001"])


class ComparisonBody(BaseModel):
    """The later of two periods against the earlier one."""

    before: Csat = Field(description="The earlier period")
    now: Csat = Field(description="The later period")
    change: float = Field(description="Difference in percentage points")
    low: float = Field(description="Lower bound of its 95 % interval (Newcombe)")
    high: float = Field(description="Upper bound of its 95 % interval")
    p_value: float = Field(description="How often chance alone makes a difference at least as large, 0 to 1")

    @classmethod
    def of(cls, found: Comparison | None) -> Self | None:
        """The body for a comparison; None when one of the periods has no ratings."""
        if found is None:
            return None
        before, now = Csat.of(found.first), Csat.of(found.second)
        assert before is not None  # a comparison has ratings on both sides
        assert now is not None
        return cls(
            before=before,
            now=now,
            change=percent(found.change.value),
            low=percent(found.change.low),
            high=percent(found.change.high),
            p_value=round(found.p_value, 6),
        )


class PointBody(BaseModel):
    """One day, week or month."""

    day: date = Field(description="Its first day")
    n: Count
    percent: float | None = Field(description="Per cent satisfied; null when n is 0")
    lower: float | None = Field(description="Lower control limit, per cent")
    upper: float | None = Field(description="Upper control limit, per cent")
    signal: str | None = Field(description="above, below or run: more than chance; else null")


class TrendBody(Asked):
    """Answer of `GET /api/v1/trend`."""

    step: str
    centre: float | None = Field(description="Per cent satisfied in the whole period; null without ratings")
    points: list[PointBody]
    against_before: ComparisonBody | None = Field(description="Against the period of the same length before")


async def trend_of(request: web.Request) -> web.Response:
    """The share of the satisfied over time, with control limits."""
    asked = read_parameters(request, TrendParameters)
    board, query = request.app[BOARD], await score_query(request, asked)
    found = await trend(board, query, asked.step, agent=asked.agent)
    body = TrendBody(
        **asked_fields(query, board.flows[query.flow].headline),
        step=found.step,
        centre=None if found.chart.centre is None else percent(found.chart.centre),
        points=_points(found),
        against_before=ComparisonBody.of(found.against_before),
    )
    return json_answer(request, body)


def _points(found: Trend) -> list[PointBody]:
    return [
        PointBody(
            day=one.day,
            n=count(one.point.n),
            percent=None if one.point.share is None else percent(one.point.share),
            lower=None if one.point.lower is None else percent(one.point.lower),
            upper=None if one.point.upper is None else percent(one.point.upper),
            signal=one.point.signal,
        )
        for one in found.points
    ]


class ComparisonParameters(ScoreParameters):
    """The parameters of a comparison."""

    before_from: Day = Field(description="First day of the earlier period", examples=["2026-10-01"])
    before_to: Day = Field(description="Last day of the earlier period, itself included", examples=["2026-10-31"])
    agent: str | None = Field(default=None, description="One agent alone, by code", examples=["PJSIP/1001"])


class TwoPeriods(Asked):
    """Answer of `GET /api/v1/comparison`."""

    compared: ComparisonBody | None = Field(description="null when one of the periods has no ratings")


async def compare(request: web.Request) -> web.Response:
    """Two periods against each other."""
    asked = read_parameters(request, ComparisonParameters)
    board, query = request.app[BOARD], await score_query(request, asked)
    if asked.before_from > asked.before_to:
        raise wrong_parameter("before_from", asked.before_from.isoformat(), "a day not after `before_to`")
    before = replace(query, from_day=asked.before_from, to_day=asked.before_to)
    body = TwoPeriods(
        **asked_fields(query, board.flows[query.flow].headline),
        compared=ComparisonBody.of(await comparison(board, before, query, agent=asked.agent)),
    )
    return json_answer(request, body)


OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/scores",
        handler=scores,
        roles=EVERYBODY,
        summary="Scores told apart by one or two dimensions",
        query=GroupParameters,
        answers={200: GroupsBody},
    ),
    Operation(
        method="GET",
        path="/api/v1/trend",
        handler=trend_of,
        roles=EVERYBODY,
        summary="The share of the satisfied over time",
        query=TrendParameters,
        answers={200: TrendBody},
    ),
    Operation(
        method="GET",
        path="/api/v1/comparison",
        handler=compare,
        roles=EVERYBODY,
        summary="Two periods against each other",
        query=ComparisonParameters,
        answers={200: TwoPeriods},
    ),
]
