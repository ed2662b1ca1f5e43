"""PostgreSQL: a pool of connections, each transaction on one of them."""

import asyncio
import time
from itertools import count
from typing import Any

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from storage.transaction import Result, Work, pause_after

CONNECT_SECONDS = 5.0
LOCK_MILLISECONDS = 2000
PARALLEL_SETUP_COST = 100_000
"""A hundred times PostgreSQL's own: only what passes millions of rows is worth helpers."""
STEP_SECONDS = 1.0
"""A clock that goes back by less is only being corrected."""


class PostgresqlPool:
    """The connections to one database."""

    def __init__(self, url: URL) -> None:
        self.retries = 0
        """How often a transaction was run again."""
        self._engine = create_async_engine(
            url,
            pool_size=10,
            max_overflow=10,
            pool_timeout=CONNECT_SECONDS,
            pool_recycle=3600,
            connect_args={
                "timeout": CONNECT_SECONDS,
                "server_settings": {
                    "application_name": "postcall",
                    "lock_timeout": str(LOCK_MILLISECONDS),
                    # Processes that help take longer to start than an agent's or a team's counts to be read.
                    "parallel_setup_cost": str(PARALLEL_SETUP_COST),
                    # A replica that stalls in a transaction must not hold up the others.
                    "idle_in_transaction_session_timeout": "10000",
                },
            },
        )

        self._leaving: set[asyncio.Task[Any]] = set()
        self._looked_at_clock = time.time()

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's own, to listen to."""
        return self._engine.sync_engine

    async def close(self) -> None:
        """Give all connections back."""
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=CONNECT_SECONDS)
        await self._engine.dispose()

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` in one transaction, again after a conflict or a lost connection.

        Whoever is cancelled goes at once. The driver cleans up by asking the server to end the statement, and a server
        that hangs would hold up a caller for as long as it hangs.
        """
        working = asyncio.create_task(self._repeated(work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            working.cancel()
            self._leaving.add(working)
            working.add_done_callback(self._left)
            raise

    read = write

    def _left(self, task: asyncio.Task[Any]) -> None:
        self._leaving.discard(task)
        if not task.cancelled():
            task.exception()  # nobody asks for it any more

    async def _start_anew_after_a_step_back(self) -> None:
        """Give up all connections when the clock was put back.

        The pool takes those for broken that began before the last one broke, by the clock of the day: it would make a
        new connection for each transaction, until it is as late again (SQLAlchemy 2.0, `Pool._invalidate`).
        """
        before, self._looked_at_clock = self._looked_at_clock, time.time()
        if self._looked_at_clock < before - STEP_SECONDS:
            await self._engine.dispose()

    async def _repeated(self, work: Work[Result]) -> Result:
        await self._start_anew_after_a_step_back()
        for attempt in count(1):
            try:
                async with self._engine.begin() as connection:
                    return await work(connection)
            except DBAPIError as error:
                pause = pause_after(error, attempt)
                self.retries += 1
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")
