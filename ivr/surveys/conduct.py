"""One survey, from the caller on the line to the finished record."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from callflows.interview import Ask, End, Failed, HungUp, Input, Interview, Played, Save, Saved, Say, Step
from callflows.loader import FlowVersion
from callflows.model import Flow
from ivr.errors import CallerHungUp, DatabaseError, PhoneError, PromptMissing
from ivr.phone import Phone
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution, asked_call
from ivr.surveys.flows import FlowShelf
from ivr.surveys.privacy import CallerKey
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.request import SurveyRequest
from ivr.surveys.site_flows import SiteFlows
from ivr.surveys.tracker import CallTracker
from storage.recorder import Recorder
from storage.records import AnswerRecord, AskedCall, CreditRecord, Outcome, SurveyOffer

log = structlog.get_logger()

STORE_SECONDS = 1.5
"""How long a caller may wait in silence for the database before being let go: the dialplan goes on within 2 seconds."""


class SurveyBook(Protocol):
    """Where the course of a survey is kept, as `storage.recorder.Recorder` does: durable when the call returns.

    Every method may raise `DatabaseError`.
    """

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        """The caller has heard the first prompt."""

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        """The caller has dealt with a question."""

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        """The survey is over."""


class SurveyDesk:
    """Puts surveys to callers. `now` tells the time, with its zone."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        calls: CallTracker,
        flows: FlowShelf,
        callers: CallerKey,
        prompts: PromptCheck,
        attribution: Attribution,
        agents: AgentDirectory,
        now: Callable[[], datetime],
        sites: Mapping[str, SiteFlows],
    ) -> None:
        self._recorder = recorder
        self._prompts = prompts
        self._attribution = attribution
        self._agents = agents
        self._calls = calls
        self._sites = sites
        self._flows = flows
        self._callers = callers
        self._now = now

    async def conduct(self, request: SurveyRequest, language: str, phone: Phone) -> None:
        """Ask the caller on `phone`, unless this call was asked before; returns when the dialplan may go on.

        `language` is the site's own, for a request that names none, or none that there is.
        """
        told = log.bind(site=request.site, survey=request.survey)
        version = self._version(request)
        wanted_language = spoken(version, request.language, language)
        spoken_language = await self._prompts.language(request.site, version, [wanted_language, language], phone)
        if spoken_language is None:
            await self._exclude(request, "prompts_missing")
            return
        try:
            async with asyncio.timeout(STORE_SECONDS):
                asked = await self._recorder.offer(self._offer(request, version, spoken_language))
        except (DatabaseError, TimeoutError) as error:
            told.error("survey not offered: the database does not take it", why=str(error) or "too slow")
            return
        if not asked:
            told.info("survey not offered: this call was asked before", linkedid=request.linkedid)
            return
        survey = ConductedSurvey(
            site=request.site,
            survey=request.survey,
            flow=version.flow,
            language=spoken_language,
            phone=phone,
            book=self._recorder,
            now=self._now,
        )
        try:
            outcome = await survey.ask()
        except asyncio.CancelledError:
            await asyncio.shield(survey.break_off())
            raise
        if survey.lacked_prompt:
            self._prompts.forget(request.site, version, spoken_language)
        await self._credit_again(request)
        told.info("survey ended", outcome=outcome, flow=version.flow.flow)

    async def _exclude(self, request: SurveyRequest, exclusion: str) -> None:
        told = log.bind(site=request.site, survey=request.survey, exclusion=exclusion)
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await self._recorder.exclude(request.site, request.linkedid, exclusion)
        except (DatabaseError, TimeoutError) as error:
            told.error("why a call was not asked is not stored", why=str(error) or "too slow")
        else:
            told.info("survey not offered")

    async def _credit_again(self, request: SurveyRequest) -> None:
        """Credit the survey by all that is known now: events may have come meanwhile, also at another replica.

        And keep the name of an agent of whom only the caller's channel told.
        """
        # What came between the look at the call and the offer found no survey to credit.
        if self._calls.tell_again(request.site, request.linkedid):
            return
        try:
            await self._recorder.recredit_call(request.site, request.linkedid, self._attribution.decide)
            if request.agent:
                known = self._agents.describe(request.site, request.agent, self._now())
                # A name that the queue told is whole, and never replaced by one that may be cut.
                name = (known.name if known else "") or request.agent.name
                if known and name:
                    await self._recorder.introduce_agent(replace(known, name=name))
        except DatabaseError as error:
            log.warning("a survey is not credited again", site=request.site, survey=request.survey, why=str(error))

    def _version(self, request: SurveyRequest) -> FlowVersion:
        """The version in force of the flow that the dialplan names, or else of the one that the rules choose."""
        asked = self._flows.find(request.flow) if request.flow else None
        if asked:
            return asked
        _, due = self._credit(request)
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

    def _credit(self, request: SurveyRequest) -> tuple[AskedCall, CreditRecord]:
        """What is known of the call now, and whom that credits."""
        asked = asked_call(self._calls.find(request.site, request.linkedid), request, self._now())
        return asked, self._attribution.decide(asked)

    def _offer(self, request: SurveyRequest, version: FlowVersion, language: str) -> SurveyOffer:
        asked, due = self._credit(request)
        return SurveyOffer(
            site=request.site,
            survey=request.survey,
            linkedid=request.linkedid,
            flow=version.flow.flow,
            flow_version=version.digest,
            language=language,
            shares=due.shares,
            queue=due.queue,
            reason=due.reason,
            reason_source=due.reason_source,
            member=asked.member,
            member_name=asked.member_name,
            transferred_to=asked.transferred_to,
            handed_over_by=asked.handed_over_by,
            offered_at=asked.offered_at,
        )


def spoken(version: FlowVersion, wanted: str, otherwise: str) -> str:
    """The language to speak: the channel's (``zh_TW``, or else ``zh``), else the site's, else the flow's first."""
    languages = version.flow.languages
    wanted = wanted.replace("-", "_")
    for language in (wanted, wanted.split("_")[0].lower(), otherwise):
        if language in languages:
            return language
    return languages[0]


class ConductedSurvey:
    """One interview under way: carries out its steps on the phone and in the book."""

    def __init__(
        self,
        *,
        site: str,
        survey: str,
        flow: Flow,
        language: str,
        phone: Phone,
        book: SurveyBook,
        now: Callable[[], datetime],
    ) -> None:
        """Raises `FlowError` when the flow does not have the language."""
        self._site = site
        self._survey = survey
        self._headline = flow.headline_question.question
        self._interview = Interview(flow, language)
        self._phone = phone
        self._book = book
        self._now = now
        self._started = False
        self.lacked_prompt = False
        """Whether the PBX could not play a prompt."""
        self._told = log.bind(site=self._site, survey=self._survey)

    async def ask(self) -> Outcome:
        """Carry out the interview to its end, whatever the caller, the PBX and the database do."""
        try:
            await self._phone.answer()
            step = self._interview.start()
        except PhoneError as error:
            self._interview.start()
            step = self._interview.send(self._fault(error))
        return await self._go_on(step)

    async def break_off(self) -> None:
        """The service stops: keep what was answered so far, and end the survey without the caller."""
        await self._go_on(self._interview.send(Failed()))

    async def _go_on(self, step: Step) -> Outcome:
        while not isinstance(step, End):
            step = self._interview.send(await self._carry_out(step))
        await self._store(self._book.finish(self._site, self._survey, step.outcome, self._now()))
        return step.outcome

    async def _carry_out(self, step: Say | Ask | Save) -> Input:
        try:
            match step:
                case Say():
                    await self._phone.play(step.prompts)
                    came: Input = Played()
                case Ask():
                    came = await self._phone.collect(
                        step.prompts, max_keys=step.max_keys, timeout_seconds=step.timeout_seconds
                    )
                case Save():
                    return await self._save(step)
        except PhoneError as error:
            return self._fault(error)
        if not self._started:
            self._started = True
            await self._store(self._book.start(self._site, self._survey, self._now()))
        return came

    async def _save(self, step: Save) -> Input:
        answer = step.answer
        record = AnswerRecord(
            question=answer.question,
            is_rating=answer.question == self._headline,
            keys=answer.keys,
            value=answer.value,
            tries=answer.tries,
            ended=answer.ended,
            answered_at=self._now(),
        )
        stored = await self._store(self._book.record_answer(self._site, self._survey, record))
        return Saved() if stored else Failed()

    async def _store(self, write: Awaitable[object]) -> bool:
        """True when the database has it. The caller is never kept waiting for longer than `STORE_SECONDS`."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await write
        except (DatabaseError, TimeoutError) as error:
            self._told.error("not stored", why=str(error) or f"no answer in {STORE_SECONDS} s")
            return False
        return True

    def _fault(self, error: PhoneError) -> Input:
        if isinstance(error, CallerHungUp):
            return HungUp()
        self.lacked_prompt = self.lacked_prompt or isinstance(error, PromptMissing)
        self._told.error("the survey breaks off", why=str(error))
        return Failed()
