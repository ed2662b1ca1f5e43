"""All comparisons that a run of some minutes can make: `make bench`."""

import argparse
import logging
from pathlib import Path

import structlog

from bench import agi_bench, ami_bench, durable_bench, growth_bench, open_bench
from bench.measure import machine, table
from bench.plot import draw

BENCHMARKS = {
    "ami": ami_bench.run,
    "agi": agi_bench.run,
    "open": open_bench.run,
    "durable": durable_bench.run,
    "growth": growth_bench.run,
}


def main() -> None:
    """Print the machine and the table, and draw the charts where that is wanted."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHMARKS))
    parser.add_argument("--charts", type=Path, help="draw the charts into this folder")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(machine(), flush=True)
    found = [run() for name, run in BENCHMARKS.items() if given.only in (None, name)]
    print(table([row for one in found for row in one.rows]))
    if given.charts:
        given.charts.mkdir(parents=True, exist_ok=True)
        for chart in (chart for one in found for chart in one.charts):
            draw(chart, given.charts)


if __name__ == "__main__":
    main()
