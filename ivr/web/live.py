"""`GET /api/v1/live`: what happens to surveys, as server-sent events (https://html.spec.whatwg.org/#server-sent-events).

The events `offered`, `answered` and `ended` each have an id and one JSON object. A client that comes back with
`Last-Event-ID` is told what it missed, or else `reload`: then it reads again what it shows.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Self

from aiohttp import web
from aiohttp_sse import sse_response
from pydantic import BaseModel, Field

from ivr.live import LiveFeed, SurveyNews
from ivr.web.access import EVERYBODY, VIEWER, Viewer
from ivr.web.operations import Operation
from ivr.web.parameters import Parameters, read_parameters
from storage.records import AgentRecord

LONGEST_SECONDS = 300.0
"""After which the client must come back, and show anew who it is."""
PING_SECONDS = 15.0
RETRY_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSource:
    """Where the news come from, and who is in which team."""

    feed: LiveFeed
    agents: Callable[[], Awaitable[Sequence[AgentRecord]]]
    """All agents of all sites."""


LIVE = web.AppKey("live", LiveSource)


def end_streams(app: web.Application) -> None:
    """Have the streams end when `app` shuts down, which would wait for them."""

    async def end(app: web.Application) -> None:
        app[LIVE].feed.close()

    app.on_shutdown.append(end)


class LiveParameters(Parameters):
    """Where the stream begins."""

    after: str = Field(
        default="", description="Id of the last event that is known, as in the header Last-Event-ID", examples=["17"]
    )


class LiveBody(BaseModel):
    """The data of one event."""

    happened: Literal["offered", "answered", "ended"] = Field(description="The same as the event's name")
    at: datetime = Field(description="When, with its offset")
    site: str
    survey: str = Field(description="The survey's uniqueid")
    call: str = Field(description="The linkedid of the call that it is about")
    agents: list[str] = Field(description="Codes of the agents who are credited, as far as was known then")
    queue: str | None = Field(description="null when not known")
    reason: str | None = Field(description="null when not known")
    flow: str
    question: str | None = Field(description="The question that was answered; null for other events")
    is_rating: bool = Field(description="Whether that is the flow's headline question")
    value: int | None = Field(description="What was answered; null for other events")
    outcome: str | None = Field(description="How the survey ended; null for other events")

    @classmethod
    def of(cls, news: SurveyNews) -> Self:
        """The body for a piece of news."""
        return cls(
            happened=news.happened,
            at=news.at,
            site=news.site,
            survey=news.survey,
            call=news.linkedid,
            agents=list(news.agents),
            queue=news.queue or None,
            reason=news.reason or None,
            flow=news.flow,
            question=news.question or None,
            is_rating=news.is_rating,
            value=news.value,
            outcome=news.outcome or None,
        )


async def live(request: web.Request) -> web.StreamResponse:
    """Tell a viewer what happens, for as long as the client listens, but not for longer than `LONGEST_SECONDS`."""
    source = request.app[LIVE]
    after = request.headers.get("Last-Event-ID") or read_parameters(request, LiveParameters).after
    seen = _Seen(request[VIEWER], await source.agents())
    until = asyncio.get_running_loop().time() + LONGEST_SECONDS
    async with sse_response(request, ping_interval=PING_SECONDS) as response:
        with source.feed.follow(after) as follower:
            # Its id is the one with which a client comes back who was told nothing yet.
            await response.send("", event="hello", id=follower.after, retry=RETRY_MILLISECONDS)
            if not follower.is_whole:
                await response.send("", event="reload")
            while not follower.is_over and response.is_connected() and asyncio.get_running_loop().time() < until:
                event = await follower.next(PING_SECONDS)
                if event and (news := seen.of(event.news)):
                    body = LiveBody.of(news).model_dump_json()
                    await response.send(body, id=event.id, event=news.happened)
            if follower.is_let_go:
                await response.send("", event="reload")
    return response


class _Seen:
    """What a viewer is told."""

    def __init__(self, viewer: Viewer, agents: Iterable[AgentRecord]) -> None:
        self._viewer = viewer
        self._teams = {(agent.site, agent.agent): agent.team for agent in agents}

    def of(self, news: SurveyNews) -> SurveyNews | None:
        """The news, with those of its agents whom the viewer sees; None when the viewer may not be told."""
        if self._viewer.site not in (None, news.site):
            return None
        if self._viewer.sees_all_agents:
            return news
        agents = tuple(
            agent
            for agent in news.agents
            if self._viewer.sees(news.site, agent, self._teams.get((news.site, agent), ""))
        )
        return replace(news, agents=agents) if agents else None


OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/live",
        handler=live,
        roles=EVERYBODY,
        summary="What happens to surveys, as server-sent events",
        query=LiveParameters,
        answers={200: "text/event-stream"},
    )
]
