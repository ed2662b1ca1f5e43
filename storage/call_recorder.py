"""Writes what is heard of sites, agents and calls. Facts may come late, twice and in any order."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, case

from storage.call_counts import counted, recount
from storage.call_steps import (
    describe_codes,
    exclude_call,
    is_asked,
    merge_agent,
    merge_call,
    merge_leg,
    merge_site,
)
from storage.counts import Counts, with_counts
from storage.credit_steps import Decide, recredit_call
from storage.engine import Database
from storage.locked_call import lock_call_anyway
from storage.records import AgentRecord, CallRecord, Exclusion, GapRecord, LegRecord, ReasonRecord, SiteRecord
from storage.tables import Agent, LinkGap, Reason
from storage.transaction import Transaction
from storage.upsert import Columns, known, upsert

Merged = Mapping[str, ColumnElement[Any]]


class CallRecorder:
    """Every method is one transaction, may be repeated, and raises `DatabaseError` when the database fails.

    A site must be known, through `ensure_site`, before anything else of it is recorded.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure_site(self, site: SiteRecord) -> None:
        """Add a site, or give it another name or zone. Days that were counted stay as they are."""

        await self._database.write(lambda connection: merge_site(connection, site))

    async def record_agent(self, agent: AgentRecord) -> None:
        """Say who stands behind a code; an empty name or team leaves the one that is known."""

        await self._database.write(lambda connection: merge_agent(connection, agent))

    async def introduce_agent(self, agent: AgentRecord) -> None:
        """Say who stands behind a code, where that is not known yet."""

        async def work(connection: Transaction) -> None:
            values = {"agent": agent.agent, "interface": agent.interface, "name": agent.name, "team": agent.team}
            await upsert(connection, Agent, _first_agent, site_id=agent.site, **values)

        await self._database.write(work)

    async def record_reason(self, reason: ReasonRecord) -> None:
        """Say what a reason code means, in place of what was said before."""

        async def work(connection: Transaction) -> None:
            values = {"reason": reason.reason, "label": reason.label, "parent": reason.parent}
            await upsert(connection, Reason, _newer_reason, site_id=reason.site, **values)

        await self._database.write(work)

    async def record_queue(self, site: str, queue: str) -> None:
        """Say that there is a queue."""
        await self._database.write(lambda connection: describe_codes(connection, site, queue=queue))

    async def record_heard(
        self,
        call: CallRecord,
        legs: Sequence[LegRecord] = (),
        agents: Sequence[AgentRecord] = (),
        exclusion: str = "",
        decide: Decide | None = None,
    ) -> None:
        """Add what is known of a call, of its legs and of who sat there; unknown never overwrites known.

        `exclusion` says why the caller is not asked, unless they were, or another exclusion stands already. `decide`
        credits the call's survey, if it has one, by all that is known then.
        """

        async def work(connection: Transaction, counts: Counts) -> None:
            # All codes before the call, and in one order, against deadlocks.
            for agent in sorted(agents, key=lambda agent: agent.agent):
                await merge_agent(connection, agent)
            described = {agent.agent for agent in agents}
            for code in sorted({call.agent, *(leg.agent for leg in legs)} - described):
                await describe_codes(connection, call.site, agent=code)
            for queue in sorted({call.queue, *(leg.queue for leg in legs)}):
                await describe_codes(connection, call.site, queue=queue)
            await describe_codes(connection, call.site, reason=call.reason)
            locked = await lock_call_anyway(connection, call.site, call.linkedid)
            before = await counted(connection, locked)
            await merge_call(connection, call)
            for leg in legs:
                await merge_leg(connection, leg)
            if exclusion and not await is_asked(connection, call.site, call.linkedid):
                await exclude_call(connection, call.site, call.linkedid, Exclusion(exclusion=exclusion))
            if decide is not None:
                await recredit_call(connection, counts, locked, decide)
            has_ended = locked.has_ended or call.ended_at is not None
            await recount(connection, counts, locked._replace(has_ended=has_ended), before)

        await self._database.write(with_counts(work))

    async def record_gap(self, gap: GapRecord) -> None:
        """Note that nothing was heard of a site; told again, the longer gap stays."""

        async def work(connection: Transaction) -> None:
            await upsert(connection, LinkGap, _longer_gap, site_id=gap.site, since=gap.since, until=gap.until)

        await self._database.write(work)

    async def exclude(self, site: str, linkedid: str, exclusion: str) -> bool:
        """Note why a caller is not asked. False, and nothing changed, when the caller was asked or another
        exclusion stands already."""

        async def work(connection: Transaction, counts: Counts) -> bool:
            call = await lock_call_anyway(connection, site, linkedid)
            if await is_asked(connection, site, linkedid):
                return False
            before = await counted(connection, call)
            is_new = await exclude_call(connection, site, linkedid, Exclusion(exclusion=exclusion))
            await recount(connection, counts, call, before)
            return is_new

        return await self._database.write(with_counts(work))


def _newer_reason(new: Columns, _old: Columns) -> Merged:
    return {"label": new["label"], "parent": new["parent"]}


def _first_agent(new: Columns, old: Columns) -> Merged:
    return {name: known(old[name], new[name]) for name in ("interface", "name", "team")}


def _longer_gap(new: Columns, old: Columns) -> Merged:
    return {"until": case((new["until"] > old["until"], new["until"]), else_=old["until"])}
