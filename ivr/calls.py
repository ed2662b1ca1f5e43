"""A call as every PBX would tell it: neutral events, and the pure state machine that they feed.

A call is one customer conversation, keyed `(site, linkedid)`; a leg is one agent's part of it. The package that knows
the PBX turns its own messages into these events, in the order in which they happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

EndedBy = Literal["agent", "caller", "transfer", "unknown"]
"""Who ended a leg or a call; `unknown` when the event that says so was missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRef:
    """An agent as the queue names it."""

    interface: str
    """The device that rang, such as ``PJSIP/1001``; never empty."""
    name: str = ""
    """The member name from the queue, which may hold commas and any script; empty when not known."""
    name_is_cut: bool = False
    """True when `name` comes from where a name ends at its first comma."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """Something that happened to one call."""

    site: str
    """The code of the PBX that told it."""
    linkedid: str
    """The call, unique within its site; at most 150 characters."""
    at: datetime
    """When it happened, with its zone: the PBX's own time where it sends one, else the time of arrival."""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"{type(self).__name__}.at has no zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(CallEvent):
    """A caller entered a queue."""

    uniqueid: str
    """The caller's own channel; in a queue call it equals the linkedid."""
    channel: str
    """The name of the caller's channel, such as ``PJSIP/trunk-0000001a``."""
    queue: str
    caller_number: str
    caller_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegConnected(CallEvent):
    """An agent answered and talks with the caller."""

    uniqueid: str
    """The caller's channel."""
    channel: str
    """The name of the caller's channel, by which it can be sent into the survey."""
    leg: str
    """Unique within the call: the uniqueid of the agent's channel, or the interface where the PBX left that out."""
    agent: AgentRef
    queue: str
    ring_seconds: int | None = None
    hold_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(CallEvent):
    """The talk between an agent and the caller is over. May come without its `LegConnected`, if that was missed."""

    leg: str
    agent: AgentRef
    queue: str
    ended_by: EndedBy
    talk_seconds: int | None = None
    hold_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    """The caller's channel is gone."""

    abandoned: bool = False
    """True when the caller left a queue in which they waited."""
    left_alone: bool = False
    """True when the caller hung up while no agent was on the line: waiting, ringing elsewhere, or in the survey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which nothing was heard of a site: its events are lost."""

    site: str
    since: datetime
    until: datetime
    live: frozenset[str]
    """The linkedids of all calls that the PBX still had when it was asked at `until`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One agent's part of a call."""

    leg: str
    agent: AgentRef
    queue: str
    connected_at: datetime | None = None
    """None when the start was missed."""
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    ring_seconds: int | None = None
    hold_seconds: int | None = None
    talk_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is known of one call so far. Immutable: `after` gives the next state."""

    site: str
    linkedid: str
    uniqueid: str = ""
    queue: str = ""
    """The queue that the caller entered last; empty when that was missed."""
    caller_number: str = ""
    caller_name: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    abandoned: bool = False
    left_alone: bool = False
    legs: Mapping[str, Leg] = field(default_factory=dict)
    """By leg, in the order in which they connected."""

    @property
    def last_leg(self) -> Leg | None:
        """The leg that connected last, or None before the first."""
        return next(reversed(list(self.legs.values())), None)

    @property
    def ended_by(self) -> EndedBy | None:
        """Who hung up first; None while the call is up."""
        if self.ended_at is None:
            return None
        leg = self.last_leg
        # Alone after a transfer, a caller waits for the next agent; after an agent's hang-up it is the survey's time.
        if self.abandoned or (self.left_alone and leg and leg.ended_by == "transfer"):
            return "caller"
        return (leg.ended_by if leg else None) or "unknown"

    def after(self, event: CallEvent) -> "Call":
        """The call after `event`. An event that comes twice, or without those before it, only adds what it knows."""
        match event:
            case CallStarted():
                return replace(
                    self,
                    uniqueid=event.uniqueid,
                    queue=event.queue,
                    caller_number=event.caller_number or self.caller_number,
                    caller_name=event.caller_name or self.caller_name,
                    started_at=self.started_at or event.at,
                )
            case LegConnected():
                known = self.legs.get(event.leg)
                leg = Leg(
                    leg=event.leg,
                    agent=event.agent,
                    queue=event.queue,
                    connected_at=known.connected_at if known and known.connected_at else event.at,
                    ring_seconds=event.ring_seconds,
                    hold_seconds=event.hold_seconds,
                    ended_at=known.ended_at if known else None,
                    ended_by=known.ended_by if known else None,
                    talk_seconds=known.talk_seconds if known else None,
                )
                return replace(
                    self,
                    uniqueid=event.uniqueid,
                    queue=event.queue or self.queue,
                    legs={**self.legs, event.leg: leg},
                )
            case LegEnded():
                known = self.legs.get(event.leg) or Leg(leg=event.leg, agent=event.agent, queue=event.queue)
                leg = replace(
                    known,
                    ended_at=event.at,
                    ended_by=event.ended_by,
                    talk_seconds=event.talk_seconds,
                    hold_seconds=event.hold_seconds if known.hold_seconds is None else known.hold_seconds,
                )
                return replace(self, queue=self.queue or event.queue, legs={**self.legs, event.leg: leg})
            case CallEnded():
                return replace(self, ended_at=event.at, abandoned=event.abandoned, left_alone=event.left_alone)
            case _:
                return self
