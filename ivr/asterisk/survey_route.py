"""The FastAGI route `survey`: what Asterisk says of the call becomes a `SurveyRequest`."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from ivr.asterisk.agi_phone import STATE, AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.names import interface_of
from ivr.calls import AgentRef
from ivr.surveys.request import SurveyRequest

LINKEDID = "CHANNEL(linkedid)"
MEMBER_INTERFACE = "MEMBERINTERFACE"
MEMBER_NAME = "MEMBERNAME"
QUEUE_NAME = "QUEUENAME"
ANSWERED_TIME = "ANSWEREDTIME"
"""Whole seconds of talk; set by `Dial`, and by `Queue` on Asterisk 22 but not on 16."""
DIALED_PEER = "DIALEDPEERNAME"
"""Set by `Dial`, so after a blind transfer it names the channel of the second agent."""

OUTBOUND_AGENT = "POSTCALL_AGENT"
"""Inherited by the customer's channel from the channel of the agent who dialled it, and names that channel."""
SENT_BY = "POSTCALL_SENT"
"""Names the channel of the agent who sent the caller here by a transfer."""
ATTENDED_TRANSFER = "ATTENDEDTRANSFER"
"""After an attended transfer, the channel of the agent who made it."""

CALLBACK_OF = "POSTCALL_CALLBACK"
"""Set on a call-back when it is placed: the linkedid of the call that it is about, percent-encoded."""

_OWN = (
    *(STATE, LINKEDID, MEMBER_INTERFACE, MEMBER_NAME, QUEUE_NAME, DIALED_PEER, ATTENDED_TRANSFER, ANSWERED_TIME),
    *(OUTBOUND_AGENT, SENT_BY, CALLBACK_OF),
)
_SECONDS = re.compile(r"[0-9]{1,6}")
_NO = ("", "0", "no", "false")


async def read_request(
    request: AgiRequest,
    phone: AgiPhone,
    site: str,
    reason_variable: str,
    *,
    internal_variable: str = "",
    flow_variables: Sequence[str] = (),
) -> SurveyRequest:
    """Ask the caller's channel for what the header leaves out, and for the variables that rules and flows name, in one
    round trip for up to 15 of all these. Raises `PhoneError`."""
    named = (internal_variable,) if internal_variable else ()
    known = await phone.variables(tuple(dict.fromkeys((*_OWN, reason_variable, *named, *flow_variables))))
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
        callback_of=unquote(known[CALLBACK_OF]),
        sent_by=_of_channel(known[SENT_BY]),
        handed_over_by=interface_of(known[ATTENDED_TRANSFER]),
        reason=known[reason_variable] or request.query.get("reason", ""),
        variables={name: known[name] for name in flow_variables},
        talk_seconds=int(known[ANSWERED_TIME]) if _SECONDS.fullmatch(known[ANSWERED_TIME]) else None,
        marked_internal=known.get(internal_variable, "").strip().lower() not in _NO,
    )


def _member(known: Mapping[str, str]) -> AgentRef | None:
    if not known[MEMBER_INTERFACE]:
        return _of_channel(known[OUTBOUND_AGENT])
    return AgentRef(interface=known[MEMBER_INTERFACE], name=known[MEMBER_NAME], name_is_cut=True)


def _transferred_to(known: Mapping[str, str]) -> AgentRef | None:
    interface = interface_of(known[DIALED_PEER])
    if not interface or interface == known[MEMBER_INTERFACE]:
        return None
    return AgentRef(interface=interface)


def _of_channel(channel: str) -> AgentRef | None:
    interface = interface_of(channel)
    return AgentRef(interface=interface) if interface else None
