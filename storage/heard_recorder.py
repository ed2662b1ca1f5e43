"""Writes all that was heard of one call at once: a call becomes better known several times, and each costs a commit."""

from collections.abc import Sequence

from storage.call_counts import counted, lock_call, recount
from storage.call_recorder import describe_codes, exclude_call, is_asked, merge_agent, merge_call, merge_leg
from storage.engine import Database
from storage.records import AgentRecord, CallRecord, Exclusion, LegRecord
from storage.transaction import Transaction


class HeardRecorder:
    """Its method is one transaction, may be repeated, and raises `DatabaseError` when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_heard(
        self, call: CallRecord, legs: Sequence[LegRecord], agents: Sequence[AgentRecord], exclusion: str = ""
    ) -> None:
        """Add what is known of a call, of its legs and of who sat there; unknown never overwrites known.

        `exclusion` says why the caller is not asked, unless they were, or another exclusion stands already.
        """

        async def work(connection: Transaction) -> None:
            # All codes before the call, and in one order, against deadlocks.
            for agent in sorted(agents, key=lambda agent: agent.agent):
                await merge_agent(connection, agent)
            known = {agent.agent for agent in agents}
            for code in sorted({call.agent, *(leg.agent for leg in legs)} - known):
                await describe_codes(connection, call.site, agent=code)
            for queue in sorted({call.queue, *(leg.queue for leg in legs)}):
                await describe_codes(connection, call.site, queue=queue)
            await describe_codes(connection, call.site, reason=call.reason)
            await lock_call(connection, call.site, call.linkedid)
            before = await counted(connection, call.site, call.linkedid)
            await merge_call(connection, call)
            for leg in legs:
                await merge_leg(connection, leg)
            if exclusion and not await is_asked(connection, call.site, call.linkedid):
                await exclude_call(connection, call.site, call.linkedid, Exclusion(exclusion=exclusion))
            if call.ended_at is not None or before.calls:
                await recount(connection, call.site, call.linkedid, before)

        await self._database.write(work)
