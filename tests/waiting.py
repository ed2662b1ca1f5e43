"""Waiting for something that another process, or the database, does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")
LIMIT = 10.0


async def until(look: Callable[[], Awaitable[Found]], limit: float = LIMIT) -> Found:
    """What `look` finds, as soon as it finds something true; raises TimeoutError after `limit` seconds."""
    async with asyncio.timeout(limit):
        # What is waited for lies in another process and tells nobody.
        while not (found := await look()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found
