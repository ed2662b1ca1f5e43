"""Many ratings, each with a row of its own, made inside the database and counted there into the tables of the schema.

`rating` is what GROUP BY is given: one narrow row a rating, with everything that scores are narrowed by in that row and
indexes that hold all of it, so that it never has to look into the row itself. Postcall's own answers would have to be
joined with their surveys; this table is quicker.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex

from ivr.demo.data import REASONS
from storage.count_tables import MONTHS
from storage.records import PARTS
from storage.sums import sum_fills
from storage.upsert import table_of
from tests.postgres import Postgres

SITE, FLOW, QUESTION = "main", "csat", "satisfaction"
LAST_DAY = date(2026, 11, 22)
DAYS = 730
FIRST_DAY = LAST_DAY - timedelta(days=DAYS - 1)
AGENTS = [f"PJSIP/{1000 + number}" for number in range(500)]
TEAMS = 10
"""Every tenth agent is in the same one."""
KINDS = [(queue, code) for code, _, queue, _ in REASONS]
"""The queue and reason of each kind of call; every agent has all of them."""
AT_ONCE = 5_000_000

_RATING = """
CREATE {unlogged} TABLE rating (site_id VARCHAR(32) NOT NULL, day DATE NOT NULL, agent VARCHAR(80) NOT NULL,
 queue VARCHAR(80) NOT NULL, reason VARCHAR(80) NOT NULL, value SMALLINT NOT NULL)
"""
# Every rating has a number i. Multiplied and taken modulo a prime, it gives each property as if by chance. Of some
# agents a quarter more of the callers are satisfied than of others.
_ROWS = """
INSERT INTO rating (site_id, day, agent, queue, reason, value)
SELECT '{site}', {day}, 'PJSIP/' || (1000 + agent), CASE kind {queues} END, CASE kind {reasons} END,
 CASE WHEN mood < 62 + agent % 25 THEN 5 - mood % 2 ELSE 1 + mood % 3 END
FROM (SELECT i, i * 612345701 % 998244353 % {agents} AS agent, i * 387654323 % 998244353 % {kinds} AS kind,
 i * 823456789 % 998244353 % 100 AS mood FROM {numbers}) AS made
"""
_INDEXES = {
    "day": "day, agent, queue, reason, value",
    "agent": "agent, day, queue, reason, value",
    "reason": "reason, day, agent, value",
    "queue": "queue, day, agent, reason, value",
}
_PEOPLE = """
INSERT INTO site (site_id, name, zone) VALUES ('{site}', '', 'Asia/Taipei');
INSERT INTO agent (site_id, agent, interface, name, team) VALUES {people}
"""
_TALLY = """
INSERT INTO tally (site_id, day, agent, queue, reason, flow, question, is_rating, value, ratings)
 SELECT site_id, day, agent, queue, reason, '{flow}', '{question}', true, value, {parts} * COUNT(*)
 FROM rating GROUP BY site_id, day, agent, queue, reason, value
"""
# As many again were asked and pressed nothing.
_FUNNEL = """
INSERT INTO funnel (site_id, day, agent, queue, reason, flow, offered, started, answered, completed, partial,
  no_input, hung_up, failed)
 SELECT site_id, day, agent, queue, reason, flow, 2 * SUM(ratings), 2 * SUM(ratings), SUM(ratings), SUM(ratings), 0,
  SUM(ratings), 0, 0
 FROM tally GROUP BY site_id, day, agent, queue, reason, flow
"""


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What the two databases spell differently."""

    dialect: Dialect
    unlogged: str
    """How a table is made that is not to be there after a crash."""
    day: str
    """The day of rating `i`."""
    numbers: str
    """The rows with an `i` from `first` to `last`."""
    indexes: tuple[str, ...]
    """Those of `_INDEXES` that GROUP BY gets; at a hundred million each takes PostgreSQL many minutes and gigabytes."""
    after: tuple[str, ...]
    """What brings the planner's knowledge up to date."""


SQLITE = Texts(
    dialect=sqlite.dialect(),
    unlogged="",
    day=f"date('{FIRST_DAY}', '+' || (i * {DAYS} / {{ratings}}) || ' days')",
    numbers="(WITH RECURSIVE n(i) AS (VALUES ({first}) UNION ALL SELECT i+1 FROM n WHERE i<{last}) SELECT i FROM n)",
    indexes=("day", "agent", "reason", "queue"),
    after=("ANALYZE rating",),
)
POSTGRES = Texts(
    dialect=postgresql.dialect(),
    unlogged="UNLOGGED",
    day=f"DATE '{FIRST_DAY}' + CAST(i * {DAYS} / {{ratings}} AS integer)",
    numbers="generate_series(CAST({first} AS bigint), CAST({last} AS bigint)) AS numbers(i)",
    indexes=("day", "agent"),
    after=("VACUUM ANALYZE rating", "VACUUM ANALYZE"),
)


def fill(execute: Callable[[str], Any], texts: Texts, ratings: int, tell: Callable[[str], None]) -> None:
    """Put so many ratings in and count them; the schema is there and empty. `tell` is told what has been done."""
    given: dict[str, Any] = {"site": SITE, "flow": FLOW, "question": QUESTION, "parts": PARTS}
    given |= {"agents": len(AGENTS), "kinds": len(KINDS), "day": texts.day.format(ratings=ratings)}
    people = [(agent, f"team {number % TEAMS}") for number, agent in enumerate(AGENTS)]
    given["people"] = ", ".join(f"('{SITE}', '{agent}', '{agent}', '{agent}', '{team}')" for agent, team in people)
    given["queues"] = " ".join(f"WHEN {kind} THEN '{queue}'" for kind, (queue, _) in enumerate(KINDS))
    given["reasons"] = " ".join(f"WHEN {kind} THEN '{reason}'" for kind, (_, reason) in enumerate(KINDS))
    execute(_RATING.format(unlogged=texts.unlogged))
    for first in range(0, ratings, AT_ONCE):
        last = min(first + AT_ONCE, ratings) - 1
        execute(_ROWS.format(**given, numbers=texts.numbers.format(first=first, last=last)))
        tell(f"{last + 1:,} ratings")
    for name in texts.indexes:
        execute(f"CREATE INDEX ix_rating_{name} ON rating (site_id, {_INDEXES[name]})")
        tell(f"the index by {name}")
    execute(texts.after[0])
    for statement in _PEOPLE.format(**given).split(";"):
        execute(statement)
    # As any big load would: the indexes beside the key are built when their rows are there.
    indexes = [index for table in (*MONTHS, *MONTHS.values()) for index in table_of(table).indexes]
    for index in indexes:
        execute(f"DROP INDEX {index.name}")
    sums = [str(fill.compile(dialect=texts.dialect)) for fill in sum_fills(texts.dialect.name)]
    for statement in (_TALLY.format(**given), _FUNNEL.format(**given), *sums):
        execute(statement)
        tell(f"counted: {' '.join(statement.split()[:3])}")
    for index in indexes:
        execute(str(CreateIndex(index).compile(dialect=texts.dialect)))
    for statement in texts.after[1:]:
        execute(statement)


def fill_sqlite(file: Path, ratings: int, tell: Callable[[str], None]) -> None:
    """Fill a file, with everything switched off that only a crash would need."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("synchronous = OFF", "cache_size = -1000000"):
        connection.execute(f"PRAGMA {pragma}")
    fill(connection.execute, SQLITE, ratings, tell)
    connection.close()


def fill_postgres(server: Postgres, name: str, ratings: int, tell: Callable[[str], None]) -> None:
    """Fill a database."""
    quick = "SET work_mem = '256MB'; SET maintenance_work_mem = '1GB'; SET enable_hashagg = off; "

    def execute(statement: str) -> None:
        server.sql(name, statement if statement.startswith("VACUUM") else quick + statement)

    fill(execute, POSTGRES, ratings, tell)
