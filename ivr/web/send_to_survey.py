"""`POST /api/v1/calls/{linkedid}/survey`: the agent, or the agent's screen, sends the caller into the survey."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from aiohttp import web

from ivr.errors import NoSuchCall, NotTalking, PbxError
from ivr.web.problems import Problem, wrong_parameter
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


DOOR = web.AppKey("call door", CallDoor)


def add_sending(app: web.Application, door: CallDoor) -> None:
    """Add the route; `app` asks for the token itself."""
    app[DOOR] = door
    app.router.add_post("/api/v1/calls/{linkedid}/survey", send)


async def send(request: web.Request) -> web.Response:
    """202 when the caller is on the way; 404, 409 or 503 with the reason when not, and nothing was done."""
    door = request.app[DOOR]
    linkedid = request.match_info["linkedid"]
    for name in request.query:
        if name != "site":
            raise Problem(400, "Unknown parameter", f"{name[:100]}: allowed is site", name[:100])
    site = request.query.get("site", next(iter(door.senders)))
    sender = door.senders.get(site)
    if sender is None:
        raise wrong_parameter("site", site, ", ".join(door.senders))
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
        log.error("a caller is not sent into the survey", site=site, why=str(error))
        raise Problem(503, "PBX not available", "the PBX does not answer; try again later") from None
    return web.json_response({"site": site, "linkedid": linkedid}, status=202)
