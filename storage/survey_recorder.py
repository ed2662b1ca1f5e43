"""Writes the life of a survey: each step with its counts in one transaction, each at most once.

Whoever changes a survey locks its row first; whoever changes a call and its survey locks the call first.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import cache, partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Update, and_, bindparam, case, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.call_recorder import describe_codes, include_call, merge_call
from storage.counts import Bucket, Counts
from storage.engine import Database
from storage.records import (
    NEVER_PUBLISHED,
    AnswerRecord,
    CallRecord,
    FlowVersionRecord,
    Outcome,
    Step,
    SurveyOffer,
)
from storage.tables import CODE, Answer, FlowVersion, Site, Survey
from storage.types import clip
from storage.upsert import Columns, insert_new, table_of, upsert

Admit = Callable[[AsyncConnection], Awaitable[bool]]


class _Locked(NamedTuple):
    """A survey's row, locked until the transaction ends."""

    bucket: Bucket
    trial: bool
    status: str
    started: bool
    ended: bool


class SurveyRecorder:
    """Every method is one transaction, may be repeated, and raises `DatabaseError` when the database fails.

    A method that is given a survey raises `LookupError` when that was never offered.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, version: FlowVersionRecord) -> None:
        """Keep a flow version for ever. One that was published before becomes the flow's newest again."""

        async def work(connection: AsyncConnection) -> None:
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

        async def work(connection: AsyncConnection) -> None:
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

        An exclusion of the call is taken back, so that no call counts as both asked and excluded. Raises
        `LookupError` when the site is not known.
        """

        async def work(connection: AsyncConnection) -> bool:
            zone = await connection.scalar(_zone(), {"site": offer.site})
            if zone is None:
                raise LookupError(f"site {offer.site!r} is not known")
            if not offer.trial:
                await describe_codes(connection, offer.site, agent=offer.agent, queue=offer.queue, reason=offer.reason)
            # A trial's is an empty row, which the survey's foreign key asks for.
            await merge_call(connection, CallRecord(site=offer.site, linkedid=offer.linkedid))
            if admit is not None and not await admit(connection):
                return False
            if offer.offered_at.tzinfo is None:
                raise ValueError("offered_at has no zone")
            is_new = await insert_new(
                connection,
                Survey,
                site_id=offer.site,
                survey=offer.survey,
                linkedid=offer.linkedid,
                day=offer.offered_at.astimezone(ZoneInfo(zone)).date(),
                flow=offer.flow,
                flow_version=offer.flow_version,
                language=offer.language,
                agent=offer.agent,
                queue=offer.queue,
                reason=offer.reason,
                caller_digest=offer.caller_digest,
                trial=offer.trial,
                status="offered",
                offered_at=offer.offered_at,
            )
            if not is_new:
                return False
            await include_call(connection, offer.site, offer.linkedid)
            locked = await _lock(connection, offer.site, offer.survey)
            counts = Counts(trial=locked.trial)
            counts.step(locked.bucket, "offered")
            await counts.write(connection)
            return True

        return await self._database.write(work)

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        """The caller has heard the first prompt. False, and nothing changed, when it was started or ended before."""

        async def work(connection: AsyncConnection) -> bool:
            locked = await _lock(connection, site, survey)
            if locked.status != "offered":
                return False
            await _set(connection, site, survey, status="started", started_at=at)
            counts = Counts(trial=locked.trial)
            counts.step(locked.bucket, "started")
            await counts.write(connection)
            return True

        return await self._database.write(work)

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        """Keep an answer and count it. False, and nothing changed, when the question has an answer already.

        Also starts a survey whose start was missed, and takes an answer that comes after the survey's end.
        """

        async def work(connection: AsyncConnection) -> bool:
            locked = await _lock(connection, site, survey)
            was_answered = await _is_answered(connection, site, survey)
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
                await _set(connection, site, survey, status=status, started_at=answer.answered_at)
                counts.step(locked.bucket, "started")
            if answer.value is not None:
                counts.rate(locked.bucket, answer.question, answer.is_rating, answer.value)
                if not was_answered:
                    counts.step(locked.bucket, "answered")
            await counts.write(connection)
            return True

        return await self._database.write(work)

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        """Keep the language that the caller chose, or the code that the caller is given; None leaves as it is."""
        noted = {"language": language, "incentive": incentive}

        async def work(connection: AsyncConnection) -> None:
            await _lock(connection, site, survey)
            await _set(connection, site, survey, **{name: text for name, text in noted.items() if text is not None})

        await self._database.write(work)

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        """End a survey. False, and nothing changed, when it had ended before."""
        return await self._database.write(lambda connection: _finish(connection, site, survey, outcome, at))

    async def recredit(
        self, site: str, survey: str, *, agent: str | None = None, queue: str | None = None, reason: str | None = None
    ) -> bool:
        """Credit a survey elsewhere and move all its counts along; None leaves as it is, ``""`` means not known.

        False when that is where it stood. Of a trial the row alone is changed.
        """
        wanted = {
            name: clip(code, CODE)
            for name, code in (("agent", agent), ("queue", queue), ("reason", reason))
            if code is not None
        }

        async def work(connection: AsyncConnection) -> bool:
            if not await connection.scalar(_trial(), {"site": site, "asked": survey}):
                await describe_codes(connection, site, **wanted)
            locked = await _lock(connection, site, survey)
            bucket = Bucket(**{**locked.bucket._asdict(), **wanted})
            if bucket == locked.bucket:
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
                counts.rate(locked.bucket, question, is_rating, value, -1)
                counts.rate(bucket, question, is_rating, value)
                steps = ["offered", "answered"]
            steps += ["started"] if locked.started else []
            steps += [locked.status] if locked.ended else []  # type: ignore[list-item]  # the column's check says so
            for step in steps:
                counts.step(locked.bucket, step, -1)
                counts.step(bucket, step)
            await _set(connection, site, survey, **wanted)
            await counts.write(connection)
            return True

        return await self._database.write(work)

    async def close_interrupted(self, site: str, *, offered_before: datetime, at: datetime) -> int:
        """End the surveys that a crash left open, and return how many: `partial` with an answer, else `failed`.

        `offered_before` lies further back than any survey lasts: another replica may be conducting the younger ones.
        """
        is_open = and_(Survey.site_id == site, Survey.ended_at.is_(None), Survey.offered_at < offered_before)

        async def find(connection: AsyncConnection) -> list[str]:
            return list((await connection.scalars(select(Survey.survey).where(is_open))).all())

        async def close(survey: str, connection: AsyncConnection) -> bool:
            await _lock(connection, site, survey)
            outcome: Outcome = "partial" if await _is_answered(connection, site, survey) else "failed"
            return await _finish(connection, site, survey, outcome, at)

        closed = 0
        for survey in await self._database.read(find):
            closed += await self._database.write(partial(close, survey))
        return closed


async def _lock(connection: AsyncConnection, site: str, survey: str) -> _Locked:
    row = (await connection.execute(_locking(), {"site": site, "asked": survey})).one_or_none()
    if row is None:
        raise LookupError(f"survey {survey!r} of site {site!r} was never offered")
    bucket = Bucket(row.site_id, row.day, row.agent, row.queue, row.reason, row.flow)
    return _Locked(bucket, row.trial, row.status, row.started_at is not None, row.ended_at is not None)


async def _is_answered(connection: AsyncConnection, site: str, survey: str) -> bool:
    # Asked after the row is locked, in a statement of its own: one that waited for the lock would see an older state.
    return bool(await connection.scalar(_answered(), {"site": site, "asked": survey}))


async def _set(connection: AsyncConnection, site: str, survey: str, **values: object) -> None:
    await connection.execute(_setting(), {"site": site, "asked": survey, **values})


async def _finish(connection: AsyncConnection, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
    locked = await _lock(connection, site, survey)
    if locked.ended:
        return False
    await _set(connection, site, survey, status=outcome, ended_at=at)
    counts = Counts(trial=locked.trial)
    counts.step(locked.bucket, outcome)
    await counts.write(connection)
    return True


def _newest(new: Columns, old: Columns) -> Mapping[str, ColumnElement[Any]]:
    later = case((new["published_at"] > old["published_at"], new["published_at"]), else_=old["published_at"])
    return {"published_at": later}


@cache
def _zone() -> Select[Any]:
    return select(table_of(Site).c.zone).where(table_of(Site).c.site_id == bindparam("site"))


@cache
def _locking() -> Select[Any]:
    # SQLite knows no FOR UPDATE and needs none: its writers come one at a time.
    columns = table_of(Survey).c
    wanted = (*Bucket._fields, "trial", "status", "started_at", "ended_at")
    return select(*(columns[name] for name in wanted)).where(_is_asked(columns)).with_for_update()


@cache
def _trial() -> Select[Any]:
    # Read before the row is locked: it never changes.
    return select(table_of(Survey).c.trial).where(_is_asked(table_of(Survey).c))


@cache
def _answered() -> Select[Any]:
    columns = table_of(Answer).c
    return select(exists().where(_is_asked(columns), columns.value.is_not(None)))


@cache
def _setting() -> Update:
    return update(table_of(Survey)).where(_is_asked(table_of(Survey).c))


def _is_asked(columns: Columns) -> ColumnElement[bool]:
    return and_(columns.site_id == bindparam("site"), columns.survey == bindparam("asked"))
