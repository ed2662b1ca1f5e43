"""Credits surveys elsewhere when more becomes known, and moves their counts along.

Whoever changes a call and its survey locks the call first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select, update

from storage.call_counts import counted, lock_call, recount
from storage.call_recorder import call_reason, describe_codes
from storage.counts import Bucket, Counts, spread
from storage.engine import Database
from storage.locked_survey import (
    LockedSurvey,
    describe_shares,
    is_asked,
    is_trial,
    lock,
    lock_call_of,
    set_shares,
    set_survey,
    shares_of,
    stored_shares,
)
from storage.records import AskedCall, CreditRecord, LegRecord, ReasonSource, Share, Step, trust
from storage.tables import CODE, Answer, Call, Leg, Survey
from storage.transaction import Transaction
from storage.types import clip
from storage.upsert import table_of

Decide = Callable[[AskedCall], CreditRecord]
"""Says to whom a survey belongs; pure, since it may be asked twice."""

_LEG = ("leg", "agent", "interface", "member", "queue", "connected_at", "ended_at", "ended_by")
_LENGTHS = ("ring_seconds", "hold_seconds", "talk_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReason:
    """The reason that a call has now."""

    reason: str
    source: ReasonSource


class CreditRecorder:
    """Every method is one transaction, may be repeated, and raises `DatabaseError` when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recredit(
        self,
        site: str,
        survey: str,
        *,
        agent: str | None = None,
        queue: str | None = None,
        reason: str | None = None,
        shares: Sequence[Share] | None = None,
    ) -> bool:
        """Credit a survey elsewhere and move all its counts along; None leaves as it is, ``""`` means not known.

        `shares` are those of several agents, in place of `agent`. False when that is where it stood. Of a trial the
        row alone is changed. Raises `LookupError` when the survey was never offered.
        """
        given = {"queue": queue, "reason": reason}
        wanted = {name: clip(code, CODE) for name, code in given.items() if code is not None}
        whose = None if agent is None and not shares else shares_of(shares or (), agent or "")

        async def work(connection: Transaction) -> bool:
            if not await is_trial(connection, site, survey):
                await describe_shares(connection, site, whose or ())
                await describe_codes(connection, site, **wanted)
            linkedid = await lock_call_of(connection, site, survey)
            before = await counted(connection, site, linkedid)
            locked = await lock(connection, site, survey)
            moved = await _move(connection, site, survey, locked, whose or locked.shares, wanted)
            await recount(connection, site, linkedid, before)
            return moved

        return await self._database.write(work)

    async def recredit_call(self, site: str, linkedid: str, decide: Decide) -> bool:
        """Let `decide` credit the survey of a call again, from all that is stored now. False when there is no survey,
        or it stays where it is; then nothing is locked."""

        async def look(connection: Transaction) -> bool:
            asked = await _asked(connection, site, linkedid)
            if asked is None:
                return False
            _, credited, call = asked
            return _wanted(decide(call)) != credited

        async def work(connection: Transaction) -> bool:
            await lock_call(connection, site, linkedid)
            before = await counted(connection, site, linkedid)
            asked = await _asked(connection, site, linkedid)
            if asked is None:
                return False
            survey, _, call = asked
            decided = decide(call)
            shares = shares_of(decided.shares)
            await describe_shares(connection, site, shares)
            await describe_codes(connection, site, queue=decided.queue, reason=decided.reason)
            locked = await lock(connection, site, survey)
            if (decided.reason, decided.reason_source) != (call.reason, call.reason_source):
                await _set_reason(connection, site, linkedid, decided.reason, decided.reason_source)
            values = {"queue": clip(decided.queue, CODE), "reason": clip(decided.reason, CODE)}
            moved = await _move(connection, site, survey, locked, shares, values)
            await set_survey(connection, site, survey, reason_source=decided.reason_source)
            await recount(connection, site, linkedid, before)
            return moved

        # Most calls that become better known stay credited where they are; those cost a read and no lock.
        return await self._database.read(look) and await self._database.write(work)

    async def choose_reason(self, site: str, survey: str, reason: str) -> None:
        """Keep the reason that the caller chose, of the call and of its survey, unless a more trusted source has given
        one. Of a trial the row alone is changed. Raises `LookupError` when the survey was never offered."""

        async def look(connection: Transaction) -> str | None:
            if await is_trial(connection, site, survey):
                return None
            linkedid = await connection.scalar(_call_of(), {"site": site, "asked": survey})
            if linkedid is None:
                raise LookupError(f"survey {survey!r} of site {site!r} was never offered")
            return str(linkedid)

        linkedid = await self._database.read(look)
        if linkedid is None:
            await self.recredit(site, survey, reason=reason)
        else:
            await self.set_reason(site, linkedid, reason, "caller")

    async def set_reason(self, site: str, linkedid: str, reason: str, source: ReasonSource) -> KeptReason:
        """Say why the caller of a call had called, unless a more trusted source has said so already; a survey of the
        call moves along. Returns what the call has now. Raises `LookupError` when the call is not known."""

        async def work(connection: Transaction) -> KeptReason:
            await describe_codes(connection, site, reason=clip(reason, CODE))
            await lock_call(connection, site, linkedid)
            before = await counted(connection, site, linkedid)
            old, old_source = await call_reason(connection, site, linkedid)
            if trust(old_source) > trust(source):
                return KeptReason(reason=old, source=old_source)
            await _set_reason(connection, site, linkedid, reason, source)
            asked = await _asked(connection, site, linkedid)
            if asked:
                survey = asked[0]
                locked = await lock(connection, site, survey)
                await _move(connection, site, survey, locked, locked.shares, {"reason": clip(reason, CODE)})
                await set_survey(connection, site, survey, reason_source=source)
            await recount(connection, site, linkedid, before)
            return KeptReason(reason=clip(reason, CODE), source=source)

        return await self._database.write(work)


async def _move(
    connection: Transaction,
    site: str,
    survey: str,
    locked: LockedSurvey,
    shares: tuple[Share, ...],
    wanted: dict[str, str],
) -> bool:
    """Take a survey's counts out of the buckets where they are, and add them to those where they belong."""
    values = {"agent": shares[0].agent, **wanted}
    whole = Bucket(**{**locked.whole._asdict(), **values})
    buckets = spread(whole, shares)
    if buckets == locked.buckets:
        return False
    answers = await connection.execute(
        select(Answer.question, Answer.is_rating, Answer.value).where(
            Answer.site_id == site, Answer.survey == survey, Answer.value.is_not(None)
        )
    )
    counts = Counts(trial=locked.trial)
    steps: list[Step] = ["offered"]
    for question, is_rating, value in answers:
        assert value is not None  # the statement asked for no others
        counts.rate(locked.buckets, question, is_rating, value, -1)
        counts.rate(buckets, question, is_rating, value)
        steps = ["offered", "answered"]
    steps += ["started"] if locked.started else []
    steps += [locked.status] if locked.ended else []  # type: ignore[list-item]  # the column's check says so
    for step in steps:
        counts.step(locked.buckets, step, -1)
        counts.step(buckets, step)
    await set_survey(connection, site, survey, shared=len(shares) > 1, **values)
    if shares != locked.shares:
        await set_shares(connection, site, survey, shares)
    await counts.write(connection)
    return True


_Credited = tuple[tuple[Share, ...], str, str, str]
"""Shares, queue, reason and its source, as they stand or as they are wanted."""


def _wanted(decided: CreditRecord) -> _Credited:
    reason = clip(decided.reason, CODE)
    return shares_of(decided.shares), clip(decided.queue, CODE), reason, decided.reason_source


async def _asked(connection: Transaction, site: str, linkedid: str) -> tuple[str, _Credited, AskedCall] | None:
    """The survey of a call, how it is credited, and what says how it should be; None when it was not asked."""
    row = (await connection.execute(_asking(), {"site": site, "call": linkedid})).one_or_none()
    if row is None:
        return None
    legs = await connection.execute(_legs(), {"site": site, "call": linkedid})
    call = AskedCall(
        site=site,
        linkedid=linkedid,
        survey=row.survey,
        offered_at=row.offered_at,
        queue=row.call_queue or row.queue,
        reason=row.call_reason,
        reason_source=row.call_reason_source,
        member=row.member,
        member_name=row.member_name,
        transferred_to=row.transferred_to,
        handed_over_by=row.handed_over_by,
        sent_by=row.sent_by,
        legs=tuple(LegRecord(site=site, linkedid=linkedid, **leg._mapping) for leg in legs),
    )
    shares = await stored_shares(connection, site, row.survey, row.agent, shared=row.shared)
    return row.survey, (shares, row.queue, row.reason, row.reason_source), call


async def _set_reason(connection: Transaction, site: str, linkedid: str, reason: str, source: ReasonSource) -> None:
    values = {"reason": reason, "reason_source": source}
    await connection.execute(update(table_of(Call)).where(*_is_call(Call)), {"site": site, "call": linkedid, **values})


def _is_call(entity: Any) -> list[Any]:
    columns = table_of(entity).c
    return [columns.site_id == bindparam("site"), columns.linkedid == bindparam("call")]


@cache
def _call_of() -> Select[Any]:
    return select(table_of(Survey).c.linkedid).where(is_asked(table_of(Survey).c))


@cache
def _asking() -> Select[Any]:
    survey, call = table_of(Survey).c, table_of(Call).c
    names = ("survey", "offered_at", "agent", "shared", "queue", "reason", "reason_source")
    told = ("member", "member_name", "transferred_to", "handed_over_by", "sent_by")
    return (
        select(
            *(survey[name] for name in (*names, *told)),
            call.queue.label("call_queue"),
            call.reason.label("call_reason"),
            call.reason_source.label("call_reason_source"),
        )
        .join_from(
            table_of(Survey), table_of(Call), (survey.site_id == call.site_id) & (survey.linkedid == call.linkedid)
        )
        .where(*_is_call(Survey), survey.trial.is_(False))
    )


@cache
def _legs() -> Select[Any]:
    columns = table_of(Leg).c
    return select(*(columns[name] for name in (*_LEG, *_LENGTHS))).where(*_is_call(Leg))
