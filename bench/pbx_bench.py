"""Beside a real Asterisk with SIP telephones: `make bench-pbx`."""

import argparse
import asyncio

from bench import pbx_cpu, pbx_sound
from bench.measure import machine, table

BENCHMARKS = {"sound": pbx_sound.run, "cpu": pbx_cpu.run}


def main() -> None:
    """Print the machine and the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.pbx_bench", description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHMARKS))
    given = parser.parse_args()
    print(machine(), flush=True)
    for name, run in BENCHMARKS.items():
        if given.only in (None, name):
            found, more = asyncio.run(run())
            print(table(found.rows), more, sep="\n\n", end="\n\n", flush=True)


if __name__ == "__main__":
    main()
