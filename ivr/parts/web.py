"""The web application: its routes, and where they take their facts from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web

from callflows.loader import LIBRARY, FlowVersion
from ivr.asterisk.link import AmiLink
from ivr.parts.pbx import link_check
from ivr.settings import Settings
from ivr.surveys.flows import FlowShelf
from ivr.surveys.privacy import CallerKey
from ivr.surveys.publishing import Publishing
from ivr.trial.trial import TrialStore
from ivr.web.calls import CallSource, add_calls
from ivr.web.flows import FlowSource, add_flow_routes
from ivr.web.health import Check
from ivr.web.opt_outs import OptOutBook, add_opt_outs
from ivr.web.reasons import add_reason_route
from ivr.web.score_query import ScoredSite
from ivr.web.scores import RatedFlow, ScoreSource
from ivr.web.send_to_survey import CallDoor, add_sending
from ivr.web.server import web_app
from ivr.web.try_page import TrialRoom
from ivr.web.try_socket import add_trials
from storage.engine import Database
from storage.recorder import Recorder
from storage.schema import check_schema


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
    now: Callable[[], datetime]


def web_application(parts: WebParts) -> web.Application:
    """All routes, not served yet."""
    settings, database, flows = parts.settings, parts.database, parts.flows
    recorder, callers, links, publishing = parts.recorder, parts.callers, parts.links, parts.publishing
    now = parts.now
    source = ScoreSource(
        database=database,
        sites={code: ScoredSite(zone=site.zone_info, flow=site.flow) for code, site in settings.sites.items()},
        flows=_RatedFlows(flows),
        now=now,
    )
    checks: dict[str, Check] = {"database": lambda: check_schema(database)}
    checks |= {f"pbx {code}": link_check(link) for code, link in links.items()}
    app = web_app(source, checks, settings.web.token.get_secret_value())
    first = next(iter(settings.sites))
    add_trials(
        app,
        TrialRoom(
            token=settings.web.token.get_secret_value(),
            find=flows.find,
            sounds=_sound_folders(settings),
            store=TrialStore(recorder=recorder, site=first),
            now=lambda: datetime.now(settings.sites[first].zone_info),
        ),
    )
    add_calls(app, CallSource(database=database, sites=list(settings.sites)))
    add_opt_outs(app, OptOutBook(recorder=recorder, callers=callers, sites=list(settings.sites), now=now))
    add_sending(app, CallDoor(database=database, senders={code: link.send_to_survey for code, link in links.items()}))
    add_reason_route(app, recorder, settings.sites)
    add_flow_routes(app, FlowSource(database=database, shelf=flows, status=publishing.status, now=now))
    return app


def _sound_folders(settings: Settings) -> list[Path]:
    """Where a browser's sounds are looked for, in this order: beside the admin's own flows, and the shipped ones."""
    own = [settings.flows.folder / "sounds"] if settings.flows.folder else []
    return [*own, LIBRARY / "sounds"]


class _RatedFlows(Mapping[str, RatedFlow]):
    """What a rating is in each flow, by its version in force at the moment when one asks."""

    def __init__(self, flows: FlowShelf) -> None:
        self._flows = flows

    def __getitem__(self, code: str) -> RatedFlow:
        version = self._flows.find(code)
        if version is None:
            raise KeyError(code)
        return _rated(version)

    def __iter__(self) -> Iterator[str]:
        return iter(self._flows.codes)

    def __len__(self) -> int:
        return len(self._flows.codes)


def _rated(version: FlowVersion) -> RatedFlow:
    question = version.flow.headline_question
    return RatedFlow(
        question=question.code,
        values=list(question.values),
        satisfied=list(question.satisfied_values),
    )
