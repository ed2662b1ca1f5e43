"""What became of all calls, who answered, and what matters: `/api/v1/funnel`, `/coverage` and `/drivers`."""

from typing import Self

from aiohttp import web
from pydantic import BaseModel, Field

from ivr.scoreboard.coverage import Covered, coverage_view
from ivr.scoreboard.drivers import drivers_view
from ivr.scoreboard.funnel import Funnel, FunnelBy, funnel_view
from ivr.scores.drivers import Driver
from ivr.scores.starvation import Starvation
from ivr.web.access import SUPERVISORS
from ivr.web.answers import json_answer
from ivr.web.operations import Operation
from ivr.web.parameters import read_parameters
from ivr.web.score_models import Asked, Count, Csat, asked_fields, count, percent
from ivr.web.score_query import BOARD, ScoreParameters, score_query
from ivr.web.tables import Cell, Format, at_once, table_answer
from storage.records import TALK_BANDS


class FunnelParameters(ScoreParameters):
    """The parameters of a funnel."""

    by: FunnelBy = Field(default="agent", description="agent, team, queue or reason")
    format: Format = Field(default="json", description="json, csv or xlsx")


class LeavingBody(BaseModel):
    """How often callers hang up first at one agent, and at the others."""

    percent: float = Field(description="Per cent of the calls that the caller or the agent ended")
    low: float = Field(description="Lower bound of its 95 % interval")
    high: float = Field(description="Upper bound of its 95 % interval")
    others: float = Field(description="Per cent at all other agents together")
    flagged: bool = Field(description="Whether it is more than at the others by more than chance (99.9 %)")

    @classmethod
    def of(cls, found: Starvation | None) -> Self | None:
        """The body for an agent; None for none."""
        if found is None:
            return None
        return cls(
            percent=percent(found.caller_first.share),
            low=percent(found.caller_first.low),
            high=percent(found.caller_first.high),
            others=percent(found.peers.share),
            flagged=found.flagged,
        )


class FunnelBody(BaseModel):
    """The calls of one group."""

    key: str | None = Field(description="The code; null when not known, and for all calls together")
    eligible: Count = Field(description="Calls that are over: asked and excluded")
    excluded: dict[str, Count] = Field(description="Calls that were not asked, by reason code")
    steps: dict[str, Count] = Field(description="Surveys that reached each step")
    response_rate: float | None = Field(description="100 x answered / offered; null when none was offered")
    ended_by: dict[str, Count] = Field(description="Calls by who hung up first")
    callers_leave_first: LeavingBody | None = Field(description="Only told apart by agent")

    @classmethod
    def of(cls, found: Funnel, leaving: Starvation | None = None) -> Self:
        """The body for a group."""
        rate = found.response.rate
        return cls(
            key=found.key or None,
            eligible=count(found.eligible),
            excluded={code: count(calls) for code, calls in found.excluded.items()},
            steps={step: count(surveys) for step, surveys in found.steps.items()},
            response_rate=None if rate is None else percent(rate),
            ended_by={who: count(calls) for who, calls in found.ended_by.items()},
            callers_leave_first=LeavingBody.of(leaving),
        )


class FunnelsBody(Asked):
    """Answer of `GET /api/v1/funnel`. The flow does not narrow it: a call that was not asked never had one."""

    everything: FunnelBody
    groups: list[FunnelBody]


async def funnel(request: web.Request) -> web.StreamResponse:
    """All calls of a period: asked, not asked and why, answered, and who hung up first."""
    asked = read_parameters(request, FunnelParameters)
    board, query = request.app[BOARD], await score_query(request, asked)
    view = await funnel_view(board, query, asked.by)
    if asked.format != "json":
        head = [
            asked.by,
            "eligible",
            *view.everything.steps,
            *(f"excluded_{code}" for code in view.everything.excluded),
        ]
        rows = at_once(_row(group, [*view.everything.excluded]) for group in view.groups)
        return await table_answer(request, asked.format, "funnel", head, rows)
    body = FunnelsBody(
        **asked_fields(query, board.flows[query.flow].headline),
        everything=FunnelBody.of(view.everything),
        groups=[FunnelBody.of(group, view.leaving_first.get(group.key)) for group in view.groups],
    )
    return json_answer(request, body)


def _row(group: Funnel, codes: list[str]) -> list[Cell]:
    excluded = [count(group.excluded.get(code, 0)) for code in codes]
    return [group.key, count(group.eligible), *(count(some) for some in group.steps.values()), *excluded]


class CoveredBody(BaseModel):
    """The calls of one group, and how many of them were rated."""

    key: str | int | None = Field(
        description="A code, an hour from 0 to 23, or a band of talk time; null when not known"
    )
    calls: Count
    rated: Count
    percent: float = Field(description="Per cent rated")
    low: float = Field(description="Lower bound of its 95 % interval")
    high: float = Field(description="Upper bound of its 95 % interval")

    @classmethod
    def of(cls, found: Covered) -> Self:
        """The body for a group."""
        return cls(
            key=None if found.key in ("", -1) else found.key,
            calls=count(found.calls),
            rated=count(found.rated.count),
            percent=percent(found.rated.share),
            low=percent(found.rated.low),
            high=percent(found.rated.high),
        )


class WeightedBody(BaseModel):
    """Per cent satisfied if every kind of call had answered alike."""

    percent: float
    low: float = Field(description="Lower bound of its 95 % interval")
    high: float = Field(description="Upper bound of its 95 % interval")
    covered: float = Field(description="Per cent of the calls that are of a kind with ratings")


class CoverageBody(Asked):
    """Answer of `GET /api/v1/coverage`."""

    talk_bands: list[int] = Field(description="Band k of talk time ends before so many seconds; the last one is open")
    by_hour: list[CoveredBody] = Field(description="Empty for whoever sees only some agents")
    by_talk: list[CoveredBody] = Field(description="Empty for whoever sees only some agents")
    by_reason: list[CoveredBody]
    by_agent: list[CoveredBody]
    plain: Csat | None = Field(description="Per cent satisfied among the ratings")
    weighted: WeightedBody | None = Field(description="The same with each kind of call weighted by its calls")


async def coverage(request: web.Request) -> web.Response:
    """Who answered, against all who called."""
    asked = read_parameters(request, ScoreParameters)
    board, query = request.app[BOARD], await score_query(request, asked)
    view = await coverage_view(board, query)
    found = view.weighted
    body = CoverageBody(
        **asked_fields(query, board.flows[query.flow].headline),
        talk_bands=list(TALK_BANDS),
        by_hour=[CoveredBody.of(one) for one in view.by_hour],
        by_talk=[CoveredBody.of(one) for one in view.by_talk],
        by_reason=[CoveredBody.of(one) for one in view.by_reason],
        by_agent=[CoveredBody.of(one) for one in view.by_agent],
        plain=Csat.of(view.plain),
        weighted=WeightedBody(
            percent=percent(found.share),
            low=percent(found.low),
            high=percent(found.high),
            covered=percent(found.covered),
        )
        if found
        else None,
    )
    return json_answer(request, body)


class DriverBody(BaseModel):
    """A question or a reason in the plane of importance and performance."""

    code: str | None = Field(description="null for calls whose reason is not known")
    n: Count
    importance: float = Field(description="Of a reason, its share of the ratings; of a question, its correlation")
    performance: float = Field(description="From 0 to 1")
    quadrant: str = Field(description="fix_first, keep, watch or nice")

    @classmethod
    def of(cls, code: str, found: Driver) -> Self:
        """The body for one of them."""
        return cls(
            code=code or None,
            n=count(found.n),
            importance=round(found.importance, 4),
            performance=round(found.performance, 4),
            quadrant=found.quadrant,
        )


class DriversBody(Asked):
    """Answer of `GET /api/v1/drivers`."""

    reasons: list[DriverBody]
    questions: list[DriverBody]


async def drivers(request: web.Request) -> web.Response:
    """What drives satisfaction, per reason and per question."""
    asked = read_parameters(request, ScoreParameters)
    board, query = request.app[BOARD], await score_query(request, asked)
    view = await drivers_view(board, query)
    body = DriversBody(
        **asked_fields(query, board.flows[query.flow].headline),
        reasons=[DriverBody.of(code, one) for code, one in view.reasons.items()],
        questions=[DriverBody.of(code, one) for code, one in view.questions.items()],
    )
    return json_answer(request, body)


OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/funnel",
        handler=funnel,
        roles=SUPERVISORS,
        summary="What became of all calls",
        query=FunnelParameters,
        answers={200: FunnelsBody},
    ),
    Operation(
        method="GET",
        path="/api/v1/coverage",
        handler=coverage,
        roles=SUPERVISORS,
        summary="Who answered, against all who called",
        query=ScoreParameters,
        answers={200: CoverageBody},
    ),
    Operation(
        method="GET",
        path="/api/v1/drivers",
        handler=drivers,
        roles=SUPERVISORS,
        summary="What drives satisfaction",
        query=ScoreParameters,
        answers={200: DriversBody},
    ),
]
