"""`/calls/{call}`: the story of one call, with what the caller said."""

from urllib.parse import quote

from aiohttp import web

from ivr.web.access import SUPERVISORS
from ivr.web.calls import CALLS, CallParameters, seen_call
from ivr.web.operations import Operation
from ivr.web.pages.frame import SITES, render
from storage.queries import agents


async def call(request: web.Request) -> web.Response:
    """What happened to a call; one of agents whom the viewer does not see is answered as one that there is not."""
    story = await seen_call(request)
    site = story.call.site
    known = {agent.agent: agent for agent in await agents(request.app[CALLS].database, site)}
    return render(
        request,
        "call.html",
        here="calls",
        zone=request.app[SITES].get(site),
        site=site,
        story=story,
        agents=known,
        recordings=f"/api/v1/calls/{quote(story.call.linkedid, safe='')}/recordings/",
    )


OPERATIONS = [
    Operation(
        method="GET",
        path="/calls/{call}",
        handler=call,
        roles=SUPERVISORS,
        summary="The story of one call",
        query=CallParameters,
        answers={200: "text/html"},
    )
]
