"""Parts of the service that do their work beside everything else."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog

from ivr.errors import PartStopped

log = structlog.get_logger()


class Background:
    """The parts that work in the background of one service."""

    def __init__(self) -> None:
        self._broken: dict[str, str] = {}

    @asynccontextmanager
    async def works(self, work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
        """Do `work` beside the block, until the block ends. What breaks it off before is told, and not raised: calls go
        on without that part."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(partial(self._ended, name))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def check(self) -> None:
        """Raise `PartStopped` when one has broken off."""
        if self._broken:
            names = ", ".join(f"{name} ({why})" for name, why in self._broken.items())
            raise PartStopped(f"stopped by an error: {names}; restart the service, and see its log")

    def _ended(self, name: str, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # Nobody waits for it: without this it would be missing, and nothing would say so.
            self._broken[name] = type(error).__name__
            log.error("a part of the service has stopped; restart the service", part=name, exc_info=error)
