"""Scores per agent beside GROUP BY over the ratings themselves, at sizes of ten and a hundred million.

Run by hand: `make bench-scores`. Both are asked the same, in turns, and must tell the same numbers, or the benchmark
fails: the counts are then known to be what the ratings say, whatever they are narrowed to.
"""

import argparse
import asyncio
import gc
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.measure import Row, machine, table
from bench.scores_data import fill_postgres, fill_sqlite
from bench.scores_sides import Cell, Measured, cells, measure
from bench.scores_views import measure_views
from storage.engine import open_database
from storage.schema import upgrade
from tests.postgres import start

SLOWEST_MS = 10
TIMES_AS_FAST = 1_000
VIEWED = 20
"""How often each view is asked for."""


def verdicts(where: str, found: Sequence[Measured]) -> list[Row]:
    """One row for each kind of readers: the worst of their cells counts."""
    rows = []
    for who in dict.fromkeys(one.cell.who for one in found):
        theirs = [one for one in found if one.cell.who == who]
        slowest = max(theirs, key=lambda one: one.slowest_of_100)
        least = min(theirs, key=lambda one: one.ratio)
        most = max(one.ratio for one in theirs)
        what = f"scores of {who}, {where}: {len(theirs)} filters"
        rows += [
            Row(
                what=what,
                against=f"99 % at the slowest: {slowest.cell.name}",
                wanted=f"≤ {SLOWEST_MS} ms",
                measured=f"{slowest.slowest_of_100:,.1f} ms",
                reached=slowest.slowest_of_100 <= SLOWEST_MS,
            ),
            Row(
                what=what,
                against=f"GROUP BY, least at: {least.cell.name}",
                wanted=f"≥ {TIMES_AS_FAST:,} ×",
                measured=f"{least.ratio:,.1f} to {most:,.0f} ×",
                reached=least.ratio >= TIMES_AS_FAST,
            ),
        ]
    return rows


async def run(url: str, where: str, times: int, seconds: float) -> list[Row]:
    """Measure on a database that is full."""
    print(f"| scores of, in milliseconds: {where} | median | 99 % | in the database | GROUP BY | times as fast | |")
    print("|---|---|---|---|---|---|---|", flush=True)
    found = []
    # As the service does once it runs: else every hundredth reading waits for a look through all that was imported.
    gc.collect()
    gc.freeze()
    async with await open_database(url) as database:
        for cell in cells():
            one = await measure(database, cell, times=times, seconds=seconds)
            found.append(one)
            print(_line(one.cell, one), flush=True)
        print()
        await measure_views(database, times=VIEWED)
    return verdicts(where, found)


def _line(cell: Cell, one: Measured) -> str:
    reached = one.slowest_of_100 <= SLOWEST_MS and one.ratio >= TIMES_AS_FAST
    return (
        f"| {cell.who}: {cell.name} | {one.median:,.1f} | {one.slowest_of_100:,.1f} | {one.in_database:,.1f} "
        f"| {one.grouped:,.0f} | {one.ratio:,.0f} | {'reached' if reached else 'falls short'} |"
    )


def teller() -> Callable[[str], None]:
    """Tells what has been done, and after how many seconds."""
    begin = time.monotonic()
    return lambda what: print(f"  {time.monotonic() - begin:6.0f} s  {what}", flush=True)


def on_sqlite(ratings: int, folder: Path, times: int, seconds: float) -> list[Row]:
    """Fill a file, unless it is there, and measure."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"scores-{ratings}.db"
    url = f"sqlite:///{file}"
    if not file.exists():
        asyncio.run(upgrade(url))
        fill_sqlite(file, ratings, teller())
    print(f"SQLite {sqlite3.sqlite_version}, {file.stat().st_size / 1e9:.1f} GB\n")
    return asyncio.run(run(url, f"SQLite, {ratings:,}", times, seconds))


def on_postgresql(ratings: int, times: int, seconds: float) -> list[Row]:
    """Fill a server of our own, and measure."""
    server = start()
    name = server.create_database()
    asyncio.run(upgrade(server.url(name)))
    fill_postgres(server, name, ratings, teller())
    size = server.sql(name, "SELECT pg_database_size(current_database())")
    print(f"PostgreSQL {server.version}, {int(size) / 1e9:.1f} GB\n")
    return asyncio.run(run(server.url(name), f"PostgreSQL, {ratings:,}", times, seconds))


def main() -> None:
    """Measure on SQLite, then on PostgreSQL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", type=int, default=10_000_000, help="ratings; 0 leaves it out")
    parser.add_argument("--postgresql", type=int, default=100_000_000, help="ratings; 0 leaves it out")
    parser.add_argument("--times", type=int, default=200, help="how often a score is read")
    parser.add_argument("--seconds", type=float, default=20, help="how long each side is asked, for one filter")
    parser.add_argument("--folder", type=Path, default=None, help="keep the SQLite file here, and use it again")
    given = parser.parse_args()
    print(f"{machine()}, process {os.getpid()}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as fresh:
        if given.sqlite:
            rows += on_sqlite(given.sqlite, given.folder or Path(fresh), given.times, given.seconds)
    if given.postgresql:
        rows += on_postgresql(given.postgresql, given.times, given.seconds)
    print(f"\n{table(rows)}")


if __name__ == "__main__":
    main()
