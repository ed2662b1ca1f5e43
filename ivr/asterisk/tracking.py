"""What the translator remembers of the calls that are up: callers, their legs, and who is in a bridge with whom."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from ivr.calls import AgentRef, CallStarted, EndedBy, Leg, LegConnected, LegEnded


@dataclass(slots=True, kw_only=True)
class TrackedLeg:
    """One agent's talk with one caller."""

    leg: str
    agent: AgentRef
    queue: str
    """Empty for a leg that no queue arranged, which is one after a transfer."""
    connected_at: datetime
    agent_uniqueid: str
    """Of the agent's channel; empty until it is seen in the caller's bridge."""
    ring_seconds: int | None = None
    hold_seconds: int | None = None
    parted_at: datetime | None = None
    """When one of the two left the bridge; None while they talk."""
    ended_at: datetime | None = None
    end_was_missed: bool = False
    """True when only its absence told that it is over: then `ended_at` is when that was found out."""
    ended_by: EndedBy | None = None
    """The first sign of who ended it: a hang-up request, or a transfer."""
    completed: bool = False
    """True once the queue has told the end of it, or will not."""
    sent: bool = False
    """True when we ended the talk to ask the caller: the queue then counts on, and says that the caller ended it."""

    @property
    def behind_local(self) -> bool:
        """Whether the agent's own channel is hidden behind a Local channel, which comes and goes by itself."""
        return self.agent.interface.startswith("Local/")

    @property
    def talk_seconds(self) -> int | None:
        """Whole seconds from the answer to the end, rounded down as Asterisk does; None when the end is not known."""
        if self.ended_at is None or self.end_was_missed:
            return None
        return max(0, int((self.ended_at - self.connected_at).total_seconds()))


@dataclass(slots=True, kw_only=True)
class TrackedCall:
    """One caller who entered a queue, or whom the dialplan marked."""

    site: str
    linkedid: str
    """Of the moment the call was first told. A transfer can change the channel's own, and the call stays one."""
    uniqueid: str
    channel: str
    started: CallStarted | None = None
    dialled: bool = False
    """True when the dialplan's own mark told of the call: no queue will tell who answers."""
    legs: list[TrackedLeg] = field(default_factory=list)
    abandoned: bool = False
    left_alone: bool = False
    """True once the caller has hung up with no agent on the line."""
    with_somebody: bool = False
    """True once the caller has talked with somebody who could not be told apart."""
    ended_at: datetime | None = None

    @property
    def open_legs(self) -> list[TrackedLeg]:
        """The legs that have not ended."""
        return [leg for leg in self.legs if leg.ended_at is None]

    @property
    def talk(self) -> TrackedLeg | None:
        """The leg in which the caller talks right now; None when that is over, or about to be, or not certain."""
        legs = self.open_legs
        return legs[0] if len(legs) == 1 and legs[0].parted_at is None and legs[0].ended_by is None else None

    def leg_of(self, agent_uniqueid: str) -> TrackedLeg | None:
        """The leg of an agent's channel."""
        return next((leg for leg in self.legs if agent_uniqueid and leg.agent_uniqueid == agent_uniqueid), None)

    def new_leg_name(self, agent_uniqueid: str, interface: str) -> str:
        """A name unique within the call, also when an agent whose channel was not told has the caller twice."""
        name = agent_uniqueid or interface
        times = sum(leg.leg == name or leg.leg.startswith(f"{name}#") for leg in self.legs)
        return f"{name}#{times + 1}" if times else name

    def begun(self, at: datetime, queue: str, caller_number: str, caller_name: str) -> CallStarted:
        """The event that tells of the call; kept as `started`."""
        self.started = CallStarted(
            site=self.site,
            linkedid=self.linkedid,
            at=at,
            uniqueid=self.uniqueid,
            channel=self.channel,
            queue=queue,
            caller_number=caller_number,
            caller_name=caller_name,
        )
        return self.started

    def connected(self, leg: TrackedLeg) -> LegConnected:
        """The event that tells of the start of a leg."""
        return LegConnected(
            site=self.site,
            linkedid=self.linkedid,
            at=leg.connected_at,
            uniqueid=self.uniqueid,
            channel=self.channel,
            leg=leg.leg,
            agent=leg.agent,
            queue=leg.queue,
            ring_seconds=leg.ring_seconds,
            hold_seconds=leg.hold_seconds,
        )

    def ended(
        self, leg: TrackedLeg, at: datetime, ended_by: EndedBy | None = None, talk_seconds: int | None = None
    ) -> LegEnded:
        """End a leg, and give the event that says so. What is not given comes from what was seen of the channels."""
        leg.ended_at = leg.ended_at or leg.parted_at or at
        return LegEnded(
            site=self.site,
            linkedid=self.linkedid,
            at=leg.ended_at,
            leg=leg.leg,
            agent=leg.agent,
            queue=leg.queue,
            ended_by=ended_by or leg.ended_by or "unknown",
            talk_seconds=leg.talk_seconds if talk_seconds is None else talk_seconds,
            hold_seconds=leg.hold_seconds,
        )


def tracked_leg(leg: Leg) -> TrackedLeg:
    """A leg of which others heard, as it is tracked from now on."""
    interface = leg.agent.interface
    return TrackedLeg(
        leg=leg.leg,
        agent=leg.agent,
        queue=leg.queue,
        connected_at=leg.connected_at or leg.ended_at or datetime.min.replace(tzinfo=UTC),
        agent_uniqueid="" if leg.leg.startswith(interface) else leg.leg,
        ring_seconds=leg.ring_seconds,
        hold_seconds=leg.hold_seconds,
        ended_at=leg.ended_at,
        ended_by=leg.ended_by,
        completed=leg.ended_at is not None,
    )


class Bridges:
    """Which channels are together. Only bridges of the type `basic`, where people talk, are kept."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, str]] = {}
        self._bridge_of: dict[str, str] = {}

    def enter(self, bridge: str, uniqueid: str, channel: str) -> None:
        """Put a channel into a bridge; a channel is in one at a time."""
        self.leave(uniqueid)
        self._members.setdefault(bridge, {})[uniqueid] = channel
        self._bridge_of[uniqueid] = bridge

    def leave(self, uniqueid: str) -> str:
        """Take a channel out, and return the bridge that it was in, or ``""``."""
        bridge = self._bridge_of.pop(uniqueid, "")
        members = self._members.get(bridge, {})
        members.pop(uniqueid, None)
        if not members:
            self._members.pop(bridge, None)
        return bridge

    def members(self, bridge: str) -> dict[str, str]:
        """Uniqueid → name of each channel in a bridge."""
        return dict(self._members.get(bridge, {}))
