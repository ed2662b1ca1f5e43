"""From a page's address to what it is about: the query of its numbers, and the filter bar above them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import Field, model_validator

from ivr.scoreboard.board import Scoreboard, ScoreQuery
from ivr.web.access import VIEWER, visible_agents
from ivr.web.pages.filters import Choice, Choices, FilterBar
from ivr.web.parameters import read_parameters
from ivr.web.score_query import BOARD, ScoreParameters, score_query
from storage.codes import site_codes
from storage.queries import agents


class PageParameters(ScoreParameters):
    """The parameters that all pages of scores have."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        """A form sends an empty parameter for "all"."""
        return {name: value for name, value in given.items() if value != ""}


MOST_ROWS = 100
"""Of a longer table, so many rows are shown at first: a telephone takes long over five hundred."""


class RowParameters(PageParameters):
    """Those of a page with a table that may be long."""

    rows: Literal["first", "all"] = Field(default="first", description="The first hundred rows of a table, or all")

    @property
    def most(self) -> int | None:
        """How many rows are shown; None for all."""
        return MOST_ROWS if self.rows == "first" else None


Parameters = TypeVar("Parameters", bound=PageParameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a page is about."""

    board: Scoreboard
    query: ScoreQuery
    filters: FilterBar
    reasons: Mapping[str, str]
    """What reasons are called, by code."""

    def reason(self, code: str) -> str:
        """What a reason is called; ``""`` when it is not known."""
        return self.reasons.get(code) or code


async def asked(request: web.Request, model: type[Parameters]) -> tuple[Asked, Parameters]:
    """Read the address of a page. Raises `Problem` that names the first wrong parameter."""
    parameters = read_parameters(request, model)
    board, viewer = request.app[BOARD], request[VIEWER]
    query = await score_query(request, parameters)
    everybody = await agents(board.database, query.site)
    seen = visible_agents(viewer, everybody)
    codes = await site_codes(board.database, query.site)
    teams = sorted({agent.team for agent in everybody if agent.team and (seen is None or agent.agent in seen)})
    sites = {code: site for code, site in board.sites.items() if viewer.site in (None, code)}
    given = {"queue": query.queue, "reason": query.reason, "team": query.team}
    filters = FilterBar(
        choices=Choices(
            sites=[Choice(code=code, label=one.name or code) for code, one in sites.items()],
            flows=[Choice(code=code, label=one.title or code) for code, one in board.flows.items()],
            queues=[Choice(code=queue, label=queue) for queue in codes.queues],
            reasons=[Choice(code=code, label=label or code) for code, label in codes.reasons.items()],
            teams=[Choice(code=team, label=team) for team in teams],
        ),
        chosen=parameters.model_dump(
            mode="json", by_alias=True, exclude_none=True, include={*ScoreParameters.model_fields}
        ),
        shown={"site": query.site, "flow": query.flow, **{name: code for name, code in given.items() if code}},
        from_day=query.from_day,
        to_day=query.to_day,
        today=board.now().astimezone(query.zone).date(),
    )
    return Asked(board=board, query=query, filters=filters, reasons=codes.reasons), parameters


async def asked_today(request: web.Request) -> Asked:
    """The same for a page that is about today, whatever period its address names."""
    about, _ = await asked(request, PageParameters)
    today = about.filters.today
    query = replace(about.query, from_day=today, to_day=today)
    return replace(about, query=query, filters=replace(about.filters, has_period=False, hidden=frozenset({"reason"})))
