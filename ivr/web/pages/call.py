"""`/calls/{call}`: the story of one call, with what the caller said."""

from collections.abc import Mapping
from urllib.parse import quote

from aiohttp import web

from ivr.web.access import SUPERVISORS, VIEWER, Viewer
from ivr.web.calls import CALLS
from ivr.web.operations import Operation
from ivr.web.pages.frame import SITES, render
from ivr.web.problems import Problem, wrong_parameter
from storage.call_story import CallStory, call_story
from storage.queries import agents
from storage.records import AgentRecord


async def call(request: web.Request) -> web.Response:
    """What happened to a call; one of agents whom the viewer does not see is answered as one that there is not."""
    source = request.app[CALLS]
    site = request.query.get("site", next(iter(source.sites)))
    if site not in source.sites:
        raise wrong_parameter("site", site, f"one of {', '.join(sorted(source.sites))}")
    linkedid = request.match_info["call"]
    story = await call_story(source.database, site, linkedid)
    known = {agent.agent: agent for agent in await agents(source.database, site)}
    if story is None or not _is_seen(request[VIEWER], story, known):
        raise Problem(404, "No such call", f"call: site {site} has no call {linkedid[:160]!r}", "call")
    return render(
        request,
        "call.html",
        here="calls",
        zone=request.app[SITES].get(site),
        site=site,
        story=story,
        agents=known,
        recordings=f"/api/v1/calls/{quote(linkedid, safe='')}/recordings/",
    )


def _is_seen(viewer: Viewer, story: CallStory, known: Mapping[str, AgentRecord]) -> bool:
    site = story.call.site
    involved = {leg.agent for leg in story.legs} | ({story.survey.agent} if story.survey else set())
    # A call that reached nobody is nobody's: whoever sees the whole site sees it.
    return any(viewer.sees(site, agent, known[agent].team if agent in known else "") for agent in involved or {""})


OPERATIONS = [
    Operation(
        method="GET",
        path="/calls/{call}",
        handler=call,
        roles=SUPERVISORS,
        summary="The story of one call",
        answers={200: "text/html"},
    )
]
