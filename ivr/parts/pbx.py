"""The link to each site's PBX."""

import asyncio
from collections.abc import Callable

import structlog

from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.ami import AmiAccess
from ivr.asterisk.extension import ExtensionPlan
from ivr.asterisk.link import AmiLink
from ivr.calls import CallEvent, Gap
from ivr.errors import DatabaseError, PbxError, PbxRefused
from ivr.parts.jobs import Jobs, pbx_job
from ivr.parts.replicas import Others, Send
from ivr.service_settings import FastAgiSettings
from ivr.site_settings import SiteSettings
from ivr.surveys.facts import FactWriter
from ivr.surveys.known_calls import KnownCalls
from ivr.surveys.tracker import CallTracker
from ivr.web.health import Check

log = structlog.get_logger()

AGAIN_SECONDS = 5.0
"""After which an Asterisk that refused us, or a database that was away, is tried again."""


def ami_access(site: SiteSettings) -> AmiAccess:
    """How a site's AMI is reached."""
    return AmiAccess(
        host=site.ami.host,
        port=site.ami.port,
        username=site.ami.username,
        secret=site.ami.secret.get_secret_value(),
        tls=site.ami.tls,
        ca_file=str(site.ami.ca_file) if site.ami.ca_file else None,
    )


def pbx_link(
    code: str,
    site: SiteSettings,
    on_event: Callable[[CallEvent | Gap], None],
    fastagi: FastAgiSettings,
    agi_port: int,
) -> AmiLink:
    """The link to one site's PBX, not started; `agi_port` is where the service really listens."""
    return AmiLink(
        site=code,
        access=ami_access(site),
        survey_goto=site.survey_goto if site.trigger == "ami" else None,
        send_goto=site.survey_goto,
        extension=ExtensionPlan(
            site=code, goto=site.survey_goto, agi_host=fastagi.host, agi_port=agi_port, replicas=fastagi.replicas
        )
        if site.create_extension
        else None,
        on_event=on_event,
    )


def survey_sender(code: str, link: AmiLink, agi: AgiServer, jobs: Jobs, others: Others | None) -> Send:
    """Sends the caller of a linkedid into the survey, or has another replica do it. Raises as `AmiLink.send_to_survey`
    does, and `PbxError` when nobody new is asked: the caller would only be taken away from the agent."""

    async def send(linkedid: str) -> None:
        if others and not jobs.has(pbx_job(code)):
            await others.send_to_survey(code, linkedid)
        elif agi.is_open:
            await link.send_to_survey(linkedid)
        else:
            raise PbxError("the service stops")

    return send


class PbxFollower:
    """Follows a site's PBX whenever that is this replica's job."""

    def __init__(
        self, code: str, link: AmiLink, *, jobs: Jobs, calls: CallTracker, known: KnownCalls, facts: FactWriter
    ) -> None:
        self._code = code
        self._job = pbx_job(code)
        self._link = link
        self._jobs = jobs
        self._calls = calls
        self._known = known
        self._facts = facts
        self._is_up = False
        self._is_presumed = False
        """Whether the link began without the calls that the database knows."""

    async def start(self) -> None:
        """Begin, if the job is ours already. Raises `DatabaseError`, and `PbxRefused` as `AmiLink.start` does."""
        if self._jobs.has(self._job):
            await self._begin()

    async def run(self) -> None:
        """Follow, and leave it to others, until cancelled."""
        while True:
            if not self._is_up:
                await self._jobs.until(self._job, ours=True)
                try:
                    await self._begin()
                except (DatabaseError, PbxRefused) as error:
                    log.error("a PBX is not followed", site=self._code, why=str(error))
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
            if self._is_presumed:
                await self._jobs.until_said(self._job)
                # We begin anew, with the calls that the database knows: it must know which of them ended meanwhile.
                await self._facts.all_written()
            else:
                await self._jobs.until(self._job, ours=False)
            await self._link.stop()
            self._is_up = False
            if not self._jobs.has(self._job):
                self._calls.forget(self._code)

    async def _begin(self) -> None:
        self._is_presumed = self._jobs.presumes(self._job)
        calls = [] if self._is_presumed else await self._known.take_over(self._code)
        await self._link.start(self._jobs.heard_until(self._job), calls)
        self._is_up = True


def link_check(code: str, link: AmiLink, jobs: Jobs) -> Check:
    """Whether a link is up and the survey can be reached over it, where that is this replica's job."""

    async def check() -> None:
        if not jobs.has(pbx_job(code)):
            return
        if not link.state.connected:
            raise PbxError(link.state.problem)
        if link.state.extension_problem:
            raise PbxError(link.state.extension_problem)

    return check
