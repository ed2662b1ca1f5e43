"""The composition root: everything is built, started and stopped here, in this order, and nowhere else."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.agi_session import AgiLimits
from ivr.asterisk.link import AmiLink
from ivr.calls import CallEvent, Gap
from ivr.errors import SettingsError
from ivr.live import LiveFeed, SurveyNews
from ivr.parts.agi import survey_route, wrapup_route
from ivr.parts.background import Background
from ivr.parts.callbacks import callback_site, greeting
from ivr.parts.choice import site_flows
from ivr.parts.housekeeping import LONGEST_SURVEY_SECONDS, Housekeeping
from ivr.parts.jobs import HOUSEKEEPING, Jobs, pbx_job
from ivr.parts.journal import journaled_surveys, opened_journal
from ivr.parts.metrics import Measured, Meters
from ivr.parts.pbx import PbxFollower, pbx_link, survey_sender
from ivr.parts.replicas import Others, among_replicas
from ivr.parts.start import opened_database, say_when_there
from ivr.parts.web import WebParts, web_application
from ivr.settings import Settings
from ivr.surveys.callback_desk import CallbackDesk
from ivr.surveys.callbacks import Callbacks, CallbackSite
from ivr.surveys.conduct import SurveyDesk
from ivr.surveys.crediting import attribution_of, following_agents
from ivr.surveys.facts import FactWriter
from ivr.surveys.flows import FlowShelf
from ivr.surveys.known_calls import KnownCalls
from ivr.surveys.privacy import CallerKey
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.publishing import Publishing
from ivr.surveys.rulebook import rules_of
from ivr.surveys.sealed_numbers import NumberSeal
from ivr.surveys.shelf_copy import ShelfCopy
from ivr.surveys.test_call import DoctorsDesk
from ivr.surveys.tracker import CallTracker
from ivr.surveys.wrap_up import WrapUps
from ivr.web.server import serving
from storage.engine import Database
from storage.recorder import Recorder

log = structlog.get_logger()

SURVEYS_MAY_END_SECONDS = 1.0
"""How long surveys under way may go on when the service ends without the drain that `postcall serve` begins with: the
dialplan goes on within 2 seconds."""
FACTS_SECONDS = 3.0
"""How long the service waits, when it stops, for call facts to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that runs."""

    url: str
    """Where the HTTP API is."""
    agi: AgiServer
    """Where the dialplan brings callers."""
    database: Database
    facts: FactWriter
    prompts: PromptCheck
    links: Mapping[str, AmiLink]
    """The link to each site's PBX, by the site's code."""
    publishing: Publishing
    """Keeps the flows in force up to date."""
    others: Others | None
    """The other replicas; None where the database is SQLite."""

    @property
    def agi_port(self) -> int:
        """The port to which the dialplan brings callers."""
        return self.agi.port


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """Run the whole service until the block ends.

    Raises a `PostcallError` with one clear line when something that it cannot do without is wrong: a setting, a flow,
    the database, an address, the AMI secret. A PBX that cannot be reached is no such thing: it is tried again. Nor is a
    PostgreSQL that cannot be reached, where it is known from before what callers are to be asked.
    """
    background = Background()
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(opened_journal(settings))
        database = await stack.enter_async_context(await opened_database(settings))
        meters = Meters()
        database.timed = meters.transaction
        recorder = Recorder(database)
        flows = FlowShelf(_now)
        publishing = Publishing(
            database=database,
            shelf=flows,
            folder=settings.flows.folder,
            now=_now,
            copy=ShelfCopy(journal) if journal else None,
        )
        problem = await publishing.start()
        if problem:
            await stack.enter_async_context(background.works(say_when_there(database, problem), "start"))
        _require_flows(settings, flows, publishing)
        await stack.enter_async_context(background.works(publishing.run(), "flows"))

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
        await stack.enter_async_context(following_agents(settings, agents))
        facts = FactWriter(recorder, callers, agents, attribution, callbacks.not_asked)
        await stack.enter_async_context(_written_behind(facts, background))
        calls = CallTracker(facts.call_changed)
        journaled = await stack.enter_async_context(journaled_surveys(journal, database, recorder, calls, background))
        jobs = Jobs([HOUSEKEEPING, *map(pbx_job, settings.sites)], is_alone=journaled is None)
        known = KnownCalls(calls, database, lambda site: jobs.has(pbx_job(site)))

        def on_event(event: CallEvent | Gap) -> None:
            if isinstance(event, Gap):
                calls.handle_gap(event)
                facts.gap_found(event)
            else:
                calls.handle(event)

        sites = {code: site_flows(code, site, agents) for code, site in settings.sites.items()}
        prompts = PromptCheck(now=_now)
        live = LiveFeed()
        others: Others | None = None
        if journaled:
            url, name = settings.database.url.get_secret_value(), journaled.journal.owner
            others = await stack.enter_async_context(among_replicas(url, name, jobs, live, background))
        house = Housekeeping(
            database=database,
            sites=list(settings.sites),
            keep_months=settings.privacy.keep_months,
            jobs=jobs,
            journal=journal,
            now=_now,
        )
        await stack.enter_async_context(background.works(house.run(), "housekeeping"))

        def tell(news: SurveyNews) -> None:
            live.tell(news)
            meters.tell(news)
            if others:
                others.tell(news)

        desk = SurveyDesk(
            recorder=recorder,
            calls=calls,
            known=known,
            flows=flows,
            callers=callers,
            prompts=prompts,
            attribution=attribution,
            agents=agents,
            now=_now,
            sites=sites,
            recordings=settings.flows.recordings,
            rules={code: rules_of(settings, code, callers) for code in settings.sites},
            tell=tell,
            surveys=journaled,
            begun=meters.begun,
        )
        callback_desk = CallbackDesk(
            recorder=recorder, callbacks=callbacks, desk=desk, greetings=greetings, prompts=prompts, now=_now
        )
        doctors_desk = DoctorsDesk(
            flows=flows,
            codes={code: (site.flow, *(rule.flow for rule in site.flows)) for code, site in settings.sites.items()},
            greetings=greetings,
            prompts=prompts,
        )
        wrap_ups = WrapUps(recorder=recorder, database=database, agents=agents, now=_now)
        agi = AgiServer(
            settings.fastagi.host,
            settings.fastagi.port,
            routes={
                "survey": survey_route(settings, desk, callback_desk, doctors_desk, flows),
                "wrapup": wrapup_route(settings, wrap_ups),
            },
            limits=AgiLimits(sessions=settings.fastagi.max_sessions, session_seconds=LONGEST_SURVEY_SECONDS),
            prompt_prefix=settings.flows.prompt_prefix,
        )
        await agi.start()
        stack.push_async_callback(agi.stop, SURVEYS_MAY_END_SECONDS)

        links = {
            code: pbx_link(code, site, on_event, settings.fastagi, agi.port) for code, site in settings.sites.items()
        }
        callback_sites |= {
            code: callback_site(code, settings.sites[code], links[code], agi, jobs) for code in greetings
        }
        senders = {code: survey_sender(code, link, agi, jobs, others) for code, link in links.items()}
        if others:
            others.senders = senders
        for code, link in links.items():
            stack.push_async_callback(link.stop)
            follower = PbxFollower(code, link, jobs=jobs, calls=calls, known=known, facts=facts)
            await follower.start()
            await stack.enter_async_context(background.works(follower.run(), f"PBX of {code}"))
        await stack.enter_async_context(background.works(callbacks.run(), "call-backs"))

        refused: Counter[str] = Counter()
        app = web_application(
            WebParts(
                settings=settings,
                database=database,
                recorder=recorder,
                flows=flows,
                publishing=publishing,
                callers=callers,
                links=links,
                agi=agi,
                prompts=prompts,
                live=live,
                refused=refused,
                now=_now,
                jobs=jobs,
                senders=senders,
                journaled=journaled,
                background=background,
                measure=Measured(
                    meters=meters,
                    database=database,
                    zones={code: site.zone_info for code, site in settings.sites.items()},
                    links=links,
                    agi=agi,
                    desk=desk,
                    callbacks=callbacks,
                    jobs=jobs,
                    live=live,
                    refused=refused,
                    facts=facts,
                    publishing=publishing,
                    journal=journal,
                ).measure,
            )
        )
        url = await stack.enter_async_context(serving(app, settings.web.host, settings.web.port))
        yield Service(
            url=url,
            agi=agi,
            database=database,
            facts=facts,
            prompts=prompts,
            links=links,
            publishing=publishing,
            others=others,
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _require_flows(settings: Settings, flows: FlowShelf, publishing: Publishing) -> None:
    """Refuse to start without a flow that the settings name; a broken file may well be why there is none."""
    try:
        for code, site in settings.sites.items():
            flows.require(site.flow, setting=f"sites.{code}.flow")
            for number, rule in enumerate(site.flows, 1):
                flows.require(rule.flow, setting=f"sites.{code}.flows.{number}.flow")
    except SettingsError as error:
        away = [publishing.status.problem] if publishing.status.problem else []
        raise SettingsError("\n".join([*publishing.mistakes(), *away, str(error)])) from None


@asynccontextmanager
async def _written_behind(facts: FactWriter, background: Background) -> AsyncIterator[None]:
    """Write facts as they come; at the end, wait for those that still wait."""
    async with background.works(facts.run(), "call facts"):
        yield
        try:
            async with asyncio.timeout(FACTS_SECONDS):
                await facts.all_written()
        except TimeoutError:
            log.error("call facts are lost: the database does not take them", waiting=facts.waiting)
