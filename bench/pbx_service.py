"""The two that are measured beside each other, each in a process of its own: a real Asterisk, and `postcall serve`."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import callflows
from bench.agi_servers import Server
from ivr.asterisk.dialplan import EVENTS, READ, WRITE
from ivr.demo.choices import free_port
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from ivr.demo.pbx.download import find_asterisk_root
from storage.schema import upgrade

START_SECONDS = 120.0
_SERVICE = AmiUser(name="survey", read=READ, write=WRITE, event_filters=[f"Event: {name}" for name in EVENTS])
"""The least that works, as `postcall asterisk dialplan` prints it."""
_SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
port = 0
token = "a token of this measurement"
[fastagi]
port = {port}
[privacy]
caller_key = "a caller key of this measurement"
[log]
level = "error"
[sites.main]
{site}
[sites.main.ami]
port = {ami_port}
username = "survey"
secret = "{secret}"
"""


@dataclass(frozen=True, kw_only=True)
class Service(Server):
    """The service that runs."""

    database: Path
    """Its SQLite file."""


def asterisk(*, watcher: AmiUser, extra_dialplan: str = "", base: Path | None = None) -> AsteriskServer:
    """An Asterisk that is not started yet, with our own prompts and an AMI user for the measurement.

    It keeps no log of every dialplan step, and writes none, as a production one does not; that would make its calls
    dearer.
    """
    server = AsteriskServer(
        find_asterisk_root(),
        users=[_SERVICE, watcher],
        prompts=Path(callflows.__file__).parent / "library/sounds",
        base=base,
        extra_dialplan=extra_dialplan,
    )
    append(server, "asterisk.conf", "verbose=0\n")
    append(server, "logger.conf", "", instead="[general]\n[logfiles]\nmessages => warning,error\n")
    return server


def append(server: AsteriskServer, file: str, text: str, *, instead: str = "") -> None:
    """Add to a file of Asterisk's configuration before the start, or write it anew."""
    path = server.base / "etc" / file
    path.write_text((instead or path.read_text("utf-8")) + text, "utf-8")


@asynccontextmanager
async def beside(server: AsteriskServer, *, place: Path, site: str = "") -> AsyncIterator[Service]:
    """Run the service beside a started `server`, on a fresh SQLite file in `place`; `site` adds to its settings."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        port = free_port()
        await upgrade(f"sqlite:///{folder}/postcall.db")
        settings = _write_settings(Path(folder), server, port, site)
        # asyncio's own processes do not end with the block when it is cancelled.
        process = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-m", "ivr.cli.main", "serve", "-c", str(settings)], stderr=subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                while "survey" not in await server.cli("manager show connected"):
                    if process.poll() is not None:
                        raise RuntimeError("the service that is to be measured did not start")
                    await asyncio.sleep(0.1)
            await server.send_surveys_to(f"agi://127.0.0.1:{port}/survey?site=main")
            yield Service(port=port, pid=process.pid, database=Path(folder, "postcall.db"))
        finally:
            process.terminate()
            process.wait()


def _write_settings(folder: Path, server: AsteriskServer, port: int, site: str) -> Path:
    file = folder / "postcall.toml"
    secret = server.users["survey"].secret
    text = _SETTINGS.format(folder=folder, port=port, site=site, ami_port=server.ami_port, secret=secret)
    file.write_text(text, "utf-8")
    return file
