"""Credits surveys elsewhere and moves their counts along, in a transaction that runs already.

Whoever changes a call and its survey locks the call first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from storage.call_counts import counted, recount
from storage.call_steps import describe_codes, set_call_reason
from storage.counts import Bucket, Counts, spread
from storage.locked_call import LockedCall, is_call, lock_call, lock_call_of
from storage.locked_survey import (
    LockedSurvey,
    describe_shares,
    is_asked,
    is_trial,
    lock,
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


async def recredit_survey(
    connection: Transaction,
    counts: Counts,
    *,
    site: str,
    survey: str,
    shares: tuple[Share, ...] | None,
    codes: Mapping[str, str],
) -> bool:
    """As `CreditRecorder.recredit`: to the agents with `shares`, or those who have it, and to the ``queue`` and the
    ``reason`` in `codes`."""
    if not await is_trial(connection, site, survey):
        await describe_shares(connection, site, shares or ())
        await describe_codes(connection, site, **codes)
    call = await lock_call_of(connection, site, survey)
    before = await counted(connection, call)
    locked = await lock(connection, site, survey)
    moved = await _move(connection, counts, survey, locked, shares or locked.shares, codes)
    await recount(connection, counts, call, before)
    return moved


async def is_due_elsewhere(connection: Transaction, site: str, linkedid: str, decide: Decide) -> bool:
    """Whether `decide` says that the survey of a call belongs where it is not credited; False without a survey."""
    asked = await _asked(connection, site, linkedid)
    return asked is not None and _wanted(decide(asked.call)) != asked.credited


async def recredit_call(connection: Transaction, counts: Counts, call: LockedCall, decide: Decide) -> bool:
    """Credit the survey of a locked call where `decide` says; False when there is none, or it is there already.

    The call's own counts are left to who locked it.
    """
    asked = await _asked(connection, call.site, call.linkedid)
    if asked is None:
        return False
    decided = decide(asked.call)
    if _wanted(decided) == asked.credited:
        return False
    shares = shares_of(decided.shares)
    await describe_shares(connection, call.site, shares)
    await describe_codes(connection, call.site, queue=decided.queue, reason=decided.reason)
    locked = await lock(connection, call.site, asked.call.survey)
    if (decided.reason, decided.reason_source) != (asked.call.reason, asked.call.reason_source):
        await set_call_reason(connection, call.site, call.linkedid, decided.reason, decided.reason_source)
    codes = {"queue": clip(decided.queue, CODE), "reason": clip(decided.reason, CODE)}
    moved = await _move(connection, counts, asked.call.survey, locked, shares, codes)
    await set_survey(connection, call.site, asked.call.survey, reason_source=decided.reason_source)
    return moved


async def choose_reason(connection: Transaction, counts: Counts, site: str, survey: str, reason: str) -> None:
    """As `CreditRecorder.choose_reason`."""
    if await is_trial(connection, site, survey):
        codes = {"reason": clip(reason, CODE)}
        await recredit_survey(connection, counts, site=site, survey=survey, shares=None, codes=codes)
        return
    await describe_codes(connection, site, reason=clip(reason, CODE))
    await _set_reason(connection, counts, await lock_call_of(connection, site, survey), reason, "caller")


async def set_reason(
    connection: Transaction, counts: Counts, site: str, linkedid: str, reason: str, source: ReasonSource
) -> KeptReason:
    """As `CreditRecorder.set_reason`."""
    await describe_codes(connection, site, reason=clip(reason, CODE))
    call = await lock_call(connection, site, linkedid)
    if call is None:
        raise LookupError(f"site {site!r} has no call {linkedid!r}")
    return await _set_reason(connection, counts, call, reason, source)


async def _set_reason(
    connection: Transaction, counts: Counts, call: LockedCall, reason: str, source: ReasonSource
) -> KeptReason:
    if trust(call.reason_source) > trust(source):
        return KeptReason(reason=call.reason, source=call.reason_source)
    before = await counted(connection, call)
    await set_call_reason(connection, call.site, call.linkedid, reason, source)
    asked = await _asked(connection, call.site, call.linkedid)
    if asked is not None:
        survey = asked.call.survey
        locked = await lock(connection, call.site, survey)
        await _move(connection, counts, survey, locked, locked.shares, {"reason": clip(reason, CODE)})
        await set_survey(connection, call.site, survey, reason_source=source)
    await recount(connection, counts, call, before)
    return KeptReason(reason=clip(reason, CODE), source=source)


async def _move(
    connection: Transaction,
    counts: Counts,
    survey: str,
    locked: LockedSurvey,
    shares: tuple[Share, ...],
    codes: Mapping[str, str],
) -> bool:
    """Take a survey's counts out of the buckets where they are, and add them to those where they belong."""
    values = {"agent": shares[0].agent, **codes}
    whole = Bucket(**{**locked.whole._asdict(), **values})
    buckets = spread(whole, shares)
    if buckets == locked.buckets:
        return False
    site = locked.whole.site_id
    if not locked.trial:
        steps: list[Step] = ["offered"]
        for question, is_rating, value in await connection.execute(_answers(), {"site": site, "asked": survey}):
            counts.rate(locked.buckets, question, is_rating, value, -1)
            counts.rate(buckets, question, is_rating, value)
            steps = ["offered", "answered"]
        steps += ["started"] if locked.started else []
        steps += [locked.status] if locked.ended_at else []  # type: ignore[list-item]  # the column's check says so
        for step in steps:
            counts.step(locked.buckets, step, -1)
            counts.step(buckets, step)
    await set_survey(connection, site, survey, shared=len(shares) > 1, **values)
    if shares != locked.shares:
        await set_shares(connection, site, survey, shares)
    return True


_Credited = tuple[tuple[Share, ...], str, str, str]
"""Shares, queue, reason and its source, as they stand or as they are wanted."""


def _wanted(decided: CreditRecord) -> _Credited:
    reason = clip(decided.reason, CODE)
    return shares_of(decided.shares), clip(decided.queue, CODE), reason, decided.reason_source


class _Asked(NamedTuple):
    """The survey of a call."""

    call: AskedCall
    """What says how it should be credited."""
    credited: _Credited


async def _asked(connection: Transaction, site: str, linkedid: str) -> _Asked | None:
    """The survey of a call; None when it was not asked."""
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
    return _Asked(call, (shares, row.queue, row.reason, row.reason_source))


@cache
def _answers() -> Select[Any]:
    columns = table_of(Answer).c
    return select(columns.question, columns.is_rating, columns.value).where(
        is_asked(columns), columns.value.is_not(None)
    )


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
        .where(is_call(survey), survey.trial.is_(False))
    )


@cache
def _legs() -> Select[Any]:
    columns = table_of(Leg).c
    return select(*(columns[name] for name in (*_LEG, *_LENGTHS))).where(is_call(columns))
