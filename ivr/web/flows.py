"""`GET /api/v1/flows` and `GET /api/v1/flows/{flow}/versions`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import FlowsStatus
from ivr.surveys.versions import in_force, in_order, moment
from ivr.web.access import SUPERVISORS
from ivr.web.answers import json_answer
from ivr.web.flow_models import FlowBody, FlowsBody, RefusalBody, VersionsBody
from ivr.web.operations import Operation
from ivr.web.parameters import Parameters, read_parameters
from ivr.web.problems import Problem
from storage.engine import Database
from storage.publication_queries import publications, surveys_by_version


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSource:
    """Where the flow endpoints take their answers from."""

    database: Database
    shelf: FlowShelf
    status: FlowsStatus
    now: Callable[[], datetime]


FLOWS = web.AppKey("flows", FlowSource)


async def flows(request: web.Request) -> web.Response:
    """Every flow as callers are put it now, and every file that is refused."""
    read_parameters(request, Parameters)
    source = request.app[FLOWS]
    states = (source.shelf.state(code) for code in source.shelf.codes)
    return json_answer(
        request,
        FlowsBody(
            flows=[FlowBody.of(state, source.status) for state in states if state],
            refused=[RefusalBody.of(refusal) for refusal in source.status.refusals.values()],
            problem=source.status.problem or None,
        ),
    )


async def versions(request: web.Request) -> web.Response:
    """The publications of one flow; 404 when it never had any."""
    read_parameters(request, Parameters)
    source = request.app[FLOWS]
    code = request.match_info["flow"]
    found = in_order(await publications(source.database, code))
    if not found:
        raise Problem(404, "No such flow", f"flow: no flow {code[:100]!r} was ever published", "flow")
    surveys = await surveys_by_version(source.database, code)
    return json_answer(request, VersionsBody.of(code, found, in_force(found, moment(found, source.now())), surveys))


OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/flows",
        handler=flows,
        roles=SUPERVISORS,
        summary="All flows as they are in force, and files that are refused",
        answers={200: FlowsBody},
    ),
    Operation(
        method="GET",
        path="/api/v1/flows/{flow}/versions",
        handler=versions,
        roles=SUPERVISORS,
        summary="The publications of one flow",
        answers={200: VersionsBody},
    ),
]
