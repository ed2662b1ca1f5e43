"""Who talked with a caller, in order and for how long: the legs heard of, and what the caller's channel adds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ivr.calls import AgentRef
from storage.records import AskedCall, LegRecord

Identify = Callable[[str, AgentRef, datetime], str]
"""The code of the agent who sat at a device of a site at some time; ``""`` when that is not known."""


AT_ONCE = timedelta(seconds=5)
"""A survey that begins later than that after a talk did not follow that talk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One agent's talk with the caller."""

    agent: str
    """The agent's code; ``""`` for somebody who is not known."""
    seconds: int | None
    """None when that is not known."""


def talks_of(call: AskedCall, identify: Identify) -> list[Talk]:
    """All talks of a call, in the order in which they began.

    The PBX's events are trusted before the caller's channel, whose variables name the agent whom a queue connected
    last, and after a blind transfer the one who was dialled. They are asked where the events must have missed a talk:
    after a leg that ended by a transfer, long before the survey, or nobody heard how, somebody may have talked; and a
    member who is in no leg has talked before one that came by a transfer. Where the channel only shows that there was a
    transfer, whoever talked after it is not known. After an agent who sent the caller into the survey nobody talked.
    """
    legs = sorted(call.legs, key=lambda leg: (leg.connected_at or leg.ended_at or call.offered_at, leg.leg))
    talks = [_talk(call, leg, identify, is_last=leg is legs[-1]) for leg in legs]
    member = Talk(agent=_told(call, call.member, call.member_name, identify), seconds=None) if call.member else None
    transferred = call.transferred_to if call.transferred_to != call.member else ""
    successor = Talk(agent=_told(call, transferred, "", identify), seconds=None)
    nobody_knows = Talk(agent="", seconds=None)
    if call.sent_by:
        # Whoever sent the caller into the survey talked last, whatever the PBX calls the end of that talk.
        if legs and legs[-1].interface == call.sent_by:
            return talks
        before = [member] if member and call.member not in {call.sent_by, *(leg.interface for leg in legs)} else []
        return [*before, *talks, Talk(agent=_told(call, call.sent_by, "", identify), seconds=None)]
    if not legs:
        after = [successor] if transferred else [nobody_knows] if call.handed_over_by else []
        return [*([member] if member else []), *after]
    last, faces = legs[-1], {leg.interface for leg in legs}
    if member and call.member not in faces:
        if call.handed_over_by == call.member:
            # To whom is not told: to the agent of the last leg, if that was the talk right before the survey.
            return [member, *talks] if _right_before(last, call.offered_at) else [*talks, member, nobody_knows]
        if last.queue and _has_a_successor(last, call.offered_at):
            return [*talks, member, *([successor] if transferred and transferred not in faces else [])]
        if not last.queue:
            talks.insert(0, member)
    shows_transfer = call.handed_over_by == last.interface or (transferred and transferred not in faces)
    if last.ended_by in (None, "unknown") and shows_transfer:
        return [*talks[:-1], replace(talks[-1], seconds=None), nobody_knows]
    if last.ended_by == "transfer":
        since = int((call.offered_at - last.ended_at).total_seconds()) if last.ended_at else None
        known = successor.agent if call.transferred_to != last.interface else ""
        talks.append(Talk(agent=known, seconds=None if since is None else max(0, since)))
    return talks


def _has_a_successor(last: LegRecord, offered_at: datetime) -> bool:
    if last.ended_at is None:
        return False
    return last.ended_by in ("transfer", "unknown") or not _right_before(last, offered_at)


def _right_before(last: LegRecord, offered_at: datetime) -> bool:
    return last.ended_at is None or offered_at - last.ended_at <= AT_ONCE


def _talk(call: AskedCall, leg: LegRecord, identify: Identify, *, is_last: bool) -> Talk:
    at = leg.connected_at or leg.ended_at or call.offered_at
    seconds = leg.talk_seconds
    if seconds is None and leg.connected_at and is_last:
        # The survey follows the last talk at once; an end that was only found out later says nothing.
        until = min(leg.ended_at or call.offered_at, call.offered_at)
        seconds = max(0, int((until - leg.connected_at).total_seconds()))
    agent = identify(call.site, AgentRef(interface=leg.interface, name=leg.member), at) if leg.interface else leg.agent
    return Talk(agent=agent, seconds=seconds)


def _told(call: AskedCall, interface: str, name: str, identify: Identify) -> str:
    if not interface:
        return ""
    return identify(call.site, AgentRef(interface=interface, name=name, name_is_cut=True), call.offered_at)
