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


async def follow_pbx(code: str, link: AmiLink, jobs: Jobs, calls: CallTracker, known: KnownCalls) -> None:
    """Follow a site's PBX whenever that is this replica's job, until cancelled; `link` may have been started before."""
    job, is_up = pbx_job(code), jobs.has(pbx_job(code))
    while True:
        if not is_up:
            await jobs.until(job, ours=True)
            try:
                await link.start(jobs.heard_until(job), await known.take_over(code))
            except (DatabaseError, PbxRefused) as error:
                log.error("a PBX is not followed", site=code, why=str(error))
                await asyncio.sleep(AGAIN_SECONDS)
                continue
        await jobs.until(job, ours=False)
        await link.stop()
        calls.forget(code)
        is_up = False


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
