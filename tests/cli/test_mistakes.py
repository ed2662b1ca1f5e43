"""What an admin reads after a mistake: one clear line, status 2, and never a traceback."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from ivr.demo.callers import team
from ivr.demo.choices import free_port
from ivr.demo.simulator import SimulatedPbx
from tests.shelves import SHIPPED

LIMIT = 30.0
SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
port = 0
token = "a token of these tests"
[fastagi]
port = 0
[privacy]
caller_key = "a caller key of these tests"
[sites.main.ami]
port = {ami_port}
secret = "{secret}"
"""


async def postcall(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command to its end: status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ivr.cli.main",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), LIMIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert b"Traceback" not in out + err
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder as an admin leaves it after `postcall init` and `postcall db upgrade`."""
    settings = SETTINGS.format(folder=tmp_path, ami_port=free_port(), secret="the secret of these tests")
    (tmp_path / "postcall.toml").write_text(settings)
    assert (await postcall(tmp_path, "db", "upgrade"))[0] == 0
    return tmp_path


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "postcall.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


async def refused(folder: Path, *arguments: str) -> list[str]:
    """The lines on standard error of a command that must end with status 2."""
    status, _, err = await postcall(folder, *arguments)
    assert status == 2, err
    return err.splitlines()


async def test_no_settings_file(tmp_path: Path) -> None:
    assert await refused(tmp_path, "serve") == [
        "postcall: postcall.toml: no such file; `postcall init` writes one to start from"
    ]


async def test_an_unknown_setting(folder: Path) -> None:
    change(folder, "[fastagi]\nport", "[fastagi]\nprot")
    assert await refused(folder, "serve") == [
        (
            "postcall: postcall.toml: fastagi.prot: unknown setting; did you mean port? "
            "allowed here are host, port, max_sessions, drain_seconds, replicas"
        )
    ]


async def test_a_database_file_that_is_not_there(folder: Path) -> None:
    change(folder, "postcall.db", "elsewhere.db")
    (line,) = await refused(folder, "serve")
    assert line.startswith("postcall: database sqlite://")
    assert line.endswith("elsewhere.db: there is no such file; `postcall db upgrade` creates it")


async def test_a_database_without_tables(folder: Path) -> None:
    (folder / "postcall.db").unlink()
    (folder / "postcall.db").touch()
    (line,) = await refused(folder, "serve")
    assert line.endswith("run `postcall db upgrade`")


async def test_a_database_server_that_does_not_answer_and_its_password_is_not_shown(folder: Path) -> None:
    port = free_port()
    change(folder, f"sqlite:///{folder}/postcall.db", f"postgresql://postcall:hunter2@127.0.0.1:{port}/postcall")
    (line,) = await refused(folder, "serve")
    assert line.startswith(f"postcall: database postgresql://postcall@127.0.0.1:{port}/postcall: ")
    assert "hunter2" not in line


async def test_a_flow_that_there_is_not(folder: Path) -> None:
    change(folder, "[sites.main.ami]", '[sites.main]\nflow = "cast"\n[sites.main.ami]')
    (line,) = await refused(folder, "serve")
    assert line.startswith("postcall: sites.main.flow: there is no flow 'cast'; there are ces, csat, ")


async def test_a_rule_for_a_flow_that_there_is_not(folder: Path) -> None:
    rules = (
        '[[sites.main.flows]]\nflow = "csat"\nqueue = "support"\n[[sites.main.flows]]\nflow = "cast"\nqueue = "vip"\n'
    )
    change(folder, "[sites.main.ami]", f"{rules}[sites.main.ami]")
    (line,) = await refused(folder, "serve")
    assert line.startswith(
        f"postcall: sites.main.flows.2.flow: there is no flow 'cast'; there are {', '.join(SHIPPED)}"
    )


async def test_a_flow_with_a_mistake_is_told_with_its_place(folder: Path) -> None:
    (folder / "flows").mkdir()
    (folder / "flows" / "mine.yaml").write_text("flow: mine\ntitle: Mine\nlanguages: [en]\nquestoins: []\n")
    change(folder, "[database]", '[flows]\nfolder = "flows"\n[database]')
    change(folder, "[sites.main.ami]", '[sites.main]\nflow = "mine"\n[sites.main.ami]')
    *logged, last = await refused(folder, "serve")
    lines = [line for line in logged if line.startswith("postcall: ")]
    assert any(line.startswith(f"postcall: {folder}/flows/mine.yaml:4:1: ") for line in lines)
    assert lines == await refused(folder, "flows", "check", str(folder / "flows" / "mine.yaml"))
    assert last.startswith(f"postcall: sites.main.flow: there is no flow 'mine'; there are {', '.join(SHIPPED)}")


async def test_an_address_that_is_taken(folder: Path) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    change(folder, "[fastagi]\nport = 0", f"[fastagi]\nport = {port}")
    async with taken:
        assert await refused(folder, "serve") == [f"postcall: fastagi 127.0.0.1:{port}: address already in use"]


async def test_a_wrong_ami_secret(folder: Path) -> None:
    queues, members = team()
    async with SimulatedPbx(queues=queues, members=members, user="postcall", secret="another secret") as pbx:
        text = (folder / "postcall.toml").read_text()
        port = text.split("[sites.main.ami]\nport = ")[1].split("\n")[0]
        change(folder, f"port = {port}", f"port = {pbx.port}")
        lines = await refused(folder, "serve")
    assert lines == [
        (
            f'postcall: AMI 127.0.0.1:{pbx.port} refused user "postcall": Authentication failed'
            " - check username and secret in manager.conf"
        )
    ]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, list[str]]]:
    """`postcall serve` once it listens: the process, its URL, and the lines that it wrote before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.cli.main", "serve", cwd=folder, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(LIMIT):
            while "Postcall listens" not in (line := (await process.stderr.readline()).decode()):
                assert line, lines
                lines.append(line)
        yield process, line.split("scores on ")[1].split(",")[0], lines
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_pbx_that_cannot_be_reached_is_said_once_and_tried_again(folder: Path) -> None:
    async with serving(folder) as (process, url, lines), aiohttp.ClientSession() as client:
        (line,) = lines
        assert "cannot be reached" in line
        async with client.get(f"{url}/readyz") as response:
            assert response.status == 503
            assert "cannot be reached" in (await response.json())["parts"]["pbx main"]
        async with client.get(f"{url}/healthz") as response:
            assert response.status == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), LIMIT) == 0


async def test_init_writes_settings_that_work_and_never_overwrites(tmp_path: Path) -> None:
    status, out, _ = await postcall(tmp_path, "init")
    assert status == 0
    assert "postcall db upgrade" in out
    written = (tmp_path / "postcall.toml").read_text()
    assert ((tmp_path / "postcall.toml").stat().st_mode & 0o777) == 0o600
    assert (await postcall(tmp_path, "db", "upgrade"))[0] == 0
    assert (await postcall(tmp_path, "db", "verify"))[:2] == (0, "every tally is what the answers say\n")
    assert await refused(tmp_path, "init") == ["postcall: postcall.toml: is there already, and stays as it is"]
    assert (tmp_path / "postcall.toml").read_text() == written


async def test_the_printed_lines_hold_no_secret(folder: Path) -> None:
    status, out, _ = await postcall(folder, "asterisk", "dialplan")
    assert status == 0
    assert "the secret of these tests" not in out
    assert "AGI(agi://127.0.0.1:" in out
    assert "eventfilter = Event: AgentConnect" in out
