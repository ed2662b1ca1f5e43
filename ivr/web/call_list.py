"""Calls one by one, those that were not asked among them: `/api/v1/calls`."""

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
from ivr.web.score_models import Period
from ivr.web.score_query import BOARD, ScoreParameters, score_query
from ivr.web.tables import Cell, Format, every_page, table_answer
from storage.call_list import CallFilter, ListedCall, calls_page
from storage.engine import Database
from storage.records import EndedBy

AT_ONCE = 500
"""Calls read at once for a spreadsheet."""
HEAD = (
    "call", "started_at", "ended_at", "ended_by", "talk_seconds", "agent", "queue", "reason", "reason_code", "rule",
    "survey", "rating",
)  # fmt: skip


class CallListParameters(ScoreParameters):
    """The parameters of the list. A flow narrows nothing: a call that was not asked never had one."""

    agent: str | None = Field(default=None, description="One agent alone, by code", examples=["PJSIP/1001"])
    asked: bool | None = Field(default=None, description="true: asked; false: not asked", examples=[False])
    reason_code: str | None = Field(default=None, description="Not asked for this reason", examples=["too_short"])
    ended_by: EndedBy | None = Field(
        default=None,
        description="Who hung up first: agent, caller, transfer, unknown",
        json_schema_extra={"allowed": "agent, caller, transfer, unknown"},
    )
    after: str = Field(default="", description="`older` of the page before")
    limit: int = Field(default=50, ge=1, le=500, description="1 to 500", json_schema_extra={"allowed": "1 to 500"})
    format: Format = Field(default="json", description="json, csv or xlsx; the last two hold all pages")


class ListedCallBody(BaseModel):
    """One call."""

    call: str = Field(description="The linkedid")
    started_at: datetime | None = Field(description="When the caller entered a queue; null when that was missed")
    ended_at: datetime
    ended_by: EndedBy = Field(description="Who hung up first")
    talk_seconds: int | None = Field(description="Of all agents together; null without one, or when not known")
    agent: str | None = Field(description="Who is credited, or would be; of several the one with the largest share")
    queue: str | None
    reason: str | None
    reason_code: str | None = Field(description="Why the caller was not asked; null when asked")
    rule: str | None = Field(description="The rule that said so; null when it was none")
    survey: str | None = Field(description="Uniqueid of the channel that was asked; null when none was")
    rating: int | None


class CallsBody(BaseModel):
    """Answer of `GET /api/v1/calls`."""

    site: str
    period: Period
    calls: list[ListedCallBody] = Field(description="Those that are over, the last first")
    older: str | None = Field(description="What `after` of the next page is; null on the last one")


async def calls(request: web.Request) -> web.StreamResponse:
    """The calls of a period, page by page."""
    asked = read_parameters(request, CallListParameters)
    board, query = request.app[BOARD], await score_query(request, asked)
    wanted = CallFilter(
        site=query.site,
        begins=query.begins,
        ends=query.ends,
        queue=query.queue,
        reason=query.reason,
        agents=(await people(board, query)).alone(asked.agent),
        asked=asked.asked,
        exclusion=asked.reason_code,
        ended_by=asked.ended_by,
    )
    if asked.format != "json":
        return await table_answer(request, asked.format, "calls", HEAD, _every(board.database, wanted))
    try:
        page = await calls_page(board.database, wanted, after=asked.after, limit=asked.limit)
    except ValueError as error:
        raise wrong_parameter("after", asked.after, str(error)) from None
    body = CallsBody(
        site=query.site, period=Period.of(query), calls=[_body(one) for one in page.calls], older=page.older or None
    )
    return json_answer(request, body)


def _body(one: ListedCall) -> ListedCallBody:
    return ListedCallBody(
        call=one.linkedid,
        started_at=one.started_at,
        ended_at=one.ended_at,
        ended_by=one.ended_by,
        talk_seconds=one.talk_seconds,
        agent=one.agent or None,
        queue=one.queue or None,
        reason=one.reason or None,
        reason_code=one.exclusion or None,
        rule=one.exclusion_rule or None,
        survey=one.survey or None,
        rating=one.value,
    )


async def _every(database: Database, wanted: CallFilter) -> AsyncIterator[list[Cell]]:
    async def read(after: str) -> tuple[list[ListedCall], str]:
        page = await calls_page(database, wanted, after=after, limit=AT_ONCE)
        return page.calls, page.older

    async for one in every_page(read):
        yield [
            one.linkedid, one.started_at, one.ended_at, one.ended_by, one.talk_seconds, one.agent, one.queue,
            one.reason, one.exclusion, one.exclusion_rule, one.survey, one.value,
        ]  # fmt: skip


OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/calls",
        handler=calls,
        roles=SUPERVISORS,
        summary="Calls one by one, asked or not, the last first",
        query=CallListParameters,
        answers={200: CallsBody},
    )
]
