"""Short texts from one replica of the service to all others, over PostgreSQL's LISTEN and NOTIFY.

Nobody waits for them, and none is kept: what is said while the database is away, or while a replica has lost its
connection, is not heard. Whoever listens is told that something may have been missed.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import structlog
from sqlalchemy import URL

log = structlog.get_logger()

CHANNEL = "postcall"
MOST_BYTES = 7900
"""PostgreSQL carries less than 8,000."""
MOST_WAITING = 1000
"""Texts that may wait to be sent; past that the oldest is dropped."""
AGAIN_SECONDS = 1.0
"""Between two tries to connect."""
QUIET_SECONDS = 5.0
"""After so long without a text the connection is tried."""
ANSWER_SECONDS = 5.0
"""After so long without an answer the connection is dead."""
_OPTIONS = ("host", "port", "user", "password", "database", "ssl")
"""What SQLAlchemy makes of a URL and the driver takes."""
_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class Notices:
    """One replica's ear and mouth. `heard` gets each text of the others; `missed` is called when some may have been
    missed. `own` sets the replica apart from all others, and has no blank in it."""

    def __init__(self, url: URL, own: str, *, heard: Callable[[str], None], missed: Callable[[], None]) -> None:
        self._url = url
        self._own = own
        self._heard = heard
        self._missed = missed
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)
        self._some = asyncio.Event()
        self.listening = asyncio.Event()
        """Set while the others are heard."""

    def tell(self, text: str) -> None:
        """Have `text` told to the others soon, or never."""
        said = f"{self._own} {text}"
        if self.listening.is_set() and len(said.encode()) <= MOST_BYTES:
            self._waiting.append(said)
            self._some.set()

    async def run(self) -> None:
        """Listen, and tell what is to be told, until cancelled."""
        was_heard, is_told = False, False
        while True:
            try:
                async with self._connection() as connection:
                    if was_heard:
                        self._missed()
                    was_heard, is_told = True, False
                    self.listening.set()
                    await self._carry(connection)
            except _ERRORS as error:
                if not is_told:
                    log.warning("other replicas are not heard", why=type(error).__name__)
                is_told = True
            finally:
                self.listening.clear()
                self._waiting.clear()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _carry(self, connection: Any) -> None:
        while not connection.is_closed():
            try:
                await asyncio.wait_for(self._some.wait(), QUIET_SECONDS)
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
            self._some.clear()
            while self._waiting:
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._waiting[0], timeout=ANSWER_SECONDS)
                self._waiting.popleft()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        _, options = self._url.get_dialect()().create_connect_args(self._url)
        known = {name: value for name, value in options.items() if name in _OPTIONS}
        connection = await asyncpg.connect(**known, timeout=ANSWER_SECONDS)
        try:
            connection.add_termination_listener(lambda _: self._some.set())
            await connection.add_listener(CHANNEL, self._take)
            yield connection
        finally:
            connection.terminate()

    def _take(self, _connection: Any, _pid: int, _channel: str, said: str) -> None:
        by, _, text = said.partition(" ")
        if by != self._own:
            self._heard(text)
