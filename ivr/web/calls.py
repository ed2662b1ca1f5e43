"""`GET /api/v1/calls/{call}`: what happened to one call, and which rule decided whether its caller was asked."""

from collections.abc import Collection
from dataclasses import dataclass

from aiohttp import web

from ivr.web.call_models import CallBody
from ivr.web.problems import Problem, wrong_parameter
from storage.call_story import call_story
from storage.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSource:
    """Where calls are found."""

    database: Database
    sites: Collection[str]
    """The first is meant when a request names none."""


CALLS = web.AppKey("calls", CallSource)


def add_calls(app: web.Application, source: CallSource) -> None:
    """Add the route; `app` asks for the token itself."""
    app[CALLS] = source
    app.router.add_get("/api/v1/calls/{call}", call)


async def call(request: web.Request) -> web.Response:
    """One call by its linkedid; 404 when the site has never heard of it."""
    source = request.app[CALLS]
    for name in request.query:
        if name != "site":
            raise wrong_parameter(name, request.query[name], "no such parameter; there is site")
    site = request.query.get("site", next(iter(source.sites)))
    if site not in source.sites:
        raise wrong_parameter("site", site, f"one of {', '.join(sorted(source.sites))}")
    linkedid = request.match_info["call"]
    story = await call_story(source.database, site, linkedid)
    if story is None:
        raise Problem(404, "No such call", f"call: site {site} has no call {linkedid[:160]!r}", "call")
    return web.Response(text=CallBody.of(story).model_dump_json(), content_type="application/json")
