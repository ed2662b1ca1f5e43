"""Surveys one by one, and what can be chosen: `/api/v1/surveys` and `/api/v1/codes`."""

from collections.abc import AsyncIterator
from datetime import datetime

from aiohttp import web
from pydantic import BaseModel, Field

from ivr.scoreboard.board import people
from ivr.web.access import SUPERVISORS
from ivr.web.answers import json_answer
from ivr.web.operations import Operation
from ivr.web.parameters import read_parameters
from ivr.web.problems import wrong_parameter
from ivr.web.score_models import Asked, asked_fields
from ivr.web.score_query import BOARD, ScoreParameters, score_query
from ivr.web.tables import Cell, Format, every_page, table_answer
from storage.codes import site_codes
from storage.engine import Database
from storage.survey_list import ListedSurvey, SurveyFilter, surveys_page

AT_ONCE = 500
"""Surveys read at once for a spreadsheet."""
HEAD = ("survey", "call", "offered_at", "answered_at", "status", "rating", "agent", "queue", "reason", "flow")


class SurveyListParameters(ScoreParameters):
    """The parameters of the list."""

    agent: str | None = Field(default=None, description="One agent alone, by code", examples=["PJSIP/1001"])
    rated: bool | None = Field(default=None, description="true: with a rating; false: without one", examples=[True])
    after: str = Field(default="", description="`older` of the page before")
    limit: int = Field(default=50, ge=1, le=500, description="1 to 500", json_schema_extra={"allowed": "1 to 500"})
    format: Format = Field(default="json", description="json, csv or xlsx; the last two hold all pages")


class ListedSurveyBody(BaseModel):
    """One survey."""

    survey: str = Field(description="Uniqueid of the channel that was asked")
    call: str = Field(description="The call's linkedid")
    offered_at: datetime
    answered_at: datetime | None = Field(description="When the rating was given; null without one")
    status: str = Field(description="offered or started while it lasts, then how it ended")
    rating: int | None
    agent: str | None = Field(description="Who is credited, of several the one with the largest share")
    queue: str | None
    reason: str | None
    flow: str
    has_comment: bool = Field(description="Whether the caller left a comment")


class SurveysBody(Asked):
    """Answer of `GET /api/v1/surveys`."""

    surveys: list[ListedSurveyBody] = Field(description="The newest first")
    older: str | None = Field(description="What `after` of the next page is; null on the last one")


async def surveys(request: web.Request) -> web.StreamResponse:
    """The surveys of a period, page by page."""
    asked = read_parameters(request, SurveyListParameters)
    board, query = request.app[BOARD], await score_query(request, asked)
    wanted = SurveyFilter(
        site=query.site,
        begins=query.begins,
        ends=query.ends,
        flow=query.flow,
        queue=query.queue,
        reason=query.reason,
        agents=(await people(board, query)).alone(asked.agent),
        rated=asked.rated,
    )
    if asked.format != "json":
        return await table_answer(request, asked.format, "surveys", HEAD, _every(board.database, wanted))
    try:
        page = await surveys_page(board.database, wanted, after=asked.after, limit=asked.limit)
    except ValueError as error:
        raise wrong_parameter("after", asked.after, str(error)) from None
    body = SurveysBody(
        **asked_fields(query, board.flows[query.flow].headline),
        surveys=[_body(one) for one in page.surveys],
        older=page.older or None,
    )
    return json_answer(request, body)


def _body(one: ListedSurvey) -> ListedSurveyBody:
    return ListedSurveyBody(
        survey=one.survey,
        call=one.linkedid,
        offered_at=one.offered_at,
        answered_at=one.answered_at,
        status=one.status,
        rating=one.value,
        agent=one.agent or None,
        queue=one.queue or None,
        reason=one.reason or None,
        flow=one.flow,
        has_comment=bool(one.comment),
    )


async def _every(database: Database, wanted: SurveyFilter) -> AsyncIterator[list[Cell]]:
    async def read(after: str) -> tuple[list[ListedSurvey], str]:
        page = await surveys_page(database, wanted, after=after, limit=AT_ONCE)
        return page.surveys, page.older

    async for one in every_page(read):
        yield [
            one.survey, one.linkedid, one.offered_at, one.answered_at, one.status, one.value, one.agent, one.queue,
            one.reason, one.flow,
        ]  # fmt: skip


class AgentCode(BaseModel):
    """An agent."""

    agent: str
    name: str
    team: str


class ReasonCode(BaseModel):
    """A call reason."""

    reason: str
    label: str


class QuestionCode(BaseModel):
    """A question on the keypad."""

    flow: str
    question: str
    is_rating: bool = Field(description="Whether it is the flow's headline question")
    values: list[int]
    satisfied: list[int]
    labels: dict[int, str] = Field(description="What values are called, where they have a name")


class CodesBody(BaseModel):
    """Answer of `GET /api/v1/codes`."""

    site: str
    agents: list[AgentCode]
    teams: list[str]
    queues: list[str]
    reasons: list[ReasonCode]
    flows: list[str]
    questions: list[QuestionCode]


async def codes(request: web.Request) -> web.Response:
    """Everything that the other requests can be narrowed to, and what it is called."""
    asked = read_parameters(request, ScoreParameters)
    board, query = request.app[BOARD], await score_query(request, asked)
    known = (await people(board, query)).known.values()
    found = await site_codes(board.database, query.site)
    body = CodesBody(
        site=query.site,
        agents=[AgentCode(agent=one.agent, name=one.name, team=one.team) for one in known],
        teams=sorted({one.team for one in known if one.team}),
        queues=list(found.queues),
        reasons=[ReasonCode(reason=code, label=label) for code, label in found.reasons.items()],
        flows=sorted(board.flows),
        questions=[
            QuestionCode(
                flow=code,
                question=question.code,
                is_rating=question is flow.headline,
                values=list(question.values),
                satisfied=list(question.satisfied),
                labels=dict(question.labels),
            )
            for code, flow in sorted(board.flows.items())
            for question in (flow.headline, *flow.others)
        ],
    )
    return json_answer(request, body)


OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/surveys",
        handler=surveys,
        roles=SUPERVISORS,
        summary="Surveys one by one, the newest first",
        query=SurveyListParameters,
        answers={200: SurveysBody},
    ),
    Operation(
        method="GET",
        path="/api/v1/codes",
        handler=codes,
        roles=SUPERVISORS,
        summary="Agents, teams, queues, reasons, flows and questions",
        query=ScoreParameters,
        answers={200: CodesBody},
    ),
]
