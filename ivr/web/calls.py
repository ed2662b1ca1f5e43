"""`GET /api/v1/calls/{call}`: what happened to one call, and which rule decided whether its caller was asked."""

from collections.abc import Collection
from dataclasses import dataclass

from aiohttp import web
from pydantic import Field

from ivr.web.access import SUPERVISORS, VIEWER
from ivr.web.answers import json_answer
from ivr.web.call_models import CallBody
from ivr.web.operations import Operation
from ivr.web.parameters import Parameters, read_parameters
from ivr.web.problems import Problem
from ivr.web.score_query import seen_site
from storage.call_story import CallStory, call_story
from storage.engine import Database
from storage.queries import agents


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSource:
    """Where calls are found."""

    database: Database
    sites: Collection[str]
    """The first is meant when a request names none."""


CALLS = web.AppKey("calls", CallSource)


class CallParameters(Parameters):
    """At which site."""

    site: str | None = Field(
        default=None, description="Code of the site; without it the first that is seen", examples=["main"]
    )


async def seen_call(request: web.Request) -> CallStory:
    """The call that a request names.

    Raises `Problem` (404) when the site has never heard of it, and just so when whoever asks sees none of its agents.
    """
    source, viewer = request.app[CALLS], request[VIEWER]
    site = seen_site(request, read_parameters(request, CallParameters).site, source.sites)
    linkedid = request.match_info["call"]
    story = await call_story(source.database, site, linkedid)
    if story is not None and not viewer.sees_all_agents:
        teams = {agent.agent: agent.team for agent in await agents(source.database, site)}
        involved = {leg.agent for leg in story.legs}
        if story.survey:
            involved |= {story.survey.agent, *story.survey.shared_by}
        if not any(viewer.sees(site, agent, teams.get(agent, "")) for agent in involved):
            story = None
    if story is None:
        raise Problem(404, "No such call", f"call: site {site} has no call {linkedid[:160]!r}", "call")
    return story


async def call(request: web.Request) -> web.Response:
    """One call by its linkedid."""
    return json_answer(request, CallBody.of(await seen_call(request)))


OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/calls/{call}",
        handler=call,
        roles=SUPERVISORS,
        summary="The story of one call",
        query=CallParameters,
        answers={200: CallBody},
    )
]
