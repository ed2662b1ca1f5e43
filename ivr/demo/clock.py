"""Time as the simulated PBX lives it: waits are shortened by a factor, time stamps stay those of the wall clock."""

import asyncio
import time


class Clock:
    """A clock that runs `speed` times as fast as the wall clock.

    Only durations are scaled. Time stamps and unique ids are wall-clock times, so that a call placed now is found in
    the scores of today, however fast the PBX runs.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not 0 < speed <= 1000:
            raise ValueError(f"speed must be above 0 and at most 1000, got {speed}")
        self.speed = speed

    def timestamp(self) -> float:
        """Wall-clock time in seconds since 1970."""
        return time.time()

    def now(self) -> float:
        """Seconds of PBX time since an arbitrary moment; only differences mean something."""
        return time.monotonic() * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of PBX time."""
        await asyncio.sleep(seconds / self.speed)

    def whole_seconds_since(self, moment: float) -> int:
        """Seconds of PBX time since a `now()`, cut as Asterisk cuts its hold and talk times."""
        return int(self.now() - moment)
