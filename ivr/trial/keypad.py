"""What every telephone without a PBX does with keys."""

from collections.abc import Awaitable, Callable
from typing import Final

from callflows.steps import Keys

EVERY_KEY: Final = "0123456789*#ABCD"
ENDING_KEY: Final = "#"

NextKey = Callable[[float], Awaitable[str]]
"""The next key that is pressed within so many seconds; ``""`` when none is. Raises `CallerHungUp`."""


async def take_keys(next_key: NextKey, *, max_keys: int, timeout_seconds: float, key_timeout_seconds: float) -> Keys:
    """Keys until there are `max_keys`, ``#`` comes, or none: for `timeout_seconds`, and after a key for
    `key_timeout_seconds`.

    As on Asterisk, ``#`` ends the input and is not part of it, and alone it gives no keys with `timed_out` False.
    """
    pressed = ""
    while len(pressed) < max_keys:
        key = await next_key(key_timeout_seconds if pressed else timeout_seconds)
        if key in ("", ENDING_KEY):
            return Keys(pressed=pressed, timed_out=not key)
        pressed += key
    return Keys(pressed=pressed, timed_out=False)
