"""The two sides of `bench.durable_bench`: surveys as the service keeps them, and rows inserted by the driver itself."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Protocol, Self

import asyncpg
from sqlalchemy import event

from ivr.surveys.offering import Surveys
from storage.address import parse_url, sqlite_path
from storage.engine import open_database
from storage.journal import open_journal
from storage.journaled import JournaledSurveys
from storage.recorder import Recorder
from storage.records import AnswerRecord, FlowVersionRecord, SiteRecord, SurveyOffer

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
AGENTS, REASONS, SITE = 50, 12, "main"
_TABLE = """
CREATE TABLE bare (
    site_id VARCHAR(32) NOT NULL, survey VARCHAR(64) NOT NULL, question VARCHAR(64) NOT NULL,
    is_rating BOOLEAN NOT NULL, keys VARCHAR(20) NOT NULL, value INTEGER, tries INTEGER NOT NULL,
    ended VARCHAR(32) NOT NULL, answered_at VARCHAR(32) NOT NULL, PRIMARY KEY (site_id, survey, question)
)
"""
_INSERT, _COLUMNS = "INSERT INTO bare VALUES ", 9
_numbers = count(1)


@dataclass(kw_only=True)
class Spent:
    """What surveys took of the database."""

    statements: int = 0
    commits: int = 0
    in_statements: float = 0.0
    """Seconds in the driver. With PostgreSQL other surveys run meanwhile, and it says nothing."""
    in_commits: float = 0.0


class Ours:
    """Surveys through the `Recorder`, on PostgreSQL through the journal before it. An async context manager."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._stack = AsyncExitStack()
        self.spent = Spent()
        """Since it was opened."""

    async def __aenter__(self) -> Self:
        self._database = await self._stack.enter_async_context(await open_database(self._url))
        recorder = Recorder(self._database)
        await recorder.ensure_site(SiteRecord(site=SITE, name="", zone="UTC"))
        await recorder.publish(FlowVersionRecord(digest="aa", flow="csat", source="", published_at=AT))
        self._journaled: JournaledSurveys | None = None
        if not sqlite_path(self._database.url):
            journal = await open_journal(self._folder / "journal.db")
            self._stack.push_async_callback(journal.close)
            self._journaled = JournaledSurveys(recorder=recorder, database=self._database, journal=journal)
        self._book: Surveys = self._journaled or recorder
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def surveys(self, surveys: int, callers: int) -> float:
        """Hold so many surveys, `callers` at any time; returns the seconds until the database had all of them."""
        numbers = iter(range(surveys))

        async def caller() -> None:
            for _ in numbers:
                await self._survey(next(_numbers))

        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(callers)))
        while self._journaled and self._journaled.journal.waiting:
            await self._journaled.bring_over()
        return time.perf_counter() - began

    async def _survey(self, number: int) -> None:
        name = f"1795400000.{number}"
        offer = SurveyOffer(
            site=SITE, survey=name, linkedid=name, flow="csat", flow_version="aa", language="en", offered_at=AT,
            agent=f"PJSIP/{1000 + number % AGENTS}", queue="support", reason=f"reason {number % REASONS}",
        )  # fmt: skip
        value = number % 5 + 1
        answer = AnswerRecord(
            question="rating", is_rating=True, keys=str(value), value=value, tries=1, ended="answered", answered_at=AT
        )
        assert await self._book.offer(offer)
        assert await self._book.start(SITE, name, AT)
        assert await self._book.record_answer(SITE, name, answer)
        assert await self._book.finish(SITE, name, "completed", AT)

    def watch(self) -> None:
        """Fill in `spent` from here on, which costs time of its own."""
        engine, spent, since = self._database.engine, self.spent, [0.0]

        @event.listens_for(engine, "before_cursor_execute")
        def begins(*_: Any) -> None:
            since[0] = time.perf_counter()

        @event.listens_for(engine, "after_cursor_execute")
        def ends(*_: Any) -> None:
            spent.in_statements += time.perf_counter() - since[0]
            spent.statements += 1

        commit = engine.dialect.do_commit

        def timed_commit(connection: Any) -> None:
            spent.commits += 1
            began = time.perf_counter()
            commit(connection)
            spent.in_commits += time.perf_counter() - began

        # There is an event before a commit, and none after it.
        engine.dialect.do_commit = timed_commit  # type: ignore[method-assign]


class Bare(Protocol):
    """One connection of a driver, and a table of its own."""

    async def insert(self, rows: int, together: int) -> float:
        """Insert so many rows, `together` of them with one statement and one commit; returns the seconds."""

    async def close(self) -> None:
        """Give the connection back."""


class BareSqlite:
    """`sqlite3`, set up as `storage.sqlite` does."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(_TABLE)

    async def insert(self, rows: int, together: int) -> float:
        statement = _INSERT + ", ".join([f"({', '.join('?' * _COLUMNS)})"] * together)
        began = time.perf_counter()
        for _ in range(rows // together):
            self._connection.execute(statement, _values(together))
        return time.perf_counter() - began

    async def close(self) -> None:
        self._connection.close()


class BarePostgresql:
    """`asyncpg`; each statement is prepared once."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect, and make the table."""
        connection = await asyncpg.connect(url)
        await connection.execute(_TABLE)
        return cls(connection)

    async def insert(self, rows: int, together: int) -> float:
        numbers = count(1)
        values = ", ".join(f"({', '.join(f'${next(numbers)}' for _ in range(_COLUMNS))})" for _ in range(together))
        statement = await self._connection.prepare(_INSERT + values)
        began = time.perf_counter()
        for _ in range(rows // together):
            await statement.fetch(*_values(together))
        return time.perf_counter() - began

    async def close(self) -> None:
        await self._connection.close()


async def open_bare(url: str) -> Bare:
    """The bare side of a database."""
    path = sqlite_path(parse_url(url))
    return BareSqlite(path) if path else await BarePostgresql.open(url)


def _values(rows: int) -> Sequence[object]:
    return [
        value
        for _ in range(rows)
        for value in (SITE, f"1795400000.{next(_numbers)}", "rating", True, "5", 5, 1, "answered", AT.isoformat())
    ]
