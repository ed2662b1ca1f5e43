"""What a PBX says is going on right now, read from its answers to `QueueStatus` and `CoreShowChannels`. Pure.

After a time without its events this replaces what was known of the PBX.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ivr.asterisk.messages import Message
from ivr.asterisk.names import interface_of, known
from ivr.calls import AgentRef


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChannel:
    """A channel that exists."""

    name: str
    uniqueid: str
    linkedid: str
    bridge: str
    """Empty when it is in none."""
    application: str
    """The dialplan application it runs, such as ``Queue``."""
    data: str
    """The arguments of the application."""

    @property
    def queue(self) -> str:
        """The queue whose caller this is; empty for every other channel."""
        return self.data.split(",", 1)[0] if self.application == "Queue" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCaller:
    """A caller in a queue to whom nobody has answered yet."""

    uniqueid: str
    queue: str
    number: str
    name: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An agent of a queue."""

    queue: str
    interface: str
    state_interface: str
    """The device behind a Local interface; else the same as `interface`."""
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The PBX at one moment."""

    at: datetime
    channels: Mapping[str, LiveChannel]
    """By uniqueid."""
    waiting: tuple[WaitingCaller, ...]
    members: tuple[Member, ...]

    @property
    def live(self) -> frozenset[str]:
        """The linkedids of all calls."""
        return frozenset(channel.linkedid for channel in self.channels.values())

    def partner_of(self, uniqueid: str) -> LiveChannel | None:
        """The one other channel in the bridge; None when there is none, or more than one."""
        channel = self.channels.get(uniqueid)
        if channel is None or not channel.bridge:
            return None
        others = [c for c in self.channels.values() if c.bridge == channel.bridge and c.uniqueid != uniqueid]
        return others[0] if len(others) == 1 else None

    def member_of(self, queue: str, channel: str) -> AgentRef | None:
        """The agent of a queue to whom a channel belongs; None when it is nobody's, or could be several agents'."""
        device = interface_of(channel)
        found = {
            AgentRef(interface=member.interface, name=member.name)
            for member in self.members
            if member.queue == queue and device in (_device(member.interface), _device(member.state_interface))
        }
        return found.pop() if len(found) == 1 else None


def reconcile(queue_status: Iterable[Message], channels: Iterable[Message], *, at: datetime) -> Snapshot:
    """Read the answers to `QueueStatus` and to `CoreShowChannels` (or `Status`, which says the same in other words).

    Entries that lack what they are about are left out.
    """
    live = {}
    for message in channels:
        uniqueid, name = message.get("Uniqueid"), message.get("Channel")
        if uniqueid and name:
            live[uniqueid] = LiveChannel(
                name=name,
                uniqueid=uniqueid,
                linkedid=message.get("Linkedid") or uniqueid,
                bridge=message.get("BridgeID"),
                application=message.get("Application"),
                data=message.get("ApplicationData") or message.get("Data"),
            )
    waiting, members = [], []
    for message in queue_status:
        queue, uniqueid, interface = message.get("Queue"), message.get("Uniqueid"), message.get("Location")
        if message.event == "QueueEntry" and queue and uniqueid in live:
            waited = message.get("Wait")
            seconds = int(waited) if waited.isascii() and waited.isdigit() and len(waited) < 7 else 0
            waiting.append(
                WaitingCaller(
                    uniqueid=uniqueid,
                    queue=queue,
                    number=known(message.get("CallerIDNum")),
                    # Other than in the events of channels, Asterisk escapes nothing here.
                    name=known(message.get("CallerIDName")),
                    since=at - timedelta(seconds=seconds),
                )
            )
        elif message.event == "QueueMember" and queue and interface:
            members.append(
                Member(
                    queue=queue,
                    interface=interface,
                    state_interface=message.get("StateInterface") or interface,
                    name=message.get("Name"),
                )
            )
    return Snapshot(at=at, channels=live, waiting=tuple(waiting), members=tuple(members))


def _device(interface: str) -> str:
    # A channel's name does not repeat the options of its Local interface, such as "/n".
    return interface.rsplit("/", 1)[0] if interface.startswith("Local/") and interface.count("/") > 1 else interface
