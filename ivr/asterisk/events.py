"""The AMI events that the service needs, as typed records.

Which headers are always there was measured on Asterisk 16.28 and 22.10: a field is optional here when Asterisk left it
out even once (under overload, `AgentComplete` comes without the caller's channel).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from ivr.asterisk.messages import Message
from ivr.asterisk.names import known, plain_text
from ivr.calls import EndedBy

MARK = "PostcallCall"
"""The name of the dialplan's own event that tells a customer's call."""
_LINKEDID_LIMIT = 150
"""Asterisk's own limit for a uniqueid or linkedid is 149 characters (`AST_MAX_UNIQUEID`)."""


class EventMalformed(Exception):
    """A header that the event cannot do without is missing or empty; the text is the name of the header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiEvent:
    """Base of the typed events."""

    at: datetime
    """The `Timestamp` header where manager.conf has ``timestampevents=yes``, else the time of arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCallerJoin(AmiEvent):
    """A caller entered a queue."""

    channel: str
    uniqueid: str
    linkedid: str
    queue: str
    caller_number: str
    caller_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCallerAbandon(AmiEvent):
    """A caller hung up while waiting."""

    uniqueid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConnect(AmiEvent):
    """A member answered, and is about to be bridged with the caller."""

    channel: str
    """The caller's."""
    uniqueid: str
    """The caller's."""
    linkedid: str
    queue: str
    interface: str
    member_name: str
    agent_uniqueid: str
    """Of the agent's channel; may be empty."""
    agent_channel: str
    """The name of the agent's channel; may be empty."""
    hold_seconds: int | None
    ring_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentComplete(AmiEvent):
    """The talk between a member and the caller is over, as the queue sees it."""

    queue: str
    interface: str
    member_name: str
    uniqueid: str
    """The caller's; may be empty."""
    linkedid: str
    """May be empty."""
    agent_uniqueid: str
    """May be empty."""
    ended_by: EndedBy
    talk_seconds: int | None
    hold_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindTransfer(AmiEvent):
    """Somebody sent the other party elsewhere, and left."""

    transferer_uniqueids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendedTransfer(AmiEvent):
    """Somebody joined two calls, and left."""

    transferer_uniqueids: frozenset[str]
    """Of both channels of the transferer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeEnter(AmiEvent):
    """A channel joined a bridge."""

    bridge: str
    bridge_type: str
    """``basic`` for a talk; ``holding`` and others for parking, conferences, applications."""
    channel: str
    uniqueid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeLeave(AmiEvent):
    """A channel left a bridge."""

    bridge: str
    uniqueid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangupRequest(AmiEvent):
    """The far end of a channel hung up; says who ended a talk that no queue watched."""

    uniqueid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup(AmiEvent):
    """A channel is gone."""

    uniqueid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedCall(AmiEvent):
    """The dialplan's ``UserEvent(PostcallCall,…)``: without a queue, only the dialplan knows who is a customer."""

    channel: str
    """The customer's; an agent's when `is_agent`."""
    uniqueid: str
    linkedid: str
    queue: str
    """The group that the dialplan names (``Queue: sales``); may be empty."""
    caller_number: str
    """The customer's; of an outbound call the one that is dialled (``Number: …``)."""
    caller_name: str
    is_agent: bool
    """True for an outbound call (``Customer: callee``): the channel is the agent's, who is about to dial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyBooted(AmiEvent):
    """Asterisk has finished to start. Only users with the class `system` are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown(AmiEvent):
    """Asterisk is about to end; it closes the connection itself."""


def typed(message: Message, arrived: datetime) -> AmiEvent | None:
    """The typed event in a message, or None when it is not one of `WANTED`.

    Raises `EventMalformed` when a required header is missing.
    """
    build = _BUILDERS.get(message.event)
    if build is _marked and message.get("UserEvent") != MARK:
        return None
    return build(message, _time(message, arrived)) if build else None


_REASONS: Mapping[str, EndedBy] = MappingProxyType({"agent": "agent", "caller": "caller", "transfer": "transfer"})


def _required(message: Message, name: str) -> str:
    value = message.get(name)
    if not value:
        raise EventMalformed(name)
    return value


def _required_id(message: Message, name: str) -> str:
    value = message.get(name)
    if not 0 < len(value) <= _LINKEDID_LIMIT:
        raise EventMalformed(name)
    return value


def _seconds(message: Message, name: str) -> int | None:
    value = message.get(name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _time(message: Message, arrived: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(float(message.get("Timestamp")), UTC)
    except (ValueError, OverflowError, OSError):
        return arrived


def _join(message: Message, at: datetime) -> QueueCallerJoin:
    return QueueCallerJoin(
        at=at,
        channel=_required(message, "Channel"),
        uniqueid=_required_id(message, "Uniqueid"),
        linkedid=_required_id(message, "Linkedid"),
        queue=_required(message, "Queue"),
        caller_number=known(message.get("CallerIDNum")),
        caller_name=plain_text(known(message.get("CallerIDName"))),
    )


def _connect(message: Message, at: datetime) -> AgentConnect:
    return AgentConnect(
        at=at,
        channel=_required(message, "Channel"),
        uniqueid=_required_id(message, "Uniqueid"),
        linkedid=_required_id(message, "Linkedid"),
        queue=_required(message, "Queue"),
        interface=_required(message, "Interface"),
        member_name=message.get("MemberName"),
        agent_uniqueid=message.get("DestUniqueid"),
        agent_channel=message.get("DestChannel"),
        hold_seconds=_seconds(message, "HoldTime"),
        ring_seconds=_seconds(message, "RingTime"),
    )


def _complete(message: Message, at: datetime) -> AgentComplete:
    return AgentComplete(
        at=at,
        queue=_required(message, "Queue"),
        interface=_required(message, "Interface"),
        member_name=message.get("MemberName"),
        uniqueid=message.get("Uniqueid"),
        linkedid=message.get("Linkedid")[:_LINKEDID_LIMIT],
        agent_uniqueid=message.get("DestUniqueid"),
        ended_by=_REASONS.get(message.get("Reason").lower(), "unknown"),
        talk_seconds=_seconds(message, "TalkTime"),
        hold_seconds=_seconds(message, "HoldTime"),
    )


def _transferers(message: Message, *names: str) -> frozenset[str]:
    # A transfer that failed leaves everybody where they were.
    if message.get("Result", "Success") != "Success":
        return frozenset()
    return frozenset(filter(None, map(message.get, names)))


def _enter(message: Message, at: datetime) -> BridgeEnter:
    return BridgeEnter(
        at=at,
        bridge=_required(message, "BridgeUniqueid"),
        bridge_type=message.get("BridgeType"),
        channel=_required(message, "Channel"),
        uniqueid=_required_id(message, "Uniqueid"),
    )


def _marked(message: Message, at: datetime) -> MarkedCall:
    is_agent = message.get("Customer").strip().lower() == "callee"
    return MarkedCall(
        at=at,
        channel=_required(message, "Channel"),
        uniqueid=_required_id(message, "Uniqueid"),
        linkedid=_required_id(message, "Linkedid"),
        queue=message.get("Queue").strip(),
        caller_number=message.get("Number").strip() if is_agent else known(message.get("CallerIDNum")),
        caller_name="" if is_agent else plain_text(known(message.get("CallerIDName"))),
        is_agent=is_agent,
    )


_BUILDERS: Mapping[str, Callable[[Message, datetime], AmiEvent]] = MappingProxyType(
    {
        "QueueCallerJoin": _join,
        "QueueCallerAbandon": lambda m, at: QueueCallerAbandon(at=at, uniqueid=_required_id(m, "Uniqueid")),
        "AgentConnect": _connect,
        "AgentComplete": _complete,
        "BlindTransfer": lambda m, at: BlindTransfer(at=at, transferer_uniqueids=_transferers(m, "TransfererUniqueid")),
        "AttendedTransfer": lambda m, at: AttendedTransfer(
            at=at, transferer_uniqueids=_transferers(m, "OrigTransfererUniqueid", "SecondTransfererUniqueid")
        ),
        "BridgeEnter": _enter,
        "BridgeLeave": lambda m, at: BridgeLeave(
            at=at, bridge=_required(m, "BridgeUniqueid"), uniqueid=_required_id(m, "Uniqueid")
        ),
        "HangupRequest": lambda m, at: HangupRequest(at=at, uniqueid=_required_id(m, "Uniqueid")),
        "Hangup": lambda m, at: Hangup(at=at, uniqueid=_required_id(m, "Uniqueid")),
        "UserEvent": _marked,
        "FullyBooted": lambda _, at: FullyBooted(at=at),
        "Shutdown": lambda _, at: Shutdown(at=at),
    }
)

WANTED = tuple(
    kind.__name__
    for kind in (
        QueueCallerJoin,
        QueueCallerAbandon,
        AgentConnect,
        AgentComplete,
        BlindTransfer,
        AttendedTransfer,
        BridgeEnter,
        BridgeLeave,
        HangupRequest,
        Hangup,
        FullyBooted,
        Shutdown,
    )
)
"""The names of the events needed, for the `eventfilter` lines of manager.conf: about a dozen events a call of 157."""
TYPED = (*WANTED, "UserEvent")
"""The names of the events that `typed` knows; of user events only the one called `MARK`."""
