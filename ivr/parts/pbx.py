"""The link to each site's PBX."""

from collections.abc import Awaitable, Callable

from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.ami import AmiAccess
from ivr.asterisk.extension import ExtensionPlan
from ivr.asterisk.link import AmiLink
from ivr.calls import CallEvent, Gap
from ivr.errors import PbxError
from ivr.site_settings import SiteSettings
from ivr.web.health import Check


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
    code: str, site: SiteSettings, on_event: Callable[[CallEvent | Gap], None], agi_host: str, agi_port: int
) -> AmiLink:
    """The link to one site's PBX, not started."""
    return AmiLink(
        site=code,
        access=ami_access(site),
        survey_goto=site.survey_goto if site.trigger == "ami" else None,
        send_goto=site.survey_goto,
        extension=ExtensionPlan(site=code, goto=site.survey_goto, agi_host=agi_host, agi_port=agi_port)
        if site.create_extension
        else None,
        on_event=on_event,
    )


def survey_sender(link: AmiLink, agi: AgiServer) -> Callable[[str], Awaitable[None]]:
    """Sends the caller of a linkedid into the survey. Raises as `AmiLink.send_to_survey` does, and `PbxError` when
    nobody new is asked: the caller would only be taken away from the agent."""

    async def send(linkedid: str) -> None:
        if not agi.is_open:
            raise PbxError("the service stops")
        await link.send_to_survey(linkedid)

    return send


def link_check(link: AmiLink) -> Check:
    """Whether a link is up and the survey can be reached over it."""

    async def check() -> None:
        if not link.state.connected:
            raise PbxError(link.state.problem)
        if link.state.extension_problem:
            raise PbxError(link.state.extension_problem)

    return check
