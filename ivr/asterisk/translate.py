"""From the events of one Asterisk to the PBX-neutral events of a call. Pure: no clock, no socket.

A queue tells of its own agents (`AgentConnect`, `AgentComplete`). After a transfer nobody does, nor in a call that the
dialplan marked because no queue knows of it, so the last talker is whoever is alone in a bridge with the caller. What
cannot be known is left out: a rating without an agent is better than one for the wrong agent.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from ivr.asterisk import events as ami
from ivr.asterisk.names import interface_of
from ivr.asterisk.reconcile import LiveChannel, Snapshot
from ivr.asterisk.tracking import Bridges, TrackedCall, TrackedLeg, tracked_leg
from ivr.calls import AgentRef, Call, CallEnded, CallEvent, CallStarted, Gap

_LATE = timedelta(seconds=60)
"""How long an ended call waits for its `AgentComplete`, which under load comes after the hang-up."""
_ROUNDING_SECONDS = 2
"""Asterisk counts talk time between two whole seconds of its clock, so it may be off by one at each end."""
_MOST_CALLS = 20_000
"""More calls than that in memory means that their hang-ups do not arrive; the oldest are forgotten."""


class Translator:
    """Feed it the events of one site, in order."""

    def __init__(self, site: str) -> None:
        self.unattributable = 0
        """How many `AgentComplete` fitted no leg, or several, or contradicted what was seen of the channels."""
        self._site = site
        self._calls: dict[str, TrackedCall] = {}
        self._ended: dict[str, TrackedCall] = {}
        self._talking: dict[str, tuple[TrackedCall, TrackedLeg]] = {}
        self._bridges = Bridges()
        self._dialling: dict[str, ami.MarkedCall] = {}
        """Agents who dial customers, by the uniqueid of their channel."""

    @property
    def live(self) -> frozenset[str]:
        """The linkedids of the calls that are up, as far as is known."""
        return frozenset(call.linkedid for call in self._calls.values())

    def call(self, linkedid: str) -> TrackedCall | None:
        """A call that is up."""
        return next((call for call in self._calls.values() if call.linkedid == linkedid), None)

    def begin(self, calls: Iterable[Call] = ()) -> None:
        """Know of no calls but these, which others heard of before, and which were not over then."""
        self._calls.clear()
        self._ended.clear()
        self._talking.clear()
        self._dialling.clear()
        self._bridges = Bridges()
        for call in calls:
            uniqueid = call.uniqueid or call.linkedid
            known = TrackedCall(site=self._site, linkedid=call.linkedid, uniqueid=uniqueid, channel="")
            known.legs = [tracked_leg(leg) for leg in call.legs.values()]
            self._calls[uniqueid] = known
            self._talking |= {leg.agent_uniqueid: (known, leg) for leg in known.open_legs if leg.agent_uniqueid}

    def feed(self, event: ami.AmiEvent) -> list[CallEvent]:
        """What an event means for the calls, in order; often nothing."""
        self._forget_late(event.at)
        match event:
            case ami.QueueCallerJoin():
                return self._joined(event)
            case ami.MarkedCall():
                return self._marked(event)
            case ami.QueueCallerAbandon(uniqueid=uniqueid):
                if call := self._calls.get(uniqueid):
                    call.abandoned = True
            case ami.AgentConnect():
                return self._connected(event)
            case ami.AgentComplete():
                return self._completed(event)
            case (
                ami.BlindTransfer(transferer_uniqueids=uniqueids) | ami.AttendedTransfer(transferer_uniqueids=uniqueids)
            ):
                return [told for uniqueid in sorted(uniqueids) for told in self._transferred(uniqueid, event.at)]
            case ami.BridgeEnter(bridge=bridge):
                left = self._left(event.uniqueid, event.at)
                if event.bridge_type == "basic":
                    self._bridges.enter(bridge, event.uniqueid, event.channel)
                return [*left, *self._met(bridge, event.at)]
            case ami.BridgeLeave():
                return self._left(event.uniqueid, event.at)
            case ami.HangupRequest(uniqueid=uniqueid):
                self._asked_to_hang_up(uniqueid)
            case ami.Hangup():
                return self._hung_up(event)
        return []

    def resume(self, snapshot: Snapshot, since: datetime) -> list[CallEvent | Gap]:
        """Go on after a time without events: the `Gap`, then everything that is up now, told anew.

        A call that is told twice only confirms what is known of it.
        """
        told: list[CallEvent | Gap] = [Gap(site=self._site, since=since, until=snapshot.at, live=snapshot.live)]
        self._bridges = Bridges()
        self._dialling = {uniqueid: mark for uniqueid, mark in self._dialling.items() if uniqueid in snapshot.channels}
        for channel in snapshot.channels.values():
            if channel.bridge:
                self._bridges.enter(channel.bridge, channel.uniqueid, channel.name)
        for call in list(self._calls.values()):
            gone = call.uniqueid not in snapshot.channels
            for leg in call.open_legs:
                if gone or (
                    not leg.behind_local and leg.agent_uniqueid and leg.agent_uniqueid not in snapshot.channels
                ):
                    # When it ended is not known, and so neither is its talk time.
                    leg.end_was_missed = True
                    told.append(call.ended(leg, snapshot.at))
                    self._talking.pop(leg.agent_uniqueid, None)
            if gone:
                told.append(self._forget(call, snapshot.at))
        for waiting in snapshot.waiting:
            channel = snapshot.channels[waiting.uniqueid]
            call = self._track(channel.uniqueid, channel.linkedid, channel.name, snapshot.at)
            if not call.started:
                call.begun(waiting.since, waiting.queue, waiting.number, waiting.name)
        for channel in snapshot.channels.values():
            self._resume_talk(snapshot, channel)
        for call in self._calls.values():
            told += [call.started] if call.started else []
            told += [call.connected(leg) for leg in call.open_legs]
        return told

    def _resume_talk(self, snapshot: Snapshot, caller: LiveChannel) -> None:
        partner = snapshot.partner_of(caller.uniqueid)
        if partner is None or not (caller.queue or caller.uniqueid in self._calls):
            return
        agent = snapshot.member_of(caller.queue, partner.name) if caller.queue else None
        call = self._track(caller.uniqueid, caller.linkedid, caller.name, snapshot.at)
        if agent and not call.legs:
            self._begin(call, agent, caller.queue, partner.uniqueid, snapshot.at)
        else:
            self._talks_with(call, partner.uniqueid, partner.name, snapshot.at)

    def _joined(self, event: ami.QueueCallerJoin) -> list[CallEvent]:
        call = self._track(event.uniqueid, event.linkedid, event.channel, event.at)
        call.started = CallStarted(
            site=self._site,
            linkedid=call.linkedid,
            at=event.at,
            uniqueid=call.uniqueid,
            channel=event.channel,
            queue=event.queue,
            caller_number=event.caller_number,
            caller_name=event.caller_name,
        )
        return [call.started]

    def _marked(self, event: ami.MarkedCall) -> list[CallEvent]:
        if event.is_agent:
            self._dialling[event.uniqueid] = event
            return []
        return [self._dialled(event, event.uniqueid, event.channel)]

    def _dialled(self, mark: ami.MarkedCall, uniqueid: str, channel: str) -> CallStarted:
        """The customer's channel of a marked call is known."""
        call = self._track(uniqueid, mark.linkedid, channel, mark.at)
        call.dialled = True
        return call.begun(mark.at, mark.queue, mark.caller_number, mark.caller_name)

    def _connected(self, event: ami.AgentConnect) -> list[CallEvent]:
        call = self._track(event.uniqueid, event.linkedid, event.channel, event.at)
        agent = AgentRef(interface=event.interface, name=event.member_name)
        leg = call.leg_of(event.agent_uniqueid)
        if leg is None:
            leg = self._begin(call, agent, event.queue, event.agent_uniqueid, event.at)
        # The bridge may have told of this leg first; the queue knows more of it.
        leg.agent, leg.queue, leg.completed = agent, event.queue, False
        leg.ring_seconds, leg.hold_seconds = event.ring_seconds, event.hold_seconds
        return [call.connected(leg)]

    def _completed(self, event: ami.AgentComplete) -> list[CallEvent]:
        call = self._calls.get(event.uniqueid) or self._ended.get(event.uniqueid)
        agent = AgentRef(interface=event.interface, name=event.member_name)
        if call is None and event.uniqueid and event.linkedid:
            # Its start was missed, and the event alone says enough.
            call = TrackedCall(site=self._site, linkedid=event.linkedid, uniqueid=event.uniqueid, channel="")
            name = call.new_leg_name(event.agent_uniqueid, event.interface)
            leg = TrackedLeg(leg=name, agent=agent, queue=event.queue, connected_at=event.at, agent_uniqueid="")
            leg.hold_seconds = event.hold_seconds
            return [call.ended(leg, event.at, event.ended_by, event.talk_seconds)]
        calls = [call] if call else [] if event.uniqueid else [*self._calls.values(), *self._ended.values()]
        fitting = [
            (call, leg)
            for call in calls
            for leg in call.legs
            if not leg.completed
            and (leg.queue, leg.agent.interface) == (event.queue, event.interface)
            and (not (event.agent_uniqueid and leg.agent_uniqueid) or event.agent_uniqueid == leg.agent_uniqueid)
        ]
        if len(fitting) != 1:
            self.unattributable += 1
            return []
        call, leg = fitting[0]
        leg.completed = True
        if leg.sent:
            return []
        if (
            leg.talk_seconds is not None
            and event.talk_seconds is not None
            and event.talk_seconds > leg.talk_seconds + _ROUNDING_SECONDS
        ):
            # After an AMI Redirect the queue counts on, through the survey, and says that the caller ended the talk.
            self.unattributable += 1
            return []
        leg.hold_seconds = event.hold_seconds if leg.hold_seconds is None else leg.hold_seconds
        self._talking.pop(leg.agent_uniqueid, None)
        # To the queue a hang-up that hands over may be a hang-up like any other.
        ended_by = "transfer" if leg.ended_by == "transfer" else event.ended_by
        return [call.ended(leg, event.at, ended_by, event.talk_seconds)]

    def _transferred(self, uniqueid: str, at: datetime) -> list[CallEvent]:
        """An agent has handed the caller over, and may have hung up to do it: the two are told in either order."""
        over = ((call, leg) for call in self._calls.values() if (leg := call.leg_of(uniqueid)))
        found = self._talking.get(uniqueid) or next(over, None)
        if found is None or found[1].ended_by == "caller":
            return []
        call, leg = found
        leg.ended_by = "transfer"
        return [call.ended(leg, at)] if leg.ended_at else []

    def _met(self, bridge: str, at: datetime) -> list[CallEvent]:
        members = self._bridges.members(bridge)
        if len(members) != 2:
            return []
        told: list[CallEvent] = []
        agents = members.keys() & self._dialling.keys()
        callers = members.keys() & self._calls.keys()
        if len(agents) == 1 and not callers:
            callers = members.keys() - agents
            (customer,) = callers
            told = [self._dialled(self._dialling[agents.pop()], customer, members[customer])]
        if len(callers) != 1:
            return []
        call = self._calls[callers.pop()]
        (other,) = members.keys() - {call.uniqueid}
        return [*told, *self._talks_with(call, other, members[other], at)]

    def _talks_with(self, call: TrackedCall, uniqueid: str, channel: str, at: datetime) -> list[CallEvent]:
        """The caller is alone with somebody: an agent already known, or one dialled or transferred to."""
        known = call.leg_of(uniqueid)
        if known is None:
            # The queue told of an agent, but not of the agent's channel: this is it.
            known = next((leg for leg in call.open_legs if not leg.agent_uniqueid), None)
            if known:
                known.agent_uniqueid = uniqueid
                self._talking[uniqueid] = call, known
        if known:
            known.parted_at = None
            return []
        interface = interface_of(channel)
        nobody_known = not (call.legs or call.dialled) or not interface or interface.startswith("Local/")
        if nobody_known or interface == interface_of(call.channel):
            call.with_somebody = True
            return []
        if any(leg.behind_local for leg in call.open_legs):
            # The agent's own channel, come out from behind the Local one.
            return []
        # The group that the mark names rang the first agent; whoever comes after a transfer was in none.
        group = call.started.queue if call.dialled and call.started and not call.legs else ""
        leg = self._begin(call, AgentRef(interface=interface), group, uniqueid, at)
        leg.completed = True
        return [call.connected(leg)]

    def _left(self, uniqueid: str, at: datetime) -> list[CallEvent]:
        bridge = self._bridges.leave(uniqueid)
        if not bridge:
            return []
        if call := self._calls.get(uniqueid):
            for leg in call.open_legs:
                leg.parted_at = leg.parted_at or at
        elif uniqueid in self._talking:
            leg = self._talking[uniqueid][1]
            leg.parted_at = leg.parted_at or at
        return self._met(bridge, at)

    def _asked_to_hang_up(self, uniqueid: str) -> None:
        if call := self._calls.get(uniqueid):
            call.left_alone = not call.open_legs and not call.with_somebody
            for leg in call.open_legs:
                leg.ended_by = leg.ended_by or "caller"
        elif uniqueid in self._talking:
            leg = self._talking[uniqueid][1]
            leg.ended_by = leg.ended_by or "agent"

    def _hung_up(self, event: ami.Hangup) -> list[CallEvent]:
        told = self._left(event.uniqueid, event.at)
        self._dialling.pop(event.uniqueid, None)
        if call := self._calls.get(event.uniqueid):
            told += [call.ended(leg, event.at) for leg in call.open_legs]
            told.append(self._forget(call, event.at))
        elif event.uniqueid in self._talking:
            call, leg = self._talking[event.uniqueid]
            # A Local channel that goes away may just have been optimised out of the talk.
            if leg.sent or not leg.behind_local:
                del self._talking[event.uniqueid]
                told.append(call.ended(leg, event.at))
        return told

    def _track(self, uniqueid: str, linkedid: str, channel: str, at: datetime) -> TrackedCall:
        call = self._calls.get(uniqueid)
        if call is None:
            call = TrackedCall(site=self._site, linkedid=linkedid, uniqueid=uniqueid, channel=channel)
            self._calls[uniqueid] = call
            if len(self._calls) > _MOST_CALLS:
                self._forget(next(iter(self._calls.values())), at)
        call.channel = channel
        return call

    def _begin(self, call: TrackedCall, agent: AgentRef, queue: str, agent_uniqueid: str, at: datetime) -> TrackedLeg:
        leg = TrackedLeg(
            leg=call.new_leg_name(agent_uniqueid, agent.interface),
            agent=agent,
            queue=queue,
            connected_at=at,
            agent_uniqueid=agent_uniqueid,
        )
        call.legs.append(leg)
        if agent_uniqueid:
            self._talking[agent_uniqueid] = call, leg
        return leg

    def _forget(self, call: TrackedCall, at: datetime) -> CallEnded:
        del self._calls[call.uniqueid]
        for leg in call.legs:
            self._talking.pop(leg.agent_uniqueid, None)
        call.ended_at = at
        if not all(leg.completed for leg in call.legs):
            self._ended[call.uniqueid] = call
        return CallEnded(
            site=call.site, linkedid=call.linkedid, at=at, abandoned=call.abandoned, left_alone=call.left_alone
        )

    def _forget_late(self, now: datetime) -> None:
        while self._ended:
            oldest = next(iter(self._ended.values()))
            if oldest.ended_at and now - oldest.ended_at < _LATE and len(self._ended) < _MOST_CALLS:
                break
            del self._ended[oldest.uniqueid]
