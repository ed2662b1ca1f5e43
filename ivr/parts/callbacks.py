"""Puts call-backs together, for the composition root: the settings of a site become its plan."""

import re
from datetime import timedelta

from callflows.loader import GREETING, FlowVersion, load_flow
from callflows.model import CommentStep
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.link import AmiLink
from ivr.errors import FlowError
from ivr.parts.jobs import Jobs, pbx_job
from ivr.site_settings import SiteSettings
from ivr.surveys.callback_plan import CallbackPlan
from ivr.surveys.callbacks import CallbackSite

GREETING_SECONDS = 120
"""No greeting takes longer: two tries of a question."""


def callback_plan(site: SiteSettings) -> CallbackPlan:
    """What the settings of a site say of call-backs."""
    given = site.callback
    return CallbackPlan(
        exclusions=frozenset(given.exclusions),
        numbers=re.compile(given.numbers),
        zone=site.zone_info,
        hours=given.hours,
        delay=timedelta(minutes=given.delay_minutes),
        expires=timedelta(hours=given.expires_hours),
        tries=given.tries,
        retry=timedelta(minutes=given.retry_minutes),
        at_once=given.at_once,
        per_minute=given.per_minute,
        longest=timedelta(seconds=given.ring_seconds + GREETING_SECONDS),
    )


def greeting(site: SiteSettings) -> FlowVersion:
    """The flow that greets whoever takes a call-back. Raises `FlowError` for a file with a mistake, or none."""
    path = site.callback.greeting_file or GREETING
    version = load_flow(path)
    if any(isinstance(step, CommentStep) for step in version.flow.steps):
        # A greeting is kept nowhere, and so would be the recording.
        raise FlowError(f"{path}: a greeting records nothing; allowed: every step but comment")
    return version


def callback_site(code: str, site: SiteSettings, link: AmiLink, agi: AgiServer, jobs: Jobs) -> CallbackSite:
    """A site that calls back over its link, as long as whoever answers can be asked."""
    given = site.callback

    async def place(number: str, about: str) -> str:
        return await link.place(
            channel=given.channel.replace("{number}", number),
            caller_id=given.caller_id,
            ring_seconds=given.ring_seconds,
            about=about,
        )

    return CallbackSite(
        plan=callback_plan(site),
        place=place,
        is_here=lambda: jobs.has(pbx_job(code)),
        is_ready=lambda: link.state.connected and agi.is_open,
    )
