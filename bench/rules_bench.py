"""How long the rules keep a caller waiting when there are ten million past surveys. Run by hand: `make bench-rules`.

Generates the surveys inside the database (no calls behind them, no answers), then measures what every call costs:
the one statement that looks back, the pure decision, and the whole transaction that decides and offers.
"""

import argparse
import asyncio
import os
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex

from ivr.rule_settings import RuleSettings
from ivr.surveys.rules import Facts, Rules, decide, needed
from storage.engine import open_database
from storage.quarantine import admission, look_back
from storage.recorder import Recorder
from storage.records import FlowVersionRecord, SiteRecord, SurveyOffer
from storage.schema import upgrade
from storage.tables import Survey
from storage.transaction import Transaction
from tests.postgres import Postgres, start

SITE = "main"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
AGENTS, QUEUES, REASONS = 500, 20, 40
SECONDS_APART = 6
"""One survey in so many seconds: ten million are almost two years."""
RULES = Rules(
    given=RuleSettings.model_validate(
        {
            "minimum_talk": 20,
            "hours": ["mon-sun 00:00-24:00"],
            "quarantine": [
                "no more than 1 in 30 days where caller is the same",
                "no more than 5 in 12 months where caller is the same",
                "no more than 5 in 1 hour where agent is the same",
                "no more than 1000 in 1 day where queue is the same",
                "no more than 1000 in 1 day where reason is the same",
            ],
            "maximum_a_day": 10_000,
            "maximum_a_day_by_queue": {f"queue-{number}": 500 for number in range(QUEUES)},
            "sampling": "1 in 4",
            "weekly_ratings": 10,
        }
    ),
    zone=ZoneInfo("Asia/Taipei"),
)

# The same caller calls about every fifth time, in no order: a multiplication scatters the numbers.
_SQLITE = """
WITH RECURSIVE n(i) AS (VALUES (:first) UNION ALL SELECT i + 1 FROM n WHERE i < :last)
INSERT INTO survey (site_id, survey, linkedid, day, flow, flow_version, language, agent, queue, reason, caller_digest,
 trial, status, offered_at, started_at, ended_at)
SELECT 'main', 's' || i, 's' || i, date(1795320000 - i * 6, 'unixepoch'), 'csat', 'aa', 'en',
 'PJSIP/' || (i * 7919 % 500), 'queue-' || (i * 31 % 20), 'reason-' || (i * 17 % 40),
 printf('%064x', (i * 2654435761) % 2000003), 0, 'completed',
 strftime('%Y-%m-%d %H:%M:%S', 1795320000 - i * 6, 'unixepoch') || '.000000',
 strftime('%Y-%m-%d %H:%M:%S', 1795320000 - i * 6, 'unixepoch') || '.000000',
 strftime('%Y-%m-%d %H:%M:%S', 1795320000 - i * 6, 'unixepoch') || '.000000'
FROM n
"""
_POSTGRES = """
INSERT INTO survey (site_id, survey, linkedid, day, flow, flow_version, language, agent, queue, reason, caller_digest,
 trial, status, offered_at, started_at, ended_at)
SELECT 'main', 's' || i, 's' || i, (to_timestamp(1795320000 - i * 6) AT TIME ZONE 'UTC')::date, 'csat', 'aa', 'en',
 'PJSIP/' || (i * 7919 % 500), 'queue-' || (i * 31 % 20), 'reason-' || (i * 17 % 40),
 lpad(to_hex((i * 2654435761) % 2000003), 64, '0'), false, 'completed',
 to_timestamp(1795320000 - i * 6), to_timestamp(1795320000 - i * 6), to_timestamp(1795320000 - i * 6)
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i
"""
INDEXES = sorted(cast("Table", Survey.__table__).indexes, key=lambda index: str(index.name))


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What the two databases spell differently."""

    dialect: Dialect
    surveys: str
    true: str
    since: str
    after: str


SQLITE = Texts(dialect=sqlite.dialect(), surveys=_SQLITE, true="1", since="'2026-10-22'", after="ANALYZE")
POSTGRES = Texts(
    dialect=postgresql.dialect(),
    surveys=_POSTGRES,
    true="true",
    since="timestamptz '2026-10-22'",
    after="VACUUM ANALYZE",
)
# An agent's ratings of two years, a row a day and value.
_TALLY = """
INSERT INTO tally (site_id, day, agent, queue, reason, flow, question, is_rating, value, ratings)
SELECT 'main', day, agent, queue, 'reason-1', 'csat', 'satisfaction', {true}, value, 1
FROM (SELECT DISTINCT day, agent, queue FROM survey WHERE offered_at > {since}) AS rated,
 (SELECT 4 AS value UNION SELECT 5) AS given
"""


def fill(fill_with: Callable[[str], object], texts: Texts, surveys: int) -> None:
    """Put the surveys in, with the indexes built afterwards as any big load would."""
    for index in INDEXES:
        fill_with(f"DROP INDEX {index.name}")
    for first in range(1, surveys + 1, 1_000_000):
        last = min(first + 999_999, surveys)
        fill_with(texts.surveys.replace(":first", str(first)).replace(":last", str(last)))
        print(f"  {last:,} surveys", flush=True)
    for index in INDEXES:
        fill_with(str(CreateIndex(index).compile(dialect=texts.dialect)))
    fill_with(_TALLY.format(true=texts.true, since=texts.since))
    fill_with(texts.after)


def fill_sqlite(file: Path, surveys: int) -> None:
    """Fill a file, with everything switched off that only a crash would need."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("foreign_keys = OFF", "synchronous = OFF", "cache_size = -2000000"):
        connection.execute(f"PRAGMA {pragma}")
    fill(connection.execute, SQLITE, surveys)
    connection.close()


def fill_postgres(server: Postgres, name: str, surveys: int) -> None:
    """Fill a database; the surveys have no calls behind them."""
    quick = "SET session_replication_role = replica; SET maintenance_work_mem = '1GB'; "
    fill(
        lambda statement: server.sql(name, statement if "VACUUM" in statement else quick + statement), POSTGRES, surveys
    )


def facts(number: int) -> Facts:
    """A caller of the past, or a new one, behind an agent, a queue and a reason that there are."""
    caller = random.randrange(4_000_000)
    return Facts(
        site=SITE,
        at=NOW + timedelta(seconds=number),
        caller=f"{caller:064x}",
        agent=f"PJSIP/{random.randrange(AGENTS)}",
        queue=f"queue-{random.randrange(QUEUES)}",
        reason=f"reason-{random.randrange(REASONS)}",
        agent_reached=True,
        talk_seconds=60,
    )


async def measure(name: str, calls: int, one: Callable[[int], Awaitable[None]]) -> None:
    """Print the median, the 99th percentile and the longest, in milliseconds."""
    for number in range(20):
        await one(-number - 1)
    taken: list[float] = []
    for number in range(calls):
        begin = time.perf_counter()
        await one(number)
        taken.append(1000 * (time.perf_counter() - begin))
    taken.sort()
    print(
        f"  {name:<34} median {statistics.median(taken):6.2f} ms   99 % {taken[int(0.99 * calls)]:6.2f} ms"
        f"   longest {taken[-1]:6.2f} ms"
    )


async def _select_1(connection: Transaction) -> None:
    await connection.exec_driver_sql("SELECT 1")


async def run(url: str, calls: int) -> None:
    """Measure on a database that is full."""
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site=SITE, name="", zone="Asia/Taipei"))
        await recorder.publish(FlowVersionRecord(digest="aa", flow="csat", source="", published_at=NOW))

        async def look(number: int) -> None:
            asked = facts(number)
            decide(RULES, asked, await look_back(database, needed(RULES, asked)), 0.1)

        async def offer(number: int) -> None:
            await _offer(number, "ruled", with_rules=True)

        async def offer_all(number: int) -> None:
            await _offer(number, "all", with_rules=False)

        async def _offer(number: int, kind: str, *, with_rules: bool) -> None:
            asked = facts(number)
            name = f"{kind}-{os.getpid()}-{number}"
            record = SurveyOffer(
                site=SITE, survey=name, linkedid=name, flow="csat", flow_version="aa", offered_at=asked.at,
                agent=asked.agent, queue=asked.queue, reason=asked.reason, caller_digest=asked.caller,
            )  # fmt: skip

            def judge(past: Any) -> Any:
                return decide(RULES, asked, past, 0.1).exclusion

            await recorder.offer(record, admission(SITE, name, needed(RULES, asked), judge) if with_rules else None)

        async def nothing(_: int) -> None:
            await database.read(_select_1)

        async def pure(number: int) -> None:
            asked = facts(number)
            needed(RULES, asked)
            decide(RULES, asked, empty, 0.1)

        empty = await look_back(database, needed(RULES, facts(0)))
        await measure("the pure decision", calls, pure)
        await measure("an empty transaction", calls, nothing)
        await measure("look back and decide", calls, look)
        await measure("offer without rules, durable", calls // 4, offer_all)
        await measure("look back, decide, offer, durable", calls // 4, offer)


def main() -> None:
    """Measure on SQLite, then on PostgreSQL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--surveys", type=int, default=10_000_000)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, default=None, help="keep the SQLite file here, and use it again")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    given = parser.parse_args()
    random.seed(20261122)
    print(f"{given.surveys:,} past surveys, {platform.machine()}, {os.cpu_count()} processors, {platform.platform()}")
    if given.only != "postgresql":
        with tempfile.TemporaryDirectory() as fresh:
            folder = given.folder or Path(fresh)
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / "bench.db"
            print(f"SQLite {sqlite3.sqlite_version}")
            if not file.exists():
                asyncio.run(upgrade(f"sqlite:///{file}"))
                fill_sqlite(file, given.surveys)
            print(f"  {file.stat().st_size / 1e9:.1f} GB")
            asyncio.run(run(f"sqlite:///{file}", given.calls))
    if given.only != "sqlite":
        server = start()
        print(f"PostgreSQL {server.version}")
        name = server.create_database()
        asyncio.run(upgrade(server.url(name)))
        fill_postgres(server, name, given.surveys)
        size = server.sql(name, "SELECT pg_database_size(current_database())")
        print(f"  {int(size) / 1e9:.1f} GB")
        asyncio.run(run(server.url(name), given.calls))


if __name__ == "__main__":
    main()
