"""What every call on the simulated PBX shares: its clock, its channels, its queues and agents, and its event stream."""

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.demo.channels import RING, Bridge, Channel, ChannelBoard
from ivr.demo.clock import Clock
from ivr.demo.events import Event
from ivr.demo.queues import DeviceState, Floor, Member, Queue

Dialplan = Mapping[str, str | Sequence[str]]
"""By context an AGI address (``agi://host:port/script``), or several: where one cannot be reached the next is tried."""


@dataclass(slots=True, kw_only=True)
class Switch:
    """The innards of a PBX, for the calls that run on it."""

    clock: Clock
    rng: random.Random
    queues: Mapping[str, Queue]
    floor: Floor
    emit: Callable[[Event], None]
    """Sends an event to all who listen."""
    dialplan: Dialplan
    """What a context runs; a caller sent to any other is hung up."""
    prompt_seconds: Callable[[str], float | None]
    """How long a sound plays; None when there is no such sound."""
    board: ChannelBoard = field(default_factory=ChannelBoard)

    def caller_channel(self, device: str, *, number: str, name: str, exten: str) -> Channel:
        """A new channel on which somebody calls in."""
        return self.board.open(
            device,
            timestamp=self.clock.timestamp(),
            number=number,
            name=name,
            context="from-caller",
            exten=exten,
            state=RING,
        )

    def agent_channel(self, member: Member, *, state: int, linkedid: str = "", exten: str = "s") -> Channel:
        """A new channel to, or from, the phone of an agent."""
        is_local = member.interface.startswith("Local/")
        return self.board.open(
            # The name of a Local channel lacks the options of its interface.
            "/".join(member.interface.split("/")[:2]),
            half=";1" if is_local else "",
            timestamp=self.clock.timestamp(),
            number=member.number,
            # A phone's caller ID is set up apart from the queue's member names, and rarely the same.
            name=f"Agent {member.number}",
            context="from-agent",
            exten=exten,
            state=state,
            linkedid=linkedid,
        )

    def new_bridge(self) -> Bridge:
        return Bridge(uniqueid=str(uuid.UUID(int=self.rng.getrandbits(128), version=4)))

    def set_member_state(self, member: Member, state: DeviceState) -> None:
        """Change the state of an agent's phone, and tell each of the agent's queues."""
        member.state = state
        for queue in member.queues:
            fields = [
                ("Queue", queue),
                ("MemberName", member.name),
                ("Interface", member.interface),
                *member.standing(),
                ("Ringinuse", "0"),
                ("Wrapuptime", "0"),
            ]
            self.emit(Event(name="QueueMemberStatus", privilege="agent", fields=tuple(fields)))
