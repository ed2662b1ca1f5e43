"""One survey, from the caller on the line to the finished record."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import structlog

from callflows.conditions import known_language
from callflows.interview import Interview
from callflows.loader import FlowVersion
from callflows.model import Flow
from callflows.steps import Context
from ivr.calls import Call
from ivr.errors import DatabaseError
from ivr.live import Tell, to_nobody
from ivr.phone import Phone
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.asking import STORE_SECONDS, Asking, store_outage
from ivr.surveys.attribution import Attribution, asked_call
from ivr.surveys.flows import FlowShelf
from ivr.surveys.known_calls import KnownCalls
from ivr.surveys.offering import Offering, Surveys
from ivr.surveys.privacy import CallerKey
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.request import SurveyRequest
from ivr.surveys.rules import Rules
from ivr.surveys.site_flows import SiteFlows
from ivr.surveys.telling import ToldBook
from ivr.surveys.tracker import CallTracker
from storage.outage import Outage
from storage.recorder import Recorder
from storage.records import AskedCall, CreditRecord, SurveyOffer

log = structlog.get_logger()


Since = Literal["hang_up", "request"]
"""From when a caller waited: the agent's hang-up, or where that is not known the PBX's request."""
LONGEST_WAIT_SECONDS = 30.0
"""A hang-up before that is another one, or told by a clock that is not ours."""


class SurveyDesk:
    """Puts surveys to callers. `now` tells the time, with its zone; `sites` says how each site chooses a flow, and
    `rules` who is asked there.

    `recordings` is the folder of recorded comments as the PBX sees it; `tell` is told what becomes of each survey;
    `surveys` keeps the surveys, if not the `recorder` itself; `begun` is told the site of each survey, and how many
    seconds the caller waited for the first prompt to be played, and since what.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        calls: CallTracker,
        known: KnownCalls,
        flows: FlowShelf,
        callers: CallerKey,
        prompts: PromptCheck,
        attribution: Attribution,
        agents: AgentDirectory,
        now: Callable[[], datetime],
        sites: Mapping[str, SiteFlows],
        recordings: str,
        rules: Mapping[str, Rules] = MappingProxyType({}),
        tell: Tell = to_nobody,
        surveys: Surveys | None = None,
        begun: Callable[[str, Since, float], None] = lambda _site, _since, _seconds: None,
    ) -> None:
        self.open: Counter[str] = Counter()
        """How many surveys are under way, by site."""
        self._begun = begun
        self._tell = tell
        self._surveys: Surveys = surveys or recorder
        self._offering = Offering(surveys=self._surveys, rules=rules, callers=callers)
        self._recorder = recorder
        self._prompts = prompts
        self._attribution = attribution
        self._agents = agents
        self._sites = sites
        self._recordings = recordings
        self._calls = calls
        self._known = known
        self._flows = flows
        self._callers = callers
        self._now = now
        self._outage = store_outage()
        self._uncredited = Outage("surveys are not credited again: the database is away", "surveys are credited again")

    async def conduct(self, request: SurveyRequest, language: str, phone: Phone) -> None:
        """Ask the caller on `phone`, unless this call was asked before or a rule says no; returns when the dialplan may
        go on.

        `language` is the site's own, for a request that names none, or none that there is.
        """
        told = log.bind(site=request.site, survey=request.survey, linkedid=request.linkedid)
        asked_at = time.perf_counter()
        call = await self._known.find(request.site, request.linkedid)
        known, due = self._credit(request, call)
        version = self._version(request, due)
        context = self._context(request, version, due)
        # What the flow itself says of the call's language goes before the channel's.
        channel = known_language(version.flow, context) or request.language
        wanted = (spoken(version.flow, channel, language), language)
        speakable = await self._prompts.speakable(request.site, version, wanted, phone)
        if speakable is None:
            await self._exclude(request, "prompts_missing")
            return
        interview = Interview(speakable, spoken(speakable, *wanted), context)
        try:
            async with asyncio.timeout(STORE_SECONDS):
                offer = self._offer(request, version, known, due, interview.language)
                asked = await self._offering.offer(offer, request, call)
        except (DatabaseError, TimeoutError) as error:
            why = str(error) or f"no answer in {STORE_SECONDS:g} s"
            self._outage.failed(why)
            told.debug("survey not offered: the database does not take it", why=why)
            return
        self._outage.worked()
        if not asked:
            return
        # What was heard before now may have been written before there was a survey to credit; what comes from now on is
        # written after it.
        heard_meanwhile = self._calls.find(request.site, request.linkedid) != call
        asking = Asking(
            site=request.site,
            survey=request.survey,
            headline=version.flow.headline_question.code,
            interview=interview,
            phone=phone,
            book=ToldBook(self._surveys, self._tell, offer),
            recordings=self._recordings,
            now=self._now,
            outage=self._outage,
        )
        self._begun(request.site, *self._waited(request, asked_at))
        self.open[request.site] += 1
        try:
            outcome = await asking.ask()
        except asyncio.CancelledError:
            await asyncio.shield(asking.break_off())
            raise
        finally:
            self.open[request.site] -= 1
        if asking.lacked_prompt:
            self._prompts.forget(request.site, speakable.flow)
        if not asking.lacked_store:  # the caller has waited for the database long enough
            await self._credit_again(request, heard_meanwhile=heard_meanwhile)
        told.info("survey ended", outcome=outcome, flow=version.flow.flow)

    def _waited(self, request: SurveyRequest, asked_at: float) -> tuple[Since, float]:
        """How long the caller has waited, and since what; `asked_at` is on the clock of `time.perf_counter`."""
        call = self._calls.find(request.site, request.linkedid)
        leg = call.last_leg if call else None
        # Whoever is called back has hung up long ago.
        if leg and leg.ended_at and not request.caller_digest:
            since_hang_up = (self._now() - leg.ended_at).total_seconds()
            if 0 <= since_hang_up <= LONGEST_WAIT_SECONDS:
                return "hang_up", since_hang_up
        return "request", time.perf_counter() - asked_at

    async def _exclude(self, request: SurveyRequest, exclusion: str) -> None:
        told = log.bind(site=request.site, survey=request.survey, linkedid=request.linkedid, exclusion=exclusion)
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await self._recorder.exclude(request.site, request.linkedid, exclusion)
        except (DatabaseError, TimeoutError) as error:
            self._outage.failed(str(error) or f"no answer in {STORE_SECONDS:g} s")
        else:
            told.info("survey not offered")

    async def _credit_again(self, request: SurveyRequest, *, heard_meanwhile: bool) -> None:
        """Credit the survey by all that is known now: events may have come between the look at the call and the offer,
        or at another replica.

        And keep the name of an agent of whom only the caller's channel told.
        """
        if self._calls.find(request.site, request.linkedid):
            if heard_meanwhile:
                self._calls.tell_again(request.site, request.linkedid)
            return
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await self._recorder.recredit_call(request.site, request.linkedid, self._attribution.decide)
                if request.agent:
                    known = self._agents.describe(request.site, request.agent, self._now())
                    # A name that the queue told is whole, and never replaced by one that may be cut.
                    name = (known.name if known else "") or request.agent.name
                    if known and name:
                        await self._recorder.introduce_agent(replace(known, name=name))
        except (DatabaseError, TimeoutError) as error:
            self._uncredited.failed(str(error) or f"no answer in {STORE_SECONDS:g} s")
        else:
            self._uncredited.worked()

    def _version(self, request: SurveyRequest, due: CreditRecord) -> FlowVersion:
        """The version in force of the flow that the dialplan names, or else of the one that the rules choose."""
        asked = self._flows.find(request.flow) if request.flow else None
        if asked:
            return asked
        chosen = self._sites[request.site].choose(
            at=self._now(),
            queue=due.queue,
            agent=due.agent,
            reason=due.reason,
            language=request.language,
        )
        if request.flow:
            log.warning("the dialplan asks for a flow that there is not", flow=request.flow[:64], instead=chosen.flow)
        return self._flows.require(chosen.flow, setting="flow")

    def _context(self, request: SurveyRequest, version: FlowVersion, due: CreditRecord) -> Context:
        site = self._sites[request.site]
        return Context(
            at=self._now().astimezone(site.zone),
            queue=due.queue,
            team=site.team_of(due.agent, self._now()),
            reason=due.reason,
            reason_is_presumed=due.reason_source == "queue",
            variables={name: request.variables.get(name, "") for name in version.flow.variables},
            # An incentive code follows from it: it must not be guessed.
            seed=secrets.randbits(64),
        )

    def _credit(self, request: SurveyRequest, call: Call | None) -> tuple[AskedCall, CreditRecord]:
        """What is known of the call now, and whom that credits."""
        asked = asked_call(call, request, self._now())
        return asked, self._attribution.decide(asked)

    def _offer(
        self, request: SurveyRequest, version: FlowVersion, asked: AskedCall, due: CreditRecord, language: str
    ) -> SurveyOffer:
        return SurveyOffer(
            site=request.site,
            survey=request.survey,
            linkedid=request.linkedid,
            flow=version.flow.flow,
            flow_version=version.digest,
            language=language,
            agent=due.agent,
            shares=due.shares,
            queue=due.queue,
            reason=due.reason,
            reason_source=due.reason_source,
            member=asked.member,
            member_name=asked.member_name,
            transferred_to=asked.transferred_to,
            handed_over_by=asked.handed_over_by,
            sent_by=asked.sent_by,
            offered_at=asked.offered_at,
        )


def spoken(flow: Flow, wanted: str, otherwise: str) -> str:
    """The language to speak: the channel's (``zh_TW``, or else ``zh``), else the site's, else the flow's first."""
    return flow.nearest_language(wanted) or (otherwise if otherwise in flow.languages else flow.languages[0])
