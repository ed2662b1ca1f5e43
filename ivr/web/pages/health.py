"""`/health`: whether every part works, and what to do about one that does not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from ivr.live import LiveFeed
from ivr.surveys.prompt_check import PromptState
from ivr.surveys.publishing import FlowsStatus
from ivr.web.access import SUPERVISORS
from ivr.web.health import CHECKS, states_of
from ivr.web.operations import Operation
from ivr.web.pages.frame import render


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """How the link to one site's PBX is doing."""

    is_up: bool
    since: datetime
    """Since when it is so."""
    problem: str
    """``""`` while it is up."""
    reconnects: int
    armed: int
    """Callers who were sent into the survey when their agent hung up."""
    not_armed: int
    """Callers for whom that failed."""
    skipped: int
    """Messages that could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorFacts:
    """How the FastAGI server is doing."""

    address: str
    open: int
    """Callers who are being asked."""
    accepted: int
    """Callers whom the dialplan has brought since the start."""
    refused: int
    """Those who went on without a survey because there were too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSource:
    """What the page asks of the running service."""

    links: Callable[[], Mapping[str, LinkFacts]]
    """By site."""
    door: Callable[[], DoorFacts]
    prompts: Callable[[], Sequence[PromptState]]
    flows: FlowsStatus
    feed: LiveFeed
    now: Callable[[], datetime]


HEALTH = web.AppKey("health", HealthSource)


async def health(request: web.Request) -> web.Response:
    """Each part with its state, and a line that says what to do."""
    source = request.app[HEALTH]
    states = await states_of(request.app[CHECKS])
    prompts = sorted(source.prompts(), key=lambda state: (state.site, state.flow, state.language))
    return render(
        request,
        "health.html",
        here="health",
        states=states,
        links=source.links(),
        door=source.door(),
        prompts=prompts,
        refusals=list(source.flows.refusals.values()),
        flows_problem=source.flows.problem,
        followers=source.feed.followers,
        at=source.now(),
        is_well=all(state == "ok" for state in states.values())
        and not any(state.missing for state in prompts)
        and not source.flows.refusals
        and not source.flows.problem,
    )


OPERATIONS = [
    Operation(
        method="GET",
        path="/health",
        handler=health,
        roles=SUPERVISORS,
        summary="Whether every part works",
        answers={200: "text/html"},
    )
]
