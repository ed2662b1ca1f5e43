"""Writes who is to be called back, and how that goes. A try is durable before anybody's telephone rings."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, update

from storage.call_steps import is_asked
from storage.callback_records import CallbackEnd, CallbackLimits, CallbackRecord
from storage.engine import Database
from storage.locked_call import lock_call_anyway
from storage.quarantine import ALL_SITES
from storage.records import ReasonSource
from storage.tables import Call, Callback, OptOut, Site, Survey
from storage.transaction import Transaction
from storage.upsert import insert_new

_MINUTE = timedelta(minutes=1)


class CallbackRecorder:
    """Every method is one transaction, may be repeated, and raises `DatabaseError` when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_callback(self, callback: CallbackRecord) -> bool:
        """Have a caller called back. False, and nothing changed, when that call has a call-back, whatever became of
        it, or its caller was asked."""

        async def work(connection: Transaction) -> bool:
            await lock_call_anyway(connection, callback.site, callback.linkedid)
            if await is_asked(connection, callback.site, callback.linkedid):
                return False
            return await insert_new(
                connection,
                Callback,
                site_id=callback.site,
                linkedid=callback.linkedid,
                state="pending",
                why="",
                sealed_number=callback.sealed_number,
                caller_digest=callback.caller_digest,
                agent=callback.agent,
                queue=callback.queue,
                tries=0,
                due_at=callback.due_at,
                expires_at=callback.expires_at,
            )

        return await self._database.write(work)

    async def claim_callback(self, site: str, now: datetime, limits: CallbackLimits) -> CallbackRecord | None:
        """Begin a try: the call-back that is due for longest, unless that would pass a limit.

        Those that are too late, or whose caller was asked meanwhile, are ended on the way. However many replicas ask,
        each try is given to one of them, and the limits hold for all together.
        """

        async def work(connection: Transaction) -> CallbackRecord | None:
            # The site's row is the lock: SQLite needs none, its writers come one at a time.
            await connection.execute(select(Site.site_id).where(Site.site_id == site).with_for_update())
            open_here = (Callback.site_id == site, Callback.ended_at.is_(None))
            asked = exists().where(Survey.site_id == Callback.site_id, Survey.linkedid == Callback.linkedid)
            pending = (*open_here, Callback.state == "pending")
            await _end(connection, [*pending, Callback.expires_at <= now], "given_up", "expired", now)
            await _end(connection, [*pending, asked], "withdrawn", "asked", now)
            calling = await connection.scalar(
                select(func.count()).select_from(Callback).where(*open_here, Callback.state == "calling")
            )
            begun = await connection.scalar(
                select(func.count())
                .select_from(Callback)
                # Not those of a clock that was put back: they would keep everybody waiting until it is as late again.
                .where(Callback.site_id == site, Callback.called_at > now - _MINUTE, Callback.called_at < now + _MINUTE)
            )
            if (calling or 0) >= limits.at_once or (begun or 0) >= limits.per_minute:
                return None
            due = select(*_COLUMNS).where(*pending, Callback.due_at <= now).order_by(Callback.due_at, Callback.linkedid)
            row = (await connection.execute(due.limit(1))).one_or_none()
            if row is None:
                return None
            await connection.execute(
                update(Callback)
                .where(*_is(site, row.linkedid))
                .values(state="calling", tries=row.tries + 1, called_at=now)
            )
            return _record(row, tries=row.tries + 1)

        return await self._database.write(work)

    async def calling_back(self, site: str, linkedid: str) -> CallbackRecord | None:
        """The call-back of a call, while a try is under way; None otherwise."""

        async def work(connection: Transaction) -> CallbackRecord | None:
            row = (
                await connection.execute(select(*_COLUMNS).where(*_is(site, linkedid), Callback.state == "calling"))
            ).one_or_none()
            return _record(row, tries=row.tries) if row else None

        return await self._database.read(work)

    async def callback_failed(
        self, site: str, linkedid: str, *, tries: int, why: CallbackEnd, again_at: datetime | None, at: datetime
    ) -> bool:
        """End the try with that number: the next is due at `again_at`, or there is none. False when it is over."""

        async def work(connection: Transaction) -> bool:
            this_try = [*_is(site, linkedid), Callback.state == "calling", Callback.tries == tries]
            if again_at is None:
                return await _end(connection, this_try, "given_up", why, at)
            waiting = update(Callback).where(*this_try).values(state="pending", why=why, due_at=again_at)
            return (await connection.execute(waiting)).rowcount > 0

        return await self._database.write(work)

    async def callback_not_placed(self, site: str, linkedid: str, *, tries: int, again_at: datetime) -> None:
        """Take a try back: the PBX was not asked, or refused to, and nobody's telephone rang."""

        async def work(connection: Transaction) -> None:
            this_try = [*_is(site, linkedid), Callback.state == "calling", Callback.tries == tries]
            taken_back = {"state": "pending", "tries": tries - 1, "due_at": again_at, "called_at": None}
            await connection.execute(update(Callback).where(*this_try).values(taken_back))

        await self._database.write(work)

    async def callback_answered(self, site: str, linkedid: str, at: datetime) -> bool:
        """Somebody is there and wants to be asked. False when no try is under way any more: then do not ask."""

        async def work(connection: Transaction) -> bool:
            return await _end(
                connection, [*_is(site, linkedid), Callback.state == "calling"], "answered", "answered", at
            )

        return await self._database.write(work)

    async def withdraw_callback(self, site: str, linkedid: str, why: CallbackEnd, at: datetime) -> bool:
        """Call nobody about this call any more. False when it was over."""

        async def work(connection: Transaction) -> bool:
            return await _end(connection, [*_is(site, linkedid), Callback.ended_at.is_(None)], "withdrawn", why, at)

        return await self._database.write(work)

    async def withdraw_callbacks_of(self, site: str, caller_digest: str, at: datetime) -> bool:
        """The caller never wants to be asked again: end all call-backs. False when there was none."""

        async def work(connection: Transaction) -> bool:
            of_caller = [Callback.site_id == site, Callback.caller_digest == caller_digest, Callback.ended_at.is_(None)]
            return bool(caller_digest) and await _end(connection, of_caller, "withdrawn", "opted_out", at)

        return await self._database.write(work)

    async def has_opted_out(self, site: str, caller_digest: str) -> bool:
        """Whether the caller said never to be asked again, at a site or at all."""

        async def work(connection: Transaction) -> bool:
            said = exists().where(OptOut.caller_digest == caller_digest, OptOut.site_id.in_((site, ALL_SITES)))
            return bool(await connection.scalar(select(said)))

        return await self._database.read(work)

    async def lost_callbacks(self, site: str, *, called_before: datetime) -> list[CallbackRecord]:
        """The tries that began before, and are not over: nobody is left who would end them."""

        async def work(connection: Transaction) -> list[CallbackRecord]:
            lost = select(*_COLUMNS).where(
                Callback.site_id == site,
                Callback.ended_at.is_(None),
                Callback.state == "calling",
                Callback.called_at < called_before,
            )
            return [_record(row, tries=row.tries) for row in await connection.execute(lost)]

        return await self._database.read(work)

    async def reason_of(self, site: str, linkedid: str) -> tuple[str, ReasonSource]:
        """The reason of a call and where it comes from; ``""`` when it is not known."""

        async def work(connection: Transaction) -> tuple[str, ReasonSource]:
            call = select(Call.reason, Call.reason_source).where(Call.site_id == site, Call.linkedid == linkedid)
            row = (await connection.execute(call)).one_or_none()
            return (row.reason, row.reason_source) if row else ("", "")

        return await self._database.read(work)


_COLUMNS = (
    Callback.site_id,
    Callback.linkedid,
    Callback.sealed_number,
    Callback.caller_digest,
    Callback.agent,
    Callback.queue,
    Callback.due_at,
    Callback.expires_at,
    Callback.tries,
)


def _record(row: Any, *, tries: int) -> CallbackRecord:
    return CallbackRecord(
        site=row.site_id,
        linkedid=row.linkedid,
        sealed_number=row.sealed_number,
        caller_digest=row.caller_digest,
        agent=row.agent,
        queue=row.queue,
        due_at=row.due_at,
        expires_at=row.expires_at,
        tries=tries,
    )


def _is(site: str, linkedid: str) -> list[ColumnElement[bool]]:
    return [Callback.site_id == site, Callback.linkedid == linkedid]


async def _end(
    connection: Transaction, these: Sequence[ColumnElement[bool]], state: str, why: CallbackEnd, at: datetime
) -> bool:
    """End call-backs for good, and erase their numbers."""
    ended = update(Callback).where(*these).values(state=state, why=why, sealed_number=None, ended_at=at)
    return (await connection.execute(ended)).rowcount > 0
