"""What callers did while the database was away: kept in an SQLite file, in order, until the database has it. Beside it
copies of what the database has, for a start without it.

An entry is durable when `append` returns, as an answer in an SQLite database is. One service has the file at a time.
"""

import asyncio
import fcntl
import hashlib
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, text

from ivr.errors import DatabaseError
from storage.engine import Database, connect
from storage.transaction import Transaction

_COLUMNS = "site_id TEXT NOT NULL, survey TEXT NOT NULL, body TEXT NOT NULL, written_at TEXT NOT NULL"
SCHEMA = (
    f"CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY AUTOINCREMENT, {_COLUMNS})",
    f"CREATE TABLE IF NOT EXISTS set_aside (number INTEGER PRIMARY KEY, {_COLUMNS}, why TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS owner (name TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS copy (name TEXT PRIMARY KEY, body TEXT NOT NULL, digest TEXT NOT NULL)",
)
_APPEND = text("INSERT INTO entry (site_id, survey, body, written_at) VALUES (:site, :survey, :body, :at)")
_OLDEST = text("SELECT number, site_id, survey, body FROM entry ORDER BY number LIMIT :limit")
_REMOVE = text("DELETE FROM entry WHERE number = :number")
_SET_ASIDE = text("INSERT INTO set_aside SELECT *, :why FROM entry WHERE number = :number")
_KEEP_COPY = text(
    "INSERT INTO copy (name, body, digest) VALUES (:name, :body, :digest)"
    " ON CONFLICT (name) DO UPDATE SET body = excluded.body, digest = excluded.digest"
)
_COPY = text("SELECT body, digest FROM copy WHERE name = :name")

_TOUCH = text("PRAGMA user_version = 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened in a survey."""

    number: int
    """Higher than that of every entry before it."""
    site: str
    survey: str
    body: str
    """What happened, as `storage.journal_entries` writes it."""


class Journal:
    """An open journal; `open_journal` opens one. Every method may raise `DatabaseError`."""

    def __init__(
        self, file: Database, lock: int, owner: str, held: Counter[tuple[str, str]], oldest: datetime | None
    ) -> None:
        self.owner = owner
        """A name for the service that has this journal, the same after a restart: no two have one journal at a time."""
        self._file = file
        self._lock = lock
        self._held = held
        self._waiting = held.total()
        self._oldest_at = oldest
        self._appending: set[asyncio.Task[None]] = set()
        self._waits_since = time.monotonic() - (max(0.0, _age(oldest)) if oldest else 0.0)
        self.some = asyncio.Event()
        """Set while there are entries."""
        if held:
            self.some.set()

    @property
    def waiting(self) -> int:
        """How many entries the database does not have yet."""
        return self._waiting

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest of them was written, or an older one; None when none waits."""
        return self._oldest_at

    @property
    def oldest_seconds(self) -> float:
        """For how long the oldest has waited, whatever became of the clock meanwhile; 0 when none waits."""
        return time.monotonic() - self._waits_since if self._waiting else 0.0

    def holds(self, site: str, survey: str) -> bool:
        """Whether something of a survey waits: what follows in it has to wait behind."""
        return (site, survey) in self._held

    async def append(self, site: str, survey: str, body: str) -> None:
        """Keep what happened in a survey. Whoever is cancelled meanwhile gives up waiting: it is kept all the same."""
        await asyncio.shield(self.append_unseen(site, survey, body))

    def append_unseen(self, site: str, survey: str, body: str) -> asyncio.Task[None]:
        """As `append`, for one who need not wait."""
        appending = asyncio.create_task(self._append(site, survey, body))
        self._appending.add(appending)
        appending.add_done_callback(self._appended)
        return appending

    async def _append(self, site: str, survey: str, body: str) -> None:
        now = datetime.now(UTC)
        values = {"site": site, "survey": survey, "body": body, "at": now.isoformat()}
        # Counted before it is written: what follows in the survey comes behind it.
        self._count(site, survey, 1)
        try:
            await self._file.write(lambda transaction: transaction.execute(_APPEND, values))
        except BaseException:
            self._count(site, survey, -1)
            raise
        self._oldest_at = self._oldest_at or now
        self.some.set()

    def _appended(self, task: asyncio.Task[None]) -> None:
        self._appending.discard(task)
        if not task.cancelled():
            task.exception()  # whoever gave up does not ask for it

    async def oldest(self, limit: int) -> list[Entry]:
        """The entries to be carried out next."""

        async def work(transaction: Transaction) -> list[Entry]:
            return [
                Entry(number=number, site=site, survey=survey, body=body)
                for number, site, survey, body in await transaction.execute(_OLDEST, {"limit": limit})
            ]

        return await self._file.read(work)

    async def remove(self, entries: Collection[Entry]) -> None:
        """Forget what the database has."""
        if entries:
            numbers = [{"number": entry.number} for entry in entries]
            await self._file.write(lambda transaction: transaction.execute(_REMOVE, numbers))
            self._forget(entries)

    async def set_aside(self, entry: Entry, why: str) -> None:
        """Keep an entry that the database refuses where it holds up nobody."""

        async def work(transaction: Transaction) -> None:
            await transaction.execute(_SET_ASIDE, {"number": entry.number, "why": why})
            await transaction.execute(_REMOVE, {"number": entry.number})

        await self._file.write(work)
        self._forget([entry])

    async def keep_copy(self, name: str, body: str) -> None:
        """Keep what the database has, for a start without it, in place of what was kept under that name before."""
        values = {"name": name, "body": body, "digest": _digest(body)}
        await self._file.write(lambda transaction: transaction.execute(_KEEP_COPY, values))

    async def copy(self, name: str) -> str | None:
        """What was kept last under a name; None when nothing was, or it is not as it was written."""

        async def work(transaction: Transaction) -> str | None:
            for body, digest in await transaction.execute(_COPY, {"name": name}):
                return str(body) if _digest(body) == digest else None
            return None

        return await self._file.read(work)

    async def check(self) -> None:
        """Raise `DatabaseError` when the file does not take entries."""
        await self._file.check_writes(_TOUCH)

    async def close(self) -> None:
        """Give the file back."""
        if self._appending:
            await asyncio.wait(self._appending)
        await self._file.close()
        os.close(self._lock)

    def _forget(self, entries: Collection[Entry]) -> None:
        for entry in entries:
            self._count(entry.site, entry.survey, -1)

    def _count(self, site: str, survey: str, more: int) -> None:
        if not self._waiting:
            self._waits_since = time.monotonic()
        self._held[site, survey] += more
        if not self._held[site, survey]:
            del self._held[site, survey]
        self._waiting += more
        if not self._waiting:
            self._oldest_at = None
            self.some.clear()


async def open_journal(path: Path) -> Journal:
    """Open the journal at `path`, a new one where there is none. Raises `DatabaseError`, also when another has it."""
    if not path.parent.is_dir():
        raise DatabaseError(f"journal {path}: there is no folder {path.parent}")
    lock = _locked(path.with_name(f"{path.name}.lock"), path)
    try:
        file = await connect(URL.create("sqlite+pysqlite", database=str(path)))
        try:
            owner, held, oldest = await file.write(_begin)
        except BaseException:
            await file.close()
            raise
    except BaseException:
        os.close(lock)
        raise
    return Journal(file, lock, owner, held, oldest)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _age(at: datetime) -> float:
    return (datetime.now(UTC) - at).total_seconds()


def _locked(path: Path, journal: Path) -> int:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DatabaseError(f"journal {journal}: {path} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise DatabaseError(
            f"journal {journal} is in use by another service: each needs its own (setting `journal` of [database])"
        ) from None
    return lock


async def _begin(transaction: Transaction) -> tuple[str, Counter[tuple[str, str]], datetime | None]:
    for statement in SCHEMA:
        await transaction.execute(text(statement))
    owner = await transaction.scalar(text("SELECT name FROM owner"))
    if owner is None:
        owner = f"{socket.gethostname()[:40]}-{secrets.token_hex(4)}".replace(" ", "-")
        await transaction.execute(text("INSERT INTO owner (name) VALUES (:name)"), {"name": owner})
    rows = await transaction.execute(text("SELECT site_id, survey, count(*) FROM entry GROUP BY site_id, survey"))
    held = Counter({(site, survey): count for site, survey, count in rows})
    oldest = await transaction.scalar(text("SELECT min(written_at) FROM entry"))
    return owner, held, datetime.fromisoformat(oldest) if oldest else None
