"""Writes the life of a survey: each step with its counts in one transaction, each at most once.

Whoever changes a survey locks its row first; whoever changes a call and its survey locks the call first.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, case, select

from storage.call_counts import counted, recount
from storage.call_recorder import call_reason, describe_codes, include_call, merge_call, zone_of
from storage.counts import Counts
from storage.engine import Database
from storage.locked_survey import add_shares, describe_shares, is_answered, lock, lock_call_of, set_survey, shares_of
from storage.records import (
    NEVER_PUBLISHED,
    AnswerRecord,
    CallRecord,
    FlowVersionRecord,
    Outcome,
    SurveyOffer,
    trust,
)
from storage.tables import Answer, FlowVersion, Survey
from storage.transaction import Transaction
from storage.upsert import Columns, insert_new, upsert

Admit = Callable[[Transaction], Awaitable[bool]]


class SurveyRecorder:
    """Every method is one transaction, may be repeated, and raises `DatabaseError` when the database fails.

    A method that is given a survey raises `LookupError` when that was never offered.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, version: FlowVersionRecord) -> None:
        """Keep a flow version for ever. One that was published before becomes the flow's newest again."""

        async def work(connection: Transaction) -> None:
            await upsert(
                connection,
                FlowVersion,
                _newest,
                digest=version.digest,
                flow=version.flow,
                title=version.title,
                source=version.source,
                published_at=version.published_at,
            )

        await self._database.write(work)

    async def keep_draft(self, version: FlowVersionRecord) -> None:
        """Keep a flow version that is only tried. It does not become the flow's newest, unless it is that already."""

        async def work(connection: Transaction) -> None:
            await insert_new(
                connection,
                FlowVersion,
                digest=version.digest,
                flow=version.flow,
                title=version.title,
                source=version.source,
                published_at=NEVER_PUBLISHED,
            )

        await self._database.write(work)

    async def offer(self, offer: SurveyOffer, admit: Admit | None = None) -> bool:
        """Begin a survey. False when this one, or another of the same call, exists already: do not ask again.

        False, too, when `admit` says no, which is asked in the same transaction while the call is locked.

        An exclusion of the call is taken back, so that no call counts as both asked and excluded. A reason of the call
        from a more trusted source goes before the offer's. Raises `LookupError` when the site is not known.
        """

        async def work(connection: Transaction) -> bool:
            zone = await zone_of(connection, offer.site)
            shares = shares_of(offer.shares, offer.agent)
            if not offer.trial:
                await describe_shares(connection, offer.site, shares)
                await describe_codes(connection, offer.site, queue=offer.queue, reason=offer.reason)
            # A trial's is an empty row, which the survey's foreign key asks for.
            call = CallRecord(site=offer.site, linkedid=offer.linkedid)
            await merge_call(connection, call)
            before = await counted(connection, offer.site, offer.linkedid)
            if admit is not None and not await admit(connection):
                await recount(connection, offer.site, offer.linkedid, before)
                return False
            reason, reason_source = await call_reason(connection, offer.site, offer.linkedid)
            if offer.reason and trust(offer.reason_source) >= trust(reason_source):
                reason, reason_source = offer.reason, offer.reason_source
            if offer.offered_at.tzinfo is None:
                raise ValueError("offered_at has no zone")
            is_new = await insert_new(
                connection,
                Survey,
                site_id=offer.site,
                survey=offer.survey,
                linkedid=offer.linkedid,
                day=offer.offered_at.astimezone(zone).date(),
                flow=offer.flow,
                flow_version=offer.flow_version,
                language=offer.language,
                agent=shares[0].agent,
                shared=len(shares) > 1,
                queue=offer.queue,
                reason=reason,
                reason_source=reason_source,
                member=offer.member,
                member_name=offer.member_name,
                transferred_to=offer.transferred_to,
                handed_over_by=offer.handed_over_by,
                sent_by=offer.sent_by,
                caller_digest=offer.caller_digest,
                trial=offer.trial,
                status="offered",
                offered_at=offer.offered_at,
            )
            if not is_new:
                return False
            if not offer.trial:
                await merge_call(connection, replace(call, reason=reason, reason_source=reason_source))
            await add_shares(connection, offer.site, offer.survey, shares)
            await include_call(connection, offer.site, offer.linkedid)
            locked = await lock(connection, offer.site, offer.survey)
            counts = Counts(trial=locked.trial)
            counts.step(locked.buckets, "offered")
            await counts.write(connection)
            if not offer.trial:
                await recount(connection, offer.site, offer.linkedid, before)
            return True

        return await self._database.write(work)

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        """The caller has heard the first prompt. False, and nothing changed, when it was started or ended before."""

        async def work(connection: Transaction) -> bool:
            locked = await lock(connection, site, survey)
            if locked.status != "offered":
                return False
            await set_survey(connection, site, survey, status="started", started_at=at)
            counts = Counts(trial=locked.trial)
            counts.step(locked.buckets, "started")
            await counts.write(connection)
            return True

        return await self._database.write(work)

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        """Keep an answer and count it. False, and nothing changed, when the question has an answer already.

        Also starts a survey whose start was missed, and takes an answer that comes after the survey's end.
        """

        async def work(connection: Transaction) -> bool:
            linkedid = await lock_call_of(connection, site, survey)
            before = await counted(connection, site, linkedid)
            locked = await lock(connection, site, survey)
            was_answered = await is_answered(connection, site, survey)
            is_new = await insert_new(
                connection,
                Answer,
                site_id=site,
                survey=survey,
                question=answer.question,
                is_rating=answer.is_rating,
                keys=answer.keys,
                value=answer.value,
                tries=answer.tries,
                ended=answer.ended,
                answered_at=answer.answered_at,
                recording=answer.recording,
                recording_seconds=answer.recording_seconds,
            )
            if not is_new:
                return False
            counts = Counts(trial=locked.trial)
            if not locked.started:
                status = "started" if locked.status == "offered" else locked.status
                await set_survey(connection, site, survey, status=status, started_at=answer.answered_at)
                counts.step(locked.buckets, "started")
            if answer.value is not None:
                counts.rate(locked.buckets, answer.question, answer.is_rating, answer.value)
                if not was_answered:
                    counts.step(locked.buckets, "answered")
            await counts.write(connection)
            if before.calls:
                await recount(connection, site, linkedid, before)
            return True

        return await self._database.write(work)

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        """Keep the language that the caller chose, or the code that the caller is given; None leaves as it is."""
        given = {"language": language, "incentive": incentive}
        noted = {name: text for name, text in given.items() if text is not None}

        async def work(connection: Transaction) -> None:
            await lock(connection, site, survey)
            await set_survey(connection, site, survey, **noted)

        await self._database.write(work)

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        """End a survey. False, and nothing changed, when it had ended before."""
        return await self._database.write(lambda connection: _finish(connection, site, survey, outcome, at))

    async def close_interrupted(
        self, site: str, *, offered_before: datetime, at: datetime, spare: Callable[[str], bool] = lambda _survey: False
    ) -> int:
        """End the surveys that a crash left open, and return how many: `partial` with an answer, else `failed`.

        `offered_before` lies further back than any survey lasts: another replica may be conducting the younger ones.
        `spare` says of which survey more is known than the database has.
        """
        is_open = and_(Survey.site_id == site, Survey.ended_at.is_(None), Survey.offered_at < offered_before)

        async def find(connection: Transaction) -> list[str]:
            return list((await connection.scalars(select(Survey.survey).where(is_open))).all())

        async def close(survey: str, connection: Transaction) -> bool:
            await lock(connection, site, survey)
            outcome: Outcome = "partial" if await is_answered(connection, site, survey) else "failed"
            return await _finish(connection, site, survey, outcome, at)

        closed = 0
        for survey in await self._database.read(find):
            if spare(survey):
                continue
            closed += await self._database.write(partial(close, survey))
        return closed


async def _finish(connection: Transaction, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
    locked = await lock(connection, site, survey)
    if locked.ended:
        return False
    await set_survey(connection, site, survey, status=outcome, ended_at=at)
    counts = Counts(trial=locked.trial)
    counts.step(locked.buckets, outcome)
    await counts.write(connection)
    return True


def _newest(new: Columns, old: Columns) -> Mapping[str, ColumnElement[Any]]:
    later = case((new["published_at"] > old["published_at"], new["published_at"]), else_=old["published_at"])
    return {"published_at": later}
