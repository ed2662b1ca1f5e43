"""A call on the simulated PBX whose every move is told from outside, one after another, as in a scenario's table.

How each move looks over AMI is that of the scenes of ordinary calls. Three are not recorded from a real PBX but follow
its documentation: an agent who does not answer, a caller sent into another queue, and a transfer by feature code.
"""

import asyncio

from ivr.demo import events, scenes, transfers
from ivr.demo.behaviour import Behaviour
from ivr.demo.call import SimulatedCall
from ivr.demo.channels import DOWN, UP, Bridge, Channel
from ivr.demo.queues import Member, Waiting
from ivr.demo.stage import Stage, Talk
from ivr.demo.survey import go_on
from ivr.demo.switch import Switch


class ScriptedCall:
    """One caller and the agents who serve that caller. A move that cannot be made now is an error of the script."""

    def __init__(
        self, switch: Switch, queue: str, *, number: str, behaviour: Behaviour, variables: dict[str, str]
    ) -> None:
        exten = switch.queues[queue].exten
        channel = switch.caller_channel("PJSIP/trunk", number=number, name="", exten=exten)
        channel.variables = dict(variables)
        self.call = SimulatedCall(channel=channel, queue=queue, dialled=exten, behaviour=behaviour)
        self._switch = switch
        self._stage = Stage(switch, self.call)
        self._place: Waiting | None = None
        self._ringing: dict[str, Channel] = {}
        self._rang_at = 0.0
        self._talk: Talk | None = None
        """With the agent whom the queue watches."""
        self._second: tuple[Bridge, Channel, Member] | None = None
        """With an agent after a transfer."""
        self._line: tuple[Member, Channel, Channel, Bridge | None] | None = None
        """A consultation on a second line: with whom, that line, the colleague's channel, and their bridge."""
        self._behind: tuple[Channel, Channel, Bridge] | None = None
        """The Local channels of a consultation by feature code, and the bridge of the first half with the agent."""
        self.survey: asyncio.Task[None] | None = None
        self.over = False

    @property
    def uniqueid(self) -> str:
        """The caller's channel, and the call's linkedid."""
        return self.call.uniqueid

    def member(self, number: str) -> Member:
        """The agent with the phone `number`. Raises KeyError."""
        return next(one for one in self._switch.floor.members if one.number == number)

    def enters(self, queue: str) -> None:
        """The caller comes into a queue; also the second one, after a transfer."""
        self._stage.queue = self._switch.queues[queue]
        self.call.queue = queue
        self._place = scenes.enter_queue(self._stage)

    def rings(self, number: str) -> None:
        """A phone begins to ring: for the queue, after a transfer, or for a colleague's consultation."""
        member = self.member(number)
        if self._line:
            return
        if self._place:
            self._ringing[number] = scenes.call_agent(self._stage, member)
        else:
            self._stage.hold(member)
            self._ringing[number] = transfers.ring_colleague(self._stage, member)
        self._rang_at = self._switch.clock.now()

    def does_not_answer(self, number: str) -> None:
        """A phone has rung long enough. After a transfer the dialplan then ends."""
        agent, member = self._ringing.pop(number), self.member(number)
        self._stage.emit(events.dial("DialEnd", self._stage.caller, agent, DialStatus="NOANSWER"))
        self._stage.hang_up(agent, cause=0)
        self._stage.let_go(member)
        if not self._place:
            self._stage.caller.variables["DIALSTATUS"] = "NOANSWER"
            self._end()

    def answers(self, number: str) -> None:
        """The agent takes the call, or the consultation."""
        member = self.member(number)
        if self._line:
            _, line, second, _ = self._line
            between = transfers.consultation_begins(self._stage, line, second, member)
            self._line = member, line, second, between
            return
        agent = self._ringing.pop(number)
        if self._place:
            rang = self._switch.clock.whole_seconds_since(self._rang_at)
            self._talk = scenes.connect(self._stage, self._place, member, agent, ring_seconds=rang)
            self._second = self._place = None
            self._show_phone_behind(agent, member)
        else:
            self._second = transfers.colleague_answers(self._stage, agent, member), agent, member

    def agent_hangs_up(self) -> None:
        """The agent ends the talk, and the caller goes where the dialplan says: into the survey, if there is one."""
        if self._second:
            transfers.colleague_hangs_up(self._stage, *self._second)
        else:
            assert self._talk
            scenes.agent_hangs_up(self._stage, self._talk)
        self._talk = self._second = None
        self.survey = asyncio.get_running_loop().create_task(go_on(self._stage))
        self.survey.add_done_callback(lambda _: self._clear())

    def caller_hangs_up(self) -> None:
        """The caller leaves: a queue, a talk, or a phone that rings after a transfer."""
        if self._place:
            scenes.abandon(self._stage, self._place, next(iter(self._ringing.values()), None))
            self._clear()
        elif self._talk and not self._second:
            scenes.caller_hangs_up(self._stage, self._talk)
            self._clear()
        else:
            self._stage.emit(events.hangup_request(self._stage.caller, 16))
            for number, agent in self._ringing.items():
                self._stage.emit(events.dial("DialEnd", self._stage.caller, agent, DialStatus="CANCEL"))
                self._stage.hang_up(agent, cause=0)
                self._stage.let_go(self.member(number))
            if self._second:
                bridge, agent, member = self._second
                self._stage.leave(bridge, self._stage.caller)
                self._stage.leave(bridge, agent)
                self._stage.destroy(bridge)
                self._stage.hang_up(agent)
                self._stage.let_go(member)
            self._end()

    def transfers_to(self, extension: str) -> None:
        """The agent sends the caller away, to a colleague's phone, which rings next, or into another queue."""
        if self._second:
            bridge, agent, member = self._second
            # Only the queue's own talk ends with an AgentComplete.
            caller = self._stage.caller
            told = events.blind_transfer(agent, caller, bridge, context="from-agent", exten=extension)
            self._stage.leave(bridge, caller)
            self._stage.emit(told)
            self._stage.leave(bridge, agent)
            self._stage.destroy(bridge)
            self._stage.hang_up(agent)
            self._stage.let_go(member)
        else:
            assert self._talk
            transfers.send_away(self._stage, self._talk, extension)
        self._talk = self._second = None

    def consults(self, number: str) -> None:
        """The agent calls a colleague on a second line, while the caller waits."""
        assert self._talk
        member = self.member(number)
        self._stage.hold(member)
        line, second = transfers.consult(self._stage, self._talk.member, member)
        self._line = member, line, second, None

    @property
    def talks(self) -> bool:
        """Whether an agent is in the call."""
        return self._talk is not None or self._second is not None

    def ends_consultation(self) -> None:
        """The agent's second line goes away, and with it the colleague."""
        assert self._line
        member, line, second, between = self._line
        stage = self._stage
        stage.emit(events.hangup_request(line, 16))
        if between:
            stage.leave(between, line)
            stage.leave(between, second)
            stage.destroy(between)
        stage.hang_up(line)
        stage.hang_up(second)
        stage.let_go(member)
        self._line = None

    def hands_over(self) -> None:
        """The agent's phone puts the caller and the colleague together (SIP: REFER with Replaces)."""
        assert self._talk
        assert self._line
        member, line, second, between = self._line
        assert between
        transfers.hand_over(self._stage, self._talk, line, second, between)
        self.call.interfaces.append(member.interface)
        self._second, self._line = (self._talk.bridge, second, member), None

    def consults_by_feature_code(self, number: str) -> None:
        """The agent presses a feature code and the colleague's number; the colleague answers at once.

        Asterisk dials the colleague through a pair of Local channels.
        """
        assert self._talk
        stage, agent, member = self._stage, self._talk.agent, self.member(number)
        stage.hold(member)
        stage.leave(self._talk.bridge, agent)
        first, other = self._local_pair(f"Local/{number}@from-agent")
        with_agent = stage.bridge(first, agent)
        second = stage.agent_channel(member, state=DOWN, linkedid=stage.caller.linkedid)
        stage.ring(other, second, member, dialled=number)
        stage.pick_up(other, second, member)
        behind = stage.bridge(second, other)
        self._line, self._behind = (member, other, second, behind), (first, agent, with_agent)

    def hands_over_by_feature_code(self) -> None:
        """The agent hangs up, which puts the caller and the colleague together; the Local channels then go away."""
        assert self._talk
        assert self._line
        assert self._behind
        stage, talk = self._stage, self._talk
        member, other, second, behind = self._line
        first, agent, with_agent = self._behind
        assert behind
        stage.emit(events.hangup_request(agent))
        stage.emit(
            events.attended_transfer(
                [
                    *agent.snapshot("OrigTransferer"),
                    *talk.bridge.snapshot("Orig"),
                    *agent.snapshot("SecondTransferer"),
                    *with_agent.snapshot("Second"),
                    *stage.caller.snapshot("Transferee"),
                    *first.snapshot("TransferTarget"),
                ],
                into=talk.bridge,
            )
        )
        stage.leave(with_agent, first)
        stage.enter(talk.bridge, first)
        stage.leave(with_agent, agent)
        stage.destroy(with_agent)
        stage.complete(talk, "transfer")
        stage.hang_up(agent)
        stage.let_go(talk.member)
        # Both Local channels are optimised out of the talk.
        stage.leave(behind, second)
        stage.enter(talk.bridge, second, swap=first)
        stage.leave(talk.bridge, first)
        stage.leave(behind, other)
        stage.destroy(behind)
        stage.hang_up(first)
        stage.hang_up(other)
        self.call.interfaces.append(member.interface)
        self._second, self._line, self._behind = (talk.bridge, second, member), None, None

    def _local_pair(self, device: str) -> tuple[Channel, Channel]:
        halves = [
            self._switch.board.open(
                device,
                timestamp=self._switch.clock.timestamp(),
                number="",
                name="",
                context="from-agent",
                exten="",
                state=UP,
                linkedid=self._stage.caller.linkedid,
                half=half,
            )
            for half in (";1", ";2")
        ]
        for half in halves:
            self._stage.emit(events.about("Newchannel", half))
        return halves[0], halves[1]

    def _show_phone_behind(self, agent: Channel, member: Member) -> None:
        """The phone of a Local member talks in a bridge of its own, with the other half of the Local channel."""
        if not member.interface.startswith("Local/"):
            return
        phone = Member(interface=f"PJSIP/{member.number}", name=member.name, queues=())
        behind = self._stage.agent_channel(phone, state=UP, linkedid=self._stage.caller.linkedid)
        _, half = self._local_pair(agent.name.rpartition("-")[0])
        self._stage.bridge(behind, half)

    def _end(self) -> None:
        self._stage.end_caller()
        self._clear()

    def _clear(self) -> None:
        if self._place in self._stage.queue.callers:
            self._stage.queue.callers.remove(self._place)
        self._stage.clear()
        self.over = True
