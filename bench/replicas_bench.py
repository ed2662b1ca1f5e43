"""Surveys a second of one replica, and of three on the same machine and PostgreSQL, and what each costs of processor.

python -m bench.replicas_bench [--surveys 2000]
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.agi_caller import call
from bench.measure import TURNS, machine
from ivr.demo.simulator import SimulatedPbx
from storage.schema import upgrade
from tests import postgres
from tests.chaos.fleet import Replica
from tests.postgres import Postgres

LINES = 24
"""Callers at a time, over all replicas."""
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one turn gave."""

    surveys_a_second: float
    service_ms: float
    """Processor time of all replicas for each survey."""
    database_ms: float
    """Of PostgreSQL."""


async def turn(fleet: Sequence[Replica], server: Postgres, surveys: int, first: int) -> Turn:
    """So many surveys, spread evenly."""
    pids = [replica.pid for replica in fleet]
    before, database = sum(map(_seconds, pids)), _family(server.pid)
    began = time.perf_counter()
    each = surveys // len(fleet)
    await asyncio.gather(
        *(call(replica.agi, each, LINES // len(fleet), first + number * each) for number, replica in enumerate(fleet))
    )
    took = time.perf_counter() - began
    done = each * len(fleet)
    return Turn(
        surveys_a_second=done / took,
        service_ms=1000 * (sum(map(_seconds, pids)) - before) / done,
        database_ms=1000 * (_family(server.pid) - database) / done,
    )


def _stat(pid: int | str) -> list[str]:
    """The fields behind the name, from the state on (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _seconds(pid: int) -> float:
    """Processor time of a process, its ended children included."""
    return sum(int(value) for value in _stat(pid)[11:15]) / _TICK


def _family(pid: int) -> float:
    """Processor time of a process and its children."""
    seconds = _seconds(pid)
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(FileNotFoundError, ProcessLookupError):  # other processes come and go
            if _stat(name)[1] == str(pid):
                seconds += _seconds(int(name))
    return seconds


async def measure(surveys: int) -> None:
    """Print a line for each number of replicas: the median turn."""
    server = postgres.start_another()
    try:
        with tempfile.TemporaryDirectory() as folder:
            url = server.url(server.create_database())
            await upgrade(url)
            async with SimulatedPbx(queues=[], members=[]) as pbx:
                fleet = [Replica(Path(folder), number, url, pbx) for number in range(3)]
                for replica in fleet:
                    await replica.start()
                turns: dict[int, list[Turn]] = {1: [], 3: []}
                first = 0
                for _ in range(TURNS):
                    for many, found in turns.items():
                        found.append(await turn(fleet[:many], server, surveys, first))
                        first += surveys
                for many, found in turns.items():
                    middle = sorted(found, key=lambda one: one.surveys_a_second)[len(found) // 2]
                    print(
                        f"{many} of 3 replicas take calls: {middle.surveys_a_second:.0f} surveys/s; processor for each:"
                        f" service {middle.service_ms:.1f} ms, PostgreSQL {middle.database_ms:.1f} ms"
                    )
                for replica in fleet:
                    await replica.stop()
    finally:
        server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.replicas_bench", description=__doc__)
    parser.add_argument("--surveys", type=int, default=1000, help="of each turn")
    print(machine(), flush=True)
    asyncio.run(measure(parser.parse_args().surveys))
