"""What the scenes of one call have in common: its caller, its queue, its agents, and the moves that recur."""

from dataclasses import dataclass

from ivr.demo import events
from ivr.demo.call import SimulatedCall
from ivr.demo.channels import RINGING, UP, Bridge, Channel
from ivr.demo.queues import Member
from ivr.demo.switch import Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The queue's own agent and the caller, talking."""

    member: Member
    agent: Channel
    bridge: Bridge
    hold_seconds: int
    answered: float
    """PBX time."""


class Stage:
    """One call, and what can be done to it."""

    def __init__(self, switch: Switch, call: SimulatedCall) -> None:
        self.switch = switch
        self.clock = switch.clock
        self.emit = switch.emit
        self.call = call
        self.behaviour = call.behaviour
        self.caller = call.channel
        self.queue = switch.queues[call.queue]
        self._held: list[Member] = []
        self._channels = [self.caller]

    def hold(self, member: Member) -> None:
        """Keep an agent for this call."""
        self._held.append(member)

    def let_go(self, member: Member) -> None:
        """Free an agent for other callers."""
        self._held.remove(member)
        self.switch.set_member_state(member, 1)
        self.switch.floor.release(member)

    def clear(self) -> None:
        """Free every agent and close every channel that the call still has."""
        for member in list(self._held):
            self.let_go(member)
        for channel in self._channels:
            self.switch.board.close(channel)

    def agent_channel(self, member: Member, *, state: int, linkedid: str = "", exten: str = "s") -> Channel:
        """Open a channel to, or from, an agent's phone."""
        channel = self.switch.agent_channel(member, state=state, linkedid=linkedid, exten=exten)
        self._channels.append(channel)
        self.emit(events.about("Newchannel", channel))
        return channel

    def agent_event(self, name: str, agent: Channel, member: Member, **more: int | str) -> None:
        """Emit AgentCalled, AgentConnect or AgentComplete."""
        self.emit(
            events.agent_event(
                name,
                self.caller,
                agent,
                queue=self.queue.name,
                interface=member.interface,
                member=member.name,
                **more,
            )
        )

    def ring(self, by: Channel, agent: Channel, member: Member, *, dialled: str) -> None:
        """An agent's phone begins to ring, dialled on the channel `by`."""
        self.emit(events.dial("DialBegin", by, agent, DialString=dialled))
        by.connect_to(agent)
        self.emit(events.about("NewConnectedLine", by))
        agent.state = RINGING
        self.emit(events.about("Newstate", agent))
        self.emit(events.dial("DialState", by, agent, DialStatus="RINGING"))
        self.switch.set_member_state(member, 6)

    def pick_up(self, by: Channel, agent: Channel, member: Member) -> None:
        """The agent answers."""
        agent.state = UP
        self.emit(events.about("Newstate", agent))
        self.switch.set_member_state(member, 2)
        self.emit(events.dial("DialEnd", by, agent, DialStatus="ANSWER"))

    def bridge(self, *channels: Channel) -> Bridge:
        """Let channels hear each other; they enter in the given order."""
        bridge = self.switch.new_bridge()
        self.emit(events.bridge_event("BridgeCreate", bridge))
        for channel in channels:
            self.enter(bridge, channel)
        return bridge

    def enter(self, bridge: Bridge, channel: Channel, *, swap: Channel | None = None) -> None:
        bridge.enter(channel)
        self.emit(events.bridge_event("BridgeEnter", bridge, channel, swap=swap))

    def leave(self, bridge: Bridge, channel: Channel) -> None:
        bridge.leave(channel)
        self.emit(events.bridge_event("BridgeLeave", bridge, channel))

    def destroy(self, bridge: Bridge) -> None:
        self.emit(events.bridge_event("BridgeDestroy", bridge))

    def complete(self, talk: Talk, reason: str) -> None:
        """Tell, and note in the queue's figures, that the talk with the queue's own agent is over."""
        seconds = self.clock.whole_seconds_since(talk.answered)
        self.agent_event(
            "AgentComplete",
            talk.agent,
            talk.member,
            HoldTime=talk.hold_seconds,
            TalkTime=seconds,
            Reason=reason,
        )
        self.queue.note_talk(seconds)
        talk.member.calls_taken += 1
        talk.member.last_call = int(self.clock.timestamp())

    def last_agent_hangs_up(self, bridge: Bridge, agent: Channel, member: Member) -> None:
        """The agent's side of a talk goes away; the caller stays on the line."""
        self.caller.hangup_source = agent.name
        self.caller.variables["HANGUPCAUSE"] = "16"
        self.leave(bridge, agent)
        self.leave(bridge, self.caller)
        self.destroy(bridge)
        self.hang_up(agent)
        self.let_go(member)

    def hang_up(self, channel: Channel, cause: int = 16) -> None:
        """A channel is gone."""
        self.switch.board.close(channel)
        self.emit(events.hangup(channel, cause))

    def end_caller(self, cause: int = 16) -> None:
        """The caller's dialplan is at its end."""
        self.emit(events.soft_hangup_request(self.caller))
        self.hang_up(self.caller, cause)
