"""How long scores take to read when there are a million ratings. Run by hand: `make bench-reads`.

Generates the counts inside the database (no calls or surveys behind them) and measures every reader that pages and API
have: over 30 days, over a year, of everybody, of one agent and of a team.
"""

import argparse
import asyncio
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from storage import queries
from storage.engine import Database, open_database
from storage.records import CountFilter
from storage.schema import upgrade
from storage.sums import sum_fills
from tests.postgres import start

LAST_DAY = date(2026, 11, 22)
AGENTS = 500
DAYS = 730
CALLS_A_RATING = 2.8
"""Of 14 calls 11 are asked, and 5 of these rate."""

# Every call has a number i. Multiplied by a prime and taken modulo another, it gives each property as if by chance.
_CALLS = """
CREATE TEMPORARY TABLE told AS
SELECT {day} AS day, 'PJSIP/' || (1000 + i * 1000003 % 998244353 % 500) AS agent,
 'queue-' || (i * 1000033 % 998244353 % 4) AS queue, 'reason-' || (i * 1000037 % 998244353 % 12) AS reason,
 9 + i * 1000039 % 998244353 % 9 AS hour, i * 1000081 % 998244353 % 6 AS band,
 CASE WHEN i * 1000099 % 998244353 % 14 >= 11 THEN 'sampled_out' ELSE '' END AS exclusion,
 CASE WHEN i * 1000117 % 998244353 % 3 = 0 THEN 'agent' ELSE 'caller' END AS ended_by,
 CASE WHEN i * 1000099 % 998244353 % 14 >= 5 THEN -1 WHEN i * 1000121 % 998244353 % 10 < 5 THEN 5
  ELSE i * 1000121 % 998244353 % 10 - 4 END AS value
FROM {numbers}
"""
_COUNTS = """
INSERT INTO site (site_id, name, zone) VALUES ('main', '', 'Asia/Taipei');
INSERT INTO tally (site_id, day, agent, queue, reason, flow, question, is_rating, value, ratings)
 SELECT 'main', day, agent, queue, reason, 'csat', 'satisfaction', true, value, 1000 * COUNT(*)
 FROM told WHERE value > 0 GROUP BY day, agent, queue, reason, value;
INSERT INTO funnel (site_id, day, agent, queue, reason, flow, offered, started, answered, completed, partial,
  no_input, hung_up, failed)
 SELECT 'main', day, agent, queue, reason, 'csat', 1000 * COUNT(*), 1000 * COUNT(*), 1000 * COUNT(NULLIF(value, -1)),
  1000 * COUNT(NULLIF(value, -1)), 0, 1000 * (COUNT(*) - COUNT(NULLIF(value, -1))), 0, 0
 FROM told WHERE exclusion = '' GROUP BY day, agent, queue, reason;
INSERT INTO call_count (site_id, day, agent, queue, reason, exclusion, ended_by, calls, talk)
 SELECT 'main', day, agent, queue, reason, exclusion, ended_by, 1000 * COUNT(*), 90000 * COUNT(*)
 FROM told GROUP BY day, agent, queue, reason, exclusion, ended_by;
INSERT INTO coverage (site_id, day, hour, talk_band, queue, reason, value, calls)
 SELECT 'main', day, hour, band, queue, reason, value, 1000 * COUNT(*)
 FROM told GROUP BY day, hour, band, queue, reason, value
"""


def fill(execute: Callable[[str], Any], dialect: Dialect, *, calls: int, day: str, numbers: str) -> None:
    """Put the counts of so many calls in."""
    execute(_CALLS.format(day=day.format(calls=calls), numbers=numbers.format(last=calls - 1)))
    for statement in _COUNTS.split(";"):
        execute(statement)
    for fill in sum_fills(dialect.name):
        execute(str(fill.compile(dialect=dialect)))
    execute("DROP TABLE told")


def fill_sqlite(file: Path, calls: int) -> None:
    """Fill a file."""
    connection = sqlite3.connect(file)
    for pragma in ("synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    fill(
        connection.execute,
        sqlite.dialect(),
        calls=calls,
        day=f"date('{LAST_DAY}', '-' || ({DAYS - 1} - i * {DAYS} / {{calls}}) || ' days')",
        numbers="(WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < {last}) SELECT i FROM n)",
    )
    connection.commit()
    connection.close()


def fill_postgres(sql: Callable[[str], Any], calls: int) -> None:
    """Fill a database through `sql`, which runs several statements in one session."""
    statements: list[str] = []
    fill(
        statements.append,
        postgresql.dialect(),
        calls=calls,
        day=f"DATE '{LAST_DAY}' - CAST({DAYS - 1} - i * {DAYS} / {{calls}} AS integer)",
        numbers="generate_series(CAST(0 AS bigint), CAST({last} AS bigint)) AS i",
    )
    sql("; ".join(statements))
    sql("VACUUM ANALYZE")


async def measure(name: str, read: Callable[[], Awaitable[list[Any]]], times: int) -> None:
    """Print the median and the longest, in milliseconds, how long a processor of ours worked on one, and the rows."""
    rows = await read()
    taken: list[float] = []
    worked = time.process_time()
    for _ in range(times):
        begin = time.perf_counter()
        await read()
        taken.append(1000 * (time.perf_counter() - begin))
    worked = 1000 * (time.process_time() - worked) / times
    print(
        f"  {name:<46} median {statistics.median(taken):8.1f} ms   longest {max(taken):8.1f} ms"
        f"   processor {worked:8.1f} ms   {len(rows):6,} rows",
        flush=True,
    )


async def run(url: str, times: int) -> None:
    """Measure on a database that is full."""
    team = frozenset(f"PJSIP/{1000 + number}" for number in range(10))
    given: dict[str, Any] = {"question": "satisfaction", "satisfied": (4, 5)}
    async with await open_database(url) as database:
        for days in (30, 365):
            everybody = CountFilter(site="main", flow="csat", from_day=LAST_DAY - timedelta(days=days - 1))
            everybody = replace(everybody, to_day=LAST_DAY)
            one = replace(everybody, agent="PJSIP/1007")
            some = replace(everybody, agents=team)
            for name, read in _reads(database, everybody, one, some, given).items():
                await measure(f"{days} days: {name}", read, times)


def _reads(
    database: Database, everybody: CountFilter, one: CountFilter, some: CountFilter, given: dict[str, Any]
) -> dict[str, Callable[[], Awaitable[list[Any]]]]:
    return {
        "ratings by agent": lambda: queries.tallies(database, everybody, by=("agent",), is_rating=True),
        "ratings by agent, queue and reason": lambda: queries.rated(
            database, everybody, by=("agent", "queue", "reason"), **given
        ),
        "ratings by reason": lambda: queries.tallies(database, everybody, by=("reason",), is_rating=True),
        "ratings by day": lambda: queries.rated(database, everybody, by=("day",), **given),
        "one agent's ratings by day": lambda: queries.rated(database, one, by=("day",), **given),
        "one team's ratings by day": lambda: queries.rated(database, some, by=("day",), **given),
        "funnel": lambda: queries.funnel(database, everybody, by=()),
        "funnel by agent": lambda: queries.funnel(database, everybody, by=("agent",)),
        "one agent's funnel by day": lambda: queries.funnel(database, one, by=("day",)),
        "calls": lambda: queries.call_counts(database, everybody, by=()),
        "calls by agent": lambda: queries.call_counts(database, everybody, by=("agent",)),
        "one agent's calls by day": lambda: queries.call_counts(database, one, by=("day",)),
        "coverage": lambda: queries.coverage(database, everybody),
    }


def main() -> None:
    """Measure on SQLite, then on PostgreSQL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="keep the SQLite file here, and use it again")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    given = parser.parse_args()
    calls = int(given.ratings * CALLS_A_RATING)
    print(f"{given.ratings:,} ratings, {platform.machine()}, {os.cpu_count()} processors, {platform.platform()}")
    if given.only != "postgresql":
        with tempfile.TemporaryDirectory() as fresh:
            file = (given.folder or Path(fresh)) / "reads.db"
            file.parent.mkdir(parents=True, exist_ok=True)
            print(f"SQLite {sqlite3.sqlite_version}")
            if not file.exists():
                asyncio.run(upgrade(f"sqlite:///{file}"))
                fill_sqlite(file, calls)
            print(f"  {file.stat().st_size / 1e9:.1f} GB")
            asyncio.run(run(f"sqlite:///{file}", given.times))
    if given.only != "sqlite":
        server = start()
        print(f"PostgreSQL {server.version}")
        name = server.create_database()
        asyncio.run(upgrade(server.url(name)))
        fill_postgres(lambda statements: server.sql(name, statements), calls)
        print(f"  {int(server.sql(name, 'SELECT pg_database_size(current_database())')) / 1e9:.1f} GB")
        asyncio.run(run(server.url(name), given.times))


if __name__ == "__main__":
    main()
