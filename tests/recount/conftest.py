"""The whole service on a year of generated calls, and the facts behind it."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import pytest_asyncio

from ivr.app import running
from ivr.settings import build_settings
from tests.cli.inside import SETTINGS, said
from tests.recount.facts import Facts

ZONE = "Europe/Madrid"
FIRST, LAST = date(2025, 10, 23), date(2026, 11, 26)
TOKEN = "a token of these tests"
Get = Callable[..., Coroutine[Any, Any, Any]]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten thousand ratings of 60 agents in 400 days."""
    folder = tmp_path_factory.mktemp("recount")
    settings = folder / "postcall.toml"
    settings.write_text(SETTINGS.format(url=f"sqlite:///{folder}/postcall.db"))
    sizes = ["--ratings", "10000", "--agents", "60", "--days", "400", "--until", LAST.isoformat()]
    for command in (["db", "upgrade"], ["demo-data", *sizes]):
        said(folder, *command)
    return folder


@pytest.fixture(scope="session")
def facts(folder: Path) -> Iterator[Facts]:
    found = Facts(folder / "postcall.db", {"main": ZoneInfo(ZONE)})
    yield found
    found.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def get(folder: Path) -> AsyncIterator[Get]:
    """Asks the service for an address, with parameters; JSON becomes what it says, a page its text."""
    settings = build_settings(
        {
            "database": {"url": f"sqlite:///{folder}/postcall.db"},
            "web": {"port": 0, "token": TOKEN},
            "fastagi": {"port": 0},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {"main": {"zone": ZONE, "ami": {"port": 9, "secret": "none"}}},
        },
        source="test",
    )
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Language": "en"}
    async with running(settings) as service, aiohttp.ClientSession(service.url, headers=headers) as client:

        async def ask(path: str, **query: str) -> Any:
            async with client.get(path, params={name.rstrip("_"): value for name, value in query.items()}) as answer:
                text = await answer.text()
                assert answer.status == 200, text[:500]
                return await answer.json() if answer.content_type == "application/json" else text

        yield ask
