"""What the scenarios of a service in trouble have in common: callers all the time, and what is waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.chaos.callers import Callers
from tests.chaos.service import readiness
from tests.waiting import until

LINES = 8
LET_GO_SECONDS = 2.0
"""Within so much the dialplan goes on, whatever fails on our side."""


@asynccontextmanager
async def calling(callers: Callers) -> AsyncIterator[None]:
    """Callers in surveys, as long as the block lasts."""
    task = asyncio.create_task(callers.call())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until_part(web: int, part: str, *, works: bool) -> str:
    """What `/readyz` says of a part, once that works, or does not."""

    async def look() -> str | None:
        said = (await readiness(web))[1][part]
        return said if (said == "ok") is works else None

    return await until(look, 60)


async def surveys_end(callers: Callers, surveys: int) -> None:
    """Wait for so many more surveys in which somebody was thanked."""
    enough = callers.surveys + surveys

    async def have_come() -> bool:
        return callers.surveys >= enough

    await until(have_come, 30)
