"""`PUT /api/v1/calls/{linkedid}/reason`: why the caller of a call had called, as the agent's own program knows it."""

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ivr.surveys.request import reason_code
from ivr.web.access import SUPERVISORS
from ivr.web.answers import json_answer
from ivr.web.calls import CallParameters
from ivr.web.operations import Operation
from ivr.web.parameters import read_parameters
from ivr.web.problems import Problem
from ivr.web.score_query import seen_site
from storage.recorder import Recorder

RECORDER = web.AppKey("reason_recorder", Recorder)
SITES = web.AppKey("reason_sites", list[str])
"""The first is meant when a request names none."""
ALLOWED = "a code in one or two parts of at most 32 small letters, digits, - and _, such as billing or billing/refund"


class Reason(BaseModel):
    """The body of the request."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(description="A code in one or two parts", examples=["billing/refund"])


class CallReason(BaseModel):
    """The answer: the reason that the call has now."""

    site: str
    linkedid: str
    reason: str
    reason_source: str = Field(description="queue, caller, channel or wrap_up; here always wrap_up")


async def put_reason(request: web.Request) -> web.Response:
    """Keep a wrap-up. It goes before every other source, and a later one before an earlier one; a rating of the call
    moves to the new reason."""
    sites = request.app[SITES]
    site = seen_site(request, read_parameters(request, CallParameters).site, sites)
    reason = await _reason(request)
    linkedid = request.match_info["linkedid"]
    try:
        kept = await request.app[RECORDER].set_reason(site, linkedid, reason, "wrap_up")
    except LookupError:
        detail = f"linkedid: site {site} has no call {linkedid[:100]!r}"
        raise Problem(404, "No such call", detail, "linkedid") from None
    body = CallReason(site=site, linkedid=linkedid, reason=kept.reason, reason_source=kept.source)
    return json_answer(request, body)


async def _reason(request: web.Request) -> str:
    text = await request.read()
    try:
        given = Reason.model_validate_json(text).reason
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        message = first["msg"][0].lower() + first["msg"][1:]
        detail = f'{place}: {message}; allowed is an object such as {{"reason": "billing/refund"}}'
        raise Problem(400, "Wrong body", detail, place) from None
    code = reason_code(given)
    if not code:
        raise Problem(400, "Wrong body", f"reason: got {given[:100]!r}; allowed: {ALLOWED}", "reason")
    return code


OPERATIONS = [
    Operation(
        method="PUT",
        path="/api/v1/calls/{linkedid}/reason",
        handler=put_reason,
        roles=SUPERVISORS,
        summary="Say why the caller of a call had called",
        query=CallParameters,
        body=Reason,
        answers={200: CallReason},
    )
]
