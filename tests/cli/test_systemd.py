"""What systemd is told of the service, on a real socket."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from ivr.cli.systemd import tell_systemd, watched
from ivr.demo.choices import free_port
from storage.schema import upgrade

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
secret = "the secret of these tests"
"""


@pytest.fixture(params=["a file", "an abstract name"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where systemd listens; the environment names it."""
    name = str(tmp_path / "notify") if request.param == "a file" else f"@postcall-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name.replace("@", "\0", 1))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        for variable in ("WATCHDOG_USEC", "WATCHDOG_PID"):
            monkeypatch.delenv(variable, raising=False)
        yield listener


async def told(listener: socket.socket) -> list[str]:
    """The lines of the next message."""
    async with asyncio.timeout(LIMIT):
        return (await asyncio.get_running_loop().sock_recv(listener, 4096)).decode().split("\n")


def heard_nothing(listener: socket.socket) -> bool:
    try:
        listener.recv(4096)
    except BlockingIOError:
        return True
    return False


async def test_a_message_is_one_datagram_of_lines(systemd: socket.socket) -> None:
    tell_systemd("READY=1", "STATUS=surveys are taken")
    assert await told(systemd) == ["READY=1", "STATUS=surveys are taken"]


def test_without_systemd_nothing_is_said_and_nothing_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with structlog.testing.capture_logs() as logs:
        tell_systemd("READY=1")
    assert logs == []


def test_a_socket_that_is_gone_hinders_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    with structlog.testing.capture_logs() as logs:
        tell_systemd("READY=1")
    assert [(line["event"], line["why"]) for line in logs] == [("systemd is not told", "No such file or directory")]


async def test_the_watchdog_is_fed_while_the_event_loop_turns(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    async with watched():
        assert [await told(systemd) for _ in range(3)] == [["WATCHDOG=1"]] * 3


@pytest.mark.parametrize(
    ("variable", "value"), [("WATCHDOG_USEC", "0"), ("WATCHDOG_USEC", "soon"), ("WATCHDOG_PID", "1")]
)
async def test_nobody_is_fed_who_does_not_watch_this_process(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv(variable, value)
    async with watched():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert heard_nothing(systemd)


async def test_the_service_says_when_it_is_ready_and_when_it_stops(systemd: socket.socket, tmp_path: Path) -> None:
    await upgrade(f"sqlite:///{tmp_path}/postcall.db")
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(folder=tmp_path, ami_port=free_port()))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.cli.main", "serve", cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert await told(systemd) == ["READY=1", "STATUS=surveys are taken"]
        process.send_signal(signal.SIGTERM)
        assert await told(systemd) == ["STOPPING=1", "STATUS=no new surveys, 0 are under way"]
        assert await asyncio.wait_for(process.wait(), LIMIT) == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
