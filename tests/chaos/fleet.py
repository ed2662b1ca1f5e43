"""Several replicas of the service on one PostgreSQL, beside one PBX."""

import asyncio
import signal
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

from ivr.demo.choices import free_port
from ivr.demo.simulator import SimulatedPbx
from tests.chaos.service import living

SETTINGS = """
[database]
url = "{url}"
journal = "{journal}"
[web]
port = {web}
token = "a token of these tests"
[fastagi]
port = {agi}
drain_seconds = 5
[privacy]
caller_key = "a caller key of these tests"
[log]
level = "warning"
[sites.main]
trigger = "dialplan"
[sites.main.ami]
port = {ami}
username = "{user}"
secret = "{secret}"
"""


class Replica:
    """One of them, which lives, is killed and lives again."""

    def __init__(self, folder: Path, number: int, url: str, pbx: SimulatedPbx) -> None:
        self.agi, self.web = free_port(), free_port()
        self._journal = folder / f"journal-{number}.db"
        self._settings = folder / f"replica-{number}.toml"
        self._settings.write_text(
            SETTINGS.format(
                url=url,
                journal=self._journal,
                web=self.web,
                agi=self.agi,
                ami=pbx.port,
                user=pbx.user,
                secret=pbx.secret,
            )
        )
        self._life = AsyncExitStack()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        """Under which it claims its jobs."""
        with sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True) as file:
            return str(file.execute("SELECT name FROM owner").fetchone()[0])

    @property
    def pid(self) -> int:
        """Of the process that lives now."""
        assert self._process
        return self._process.pid

    async def start(self) -> None:
        """Returns when it takes calls."""
        self._process = await self._life.enter_async_context(living(self._settings, self.agi))

    async def kill(self) -> None:
        """Gone at once, whatever it was doing."""
        assert self._process
        self._process.kill()
        await self._life.aclose()

    async def stop(self) -> None:
        """As an admin stops it."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(self._process.wait(), 20) == 0
        await self._life.aclose()
