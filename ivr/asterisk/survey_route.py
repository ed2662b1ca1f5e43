"""The FastAGI route `survey`: what Asterisk says of the call becomes a `SurveyRequest`."""

from collections.abc import Mapping

from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.events import interface_of
from ivr.calls import AgentRef
from ivr.surveys.request import SurveyRequest

LINKEDID = "CHANNEL(linkedid)"
MEMBER_INTERFACE = "MEMBERINTERFACE"
MEMBER_NAME = "MEMBERNAME"
QUEUE_NAME = "QUEUENAME"
DIALED_PEER = "DIALEDPEERNAME"
"""Set by `Dial`, so after a blind transfer it names the channel of the second agent."""

ATTENDED_TRANSFER = "ATTENDEDTRANSFER"
"""After an attended transfer, the channel of the agent who made it."""


async def read_request(request: AgiRequest, phone: AgiPhone, site: str, reason_variable: str) -> SurveyRequest:
    """Ask the caller's channel for what the header leaves out, in one round trip. Raises `PhoneError`."""
    names = [LINKEDID, MEMBER_INTERFACE, MEMBER_NAME, QUEUE_NAME, DIALED_PEER, ATTENDED_TRANSFER, reason_variable]
    known = await phone.variables(names)
    return SurveyRequest(
        site=site,
        linkedid=known[LINKEDID] or request.uniqueid,
        survey=request.uniqueid,
        caller_number=request.caller_number,
        language=request.language,
        flow=request.query.get("flow", ""),
        queue=known[QUEUE_NAME] or request.query.get("queue", ""),
        agent=_member(known),
        transferred_to=_transferred_to(known),
        handed_over_by=interface_of(known[ATTENDED_TRANSFER]),
        reason=known[reason_variable] or request.query.get("reason", ""),
    )


def _member(known: Mapping[str, str]) -> AgentRef | None:
    if not known[MEMBER_INTERFACE]:
        return None
    return AgentRef(interface=known[MEMBER_INTERFACE], name=known[MEMBER_NAME], name_is_cut=True)


def _transferred_to(known: Mapping[str, str]) -> AgentRef | None:
    interface = interface_of(known[DIALED_PEER])
    if not interface or interface == known[MEMBER_INTERFACE]:
        return None
    return AgentRef(interface=interface)
