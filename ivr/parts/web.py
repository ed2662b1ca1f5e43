"""The web application: its routes, and where they take their facts from."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path, PurePosixPath

from aiohttp import web

from callflows.loader import LIBRARY
from callflows.questions import Question
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.link import AmiLink
from ivr.asterisk.state import AmiState
from ivr.live import LiveFeed
from ivr.parts.agi import agi_check
from ivr.parts.background import Background
from ivr.parts.jobs import Jobs, pbx_job
from ivr.parts.pbx import link_check
from ivr.parts.replicas import Send
from ivr.scoreboard.board import RatedFlow, RatedQuestion, Scoreboard, ScoredSite
from ivr.settings import Settings
from ivr.surveys.flows import FlowShelf
from ivr.surveys.privacy import CallerKey
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.publishing import Publishing
from ivr.trial.trial import TrialStore
from ivr.web import (
    breakdown,
    call_list,
    calls,
    flows,
    funnel,
    live,
    metrics,
    opt_outs,
    reasons,
    recordings,
    scores,
    send_to_survey,
    surveys,
)
from ivr.web.auth import Door
from ivr.web.calls import CALLS, CallSource
from ivr.web.flows import FLOWS, FlowSource
from ivr.web.health import Check
from ivr.web.live import LIVE, LiveSource, end_streams
from ivr.web.metrics import METRICS, Measure
from ivr.web.openapi import add_document
from ivr.web.operations import Operation
from ivr.web.opt_outs import BOOK, OptOutBook
from ivr.web.pages.every import PAGES, add_pages
from ivr.web.pages.health import HEALTH, DoorFacts, HealthSource, LinkFacts
from ivr.web.reasons import RECORDER, SITES
from ivr.web.recordings import RECORDINGS, Recordings
from ivr.web.score_query import BOARD
from ivr.web.send_to_survey import SENDING, CallDoor
from ivr.web.server import web_app
from ivr.web.try_page import TrialRoom
from ivr.web.try_socket import add_trials
from storage import queries
from storage.accounts import Accounts
from storage.engine import Database
from storage.journaled import JournaledSurveys
from storage.recorder import Recorder
from storage.schema import check_service

OPERATIONS: Sequence[Operation] = [
    *scores.OPERATIONS,
    *breakdown.OPERATIONS,
    *funnel.OPERATIONS,
    *surveys.OPERATIONS,
    *call_list.OPERATIONS,
    *calls.OPERATIONS,
    *recordings.OPERATIONS,
    *opt_outs.OPERATIONS,
    *reasons.OPERATIONS,
    *send_to_survey.OPERATIONS,
    *flows.OPERATIONS,
    *live.OPERATIONS,
]
"""Everything that can be asked for, in the order of the API's document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """What the web application shows, and can do."""

    settings: Settings
    database: Database
    recorder: Recorder
    flows: FlowShelf
    publishing: Publishing
    callers: CallerKey
    links: Mapping[str, AmiLink]
    """By site."""
    agi: AgiServer
    prompts: PromptCheck
    live: LiveFeed
    refused: Counter[str]
    """Counts who is not let in, by why; see `ivr.web.auth.Door`."""
    jobs: Jobs
    senders: Mapping[str, Send]
    """By site."""
    journaled: JournaledSurveys | None
    """None where the database is SQLite."""
    background: Background
    measure: Measure
    now: Callable[[], datetime]


def web_application(parts: WebParts) -> web.Application:
    """All routes, not served yet."""
    settings, database, shelf = parts.settings, parts.database, parts.flows
    recorder, callers, links, publishing = parts.recorder, parts.callers, parts.links, parts.publishing
    now = parts.now
    checks: dict[str, Check] = {"surveys": agi_check(parts.agi), "database": lambda: check_service(database)}
    if parts.journaled:
        checks["journal"] = parts.journaled.check
    checks["background"] = parts.background.check
    checks |= {f"pbx {code}": link_check(code, link, parts.jobs) for code, link in links.items()}
    door = Door(
        token=settings.web.token.get_secret_value(), accounts=Accounts(database), now=now, refused=parts.refused
    )
    app = web_app(door, checks, [*OPERATIONS, *metrics.OPERATIONS, *PAGES], settings.web.proxies)
    add_document(app, OPERATIONS, version=metadata.version("postcall"))
    app[METRICS] = parts.measure
    app[BOARD] = Scoreboard(
        database=database,
        sites={
            code: ScoredSite(zone=site.zone_info, flow=site.flow, name=site.name)
            for code, site in settings.sites.items()
        },
        flows=RatedFlows(shelf),
        now=now,
    )
    first = next(iter(settings.sites))
    add_trials(
        app,
        TrialRoom(
            token=settings.web.token.get_secret_value(),
            find=shelf.find,
            sounds=_sound_folders(settings),
            store=TrialStore(recorder=recorder, site=first),
            now=lambda: datetime.now(settings.sites[first].zone_info),
        ),
    )
    sites = list(settings.sites)
    app[CALLS] = CallSource(database=database, sites=sites)
    app[RECORDINGS] = Recordings(
        on_pbx=PurePosixPath(settings.flows.recordings),
        here=settings.flows.recordings_here or Path(settings.flows.recordings),
        accounts=Accounts(database),
        now=now,
    )
    app[BOOK] = OptOutBook(recorder=recorder, callers=callers, sites=sites, now=now)
    app[SENDING] = CallDoor(
        database=database,
        senders=parts.senders,
    )
    app[RECORDER], app[SITES] = recorder, sites
    app[FLOWS] = FlowSource(database=database, shelf=shelf, status=publishing.status, now=now)
    app[LIVE] = LiveSource(feed=parts.live, agents=lambda: queries.agents(database))
    end_streams(app)
    app[HEALTH] = HealthSource(
        links=lambda: {
            code: _link_facts(link.state, is_ours=parts.jobs.has(pbx_job(code))) for code, link in links.items()
        },
        door=lambda: _door_facts(settings.fastagi.host, parts.agi),
        prompts=lambda: parts.prompts.states,
        flows=publishing.status,
        feed=parts.live,
        now=now,
    )
    add_pages(app, {code: site.zone_info for code, site in settings.sites.items()})
    return app


def _link_facts(state: AmiState, *, is_ours: bool) -> LinkFacts:
    return LinkFacts(
        is_up=state.connected or not is_ours,
        since=state.since,
        problem=state.problem or state.extension_problem if is_ours else "another replica follows this PBX",
        reconnects=state.reconnects,
        armed=state.armed,
        not_armed=state.not_armed,
        skipped=state.skipped_messages,
    )


def _door_facts(host: str, agi: AgiServer) -> DoorFacts:
    counts = agi.counts
    return DoorFacts(address=f"{host}:{agi.port}", open=counts.open, accepted=counts.accepted, refused=counts.refused)


def _sound_folders(settings: Settings) -> list[Path]:
    """Where a browser's sounds are looked for, in this order: beside the admin's own flows, and the shipped ones."""
    own = [settings.flows.folder / "sounds"] if settings.flows.folder else []
    return [*own, LIBRARY / "sounds"]


class RatedFlows(Mapping[str, RatedFlow]):
    """What a rating is in each flow, by its version in force at the moment when one asks."""

    def __init__(self, flows: FlowShelf) -> None:
        self._flows = flows

    def __getitem__(self, code: str) -> RatedFlow:
        version = self._flows.find(code)
        if version is None:
            raise KeyError(code)
        flow = version.flow
        return RatedFlow(
            title=flow.title,
            headline=_rated(flow.headline_question),
            others=[_rated(question) for question in flow.questions if question is not flow.headline_question],
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._flows.codes)

    def __len__(self) -> int:
        return len(self._flows.codes)


def _rated(question: Question) -> RatedQuestion:
    return RatedQuestion(
        code=question.code,
        values=question.values,
        satisfied=question.satisfied_values,
        labels=question.labels,
    )
