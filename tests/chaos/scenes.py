"""What the scenarios of a service in trouble have in common: callers all the time, and what is waited for."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.callers import Callers
from tests.chaos.service import PROGRAM, readiness
from tests.waiting import until

LINES = 8
LET_GO_SECONDS = 2.0
"""Within so much the dialplan goes on, whatever fails on our side."""


@asynccontextmanager
async def calling(callers: Callers) -> AsyncIterator[None]:
    """Callers in surveys, as long as the block lasts."""
    task = asyncio.create_task(callers.call())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_part(web: int, part: str, *, works: bool, saying: str = "") -> str:
    """What `/readyz` says of a part, once that works, or does not and is said to be so."""

    async def look() -> str | None:
        said = (await readiness(web))[1][part]
        return said if (said == "ok") is works and saying in said else None

    return await until(look, 60)


async def surveys_end(callers: Callers, surveys: int) -> None:
    """Wait for so many more surveys in which somebody was thanked."""
    enough = callers.surveys + surveys

    async def have_come() -> bool:
        return callers.surveys >= enough

    await until(have_come, 30)


async def refused(settings: Path, *through: str) -> str:
    """The one line that `postcall serve`, run by the command `through`, says when it does not start."""
    process = await asyncio.create_subprocess_exec(
        *through, sys.executable, "-m", PROGRAM, "serve", "-c", str(settings),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, said = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 2, said.decode()
    (line,) = said.decode().splitlines()
    return line
