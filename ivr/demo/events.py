"""The AMI events of the simulated PBX: their names, classes and headers in Asterisk's order.

The headers are those that Asterisk 22.10.1 was recorded to send; 16.28 sends the same names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ivr.demo.channels import Bridge, Channel, Fields

SURVEY_EVENTS = frozenset(
    {
        "QueueCallerJoin",
        "QueueCallerLeave",
        "QueueCallerAbandon",
        "AgentConnect",
        "AgentComplete",
        "BlindTransfer",
        "AttendedTransfer",
        "BridgeEnter",
        "BridgeLeave",
        "HangupRequest",
        "Hangup",
    }
)
"""What an AMI user gets whose `eventfilter` lets through only what tells of queue calls and their agents."""

_CAUSES = {0: "Unknown", 16: "Normal Clearing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One AMI event, before it is written to a wire."""

    name: str
    privilege: str
    """The class of the event, such as ``call``."""
    fields: tuple[tuple[str, str], ...]

    def wire(self, timestamp: float) -> bytes:
        """The event as Asterisk sends it with `timestampevents=yes`."""
        head = [("Event", self.name), ("Privilege", f"{self.privilege},all"), ("Timestamp", f"{timestamp:.6f}")]
        return wire_message([*head, *self.fields])


def wire_message(fields: Sequence[tuple[str, str]]) -> bytes:
    """Headers as one AMI message. Lone surrogates become the raw bytes that they stand for."""
    text = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{text}\r\n".encode("utf-8", "surrogateescape")


def _call(name: str, fields: Fields) -> Event:
    return Event(name=name, privilege="call", fields=tuple(fields))


def _agent(name: str, fields: Fields) -> Event:
    return Event(name=name, privilege="agent", fields=tuple(fields))


def about(name: str, channel: Channel) -> Event:
    """An event that says nothing but the channel's state: Newchannel, Newstate, NewConnectedLine, Unhold …"""
    return _call(name, channel.snapshot())


def music_on_hold_start(channel: Channel) -> Event:
    return _call("MusicOnHoldStart", [*channel.snapshot(), ("Class", "default")])


def queue_caller_join(channel: Channel, *, queue: str, position: int, count: int) -> Event:
    place = [("Queue", queue), ("Position", str(position)), ("Count", str(count))]
    return _agent("QueueCallerJoin", [*channel.snapshot(), *place])


def queue_caller_leave(channel: Channel, *, queue: str, position: int, count: int) -> Event:
    place = [("Queue", queue), ("Position", str(position)), ("Count", str(count))]
    return _agent("QueueCallerLeave", [*channel.snapshot(), *place])


def queue_caller_abandon(channel: Channel, *, queue: str, position: int, original: int, hold: int) -> Event:
    place = [
        ("Queue", queue),
        ("Position", str(position)),
        ("OriginalPosition", str(original)),
        ("HoldTime", str(hold)),
    ]
    return _agent("QueueCallerAbandon", [*channel.snapshot(), *place])


def dial(name: str, channel: Channel, dest: Channel, **last: str) -> Event:
    """DialBegin, DialState or DialEnd; `last` is their one header more."""
    return _call(name, [*channel.snapshot(), *dest.snapshot("Dest"), *last.items()])


def agent_event(
    name: str, channel: Channel, dest: Channel, *, queue: str, interface: str, member: str, **more: int | str
) -> Event:
    """AgentCalled, AgentConnect or AgentComplete; `more` are the headers that follow the member's name."""
    who = [("Queue", queue), ("Interface", interface), ("MemberName", member)]
    rest = [(key, str(value)) for key, value in more.items()]
    return _agent(name, [*channel.snapshot(), *dest.snapshot("Dest"), *who, *rest])


def bridge_event(name: str, bridge: Bridge, channel: Channel | None = None, *, swap: Channel | None = None) -> Event:
    """BridgeCreate or BridgeDestroy without a channel, BridgeEnter or BridgeLeave with one."""
    fields = [*bridge.snapshot(), *(channel.snapshot() if channel else [])]
    if swap:
        fields.append(("SwapUniqueid", swap.uniqueid))
    return _call(name, fields)


def hangup_request(channel: Channel, cause: int | None = None) -> Event:
    """The far end hangs up. The recordings have no `Cause` for an agent or a caller of a queue, and one for others."""
    more = [] if cause is None else [("Cause", str(cause))]
    return _call("HangupRequest", [*channel.snapshot(), *more])


def soft_hangup_request(channel: Channel, cause: int = 16) -> Event:
    return _call("SoftHangupRequest", [*channel.snapshot(), ("Cause", str(cause))])


def hangup(channel: Channel, cause: int = 16) -> Event:
    return _call("Hangup", [*channel.snapshot(), ("Cause", str(cause)), ("Cause-txt", _CAUSES[cause])])


def dtmf_begin(channel: Channel, key: str) -> Event:
    fields = [*channel.snapshot(), ("Digit", key), ("Direction", "Received")]
    return Event(name="DTMFBegin", privilege="dtmf", fields=tuple(fields))


def dtmf_end(channel: Channel, key: str, milliseconds: int) -> Event:
    fields = [*channel.snapshot(), ("Digit", key), ("DurationMs", str(milliseconds)), ("Direction", "Received")]
    return Event(name="DTMFEnd", privilege="dtmf", fields=tuple(fields))


def blind_transfer(transferer: Channel, transferee: Channel, bridge: Bridge, *, context: str, exten: str) -> Event:
    return _call(
        "BlindTransfer",
        [
            ("Result", "Success"),
            *transferer.snapshot("Transferer"),
            *transferee.snapshot("Transferee"),
            *bridge.snapshot(),
            ("IsExternal", "Yes"),
            ("Context", context),
            ("Extension", exten),
        ],
    )


def attended_transfer(fields: Fields, *, into: Bridge) -> Event:
    """`fields` are the six snapshots, taken before the channels were moved `into` the bridge that remains."""
    last = [("IsExternal", "No"), ("DestType", "Bridge"), ("DestBridgeUniqueid", into.uniqueid)]
    return _call("AttendedTransfer", [("Result", "Success"), *fields, *last])
