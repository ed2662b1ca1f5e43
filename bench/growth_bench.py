"""What a call costs as the work grows: ten and a hundred times as many other calls, agents, ratings.

A call is all that the service does for it: the events of the PBX, a survey of one question over FastAGI, the rating
and the call's facts kept in SQLite. What is counted is processor time of the service, all its threads.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from bench.growth_world import Size, World
from bench.measure import Chart, Found, Rates, Row, in_turns

CALLS = 60
TIMES = (10, 100)
STARTING = 2
"""Services that are started at a time."""
FLAT = 1.2
"""What passes for flat: so many times as much, at a hundred times as many."""
LEAST = Size()
GROWTHS = {"other calls up": "calls", "agents": "agents", "ratings in the database": "ratings"}
_ONCE = "1 ×"


def run() -> Found:
    """Measure all sizes in turns."""
    sizes = {_ONCE: LEAST} | {
        _side(field, times): replace(LEAST, **{field: times * getattr(LEAST, field)})
        for field in GROWTHS.values()
        for times in TIMES
    }
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            worlds = runner.run(_worlds(stack, list(sizes.values())))
            rates = in_turns({side: _turn(runner, world) for side, world in zip(sizes, worlds, strict=True)})
        finally:
            runner.run(stack.aclose())
    figures = {
        f"{name}: {', '.join(f'{times * getattr(LEAST, field):,}' for times in (1, *TIMES))}": {
            f"{times} ×": _cost(rates, _ONCE if times == 1 else _side(field, times)) for times in (1, *TIMES)
        }
        for name, field in GROWTHS.items()
    }
    chart = Chart(file="growth", title="Cost as work grows", unit="microseconds of processor, a call", figures=figures)
    return Found(rows=[_row(rates, name, field) for name, field in GROWTHS.items()], charts=[chart])


def _row(rates: Rates, name: str, field: str) -> Row:
    tenfold, hundredfold = (_side(field, times) for times in TIMES)
    growth = rates.ratio(_ONCE, hundredfold)
    least = getattr(LEAST, field)
    return Row(
        what=f"a call with {100 * least:,} {name}: {_cost(rates, hundredfold):,.0f} µs of processor",
        against=f"{least:,}: {_cost(rates, _ONCE):,.0f} µs ({10 * least:,}: {_cost(rates, tenfold):,.0f})",
        wanted=f"≤ {FLAT:g} ×",
        measured=f"{growth:.2f} ×",
        reached=growth <= FLAT,
    )


def _side(field: str, times: int) -> str:
    return f"{times} × {field}"


def _cost(rates: Rates, side: str) -> float:
    return 1e6 / rates.median(side)


def _turn(runner: asyncio.Runner, world: World) -> Callable[[], float]:
    return lambda: 1 / runner.run(world.calls(CALLS))


async def _worlds(stack: AsyncExitStack, sizes: Sequence[Size]) -> list[World]:
    starting = asyncio.Semaphore(STARTING)

    async def start(size: Size) -> World:
        async with starting:
            return await stack.enter_async_context(World(size))

    return await asyncio.gather(*(start(size) for size in sizes))
