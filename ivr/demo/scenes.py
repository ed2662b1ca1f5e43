"""The course of a call in a queue, event for event as the real PBX was recorded to tell it.

Where two of Asterisk's threads race (the agent's Hangup against the caller's BridgeLeave), the recordings differ
among themselves; the order here is the one that most of them have.
"""

from ivr.demo import events
from ivr.demo.channels import DOWN, UP, Channel
from ivr.demo.queues import Member, Waiting
from ivr.demo.stage import Stage, Talk
from ivr.demo.survey import go_on
from ivr.demo.transfers import attended_transfer, blind_transfer


async def play(stage: Stage) -> None:
    """Play one call to its end; whatever happens, its agents are free and its channels gone afterwards."""
    started = stage.clock.now()
    place = enter_queue(stage)
    try:
        agent = await _be_rung(stage, place)
        if agent is None:
            abandon(stage, place, None)
            return
        member, channel, answered = agent
        if not answered:
            abandon(stage, place, channel)
            return
        await _talk(stage, place, member, channel, started)
    finally:
        if place in stage.queue.callers:
            stage.queue.callers.remove(place)
        stage.clear()


def enter_queue(stage: Stage) -> Waiting:
    """The caller calls in, or comes from a transfer, and waits."""
    caller, queue = stage.caller, stage.queue
    if caller.state != UP:
        stage.emit(events.about("Newchannel", caller))
        caller.state = UP
        stage.emit(events.about("Newstate", caller))
    caller.priority, caller.application, caller.data = 3, "Queue", queue.name
    place = queue.join(caller, stage.clock.now())
    stage.emit(
        events.queue_caller_join(caller, queue=queue.name, position=queue.position(place), count=len(queue.callers))
    )
    stage.emit(events.music_on_hold_start(caller))
    return place


async def _be_rung(stage: Stage, place: Waiting) -> tuple[Member, Channel, bool] | None:
    """Wait for a free agent and for that agent to answer: the agent, the channel and whether it was in time; None
    when the caller's patience ended before any agent was free."""
    patience, rings = stage.behaviour.patience_seconds, stage.behaviour.ring_seconds
    member = await stage.switch.floor.member_for(stage.queue.name, within=patience / stage.clock.speed)
    if member is None:
        return None
    agent = call_agent(stage, member)
    patience_left = place.joined + patience - stage.clock.now()
    await stage.clock.sleep(max(0.0, min(rings, patience_left)))
    return member, agent, rings <= patience_left


def call_agent(stage: Stage, member: Member) -> Channel:
    """The queue has an agent's phone rung for the caller."""
    stage.hold(member)
    caller = stage.caller
    agent = stage.agent_channel(member, state=DOWN, linkedid=caller.linkedid)
    agent.connect_to(caller)
    agent.exten = caller.exten
    stage.agent_event("AgentCalled", agent, member)
    stage.ring(caller, agent, member, dialled=member.interface)
    return agent


def abandon(stage: Stage, place: Waiting, agent: Channel | None) -> None:
    """The caller leaves the queue; `agent` is the channel that rings, if one does."""
    caller, queue = stage.caller, stage.queue
    stage.call.abandoned = True
    stage.emit(events.hangup_request(caller))
    stage.emit(events.about("MusicOnHoldStop", caller))
    if agent:
        # The recording has it twice: app_queue tells it for the member and once more for the caller who left.
        for _ in range(2):
            stage.emit(events.dial("DialEnd", caller, agent, DialStatus="CANCEL"))
        stage.hang_up(agent, cause=0)
    position, hold = queue.position(place), stage.clock.whole_seconds_since(place.joined)
    stage.emit(
        events.queue_caller_abandon(
            caller, queue=queue.name, position=position, original=place.original_position, hold=hold
        )
    )
    queue.abandoned += 1
    _leave_queue(stage, place, position)
    stage.end_caller(cause=0)


def _leave_queue(stage: Stage, place: Waiting, position: int) -> None:
    queue = stage.queue
    queue.callers.remove(place)
    stage.emit(events.queue_caller_leave(stage.caller, queue=queue.name, position=position, count=len(queue.callers)))


async def _talk(stage: Stage, place: Waiting, member: Member, agent: Channel, started: float) -> None:
    caller, behaviour = stage.caller, stage.behaviour
    talk = connect(stage, place, member, agent, ring_seconds=int(behaviour.ring_seconds))
    await stage.clock.sleep(behaviour.talk_seconds)
    if behaviour.ends == "caller":
        caller_hangs_up(stage, talk)
        return
    await _agents_finish(stage, talk)
    caller.variables |= stage.queue.variables() | {
        "ANSWEREDTIME": str(stage.clock.whole_seconds_since(talk.answered)),
        "DIALEDTIME": str(stage.clock.whole_seconds_since(started)),
    }
    await go_on(stage)


def connect(stage: Stage, place: Waiting, member: Member, agent: Channel, *, ring_seconds: int) -> Talk:
    """The agent answers, and talks with the caller."""
    stage.pick_up(stage.caller, agent, member)
    stage.emit(events.about("MusicOnHoldStop", stage.caller))
    hold = stage.clock.whole_seconds_since(place.joined)
    stage.queue.note_hold(hold)
    position = stage.queue.position(place)
    _set_variables(stage, place, member, hold)
    _leave_queue(stage, place, position)
    stage.call.interfaces.append(member.interface)
    stage.agent_event("AgentConnect", agent, member, HoldTime=hold, RingTime=ring_seconds)
    bridge = stage.bridge(agent, stage.caller)
    return Talk(member=member, agent=agent, bridge=bridge, hold_seconds=hold, answered=stage.clock.now())


async def _agents_finish(stage: Stage, talk: Talk) -> None:
    """The agent hangs up, or hands the caller over to a colleague (if one is free) who then hangs up."""
    ends = stage.behaviour.ends
    colleague = None if ends == "agent" else stage.switch.floor.colleague_of(talk.member)
    if colleague:
        stage.hold(colleague)
        transfer = blind_transfer if ends == "blind_transfer" else attended_transfer
        await transfer(stage, talk, colleague)
    else:
        agent_hangs_up(stage, talk)
    # A blind transfer takes the caller out of the queue's application, which then cannot say how it ended.
    if stage.queue.continue_to and not (colleague and ends == "blind_transfer"):
        stage.caller.variables["QUEUESTATUS"] = "CONTINUE"


def agent_hangs_up(stage: Stage, talk: Talk) -> None:
    """The queue's own agent ends the talk; the caller stays on the line."""
    stage.emit(events.hangup_request(talk.agent))
    stage.complete(talk, "agent")
    stage.last_agent_hangs_up(talk.bridge, talk.agent, talk.member)


def caller_hangs_up(stage: Stage, talk: Talk) -> None:
    """The caller ends the talk with the queue's own agent."""
    caller = stage.caller
    stage.emit(events.hangup_request(caller))
    stage.complete(talk, "caller")
    stage.leave(talk.bridge, caller)
    stage.emit(events.soft_hangup_request(caller))
    stage.leave(talk.bridge, talk.agent)
    stage.destroy(talk.bridge)
    stage.hang_up(caller)
    stage.hang_up(talk.agent)
    stage.let_go(talk.member)


def _set_variables(stage: Stage, place: Waiting, member: Member, hold: int) -> None:
    """What `setinterfacevar`, `setqueueentryvar` and `setqueuevar` put on the caller's channel."""
    stage.caller.variables |= {
        "MEMBERINTERFACE": member.interface,
        # app_queue sets these as one comma-separated list, so a name ends at its first comma.
        "MEMBERNAME": member.name.partition(",")[0],
        "MEMBERCALLS": str(member.calls_taken),
        "MEMBERLASTCALL": str(member.last_call),
        "MEMBERPENALTY": "0",
        "MEMBERDYNAMIC": "0",
        "MEMBERREALTIME": "0",
        "QEHOLDTIME": str(hold),
        "QEORIGINALPOS": str(place.original_position),
        "QUEUEPOSITION": str(stage.queue.position(place)),
        **stage.queue.variables(),
    }
