"""Durable ratings a second: whole surveys as the service keeps them, against a bare multi-row INSERT of as many rows.

Both sides write to the same database, and what is committed is on the disk: SQLite in WAL with `synchronous = FULL`,
PostgreSQL with its own defaults. Ours is a survey's whole life (offered, started, answered, ended: four transactions,
with the tallies and the funnel), `CALLERS` of them at any time. The other side is one connection that inserts rows of
an answer's shape into a table with a primary key and nothing else: as many with one commit as `CALLERS` bring to the
disk together at best, of whose transactions one in four keeps a rating; or each with its own.
"""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.agi_servers import Server
from bench.durable_sides import Ours, open_bare
from bench.measure import Chart, Found, Rates, Row, in_turns
from storage.schema import upgrade
from tests.postgres import Postgres, start_another

CALLERS = 20
"""As many as have a connection to PostgreSQL."""
BATCH = CALLERS // 4
SURVEYS = {"SQLite": 300, "PostgreSQL": 150}
ROWS, SINGLE_ROWS = 2000, 300
WANTED = 0.6
OURS, TOGETHER, ALONE = "Postcall, whole surveys", f"bare, {BATCH} rows a commit", "bare, one row a commit"


def run() -> Found:
    """Measure both databases."""
    rows: list[Row] = []
    figures: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        server = start_another(durable=True)
        stack.callback(server.stop)
        urls = {
            "SQLite": f"sqlite:///{folder / 'postcall.db'}",
            "PostgreSQL": server.url(server.create_database()),
        }
        for name, url in urls.items():
            rates = _measure(name, url, folder, server)
            rows.append(_row(name, rates))
            figures[name] = {side: rates.median(side) for side in (ALONE, OURS, TOGETHER)}
    chart = Chart(file="durable-ratings", title="Durable ratings", unit="ratings in a second", figures=figures)
    return Found(rows=rows, charts=[chart])


def _row(name: str, rates: Rates) -> Row:
    ratio = rates.ratio(OURS, TOGETHER)
    return Row(
        what=f"{name}, whole surveys: {rates.median(OURS):,.0f} durable ratings/s",
        against=f"{TOGETHER}: {rates.median(TOGETHER):,.0f}",
        wanted=f"≥ {WANTED:g} ×",
        measured=f"{ratio:.2f} × ({rates.ratio(OURS, ALONE):.2f} × those of one row a commit)",
        reached=ratio >= WANTED,
    )


def _measure(name: str, url: str, folder: Path, server: Postgres) -> Rates:
    surveys = SURVEYS[name]
    with asyncio.Runner() as runner:
        runner.run(upgrade(url))
        print(f"{name}, {runner.run(_profile(name, url, folder, server))}", flush=True)
        ours, bare = runner.run(Ours(url, folder).__aenter__()), runner.run(open_bare(url))
        try:
            return in_turns(
                {
                    OURS: lambda: surveys / runner.run(ours.surveys(surveys, CALLERS)),
                    TOGETHER: lambda: ROWS / runner.run(bare.insert(ROWS, BATCH)),
                    ALONE: lambda: SINGLE_ROWS / runner.run(bare.insert(SINGLE_ROWS, 1)),
                }
            )
        finally:
            runner.run(bare.close())
            runner.run(ours.__aexit__())


async def _profile(name: str, url: str, folder: Path, server: Postgres) -> str:
    """Where the time of our side goes, told in one line."""
    surveys, is_ours_alone = SURVEYS[name], name == "SQLite"
    flushed = _flushes(server)
    async with Ours(url, folder) as ours:
        await ours.surveys(CALLERS, CALLERS)
        ours.watch()
        served, used = _cpu_seconds(server), time.process_time()
        seconds = await ours.surveys(surveys, CALLERS)
        served, used = _cpu_seconds(server) - served, time.process_time() - used
        spent = ours.spent
    text = f"{spent.statements / surveys:.0f} statements a survey, {1000 * seconds / surveys:.1f} ms: "
    if is_ours_alone:
        left = seconds - spent.in_statements - spent.in_commits
        return text + (
            f"{spent.in_statements / seconds:.0%} in the database's statements, {spent.in_commits / seconds:.0%} in "
            f"commits, {left / seconds:.0%} in Python; {surveys / spent.commits:.1f} ratings a commit"
        )
    # The server tells of a connection's flushes when that has ended.
    together = (CALLERS + surveys) / (_flushes(server) - flushed)
    return text + (
        f"{1000 * used / surveys:.1f} ms of processor in our process, {1000 * served / surveys:.1f} ms in the "
        f"server's; {together:.1f} ratings a flush"
    )


def _flushes(server: Postgres) -> int:
    """How often the write-ahead log was brought to the disk."""
    return int(server.sql("postgres", "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'"))


def _cpu_seconds(server: Postgres) -> float:
    """Processor time of the server's processes that work for us."""
    pids = server.sql("postgres", "SELECT pid FROM pg_stat_activity WHERE application_name = 'postcall'").split()
    return sum(Server(port=0, pid=int(pid)).cpu_seconds for pid in pids)
