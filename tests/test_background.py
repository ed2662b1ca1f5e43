"""What works in the background ends with its block, and never without a word."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from ivr.app import running
from ivr.errors import PartStopped
from ivr.parts.background import Background
from ivr.parts.housekeeping import Housekeeping
from ivr.settings import build_settings
from storage.schema import upgrade
from tests.waiting import until


@pytest.fixture
def background() -> Background:
    return Background()


async def test_work_ends_with_the_block_and_nothing_is_said_of_it(background: Background) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with capture_logs() as logs:
        async with background.works(work(), "work"):
            await asyncio.sleep(0)
        assert ended.is_set()
        await background.check()
    assert not logs


async def test_work_that_breaks_off_is_told_at_once_and_leaves_the_rest_alone(background: Background) -> None:
    async def work() -> None:
        raise ZeroDivisionError("a mistake of ours")

    async def told() -> bool:
        return bool(logs)

    with capture_logs() as logs:
        async with background.works(work(), "PBX of main"):
            await until(told)
            with pytest.raises(PartStopped, match=r"PBX of main \(ZeroDivisionError\); restart the service"):
                await background.check()
    (line,) = logs
    assert (line["log_level"], line["part"]) == ("error", "PBX of main")
    assert line["event"] == "a part of the service has stopped; restart the service"
    assert isinstance(line["exc_info"], ZeroDivisionError)


async def test_a_service_without_one_of_its_parts_is_not_ready_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(_: Housekeeping) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(Housekeeping, "run", breaks)
    url = f"sqlite:///{tmp_path}/postcall.db"
    await upgrade(url)
    settings = build_settings(
        {
            "database": {"url": url},
            "web": {"port": 0, "token": "a token of these tests"},
            "fastagi": {"port": 0},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {"main": {"trigger": "dialplan", "ami": {"port": 9, "secret": "a secret of these tests"}}},
        },
        source="test",
    )
    async with (
        running(settings) as service,
        aiohttp.ClientSession(service.url) as client,
        client.get("/readyz") as answer,
    ):
        assert answer.status == 503
        said = (await answer.json())["parts"]
    assert said["surveys"] == "ok"
    assert said["background"] == (
        "stopped by an error: housekeeping (ZeroDivisionError); restart the service, and see its log"
    )
