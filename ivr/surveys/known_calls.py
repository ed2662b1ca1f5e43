"""What is known of a call here: from its events where this replica follows the PBX, or else from the database, where
the replica that does writes them down."""

import asyncio
from collections.abc import Callable

import structlog

from ivr.calls import AgentRef, Call, Leg
from ivr.errors import DatabaseError
from ivr.surveys.tracker import CallTracker
from storage.engine import Database
from storage.open_calls import KeptCall, kept_call, open_calls

log = structlog.get_logger()

LOOK_SECONDS = 0.5
"""A caller waits meanwhile."""


class KnownCalls:
    """Finds calls in `tracker`, and in `database` those of sites that this replica does not follow."""

    def __init__(self, tracker: CallTracker, database: Database, follows: Callable[[str], bool]) -> None:
        self._tracker = tracker
        self._database = database
        self._follows = follows

    async def find(self, site: str, linkedid: str) -> Call | None:
        """A call, or None when nothing is known of it, or not soon enough."""
        call = self._tracker.find(site, linkedid)
        if call or self._follows(site):
            return call
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                kept = await kept_call(self._database, site, linkedid)
        except (DatabaseError, TimeoutError) as error:
            # The caller's own channel tells most of it, and the survey is credited again at its end.
            log.warning("what another replica knows of a call is not found", why=str(error) or "too slow")
            return None
        return call_of(kept) if kept else None

    async def take_over(self, site: str) -> list[Call]:
        """Know the calls of a site that were not over when they were last heard of: whoever heard them may be gone.

        Returns them as they are known now. Raises `DatabaseError`.
        """
        known = [self._tracker.adopt(call_of(kept)) for kept in await open_calls(self._database, site)]
        return [call for call in known if call.ended_at is None]


def call_of(kept: KeptCall) -> Call:
    """A call as its events would tell it, but for the caller's number and name, which are not kept."""
    return Call(
        site=kept.call.site,
        linkedid=kept.call.linkedid,
        uniqueid=kept.call.uniqueid,
        queue=kept.call.queue,
        started_at=kept.call.started_at,
        ended_at=kept.call.ended_at,
        abandoned=kept.call.abandoned,
        legs={
            leg.leg: Leg(
                leg=leg.leg,
                agent=AgentRef(interface=leg.interface, name=leg.member),
                queue=leg.queue,
                connected_at=leg.connected_at,
                ended_at=leg.ended_at,
                ended_by=leg.ended_by,
                ring_seconds=leg.ring_seconds,
                hold_seconds=leg.hold_seconds,
                talk_seconds=leg.talk_seconds,
            )
            for leg in kept.legs
            if leg.interface
        },
    )
