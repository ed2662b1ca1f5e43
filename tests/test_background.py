"""What works in the background ends with its block, and never without a word."""

import asyncio

from structlog.testing import capture_logs

from ivr.parts.background import in_background
from tests.waiting import until


async def test_work_ends_with_the_block_and_nothing_is_said_of_it() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with capture_logs() as logs:
        async with in_background(work(), "work"):
            await asyncio.sleep(0)
        assert ended.is_set()
    assert not logs


async def test_work_that_breaks_off_is_told_at_once_and_leaves_the_rest_alone() -> None:
    async def work() -> None:
        raise ZeroDivisionError("a mistake of ours")

    async def told() -> bool:
        return bool(logs)

    with capture_logs() as logs:
        async with in_background(work(), "PBX of main"):
            await until(told)
    (line,) = logs
    assert (line["log_level"], line["part"]) == ("error", "PBX of main")
    assert line["event"] == "a part of the service has stopped; restart the service"
    assert isinstance(line["exc_info"], ZeroDivisionError)
