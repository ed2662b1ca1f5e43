"""`/`: what callers say right now, today against yesterday, and what needs a hand."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from aiohttp import web

from ivr.scoreboard.board import ScoreQuery, people
from ivr.scoreboard.breakdown import breakdown
from ivr.scoreboard.trend import comparison, trend
from ivr.scores.scored import Scored
from ivr.web.access import EVERYBODY, VIEWER
from ivr.web.health import CHECKS, states_of
from ivr.web.live import LIVE
from ivr.web.operations import Operation
from ivr.web.pages.chart_routes import drawn
from ivr.web.pages.charts import TREND_HEIGHT
from ivr.web.pages.filtering import Asked, PageParameters, asked_today
from ivr.web.pages.frame import own_page, render, spoken_in
from ivr.web.pages.health import HEALTH
from ivr.web.pages.trends import in_words
from storage.survey_list import SurveyFilter, surveys_page, surveys_under_way

LAST = 12
"""How many ratings are shown."""
LONGEST_SURVEY = timedelta(hours=1)
"""No caller is asked for so long."""
LOOK_BACK = timedelta(days=7)
"""How old a rating may be to be shown as one of the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What needs a hand."""

    broken: tuple[tuple[str, str], ...]
    """Each part that does not work, with what is wrong."""
    refused: int
    """Flow files that are refused."""
    lacking: tuple[str, ...]
    """Flows of which the PBX lacks prompts, with the language."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.broken) + len(self.lacking) + bool(self.refused)


async def now(request: web.Request) -> web.Response:
    """The live page; its parts are read again by its script. An agent is led to the own page."""
    if request[VIEWER].role == "agent":
        raise web.HTTPSeeOther(own_page(request[VIEWER]))
    # Before anything is read: what happens meanwhile is told, and read once more.
    after = request.app[LIVE].feed.last_id
    about = await asked_today(request)
    query = about.query
    yesterday = replace(query, from_day=query.from_day - timedelta(days=1), to_day=query.to_day - timedelta(days=1))
    days = await _by_day(about, replace(query, from_day=yesterday.from_day))
    who = await people(about.board, query)
    last = await surveys_page(
        about.board.database,
        SurveyFilter(
            site=query.site,
            begins=about.board.now() - LOOK_BACK,
            ends=query.ends,
            flow=query.flow,
            queue=query.queue,
            agents=who.only,
            rated=True,
        ),
        limit=LAST,
    )
    month = replace(query, from_day=query.to_day - timedelta(days=29))
    over_time = await trend(about.board, month, "day")
    return render(
        request,
        "now.html",
        here="now",
        filters=about.filters,
        zone=query.zone,
        after=after,
        at=about.board.now(),
        today=days.get(query.to_day),
        yesterday=days.get(yesterday.to_day),
        change=await comparison(about.board, yesterday, query),
        by_queue=await breakdown(about.board, query, ["queue"]),
        last=last.surveys,
        satisfied=about.board.flows[query.flow].headline.satisfied,
        who=who,
        reason_name=about.reason,
        under_way=await surveys_under_way(about.board.database, query.site, about.board.now() - LONGEST_SURVEY),
        trend=over_time,
        chart=drawn(
            "trend",
            request,
            about.filters,
            alternative=in_words(over_time, spoken_in(request)),
            height=TREND_HEIGHT,
            half=True,
            step="day",
            **{"from": month.from_day.isoformat(), "to": month.to_day.isoformat()},
        ),
        alerts=await _alerts(request),
    )


async def _by_day(about: Asked, query: ScoreQuery) -> dict[date, Scored]:
    found: dict[date, Scored] = {}
    for group in await breakdown(about.board, query, ["day"]):
        assert isinstance(group.keys[0], date)  # told apart by day
        found[group.keys[0]] = group.scored
    return found


async def _alerts(request: web.Request) -> Alerts:
    source = request.app[HEALTH]
    states = await states_of(request.app[CHECKS])
    return Alerts(
        broken=tuple((name, state) for name, state in states.items() if state != "ok"),
        refused=len(source.flows.refusals),
        lacking=tuple(f"{one.flow} ({one.language})" for one in source.prompts() if one.missing),
    )


OPERATIONS = [
    Operation(
        method="GET",
        path="/",
        handler=now,
        roles=EVERYBODY,
        summary="The live page",
        query=PageParameters,
        answers={200: "text/html"},
    )
]
