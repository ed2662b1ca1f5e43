"""`POST /api/v1/calls/{linkedid}/survey`: the agent, or the agent's screen, sends the caller into the survey."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from aiohttp import web
from pydantic import BaseModel, Field

from ivr.errors import NoSuchCall, NotTalking, PbxError
from ivr.web.access import SUPERVISORS
from ivr.web.answers import json_answer
from ivr.web.calls import CallParameters
from ivr.web.operations import Operation
from ivr.web.parameters import read_parameters
from ivr.web.problems import Problem
from ivr.web.score_query import seen_site
from storage import queries
from storage.engine import Database

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDoor:
    """What can be done to calls that are up."""

    database: Database
    senders: Mapping[str, Callable[[str], Awaitable[None]]]
    """By site: sends the caller of a linkedid into the survey. Raises `NoSuchCall`, `NotTalking`, `PbxError`. The first
    site is taken when a request names none."""


SENDING = web.AppKey("call door", CallDoor)


class SentBody(BaseModel):
    """The caller is on the way."""

    site: str = Field(description="Code of the site")
    linkedid: str = Field(description="The call")


async def send(request: web.Request) -> web.Response:
    """202 when the caller is on the way; 404, 409 or 503 with the reason when not, and nothing was done."""
    door = request.app[SENDING]
    linkedid = request.match_info["linkedid"]
    site = seen_site(request, read_parameters(request, CallParameters).site, door.senders)
    sender = door.senders[site]
    if await queries.is_asked(door.database, site, linkedid):
        raise Problem(409, "Asked before", f"linkedid: the caller of {linkedid[:100]!r} has been asked", "linkedid")
    try:
        await sender(linkedid)
    except NoSuchCall:
        raise Problem(
            404, "No such call", f"linkedid: no call {linkedid[:100]!r} is up at site {site}", "linkedid"
        ) from None
    except NotTalking as error:
        raise Problem(409, "Not talking", f"linkedid: {error}", "linkedid") from None
    except PbxError as error:
        log.error("a caller is not sent into the survey", site=site, linkedid=linkedid, why=str(error))
        raise Problem(503, "PBX not available", "the PBX does not answer; try again later") from None
    return json_answer(request, SentBody(site=site, linkedid=linkedid), 202)


OPERATIONS = [
    Operation(
        method="POST",
        path="/api/v1/calls/{linkedid}/survey",
        handler=send,
        roles=SUPERVISORS,
        summary="Send a caller into the survey",
        query=CallParameters,
        answers={202: SentBody},
        problems=frozenset({409}),
    )
]
