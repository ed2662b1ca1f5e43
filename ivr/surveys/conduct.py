"""One survey, from the caller on the line to the finished record."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo

import structlog

from callflows.interview import Interview
from callflows.loader import FlowVersion
from callflows.steps import Context
from ivr.errors import DatabaseError
from ivr.phone import Phone
from ivr.surveys.asking import STORE_SECONDS, Asking
from ivr.surveys.attribution import Credit, credit
from ivr.surveys.facts import agent_record
from ivr.surveys.flows import FlowShelf
from ivr.surveys.privacy import CallerKey
from ivr.surveys.request import SurveyRequest
from ivr.surveys.tracker import CallTracker
from storage.recorder import Recorder
from storage.records import SurveyOffer

log = structlog.get_logger()


class SurveyDesk:
    """Puts surveys to callers. `now` tells the time, with its zone; `zones` has the zone of each site.

    `recordings` is the folder of recorded comments as the PBX sees it; `team_of` tells the team of a site's agent.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        calls: CallTracker,
        flows: FlowShelf,
        callers: CallerKey,
        now: Callable[[], datetime],
        zones: Mapping[str, tzinfo],
        recordings: str,
        team_of: Callable[[str, str], str] = lambda site, agent: "",
    ) -> None:
        self._recorder = recorder
        self._zones = zones
        self._recordings = recordings
        self._team_of = team_of
        self._calls = calls
        self._flows = flows
        self._callers = callers
        self._now = now

    async def conduct(self, request: SurveyRequest, flow: str, language: str, phone: Phone) -> None:
        """Ask the caller on `phone`, unless this call was asked before; returns when the dialplan may go on.

        `flow` and `language` are the site's own, for a request that names none, or none that there is.
        """
        told = log.bind(site=request.site, survey=request.survey)
        version = self._version(request, flow)
        due = credit(self._calls.find(request.site, request.linkedid), request)
        interview = Interview(
            version.flow, spoken(version, request.language, language), self._context(request, version, due)
        )
        try:
            async with asyncio.timeout(STORE_SECONDS):
                asked = await self._recorder.offer(self._offer(request, version, due, interview.language))
        except (DatabaseError, TimeoutError) as error:
            told.error("survey not offered: the database does not take it", why=str(error) or "too slow")
            return
        if not asked:
            told.info("survey not offered: this call was asked before", linkedid=request.linkedid)
            return
        asking = Asking(
            site=request.site,
            survey=request.survey,
            headline=version.flow.headline_question.code,
            interview=interview,
            phone=phone,
            recorder=self._recorder,
            recordings=self._recordings,
            now=self._now,
        )
        try:
            outcome = await asking.ask()
        except asyncio.CancelledError:
            await asyncio.shield(asking.break_off())
            raise
        await self._introduce(request)
        told.info("survey ended", outcome=outcome, flow=version.flow.flow)

    async def _introduce(self, request: SurveyRequest) -> None:
        """Keep the name of an agent of whom only the caller's channel told."""
        if request.agent and request.agent.name and self._calls.find(request.site, request.linkedid) is None:
            try:
                await self._recorder.record_agent(agent_record(request.site, request.agent))
            except DatabaseError as error:
                log.warning("an agent's name is not stored", site=request.site, why=str(error))

    def _version(self, request: SurveyRequest, site_flow: str) -> FlowVersion:
        version = self._flows.find(request.flow or site_flow)
        if version is None:
            log.warning("the dialplan asks for a flow that there is not", flow=request.flow[:64], instead=site_flow)
            version = self._flows.require(site_flow, setting="flow")
        return version

    def _context(self, request: SurveyRequest, version: FlowVersion, due: Credit) -> Context:
        return Context(
            at=self._now().astimezone(self._zones[request.site]),
            queue=due.queue,
            team=self._team_of(request.site, due.agent.interface) if due.agent else "",
            reason=due.reason,
            variables={name: request.variables.get(name, "") for name in version.flow.variables},
            # An incentive code follows from it: it must not be guessed.
            seed=secrets.randbits(64),
        )

    def _offer(self, request: SurveyRequest, version: FlowVersion, due: Credit, language: str) -> SurveyOffer:
        return SurveyOffer(
            site=request.site,
            survey=request.survey,
            linkedid=request.linkedid,
            flow=version.flow.flow,
            flow_version=version.digest,
            language=language,
            agent=due.agent.interface if due.agent else "",
            queue=due.queue,
            reason=due.reason,
            offered_at=self._now(),
        )


def spoken(version: FlowVersion, wanted: str, otherwise: str) -> str:
    """The language to speak: the channel's (``zh_TW``, or else ``zh``), else the site's, else the flow's first."""
    languages = version.flow.languages
    return version.flow.nearest_language(wanted) or (otherwise if otherwise in languages else languages[0])
