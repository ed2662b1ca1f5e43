"""How many surveys a second FastAGI carries, and what is paid for a rating that is durable."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from bench import agi_script
from bench.agi_caller import call, reply
from bench.agi_servers import Server, serving
from bench.measure import Chart, Found, Rates, Row, in_turns
from tests.agi.agi_client import header

STORED, UNSTORED = "Postcall, durable", "Postcall, nothing stored"
PANORAMISK, SCRIPT = "panoramisk 1.4, nothing stored", "a Python script a call, durable"
LINES = 20
"""Callers in a survey at any time."""
SURVEYS = {STORED: 100, UNSTORED: 2000, PANORAMISK: 2000, SCRIPT: 40}
_NUMBERS = count(1)


def run() -> Found:
    """Measure the sides in turns."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rates = in_turns(
            {
                PANORAMISK: _calls(stack.enter_context(serving("panoramisk")), SURVEYS[PANORAMISK]),
                UNSTORED: _calls(stack.enter_context(serving("unstored")), SURVEYS[UNSTORED]),
                STORED: _calls(stack.enter_context(serving("service")), SURVEYS[STORED]),
                SCRIPT: _scripts(folder / "ratings.db", SURVEYS[SCRIPT]),
            }
        )
    figures = {"surveys": {side: rates.median(side) for side in (PANORAMISK, UNSTORED, STORED, SCRIPT)}}
    chart = Chart(file="agi-surveys", title="Surveys", unit="surveys in a second of processor time", figures=figures)
    return Found(
        rows=[
            _row(rates, UNSTORED, PANORAMISK, 1.3),
            _row(rates, STORED, PANORAMISK, 1.3),
            _row(rates, STORED, SCRIPT, 50.0),
        ],
        charts=[chart],
    )


def _row(rates: Rates, side: str, other: str, wanted: float) -> Row:
    ratio = rates.ratio(side, other)
    return Row(
        what=f"{side}: {rates.median(side):,.0f} surveys/s",
        against=f"{other}: {rates.median(other):,.0f}",
        wanted=f"≥ {wanted:g} ×",
        measured=f"{ratio:.2f} ×",
        reached=ratio >= wanted,
    )


def _calls(server: Server, surveys: int) -> Callable[[], float]:
    def turn() -> float:
        first = next(_NUMBERS) * 1_000_000
        began = server.cpu_seconds
        heard = asyncio.run(call(server.port, surveys, LINES, first))
        assert all(any(line.startswith(b"GET DATA") for line in commands) for commands in heard)
        return surveys / (server.cpu_seconds - began)

    return turn


def _scripts(file: Path, surveys: int) -> Callable[[], float]:
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(agi_script.TABLE)
    database.close()

    def turn() -> float:
        began = _cpu_seconds_of_children()
        for _ in range(surveys):
            _one_script(file, f"1795400000.{next(_NUMBERS)}")
        return surveys / (_cpu_seconds_of_children() - began)

    return turn


def _one_script(file: Path, uniqueid: str) -> None:
    """What Asterisk does for `AGI(script.py)`; answers each command at once."""
    with subprocess.Popen(
        [sys.executable, "-S", agi_script.__file__, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        script.stdin.write(header("survey", uniqueid))
        script.stdin.flush()
        for line in script.stdout:
            script.stdin.write(reply(line))
            script.stdin.flush()
    assert script.returncode == 0


def _cpu_seconds_of_children() -> float:
    # Only of those that have ended: the servers still run.
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
