"""`/calls`: the callers who were asked, one by one, the newest first; or those who were not, and why."""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from ivr.scoreboard.board import People, people
from ivr.web.access import SUPERVISORS
from ivr.web.operations import Operation
from ivr.web.pages.filtering import Asked, PageParameters, asked
from ivr.web.pages.frame import render
from ivr.web.problems import wrong_parameter
from storage.call_list import CallFilter, ListedCall, calls_page
from storage.survey_list import ListedSurvey, SurveyFilter, surveys_page

PAGE = 50
Kind = Literal["all", "satisfied", "not_satisfied", "commented", "no_rating", "not_asked"]
KINDS: tuple[Kind, ...] = ("all", "not_satisfied", "satisfied", "commented", "no_rating", "not_asked")


class CallsParameters(PageParameters):
    """The parameters of the page."""

    show: Kind = Field(default="all", description="Which of the calls")
    why: str | None = Field(default=None, description="Of those not asked: for this reason code alone")
    call: str = Field(default="", description="A linkedid: leads to that call alone")
    after: str = Field(default="", description="Where the page begins, as the page before says")


async def calls(request: web.Request) -> web.Response:
    """One page of the list."""
    about, parameters = await asked(request, CallsParameters)
    if parameters.call:
        site = f"?site={quote(about.query.site)}" if "site" in about.filters.chosen else ""
        raise web.HTTPSeeOther(f"/calls/{quote(parameters.call.strip(), safe='')}{site}")
    who = await people(about.board, about.query)
    which = _not_asked if parameters.show == "not_asked" or parameters.why else _asked
    try:
        template, rows, older = await which(about, who, parameters)
    except ValueError as error:
        raise wrong_parameter("after", parameters.after, str(error)) from None
    return render(
        request,
        template,
        here="calls",
        filters=about.filters,
        zone=about.query.zone,
        rows=rows,
        older=older,
        show="not_asked" if which is _not_asked else parameters.show,
        why=parameters.why,
        kinds=KINDS,
        after=parameters.after,
        satisfied=about.board.flows[about.query.flow].headline.satisfied,
        who=who,
        reason_name=about.reason,
    )


async def _asked(about: Asked, who: People, parameters: CallsParameters) -> tuple[str, Sequence[ListedSurvey], str]:
    headline = about.board.flows[about.query.flow].headline
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
    page = await surveys_page(about.board.database, wanted, after=parameters.after, limit=PAGE)
    return "calls.html", page.surveys, page.older


async def _not_asked(about: Asked, who: People, parameters: CallsParameters) -> tuple[str, Sequence[ListedCall], str]:
    wanted = CallFilter(
        site=about.query.site,
        begins=about.query.begins,
        ends=about.query.ends,
        queue=about.query.queue,
        reason=about.query.reason,
        agents=who.only,
        asked=False,
        exclusion=parameters.why,
    )
    page = await calls_page(about.board.database, wanted, after=parameters.after, limit=PAGE)
    return "calls_not_asked.html", page.calls, page.older


OPERATIONS = [
    Operation(
        method="GET",
        path="/calls",
        handler=calls,
        roles=SUPERVISORS,
        summary="The callers who were asked, and those who were not",
        query=CallsParameters,
        answers={200: "text/html"},
    )
]
