"""`/calls`: the callers who were asked, one by one, the newest first."""

from typing import Literal
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from ivr.scoreboard.board import people
from ivr.web.access import SUPERVISORS
from ivr.web.operations import Operation
from ivr.web.pages.filtering import PageParameters, asked
from ivr.web.pages.frame import render
from ivr.web.problems import wrong_parameter
from storage.survey_list import SurveyFilter, surveys_page

PAGE = 50
Kind = Literal["all", "satisfied", "not_satisfied", "commented", "no_rating"]
KINDS: tuple[Kind, ...] = ("all", "not_satisfied", "satisfied", "commented", "no_rating")


class CallsParameters(PageParameters):
    """The parameters of the page."""

    show: Kind = Field(default="all", description="Which of the calls")
    call: str = Field(default="", description="A linkedid: leads to that call alone")
    after: str = Field(default="", description="Where the page begins, as the page before says")


async def calls(request: web.Request) -> web.Response:
    """One page of the list."""
    about, parameters = await asked(request, CallsParameters)
    if parameters.call:
        site = f"?site={quote(about.query.site)}" if "site" in about.filters.chosen else ""
        raise web.HTTPSeeOther(f"/calls/{quote(parameters.call.strip(), safe='')}{site}")
    headline = about.board.flows[about.query.flow].headline
    who = await people(about.board, about.query)
    poor = [value for value in headline.values if value not in headline.satisfied]
    wanted = SurveyFilter(
        site=about.query.site,
        begins=about.query.begins,
        ends=about.query.ends,
        flow=about.query.flow,
        queue=about.query.queue,
        reason=about.query.reason,
        agents=who.only,
        values={"satisfied": headline.satisfied, "not_satisfied": poor}.get(parameters.show),
        rated=False if parameters.show == "no_rating" else None,
        commented=parameters.show == "commented",
    )
    try:
        found = await surveys_page(about.board.database, wanted, after=parameters.after, limit=PAGE)
    except ValueError as error:
        raise wrong_parameter("after", parameters.after, str(error)) from None
    return render(
        request,
        "calls.html",
        here="calls",
        filters=about.filters,
        zone=about.query.zone,
        found=found,
        show=parameters.show,
        kinds=KINDS,
        after=parameters.after,
        satisfied=headline.satisfied,
        who=who,
        reason_name=about.reason,
    )


OPERATIONS = [
    Operation(
        method="GET",
        path="/calls",
        handler=calls,
        roles=SUPERVISORS,
        summary="The callers who were asked",
        query=CallsParameters,
        answers={200: "text/html"},
    )
]
