"""The way to a database: opened, and used in transactions that are bounded in time and tried again."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import URL, Engine, Executable, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ivr.errors import DatabaseAway, DatabaseError, DatabaseRefuses
from ivr.network import network_reason
from storage.address import describe, parse_url, sqlite_path
from storage.postgresql import PostgresqlPool
from storage.sqlite import SqliteFile
from storage.sqlite_place import fault_of
from storage.transaction import Result, Transaction, Work

WRITE_SECONDS = 10.0
"""Longest time for one write with all its attempts; whoever talks to a caller sets a shorter one of their own."""
READ_SECONDS = 30.0
_AWAY_STATES = ("08", "53300", "57P01", "57P02", "57P03")
"""How the SQLSTATE begins of a server that has no connection for us now: the class connection_exception, too many of
them, it stops, it crashed, it starts (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
REFUSED_SECONDS = 5.0
"""For so long after a write that failed nobody believes that the next one works: what is small may still find room."""

Kind = Literal["read", "write"]
Timed = Callable[[Kind, float, bool], None]
"""Takes what a transaction was, how many seconds it took, its waiting included, and whether the database did it."""


def _by_nobody(_kind: Kind, _seconds: float, _is_done: bool) -> None:
    """Where nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """A write that the database did not do."""

    why: str
    at: float
    """By the clock of `time.monotonic`."""


class Database:
    """An open database; `close` it."""

    def __init__(self, url: URL, first: Work[object] | None = None) -> None:
        """`first` is done at the beginning of each transaction until one is committed: what has to be so before
        anything is read or written. What it raises ends the transaction."""
        self.url = url
        self._first = first
        self.timed: Timed = _by_nobody
        """Told of each transaction how long it took."""
        self._refused: _Refused | None = None
        self._way: SqliteFile | PostgresqlPool = SqliteFile(url) if sqlite_path(url) else PostgresqlPool(url)

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's own, to listen to."""
        return self._way.engine

    @property
    def retries(self) -> int:
        """How often a transaction was run again, after a lock, a conflict or a lost connection."""
        return self._way.retries

    async def __aenter__(self) -> "Database":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give all connections back. The database cannot be used afterwards."""
        await self._way.close()

    async def read(self, work: Work[Result], *, seconds: float | None = READ_SECONDS) -> Result:
        """Run `work` in a transaction that takes no lock and sees one state of an SQLite database; it writes nothing.

        `seconds` bounds it; None does not. Raises `DatabaseError` when the database fails or takes longer.
        """
        return await self._translated("read", self._way.read(self._behind_first(work)), seconds)

    async def write(self, work: Work[Result], *, bounded: bool = True) -> Result:
        """Run `work` in one transaction; on return it is durable. Takes `WRITE_SECONDS` at most unless not `bounded`.

        `work` is run again after a lock or serialization conflict, a lost connection, or when on SQLite one of those
        that share its commit fails. A connection may be lost after the commit was carried out, so `work` must be safe
        to repeat. It runs in another thread where the database is SQLite, and waits for nothing but its transaction.
        Raises `DatabaseError` when the database fails or takes longer.
        """
        seconds = WRITE_SECONDS if bounded else None
        return await self._translated("write", self._way.write(self._behind_first(work)), seconds)

    async def check_writes(self, touch: Executable) -> None:
        """Raise `DatabaseError` when a write failed a moment ago, or one failed earlier and `touch` fails, too.

        `touch` is a statement that writes and changes nothing. A database that is only read looks well on a full disk.
        """
        if self._refused is None:
            return
        if time.monotonic() - self._refused.at < REFUSED_SECONDS:
            raise DatabaseError(self._refused.why)
        await self.write(lambda transaction: transaction.execute(touch))
        self._refused = None

    def _behind_first(self, work: Work[Result]) -> Work[Result]:
        first = self._first
        if first is None:
            return work

        async def both(connection: Transaction) -> Result:
            await first(connection)
            return await work(connection)

        return both

    async def _translated(self, kind: Kind, running: Awaitable[Result], seconds: float | None) -> Result:
        begun = time.perf_counter()
        try:
            result = await self._in_our_words(running, seconds)
        except DatabaseError as error:
            self.timed(kind, time.perf_counter() - begun, False)
            if kind == "write" and not isinstance(error, DatabaseRefuses):
                self._refused = _Refused(why=str(error), at=time.monotonic())
            raise
        self._first = None
        self.timed(kind, time.perf_counter() - begun, True)
        return result

    async def _in_our_words(self, running: Awaitable[Result], seconds: float | None) -> Result:
        place = describe(self.url)
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await running
        except TimeoutError as error:
            if deadline.expired():
                raise DatabaseAway(f"database {place} did not answer within {seconds:g} s") from error
            raise DatabaseAway(f"database {place} cannot be reached: it does not answer") from error
        except PoolTimeoutError as error:
            raise DatabaseAway(f"database {place}: all connections are busy") from error
        except (IntegrityError, DataError) as error:
            raise DatabaseRefuses(f"database {place}: {_one_line(error)}") from error
        except (SQLAlchemyError, OSError) as error:
            if isinstance(error, StatementError) and isinstance(error.orig, ValueError):
                raise error.orig from None
            kind = DatabaseAway if _is_away(error) else DatabaseError
            raise kind(f"database {place}: {_one_line(error)}{self._place_fault()}") from error

    def _place_fault(self) -> str:
        """What SQLite's own words leave open: whether there is room, and who may write where."""
        path = sqlite_path(self.url)
        fault = fault_of(path) if path else None
        return f" ({fault})" if fault else ""


async def open_database(url: str, *, first: Work[object] | None = None, may_be_away: bool = False) -> Database:
    """Open the database at `url` and see that it answers and can be written.

    `url` is ``sqlite:///path/to/file.db`` or ``postgresql://user:password@host:port/name``. An SQLite file must exist.
    `first` comes before all else, see `Database`. Raises `DatabaseError`, whose text never holds the password; a
    PostgreSQL that only cannot be reached is opened all the same where it `may_be_away`.
    """
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is not None and not fault_of(path) and not path.exists():
        raise DatabaseError(f"database {describe(parsed)}: there is no such file; `postcall db upgrade` creates it")
    return await connect(parsed, first=first, may_be_away=may_be_away and path is None)


async def connect(url: URL, *, first: Work[object] | None = None, may_be_away: bool = False) -> Database:
    """Open the database at a parsed URL, as `open_database` does; an SQLite file that is not there is created."""
    path = sqlite_path(url)
    if path is not None:
        fault = fault_of(path)
        if fault:
            raise DatabaseError(f"database {describe(url)}: {fault}")
    database = Database(url, first)
    try:
        await database.write(_answers)
    except BaseException as error:
        if not (may_be_away and isinstance(error, DatabaseAway)):
            await database.close()
            raise
    return database


async def _answers(connection: Transaction) -> None:
    await connection.execute(text("SELECT 1"))


def _is_away(error: SQLAlchemyError | OSError) -> bool:
    if isinstance(error, OSError):
        # A socket that we may not use and a certificate that we do not trust are there, and stay as they are.
        return not isinstance(error, PermissionError | ssl.SSLError)
    return str(getattr(getattr(error, "orig", None), "sqlstate", "")).startswith(_AWAY_STATES)


def _one_line(error: Exception) -> str:
    # The text of a SQLAlchemy error goes on with the statement and its values; the driver's own first line says enough.
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    cause = cause.__cause__ or cause
    if isinstance(cause, OSError):
        return network_reason(cause)
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
