"""The FastAGI route `wrapup`: an agent dials a feature code after a call, to say why the caller had called."""

from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.names import interface_of
from ivr.calls import AgentRef
from ivr.errors import DatabaseError
from ivr.surveys.wrap_up import WrapUps

STATUS = "POSTCALL_WRAPUP"
"""The channel variable that tells the dialplan: ``ok``, ``no_call``, ``wrong_reason`` or ``failed``."""


async def note_wrap_up(request: AgiRequest, phone: AgiPhone, site: str, wrap_ups: WrapUps) -> None:
    """The channel is the agent's own phone; the reason stands in the query. Raises `PhoneError`."""
    device = AgentRef(interface=interface_of(request.channel))
    try:
        status: str = await wrap_ups.note(site, device, request.query.get("reason", ""))
    except DatabaseError:
        await phone.set_variable(STATUS, "failed")
        raise
    await phone.set_variable(STATUS, status)
