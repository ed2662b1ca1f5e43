"""The legs of a call as they are stored."""

from ivr.calls import Call, Leg
from storage.records import LegRecord


def leg_record(call: Call, leg: Leg, *, agent: str) -> LegRecord:
    """What is known of a leg; `agent` is the code of whoever sat at its device."""
    return LegRecord(
        site=call.site,
        linkedid=call.linkedid,
        leg=leg.leg,
        agent=agent,
        interface=leg.agent.interface,
        member=leg.agent.name,
        queue=leg.queue,
        connected_at=leg.connected_at,
        ended_at=leg.ended_at,
        ended_by=leg.ended_by,
        ring_seconds=leg.ring_seconds,
        hold_seconds=leg.hold_seconds,
        talk_seconds=leg.talk_seconds,
    )
