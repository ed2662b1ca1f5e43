"""The parts of the answers in PostgreSQL, one for each month: made before the month comes, and dropped with it.

A part holds the surveys whose channels came into being in a month, in UTC: Asterisk's uniqueids begin with that second,
and digits of one length sort as numbers. What has another name, behind a `systemname` for one, lies in `answer_other`.
"""

from datetime import UTC, date, datetime

from sqlalchemy import bindparam, text

from storage.engine import Database
from storage.transaction import Transaction

AHEAD = 3
"""So many months have their parts, the current one included."""
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")
_LOCK_NUMBER = 0x70617274
_FOUND = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'answer'::regclass ORDER BY c.relname"
)
_STRAY = text("SELECT 1 FROM answer_other WHERE survey >= :begin AND survey < :end LIMIT 1")
_NEWER = text(
    "SELECT 1 FROM site JOIN survey USING (site_id) WHERE survey >= :begin AND survey < :end AND day >= :before LIMIT 1"
).bindparams(bindparam("before"))


def month_part(month: date) -> str:
    """The name of a month's part."""
    return f"answer_{month:%Y_%m}"


def following(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


async def make_parts(database: Database, today: date) -> list[str]:
    """Make the parts of this month and the next ones, unless they are there; returns the names of those made."""

    async def work(connection: Transaction) -> list[str]:
        if connection.dialect.name != "postgresql":
            return []
        await connection.execute(_LOCK, {"lock": _LOCK_NUMBER})
        there, made, month = set(await connection.scalars(_FOUND)), [], today.replace(day=1)
        for _ in range(AHEAD):
            limits = _limits(month)
            # A month that has begun without its part stays where its first answers went.
            if month_part(month) not in there and await connection.scalar(_STRAY, limits) is None:
                values = f"FOR VALUES FROM ('{limits['begin']}') TO ('{limits['end']}')"
                await connection.execute(text(f"CREATE TABLE {month_part(month)} PARTITION OF answer {values}"))
                made.append(month_part(month))
            month = following(month)
        return made

    return await database.write(work)


async def drop_parts(database: Database, before: date) -> list[str]:
    """Drop the parts in which there is no answer of a survey of the day `before`, the first of a month, or of a later
    one; returns their names."""

    async def work(connection: Transaction) -> list[str]:
        if connection.dialect.name != "postgresql":
            return []
        await connection.execute(_LOCK, {"lock": _LOCK_NUMBER})
        dropped = []
        for name in await connection.scalars(_FOUND):
            if name == "answer_other":
                continue
            month = datetime.strptime(name, "answer_%Y_%m").replace(tzinfo=UTC).date()
            if following(month) <= before and not await connection.scalar(_NEWER, {**_limits(month), "before": before}):
                await connection.execute(text(f"DROP TABLE {name}"))
                dropped.append(name)
        return dropped

    return await database.write(work)


def _limits(month: date) -> dict[str, str]:
    begin, end = (int(datetime(one.year, one.month, 1, tzinfo=UTC).timestamp()) for one in (month, following(month)))
    return {"begin": str(begin), "end": str(end)}
