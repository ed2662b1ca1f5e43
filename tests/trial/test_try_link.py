"""`postcall try-link`: the link that an admin prints, and what it opens."""

import asyncio
import re
import shutil
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner
from yarl import URL

from callflows.loader import LIBRARY
from ivr.app import running
from ivr.cli.main import main
from ivr.settings import load_settings

SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
host = "{host}"
port = 0
token = "a token of these tests"
[fastagi]
port = 0
[privacy]
caller_key = "a caller key of these tests"
[sites.main.ami]
port = 1
secret = "the secret of these tests"
"""


@pytest.fixture
def folder(tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as an admin has it."""
    shutil.copy(migrated_file, tmp_path / "postcall.db")
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(folder=tmp_path, host="127.0.0.1"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def printed(*arguments: str) -> tuple[int, str]:
    """Status, and what was said."""
    result = await asyncio.to_thread(CliRunner().invoke, main, ["try-link", *arguments])
    return result.exit_code, result.output


async def test_the_link_opens_the_page_of_the_running_service(folder: Path) -> None:
    async with running(load_settings(folder / "postcall.toml")) as service, aiohttp.ClientSession() as client:
        status, link = await printed()
        assert status == 0
        assert re.fullmatch(r"http://127\.0\.0\.1:0/try/csat\?until=\d+&key=[0-9a-f]{64}\n", link)
        here = URL(link.strip()).with_port(URL(service.url).port)
        async with client.get(here) as response:
            assert response.status == 200
            assert "<h1>Customer satisfaction</h1>" in await response.text()
        async with client.get(here.with_path("/api/v1/agents/scores")) as response:
            assert response.status == 401


async def test_a_flow_that_is_not_in_force_has_no_link(folder: Path) -> None:
    assert await printed("csat") == (2, "postcall: FLOW: no flow 'csat' is in force; there are none\n")
    async with running(load_settings(folder / "postcall.toml")):
        pass
    shipped = ", ".join(sorted(path.stem for path in LIBRARY.glob("*.yaml")))
    status, said = await printed("nosuch")
    assert (status, said) == (2, f"postcall: FLOW: no flow 'nosuch' is in force; there are {shipped}\n")
    assert (await printed("csat"))[0] == 0


async def test_a_service_that_listens_everywhere_is_reached_by_the_machines_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(load_settings(folder / "postcall.toml")):
        pass
    monkeypatch.setattr("socket.gethostname", lambda: "pbx7")
    (folder / "postcall.toml").write_text(SETTINGS.format(folder=folder, host="0.0.0.0"))
    assert (await printed())[1].startswith("http://pbx7:0/try/csat?")


@pytest.mark.parametrize("hours", ["0", "-1", "721", "many"])
async def test_a_link_holds_for_up_to_thirty_days(folder: Path, hours: str) -> None:
    status, said = await printed("--hours", hours)
    assert status == 2
    assert "--hours" in said
