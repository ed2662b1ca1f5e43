"""How the sides of a comparison are measured: in turns, several times, and by ratios within one turn.

The machine is not quiet. What another process takes from one side it takes a moment later from the other one, so the
two of a turn are compared with each other, and the median of the turns counts.
"""

import gc
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

TURNS = 5


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: what was measured against what, and whether that is enough."""

    what: str
    against: str
    measured: str
    wanted: str
    reached: bool


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Bars of one measurement: group → side → figure."""

    file: str
    title: str
    unit: str
    figures: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a benchmark found."""

    rows: Sequence[Row]
    charts: Sequence[Chart] = ()


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What several sides did a second, one figure a turn."""

    of: Mapping[str, Sequence[float]]

    def median(self, side: str) -> float:
        """The middle one of a side's turns."""
        return statistics.median(self.of[side])

    def ratio(self, side: str, other: str) -> float:
        """How many times as fast `side` is as `other`: the median of the ratios within a turn."""
        return statistics.median(a / b for a, b in zip(self.of[side], self.of[other], strict=True))


def in_turns(sides: Mapping[str, Callable[[], float]], turns: int = TURNS) -> Rates:
    """Run every side once a turn; each returns its rate. The first turn only warms up."""
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns + 1):
        for name, run in sides.items():
            gc.collect()
            rate = run()
            if turn:
                rates[name].append(rate)
    return Rates(of=rates)


def machine() -> str:
    """What was measured on, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{platform.machine()}, {os.cpu_count()} processors, {memory:.0f} GB, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()}; load {os.getloadavg()[0]:.1f}"
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown; the last word of each is `reached` or `falls short`."""
    lines = ["| what | against | wanted | measured | |", "|---|---|---|---|---|"]
    for row in rows:
        verdict = "reached" if row.reached else "falls short"
        lines.append(f"| {row.what} | {row.against} | {row.wanted} | {row.measured} | {verdict} |")
    return "\n".join(lines)
