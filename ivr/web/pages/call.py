"""`/calls/{call}`: the story of one call, with what the caller said."""

from urllib.parse import quote

from aiohttp import web

from ivr.web.access import SUPERVISORS, VIEWER, visible_agents
from ivr.web.calls import CALLS, CallParameters, seen_call
from ivr.web.operations import Operation
from ivr.web.pages.frame import SITES, render
from ivr.web.score_query import BOARD
from storage.codes import site_codes
from storage.queries import agents


async def call(request: web.Request) -> web.Response:
    """What happened to a call; one of agents whom the viewer does not see is answered as one that there is not."""
    story = await seen_call(request)
    site = story.call.site
    database = request.app[CALLS].database
    everybody = await agents(database, site)
    seen = visible_agents(request[VIEWER], everybody)
    flow = request.app[BOARD].flows.get(story.survey.flow) if story.survey else None
    return render(
        request,
        "call.html",
        here="calls",
        zone=request.app[SITES].get(site),
        site=site,
        story=story,
        agents={agent.agent: agent for agent in everybody},
        seen={agent.agent for agent in everybody if seen is None or agent.agent in seen},
        reasons=(await site_codes(database, site)).reasons,
        flow_title=flow.title if flow else "",
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
