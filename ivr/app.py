"""The composition root: everything is built, started and stopped here, in this order, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from callflows.loader import LIBRARY, FlowVersion
from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.agi_server import AgiServer, Handler
from ivr.asterisk.agi_session import AgiLimits
from ivr.asterisk.ami import AmiAccess
from ivr.asterisk.extension import ExtensionPlan
from ivr.asterisk.link import AmiLink
from ivr.asterisk.survey_route import read_request
from ivr.asterisk.wrapup_route import note_wrap_up
from ivr.callback_parts import callback_site, greeting
from ivr.calls import CallEvent, Gap
from ivr.errors import PbxError, SettingsError
from ivr.settings import Settings, SiteSettings
from ivr.surveys.callback_desk import CallbackDesk
from ivr.surveys.callbacks import Callbacks, CallbackSite
from ivr.surveys.conduct import SurveyDesk
from ivr.surveys.crediting import attribution_of, following
from ivr.surveys.facts import FactWriter
from ivr.surveys.flows import FlowShelf
from ivr.surveys.privacy import CallerKey
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.publishing import Publishing
from ivr.surveys.rulebook import rules_of
from ivr.surveys.sealed_numbers import NumberSeal
from ivr.surveys.site_flows import SiteFlows
from ivr.surveys.teams import Teams
from ivr.surveys.tracker import CallTracker
from ivr.surveys.wrap_up import WrapUps
from ivr.trial.trial import TrialStore
from ivr.web.calls import CallSource, add_calls
from ivr.web.flows import FlowSource, add_flow_routes
from ivr.web.health import Check
from ivr.web.opt_outs import OptOutBook, add_opt_outs
from ivr.web.reasons import add_reason_route
from ivr.web.score_query import ScoredSite
from ivr.web.scores import RatedFlow, ScoreSource
from ivr.web.send_to_survey import CallDoor, add_sending
from ivr.web.server import serving, web_app
from ivr.web.try_page import TrialRoom
from ivr.web.try_socket import add_trials
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import SiteRecord
from storage.schema import check_schema

log = structlog.get_logger()

SURVEYS_MAY_END_SECONDS = 1.0
"""How long surveys under way may go on when the service stops: the dialplan goes on within 2 seconds."""
FACTS_SECONDS = 3.0
"""How long the service waits, when it stops, for call facts to be written."""
LONGEST_SURVEY_SECONDS = 900.0
"""A survey that is open for longer was broken off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that runs."""

    url: str
    """Where the HTTP API is."""
    agi_port: int
    """Where the dialplan brings callers."""
    database: Database
    facts: FactWriter
    prompts: PromptCheck
    links: Mapping[str, AmiLink]
    """The link to each site's PBX, by the site's code."""
    publishing: Publishing
    """Keeps the flows in force up to date."""


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """Run the whole service until the block ends.

    Raises a `PostcallError` with one clear line when something that it cannot do without is wrong: a setting, a flow,
    the database, an address, the AMI secret. A PBX that cannot be reached is no such thing: it is tried again.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(await open_database(settings.database.url.get_secret_value()))
        await check_schema(database)
        recorder = Recorder(database)
        await _introduce(recorder, settings)
        flows = FlowShelf(_now)
        publishing = Publishing(database=database, shelf=flows, folder=settings.flows.folder, now=_now)
        await publishing.start()
        _require_flows(settings, flows, publishing)
        await stack.enter_async_context(_in_background(publishing.run(), "flows"))

        callers = CallerKey(settings.privacy.caller_key.get_secret_value().encode())
        greetings = {code: greeting(site) for code, site in settings.sites.items() if site.callback.enabled}
        callback_sites: dict[str, CallbackSite] = {}
        callbacks = Callbacks(
            recorder=recorder,
            callers=callers,
            seal=NumberSeal(callers.key),
            sites=callback_sites,
            refuses=recorder.has_opted_out,
            now=_now,
        )
        agents, attribution = attribution_of(settings)
        await stack.enter_async_context(following(settings, agents))
        facts = FactWriter(recorder, callers, agents, attribution, callbacks.not_asked)
        await stack.enter_async_context(_written_behind(facts))
        calls = CallTracker(facts.call_changed)

        def on_event(event: CallEvent | Gap) -> None:
            if isinstance(event, Gap):
                calls.handle_gap(event)
                facts.gap_found(event)
            else:
                calls.handle(event)

        sites = {code: site_flows(site) for code, site in settings.sites.items()}
        prompts = PromptCheck(now=_now)
        desk = SurveyDesk(
            recorder=recorder,
            calls=calls,
            flows=flows,
            callers=callers,
            prompts=prompts,
            attribution=attribution,
            agents=agents,
            now=_now,
            sites=sites,
            recordings=settings.flows.recordings,
            rules={code: rules_of(settings, code, callers) for code in settings.sites},
        )
        callback_desk = CallbackDesk(
            recorder=recorder, callbacks=callbacks, desk=desk, greetings=greetings, prompts=prompts, now=_now
        )
        wrap_ups = WrapUps(recorder=recorder, database=database, agents=agents, now=_now)
        agi = AgiServer(
            settings.fastagi.host,
            settings.fastagi.port,
            routes={
                "survey": _survey_route(settings, desk, callback_desk, flows),
                "wrapup": _wrapup_route(settings, wrap_ups),
            },
            limits=AgiLimits(sessions=settings.fastagi.max_sessions, session_seconds=LONGEST_SURVEY_SECONDS),
            prompt_prefix=settings.flows.prompt_prefix,
        )
        await agi.start()
        stack.push_async_callback(agi.stop, SURVEYS_MAY_END_SECONDS)

        links = {
            code: _link(code, site, on_event, settings.fastagi.host, agi.port) for code, site in settings.sites.items()
        }
        callback_sites |= {code: callback_site(settings.sites[code], links[code]) for code in greetings}
        for link in links.values():
            stack.push_async_callback(link.stop)
            await link.start()
        await stack.enter_async_context(_in_background(callbacks.run(), "call-backs"))

        source = ScoreSource(
            database=database,
            sites={code: ScoredSite(zone=site.zone_info, flow=site.flow) for code, site in settings.sites.items()},
            flows=_RatedFlows(flows),
            now=_now,
        )
        checks: dict[str, Check] = {"database": lambda: check_schema(database)}
        checks |= {f"pbx {code}": _link_check(link) for code, link in links.items()}
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
        add_opt_outs(app, OptOutBook(recorder=recorder, callers=callers, sites=list(settings.sites), now=_now))
        add_sending(
            app, CallDoor(database=database, senders={code: link.send_to_survey for code, link in links.items()})
        )
        add_reason_route(app, recorder, settings.sites)
        add_flow_routes(app, FlowSource(database=database, shelf=flows, status=publishing.status, now=_now))
        url = await stack.enter_async_context(serving(app, settings.web.host, settings.web.port))
        yield Service(
            url=url,
            agi_port=agi.port,
            database=database,
            facts=facts,
            prompts=prompts,
            links=links,
            publishing=publishing,
        )


def _now() -> datetime:
    return datetime.now(UTC)


async def _introduce(recorder: Recorder, settings: Settings) -> None:
    """Make the sites known to the database, and end the surveys that a crash left open."""
    for code, site in settings.sites.items():
        await recorder.ensure_site(SiteRecord(site=code, name=site.name, zone=site.zone))
    for code in settings.sites:
        closed = await recorder.close_interrupted(
            code, offered_before=_now() - timedelta(seconds=LONGEST_SURVEY_SECONDS), at=_now()
        )
        if closed:
            log.warning("surveys that had been broken off are ended", site=code, surveys=closed)


def _require_flows(settings: Settings, flows: FlowShelf, publishing: Publishing) -> None:
    """Refuse to start without a flow that the settings name; a broken file may well be why there is none."""
    try:
        for code, site in settings.sites.items():
            flows.require(site.flow, setting=f"sites.{code}.flow")
            for number, rule in enumerate(site.flows, 1):
                flows.require(rule.flow, setting=f"sites.{code}.flows.{number}.flow")
    except SettingsError as error:
        raise SettingsError("\n".join([*publishing.mistakes(), str(error)])) from None


def site_flows(site: SiteSettings) -> SiteFlows:
    """How a site chooses the flow of a call."""
    return SiteFlows(flow=site.flow, rules=site.flows, teams=Teams(site.teams), zone=site.zone_info)


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Do `work` beside the block, until the block ends."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _written_behind(facts: FactWriter) -> AsyncIterator[None]:
    """Write facts as they come; at the end, wait for those that still wait."""
    task = asyncio.create_task(facts.run(), name="call facts")
    try:
        yield
        try:
            async with asyncio.timeout(FACTS_SECONDS):
                await facts.all_written()
        except TimeoutError:
            log.error("call facts are lost: the database does not take them", waiting=facts.waiting)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _survey_route(settings: Settings, desk: SurveyDesk, callback_desk: CallbackDesk, flows: FlowShelf) -> Handler:
    async def survey(request: AgiRequest, phone: AgiPhone) -> None:
        if (code := _site_of(request, settings)) is None:
            return
        site = settings.sites[code]
        known = await read_request(
            request,
            phone,
            code,
            site.reason_variable,
            internal_variable=settings.rules_of(code).internal_variable,
            flow_variables=flows.variables,
        )
        if known.callback_of:
            await callback_desk.conduct(known, site.language, phone)
        else:
            await desk.conduct(known, site.language, phone)

    return survey


def _wrapup_route(settings: Settings, wrap_ups: WrapUps) -> Handler:
    async def wrapup(request: AgiRequest, phone: AgiPhone) -> None:
        if code := _site_of(request, settings):
            await note_wrap_up(request, phone, code, wrap_ups)

    return wrapup


def _site_of(request: AgiRequest, settings: Settings) -> str | None:
    """The site that a dialplan names; one that there is not is logged. The only site need not be named."""
    only = next(iter(settings.sites)) if len(settings.sites) == 1 else ""
    code = request.query.get("site", only)
    if code in settings.sites:
        return code
    log.error(
        "a call of a site that is not in the settings", route=request.path, site=code[:64], uniqueid=request.uniqueid
    )
    return None


def _link(
    code: str, site: SiteSettings, on_event: Callable[[CallEvent | Gap], None], agi_host: str, agi_port: int
) -> AmiLink:
    return AmiLink(
        site=code,
        access=AmiAccess(
            host=site.ami.host,
            port=site.ami.port,
            username=site.ami.username,
            secret=site.ami.secret.get_secret_value(),
            tls=site.ami.tls,
            ca_file=str(site.ami.ca_file) if site.ami.ca_file else None,
        ),
        survey_goto=site.survey_goto if site.trigger == "ami" else None,
        send_goto=site.survey_goto,
        extension=ExtensionPlan(site=code, goto=site.survey_goto, agi_host=agi_host, agi_port=agi_port)
        if site.create_extension
        else None,
        on_event=on_event,
    )


def _link_check(link: AmiLink) -> Check:
    async def check() -> None:
        if not link.state.connected:
            raise PbxError(link.state.problem)
        if link.state.extension_problem:
            raise PbxError(link.state.extension_problem)

    return check


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
