"""`GET /api/v1/flows` and `GET /api/v1/flows/{flow}/versions`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from pydantic import BaseModel

from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import FlowsStatus
from ivr.surveys.versions import in_force, in_order
from ivr.web.flow_models import FlowBody, FlowsBody, RefusalBody, VersionsBody
from ivr.web.problems import Problem, wrong_parameter
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


def add_flow_routes(app: web.Application, source: FlowSource) -> None:
    """Serve the flow endpoints."""
    app[FLOWS] = source
    app.router.add_get("/api/v1/flows", flows)
    app.router.add_get("/api/v1/flows/{flow}/versions", versions)


async def flows(request: web.Request) -> web.Response:
    """Every flow as callers are put it now, and every file that is refused."""
    _takes_no_parameters(request)
    source = request.app[FLOWS]
    states = (source.shelf.state(code) for code in source.shelf.codes)
    return _json(
        FlowsBody(
            flows=[FlowBody.of(state, source.status) for state in states if state],
            refused=[RefusalBody.of(refusal) for refusal in source.status.refusals.values()],
            problem=source.status.problem or None,
        )
    )


async def versions(request: web.Request) -> web.Response:
    """The publications of one flow; 404 when it never had any."""
    _takes_no_parameters(request)
    source = request.app[FLOWS]
    code = request.match_info["flow"]
    found = in_order(await publications(source.database, code))
    if not found:
        raise Problem(404, "No such flow", f"flow: no flow {code[:100]!r} was ever published", "flow")
    surveys = await surveys_by_version(source.database, code)
    return _json(VersionsBody.of(code, found, in_force(found, source.now()), surveys))


def _takes_no_parameters(request: web.Request) -> None:
    for name, given in request.query.items():
        raise wrong_parameter(name, given, "no such parameter; there are none")


def _json(body: BaseModel) -> web.Response:
    return web.Response(text=body.model_dump_json(), content_type="application/json")
