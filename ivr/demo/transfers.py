"""How a caller is handed over to a second agent, as recorded with SIP REFER.

In both ways AgentComplete comes once, for the first agent with the reason ``transfer``; the queue says nothing of the
second one.
"""

from ivr.demo import events
from ivr.demo.channels import DOWN, RING, UP, Bridge, Channel
from ivr.demo.queues import Member
from ivr.demo.stage import Stage, Talk


async def blind_transfer(stage: Stage, talk: Talk, colleague: Member) -> None:
    """The agent sends the caller to a colleague and is gone; the colleague answers, talks and hangs up."""
    send_away(stage, talk, colleague.number)
    second = ring_colleague(stage, colleague)
    await stage.clock.sleep(stage.behaviour.ring_seconds)
    bridge = colleague_answers(stage, second, colleague)
    await _talk_with_second(stage, bridge, second, colleague)


def send_away(stage: Stage, talk: Talk, exten: str) -> None:
    """The agent's phone transfers the caller to an extension, and is out of the call."""
    caller, agent, bridge = stage.caller, talk.agent, talk.bridge
    stage.emit(events.about("Unhold", agent))
    told = events.blind_transfer(agent, caller, bridge, context="from-agent", exten=exten)
    caller.context, caller.exten, caller.priority = "from-agent", exten, 1
    stage.leave(bridge, caller)
    stage.emit(told)
    stage.complete(talk, "transfer")
    stage.leave(bridge, agent)
    stage.destroy(bridge)
    stage.hang_up(agent)
    stage.let_go(talk.member)


def ring_colleague(stage: Stage, colleague: Member) -> Channel:
    """The dialplan has a colleague's phone rung for a caller who was sent there."""
    caller = stage.caller
    second = stage.agent_channel(colleague, state=DOWN, linkedid=caller.linkedid)
    second.connect_to(caller)
    second.exten = colleague.number
    stage.emit(events.about("NewConnectedLine", second))
    caller.priority, caller.application, caller.data = 2, "Dial", colleague.interface
    stage.ring(caller, second, colleague, dialled=colleague.number)
    return second


def colleague_answers(stage: Stage, second: Channel, colleague: Member) -> Bridge:
    """A colleague takes a caller who was sent there."""
    caller = stage.caller
    second.exten = ""
    stage.pick_up(caller, second, colleague)
    caller.variables |= {
        "DIALEDPEERNAME": second.name,
        "DIALEDPEERNUMBER": colleague.number,
        "DIALSTATUS": "ANSWER",
        "SIPTRANSFER": "yes",
    }
    stage.call.interfaces.append(colleague.interface)
    return stage.bridge(second, caller)


async def attended_transfer(stage: Stage, talk: Talk, colleague: Member) -> None:
    """The agent calls a colleague on a second line, talks, and puts the two together.

    The caller stays in the queue's application; the colleague's linkedid becomes the caller's.
    """
    line, second = consult(stage, talk.member, colleague)
    await stage.clock.sleep(stage.behaviour.ring_seconds)
    between = consultation_begins(stage, line, second, colleague)
    await stage.clock.sleep(stage.behaviour.consult_seconds)
    hand_over(stage, talk, line, second, between)
    stage.call.interfaces.append(colleague.interface)
    await _talk_with_second(stage, talk.bridge, second, colleague)


def hand_over(stage: Stage, talk: Talk, line: Channel, second: Channel, consult: Bridge) -> None:
    """The agent's phone puts the caller and the colleague together, and is out of the call."""
    caller, agent, bridge = stage.caller, talk.agent, talk.bridge
    stage.emit(events.about("Unhold", agent))
    stage.emit(events.about("Unhold", line))
    told = events.attended_transfer(
        [
            *agent.snapshot("OrigTransferer"),
            *bridge.snapshot("Orig"),
            *line.snapshot("SecondTransferer"),
            *consult.snapshot("Second"),
            *caller.snapshot("Transferee"),
            *second.snapshot("TransferTarget"),
        ],
        into=bridge,
    )
    stage.leave(consult, second)
    stage.leave(bridge, agent)
    second.linkedid = caller.linkedid
    second.connect_to(caller)
    stage.enter(bridge, second, swap=agent)
    caller.connect_to(second)
    stage.emit(events.about("NewConnectedLine", caller))
    stage.emit(events.about("NewConnectedLine", second))
    stage.emit(events.soft_hangup_request(line, cause=1))
    stage.emit(told)
    stage.complete(talk, "transfer")
    stage.hang_up(agent)
    stage.leave(consult, line)
    stage.emit(events.soft_hangup_request(line))
    stage.hang_up(line)
    stage.destroy(consult)
    stage.let_go(talk.member)
    caller.variables["ATTENDEDTRANSFER"] = agent.name


def consult(stage: Stage, member: Member, colleague: Member) -> tuple[Channel, Channel]:
    """The agent calls a colleague on a second line: that line, and the colleague's channel, which rings."""
    line = stage.agent_channel(member, state=RING, exten=colleague.number)
    line.priority = 2
    second = stage.agent_channel(colleague, state=DOWN, linkedid=line.linkedid)
    second.connect_to(line)
    second.exten = colleague.number
    stage.emit(events.about("NewConnectedLine", second))
    stage.ring(line, second, colleague, dialled=colleague.number)
    return line, second


def consultation_begins(stage: Stage, line: Channel, second: Channel, colleague: Member) -> Bridge:
    """The colleague answers the agent's second line."""
    second.exten = ""
    stage.pick_up(line, second, colleague)
    line.state = UP
    stage.emit(events.about("Newstate", line))
    return stage.bridge(second, line)


async def _talk_with_second(stage: Stage, bridge: Bridge, second: Channel, colleague: Member) -> None:
    await stage.clock.sleep(stage.behaviour.talk_seconds)
    colleague_hangs_up(stage, bridge, second, colleague)


def colleague_hangs_up(stage: Stage, bridge: Bridge, second: Channel, colleague: Member) -> None:
    """The second agent ends the talk; the caller stays on the line."""
    stage.emit(events.hangup_request(second, 16))
    stage.last_agent_hangs_up(bridge, second, colleague)
