"""Beside a real Asterisk with SIP telephones: `make bench-pbx`."""

import argparse
import asyncio

from bench import pbx_sound
from bench.measure import machine, table


def main() -> None:
    """Print the machine and the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.pbx_bench", description=__doc__)
    parser.add_argument("--calls", type=int, default=pbx_sound.CALLS, help="of each side, for the first sound")
    given = parser.parse_args()
    print(machine(), flush=True)
    found, where = asyncio.run(pbx_sound.run(given.calls))
    print(table(found.rows), where, sep="\n\n")


if __name__ == "__main__":
    main()
