"""The way to a database: its address, its settings, and transactions that are bounded in time and tried again.

SQLite is set up as SQLAlchemy's documentation of its SQLite dialect advises for transactions that really begin at
BEGIN: the driver's own handling is switched off and BEGIN is sent by hand.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ivr.errors import DatabaseError

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]

DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
OPTIONS = ("host", "port", "ssl")
ATTEMPTS = 6
WRITE_SECONDS = 10.0
"""Longest time for one write with all its attempts; whoever talks to a caller sets a shorter one of their own."""
READ_SECONDS = 30.0
CONNECT_SECONDS = 5.0
BUSY_MILLISECONDS = 2000
WRITES = "postcall_writes"

# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization_failure, deadlock_detected,
# lock_not_available. The transaction was rolled back and may well succeed when it is run again.
RETRYABLE_STATES = frozenset({"40001", "40P01", "55P03"})
# https://www.sqlite.org/rescode.html: another process holds the write lock.
RETRYABLE_NAMES = ("SQLITE_BUSY", "SQLITE_LOCKED")


class Database:
    """An open database. Use one on one event loop, and `close` it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._writing = engine.execution_options(**{WRITES: True})
        # SQLite takes one writer at a time. Waiting here is fair and costs nothing; its own wait is a sleep.
        self._one_writer = asyncio.Lock() if engine.dialect.name == "sqlite" else None

    async def __aenter__(self) -> "Database":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give all connections back. The database cannot be used afterwards."""
        await self.engine.dispose()

    async def read(self, work: Work[Result], *, seconds: float | None = READ_SECONDS) -> Result:
        """Run `work` in a transaction that takes no lock and sees one state of an SQLite database; it writes nothing.

        `seconds` bounds it; None does not. Raises `DatabaseError` when the database fails or takes longer.
        """
        return await self._translated(self._attempts(work, self.engine), seconds)

    async def write(self, work: Work[Result], *, bounded: bool = True) -> Result:
        """Run `work` in one transaction; on return it is durable. Takes `WRITE_SECONDS` at most unless not `bounded`.

        `work` is run again after a lock or serialization conflict, or a lost connection, at most `ATTEMPTS` times in
        all. A connection may be lost after the commit was carried out, so `work` must be
        safe to repeat. Raises `DatabaseError` when the database fails or takes longer.
        """
        seconds = WRITE_SECONDS if bounded else None
        if self._one_writer is None:
            return await self._translated(self._attempts(work, self._writing), seconds)
        return await self._translated(self._alone(work, self._one_writer), seconds)

    async def _alone(self, work: Work[Result], lock: asyncio.Lock) -> Result:
        async with lock:
            return await self._attempts(work, self._writing)

    async def _attempts(self, work: Work[Result], engine: AsyncEngine) -> Result:
        for attempt in range(1, ATTEMPTS):
            try:
                async with engine.begin() as connection:
                    return await work(connection)
            except DBAPIError as error:
                if not _may_succeed_again(error):
                    raise
                await asyncio.sleep(random.uniform(0.5, 1.0) * 0.01 * 2**attempt)
        async with engine.begin() as connection:
            return await work(connection)

    async def _translated(self, running: Awaitable[Result], seconds: float | None) -> Result:
        place = describe(self.engine.url)
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await running
        except TimeoutError as error:
            if deadline.expired():
                raise DatabaseError(f"database {place} did not answer within {seconds:g} s") from error
            raise DatabaseError(f"database {place} cannot be reached: it does not answer") from error
        except PoolTimeoutError as error:
            raise DatabaseError(f"database {place}: all connections are busy") from error
        except (SQLAlchemyError, OSError) as error:
            if isinstance(error, StatementError) and isinstance(error.orig, ValueError):
                raise error.orig from None
            raise DatabaseError(f"database {place}: {_one_line(error)}") from error


async def open_database(url: str) -> Database:
    """Open the database at `url` and see that it answers and can be written.

    `url` is ``sqlite:///path/to/file.db`` or ``postgresql://user:password@host:port/name``. An SQLite file must exist.
    Raises `DatabaseError`, whose text never holds the password.
    """
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is not None and path.parent.is_dir() and not path.exists():
        raise DatabaseError(f"database {describe(parsed)}: there is no such file; `postcall db upgrade` creates it")
    return await connect(parsed)


async def connect(url: URL) -> Database:
    """Open the database at a parsed URL; an SQLite file that is not there is created. Raises `DatabaseError`."""
    path = sqlite_path(url)
    if path is not None:
        fault = _fault_of(path)
        if fault:
            raise DatabaseError(f"database {describe(url)}: {fault}")
    database = Database(_engine(url))
    try:
        await database.write(_answers)
    except BaseException:
        await database.close()
        raise
    return database


def _fault_of(path: Path) -> str | None:
    if path.is_dir():
        return "this is a folder, not a file"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    # SQLite would say so only at the first write. The folder counts, too: the write-ahead log is a file beside.
    for place in (path.parent, path):
        if place.exists() and not os.access(place, os.W_OK):
            return f"{place} may not be written by this user"
    return None


async def _answers(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1"))


def parse_url(url: str) -> URL:
    """The URL with its asynchronous driver. Raises `DatabaseError` for what is not an SQLite or PostgreSQL URL."""
    allowed = "allowed are sqlite:///file.db and postgresql://user:password@host:port/name"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text of a URL that cannot be read may hold a password anywhere.
        raise DatabaseError(f"the database URL cannot be read: {allowed}") from None
    driver = DRIVERS.get(parsed.drivername)
    if driver is None:
        raise DatabaseError(f"the database URL begins with {parsed.drivername!r}: {allowed}")
    parsed = parsed.set(drivername=driver)
    if not parsed.database or (driver.startswith("sqlite") and parsed.database.startswith((":memory:", "file:"))):
        raise DatabaseError(f"the database URL names no database: {allowed}")
    if driver.startswith("sqlite"):
        if parsed.query or parsed.host:
            raise DatabaseError(f"the database URL has more than a file in it: {allowed}")
        return parsed
    # libpq spells it sslmode, asyncpg ssl; the values are the same.
    query = {("ssl" if name == "sslmode" else name): value for name, value in parsed.query.items()}
    for name in query:
        if name not in OPTIONS:
            raise DatabaseError(f"the database URL has the option {name!r}: allowed are {', '.join(OPTIONS)}")
    return parsed.set(query=query)


def sqlite_path(url: URL) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def describe(url: URL) -> str:
    """The URL as a message shows it: without driver, password and options."""
    port = f":{url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    return f"{url.get_backend_name()}://{user}{url.host or ''}{port}/{url.database}"


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, pool_size=5, max_overflow=0, pool_timeout=CONNECT_SECONDS)
        event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
        event.listen(engine.sync_engine, "begin", _on_sqlite_begin)
        return engine
    return create_async_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=3600,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "server_settings": {
                "application_name": "postcall",
                "lock_timeout": str(BUSY_MILLISECONDS),
                # A replica that stalls in a transaction must not hold up the others.
                "idle_in_transaction_session_timeout": "10000",
            },
        },
    )


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in (
            f"busy_timeout = {BUSY_MILLISECONDS}",
            "journal_mode = WAL",
            # An answer that the caller is thanked for must outlive a power cut; NORMAL would not promise that in WAL.
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    # A writer takes the lock at once: upgrading a read to a write later fails outright when another has written.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _may_succeed_again(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    if getattr(error.orig, "sqlstate", None) in RETRYABLE_STATES:
        return True
    return str(getattr(error.orig, "sqlite_errorname", "")).startswith(RETRYABLE_NAMES)


def _one_line(error: Exception) -> str:
    # The text of a SQLAlchemy error goes on with the statement and its values; the driver's own first line says enough.
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    cause = cause.__cause__ or cause
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
