"""What is done to sites, agents, calls and their legs in a transaction that runs already."""

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Executable, and_, bindparam, case, exists, func, or_, select, update

from storage.locked_call import is_call
from storage.records import AgentRecord, CallRecord, Exclusion, LegRecord, ReasonSource, SiteRecord
from storage.tables import Agent, Call, Leg, Queue, Reason, Site, Survey
from storage.transaction import Transaction
from storage.upsert import Columns, insert_new, known, table_of, upsert

Merged = Mapping[str, ColumnElement[Any]]


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


async def set_call_reason(connection: Transaction, site: str, linkedid: str, reason: str, source: ReasonSource) -> None:
    """Say why the caller of a locked call had called, in place of what was said before."""
    values = {"site": site, "call": linkedid, "reason": reason, "reason_source": source}
    await connection.execute(_change(), values)


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
def _change() -> Executable:
    return update(table_of(Call)).where(is_call(table_of(Call).c))


@cache
def _include() -> Executable:
    call = table_of(Call)
    return update(call).where(is_call(call.c), call.c.exclusion != "").values(exclusion="", exclusion_rule="")


@cache
def _exclude() -> Executable:
    call = table_of(Call)
    return update(call).where(is_call(call.c), call.c.exclusion == "")


@cache
def _asked() -> Executable:
    return select(exists().where(is_call(table_of(Survey).c)))


def _newer_site(new: Columns, _old: Columns) -> Merged:
    return {"name": new["name"], "zone": new["zone"]}


def _known_agent(new: Columns, old: Columns) -> Merged:
    return {name: known(new[name], old[name]) for name in ("interface", "name", "team")}


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
