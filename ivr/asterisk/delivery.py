"""One bounded queue and the one task that empties it: events reach their consumer in order, and reading never waits."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from ivr.calls import CallEvent, Gap

_log = structlog.get_logger()

_AT_ONCE = 100
"""Events handed out before the socket gets its turn: a burst is read in parts of some hundred events."""

Consumer = Callable[[CallEvent | Gap], Awaitable[None] | None]
"""Takes one event; may be a coroutine function."""


class Delivery:
    """Holds up to `limit` events for a consumer.

    When it is full it drops everything that comes until it is empty, so that what gets through has no holes inside;
    then `on_drained` is called, to find out what was missed, and `accept` opens it again.
    """

    def __init__(self, consumer: Consumer, limit: int, on_drained: Callable[[], None]) -> None:
        self.dropped = 0
        """How many events were thrown away."""
        self.errors = 0
        """How many exceptions the consumer raised."""
        self._consumer = consumer
        self._limit = limit
        self._on_drained = on_drained
        self._queue: deque[CallEvent | Gap] = deque()
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._dropping = False

    def put(self, event: CallEvent | Gap) -> bool:
        """Add an event; False when it was dropped."""
        if not self._dropping and len(self._queue) < self._limit:
            self.put_always(event)
            return True
        if not self._dropping:
            self._dropping = True
            _log.error("call events are dropped", waiting=len(self._queue), hint="the consumer is too slow")
        self.dropped += 1
        return False

    def put_always(self, event: CallEvent | Gap) -> None:
        """Add an event even to a full queue, for what tells of the events dropped."""
        if not self._queue:
            self._idle.clear()
            self._filled.set()
        self._queue.append(event)

    @property
    def waiting(self) -> int:
        """Events that were not handed out yet."""
        return len(self._queue)

    def accept(self) -> None:
        """Stop dropping."""
        self._dropping = False

    async def run(self) -> None:
        """Hand out events until cancelled."""
        while True:
            if not self._queue:
                self._idle.set()
                self._filled.clear()
                if self._dropping:
                    self._on_drained()
                await self._filled.wait()
            for _ in range(min(len(self._queue), _AT_ONCE)):
                event = self._queue.popleft()
                try:
                    handling = self._consumer(event)
                    if handling is not None:
                        await handling
                except Exception:
                    self._failed(event)
            # A consumer that never waits must not keep the socket from being read.
            await asyncio.sleep(0)

    def _failed(self, event: CallEvent | Gap) -> None:
        self.errors += 1
        _log.exception(
            "a call event failed",
            kind=type(event).__name__,
            site=event.site,
            linkedid=event.linkedid if isinstance(event, CallEvent) else None,
        )

    async def drained(self) -> None:
        """Wait until every event has been handled."""
        await self._idle.wait()
