"""What the dialplan can ask for over FastAGI."""

import structlog
from structlog.contextvars import bind_contextvars

from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.agi_server import AgiServer, Handler
from ivr.asterisk.survey_route import read_request
from ivr.asterisk.test_call import is_test_call
from ivr.asterisk.wrapup_route import note_wrap_up
from ivr.errors import ServiceStops
from ivr.settings import Settings
from ivr.surveys.callback_desk import CallbackDesk
from ivr.surveys.conduct import SurveyDesk
from ivr.surveys.flows import FlowShelf
from ivr.surveys.test_call import DoctorsDesk
from ivr.surveys.wrap_up import WrapUps
from ivr.web.health import Check

log = structlog.get_logger()


def survey_route(
    settings: Settings, desk: SurveyDesk, callback_desk: CallbackDesk, doctors_desk: DoctorsDesk, flows: FlowShelf
) -> Handler:
    """Put the survey to a caller whom the dialplan brings."""

    async def survey(request: AgiRequest, phone: AgiPhone) -> None:
        if (code := _site_of(request, settings)) is None:
            return
        bind_contextvars(survey=request.uniqueid)
        site = settings.sites[code]
        known = await read_request(
            request,
            phone,
            code,
            site.reason_variable,
            internal_variable=settings.rules_of(code).internal_variable,
            flow_variables=flows.variables,
        )
        # A call-back is about the call of before.
        bind_contextvars(linkedid=known.callback_of or known.linkedid)
        if is_test_call(request):  # behind the reading, which may fail as for a caller
            log.info("a test call", site=code, survey=known.survey)
            await doctors_desk.conduct(code, phone)
        elif known.callback_of:
            await callback_desk.conduct(known, site.language, phone)
        else:
            await desk.conduct(known, site.language, phone)

    return survey


def wrapup_route(settings: Settings, wrap_ups: WrapUps) -> Handler:
    """Keep the reason that an agent dials after a call."""

    async def wrapup(request: AgiRequest, phone: AgiPhone) -> None:
        if code := _site_of(request, settings):
            bind_contextvars(uniqueid=request.uniqueid)
            await note_wrap_up(request, phone, code, wrap_ups)

    return wrapup


def agi_check(agi: AgiServer) -> Check:
    """Whether callers can be brought."""

    async def check() -> None:
        if not agi.is_open:
            raise ServiceStops(f"the service stops: no new surveys, {agi.counts.open} under way")

    return check


def _site_of(request: AgiRequest, settings: Settings) -> str | None:
    """The site that a dialplan names; one that there is not is logged. The only site need not be named."""
    only = next(iter(settings.sites)) if len(settings.sites) == 1 else ""
    code = request.query.get("site", only)
    if code in settings.sites:
        # Each call is a task of its own: whatever is logged in it says whose it is.
        bind_contextvars(site=code)
        return code
    log.error(
        "a call of a site that is not in the settings", route=request.path, site=code[:64], uniqueid=request.uniqueid
    )
    return None
