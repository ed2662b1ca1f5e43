"""Something does not work, and is tried again and again: the log says so once, and once that it works again."""

import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

REMIND_SECONDS = 600.0
"""How often the log says again what still does not work."""
QUIET_SECONDS = 5.0
"""So long nothing must have failed until it works again: a disk that is full takes the small things now and then."""


class Outage:
    """Told of each try whether it failed or worked. `begins` and `ends` are the events of the log."""

    def __init__(self, begins: str, ends: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._begins, self._ends, self._clock = begins, ends, clock
        self._said_at: float | None = None
        self._failed_at = 0.0
        self._failures = 0

    def failed(self, why: str) -> None:
        """A try failed."""
        now = self._clock()
        self._failed_at = now
        self._failures += 1
        if self._said_at is None or now - self._said_at >= REMIND_SECONDS:
            self._said_at = now
            log.error(self._begins, why=why, failures=self._failures)

    def worked(self) -> None:
        """A try worked."""
        if self._said_at is not None and self._clock() - self._failed_at >= QUIET_SECONDS:
            log.warning(self._ends, failures=self._failures)
            self._said_at, self._failures = None, 0
