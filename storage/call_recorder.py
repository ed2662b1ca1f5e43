"""Writes what is heard of sites, agents and calls. Facts may come late, twice and in any order."""

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Executable, and_, bindparam, case, exists, func, or_, select, update

from storage.call_counts import counted, lock_call, recount
from storage.engine import Database
from storage.records import (
    AgentRecord,
    CallRecord,
    Exclusion,
    GapRecord,
    LegRecord,
    ReasonRecord,
    ReasonSource,
    SiteRecord,
)
from storage.tables import Agent, Call, Leg, LinkGap, Queue, Reason, Site, Survey
from storage.transaction import Transaction
from storage.upsert import Columns, insert_new, known, table_of, upsert

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

    async def record_call(self, call: CallRecord) -> None:
        """Add what is known of a call; what is not known now never overwrites what was known."""

        async def work(connection: Transaction) -> None:
            await describe_codes(connection, call.site, agent=call.agent, queue=call.queue, reason=call.reason)
            await lock_call(connection, call.site, call.linkedid)
            before = await counted(connection, call.site, call.linkedid)
            await merge_call(connection, call)
            if call.ended_at is not None:
                await recount(connection, call.site, call.linkedid, before)

        await self._database.write(work)

    async def record_leg(self, leg: LegRecord) -> None:
        """Add what is known of a leg, and its call and agent if they are new; unknown never overwrites known."""

        async def work(connection: Transaction) -> None:
            await describe_codes(connection, leg.site, agent=leg.agent, queue=leg.queue)
            await merge_call(connection, CallRecord(site=leg.site, linkedid=leg.linkedid))
            before = await counted(connection, leg.site, leg.linkedid)
            await merge_leg(connection, leg)
            if before.calls:
                await recount(connection, leg.site, leg.linkedid, before)

        await self._database.write(work)

    async def record_gap(self, gap: GapRecord) -> None:
        """Note that nothing was heard of a site; told again, the longer gap stays."""

        async def work(connection: Transaction) -> None:
            await upsert(connection, LinkGap, _longer_gap, site_id=gap.site, since=gap.since, until=gap.until)

        await self._database.write(work)

    async def exclude(self, site: str, linkedid: str, exclusion: str) -> bool:
        """Note why a caller is not asked. False, and nothing changed, when the caller was asked or another
        exclusion stands already."""

        async def work(connection: Transaction) -> bool:
            await merge_call(connection, CallRecord(site=site, linkedid=linkedid))
            if await is_asked(connection, site, linkedid):
                return False
            before = await counted(connection, site, linkedid)
            is_new = await exclude_call(connection, site, linkedid, Exclusion(exclusion=exclusion))
            await recount(connection, site, linkedid, before)
            return is_new

        return await self._database.write(work)


async def merge_call(connection: Transaction, call: CallRecord) -> None:
    """Insert a call or add to it, and lock it until the transaction ends."""
    ended = None
    if call.ended_at is not None:
        ended = call.ended_at.astimezone(await zone_of(connection, call.site))
    await upsert(
        connection,
        Call,
        _known_call,
        site_id=call.site,
        linkedid=call.linkedid,
        uniqueid=call.uniqueid,
        queue=call.queue,
        reason=call.reason,
        reason_source=call.reason_source,
        caller_digest=call.caller_digest,
        caller_mask=call.caller_mask,
        started_at=call.started_at,
        ended_at=call.ended_at,
        ended_by=call.ended_by,
        abandoned=call.abandoned,
        exclusion="",
        agent=call.agent,
        day=ended.date() if ended else None,
        hour=ended.hour if ended else None,
    )


async def merge_leg(connection: Transaction, leg: LegRecord) -> None:
    """Insert a leg or add to it."""
    await upsert(
        connection,
        Leg,
        _known_leg,
        site_id=leg.site,
        linkedid=leg.linkedid,
        leg=leg.leg,
        agent=leg.agent,
        interface=leg.interface,
        member=leg.member,
        queue=leg.queue,
        connected_at=leg.connected_at,
        ended_at=leg.ended_at,
        ended_by=leg.ended_by,
        ring_seconds=leg.ring_seconds,
        hold_seconds=leg.hold_seconds,
        talk_seconds=leg.talk_seconds,
    )


async def merge_agent(connection: Transaction, agent: AgentRecord) -> None:
    """Insert an agent or add to what is known of them."""
    values = {"agent": agent.agent, "interface": agent.interface, "name": agent.name, "team": agent.team}
    await upsert(connection, Agent, _known_agent, site_id=agent.site, **values)


async def zone_of(connection: Transaction, site: str) -> ZoneInfo:
    """The zone in which a site's days begin. Raises `LookupError` when the site is not known."""
    zone = await connection.scalar(_zone(), {"site": site})
    if zone is None:
        raise LookupError(f"site {site!r} is not known")
    return ZoneInfo(zone)


async def is_asked(connection: Transaction, site: str, linkedid: str) -> bool:
    """Whether a call has a survey; a call that is locked keeps the answer."""
    return bool(await connection.scalar(_asked(), {"site": site, "call": linkedid}))


async def exclude_call(connection: Transaction, site: str, linkedid: str, why: Exclusion) -> bool:
    """Note why a call is not asked; False, and nothing changed, when another exclusion stands already."""
    values = {"site": site, "call": linkedid, "exclusion": why.exclusion, "exclusion_rule": why.rule}
    return (await connection.execute(_exclude(), values)).rowcount > 0


async def call_reason(connection: Transaction, site: str, linkedid: str) -> tuple[str, ReasonSource]:
    """A call's reason and where it comes from. Raises `LookupError` when the call is not known."""
    row = (await connection.execute(_reason(), {"site": site, "call": linkedid})).one_or_none()
    if row is None:
        raise LookupError(f"site {site!r} has no call {linkedid!r}")
    return row.reason, row.reason_source


async def include_call(connection: Transaction, site: str, linkedid: str) -> None:
    """Take an exclusion back: the caller is asked after all."""
    await connection.execute(_include(), {"site": site, "call": linkedid})


async def describe_codes(
    connection: Transaction, site: str, *, agent: str = "", queue: str = "", reason: str = ""
) -> None:
    """Add the codes that are new, so that they can be listed and named; always in this order, against deadlocks."""
    if agent:
        await insert_new(connection, Agent, site_id=site, agent=agent, interface=agent, name="")
    if queue:
        await insert_new(connection, Queue, site_id=site, queue=queue)
    if reason:
        parent = reason.rpartition("/")[0]
        await insert_new(connection, Reason, site_id=site, reason=reason, label="", parent=parent)


@cache
def _zone() -> Executable:
    return select(table_of(Site).c.zone).where(table_of(Site).c.site_id == bindparam("site"))


async def merge_site(connection: Transaction, site: SiteRecord) -> None:
    """As `CallRecorder.ensure_site`, in a transaction that runs already."""
    await upsert(connection, Site, _newer_site, site_id=site.site, name=site.name, zone=site.zone)


@cache
def _include() -> Executable:
    call = table_of(Call)
    is_excluded = (call.c.site_id == bindparam("site")) & (call.c.linkedid == bindparam("call"))
    return update(call).where(is_excluded, call.c.exclusion != "").values(exclusion="", exclusion_rule="")


@cache
def _exclude() -> Executable:
    call = table_of(Call)
    is_meant = (call.c.site_id == bindparam("site")) & (call.c.linkedid == bindparam("call"))
    return update(call).where(is_meant, call.c.exclusion == "")


@cache
def _asked() -> Executable:
    columns = table_of(Survey).c
    return select(exists().where(columns.site_id == bindparam("site"), columns.linkedid == bindparam("call")))


@cache
def _reason() -> Executable:
    call = table_of(Call)
    return select(call.c.reason, call.c.reason_source).where(
        call.c.site_id == bindparam("site"), call.c.linkedid == bindparam("call")
    )


def _newer_site(new: Columns, _old: Columns) -> Merged:
    return {"name": new["name"], "zone": new["zone"]}


def _newer_reason(new: Columns, _old: Columns) -> Merged:
    return {"label": new["label"], "parent": new["parent"]}


def _known_agent(new: Columns, old: Columns) -> Merged:
    return {name: known(new[name], old[name]) for name in ("interface", "name", "team")}


def _first_agent(new: Columns, old: Columns) -> Merged:
    return {name: known(old[name], new[name]) for name in ("interface", "name", "team")}


def _longer_gap(new: Columns, old: Columns) -> Merged:
    return {"until": case((new["until"] > old["until"], new["until"]), else_=old["until"])}


def _known_call(new: Columns, old: Columns) -> Merged:
    names = ("uniqueid", "queue", "caller_digest", "caller_mask", "started_at", "ended_at", "agent")
    better = and_(new["reason"] != "", _trust(new["reason_source"]) >= _trust(old["reason_source"]))
    return {
        **{name: known(new[name], old[name]) for name in names},
        **{name: case((better, new[name]), else_=old[name]) for name in ("reason", "reason_source")},
        # Fixed by the first end that was told: surveys stay on their day as well.
        **{name: func.coalesce(old[name], new[name]) for name in ("day", "hour")},
        "ended_by": _known_end(new, old),
        "abandoned": or_(old["abandoned"], new["abandoned"]),
    }


def _known_leg(new: Columns, old: Columns) -> Merged:
    names = (
        *("agent", "interface", "member", "queue"),
        *("connected_at", "ended_at", "ring_seconds", "hold_seconds", "talk_seconds"),
    )
    return {**{name: known(new[name], old[name]) for name in names}, "ended_by": _known_end(new, old)}


def _trust(source: ColumnElement[Any]) -> ColumnElement[int]:
    return case({word: trust for trust, word in enumerate(get_args(ReasonSource))}, value=source, else_=0)


def _known_end(new: Columns, old: Columns) -> ColumnElement[Any]:
    is_known = new["ended_by"] != "unknown"
    return case((is_known, new["ended_by"]), else_=func.coalesce(old["ended_by"], new["ended_by"]))
