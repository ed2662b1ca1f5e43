"""Beside a real Asterisk with SIP telephones: `make bench-pbx`."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench import pbx_cpu, pbx_sound
from bench.measure import machine, table

BENCHMARKS = {"sound": pbx_sound.run, "cpu": pbx_cpu.run}


def main() -> None:
    """Print the machine and the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.pbx_bench", description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHMARKS))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the database is")
    given = parser.parse_args()
    print(machine(), flush=True)
    for name, run in BENCHMARKS.items():
        if given.only in (None, name):
            found, more = asyncio.run(run(given.folder))
            print(table(found.rows), more, sep="\n\n", end="\n\n", flush=True)


if __name__ == "__main__":
    main()
