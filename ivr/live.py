"""What happens to surveys, told to whoever follows at the moment when it is durable.

Nothing here is the truth: that is the database, and who has missed something reads it again.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Happening = Literal["offered", "answered", "ended"]

KEPT = 1000
"""How many of the last events a follower who comes back can still be told."""
WAITING = 256
"""How many events may wait for one follower; a slower one is let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyNews:
    """Something happened to a survey. Codes that are not known are ``""``."""

    happened: Happening
    at: datetime
    site: str
    survey: str
    linkedid: str
    agents: tuple[str, ...]
    """The codes of those who are credited, as far as was known then."""
    queue: str
    reason: str
    flow: str
    question: str = ""
    """The question that was answered."""
    is_rating: bool = False
    """Whether that is the flow's headline question."""
    value: int | None = None
    """What was answered; None unless `happened` is ``answered``."""
    outcome: str = ""
    """How the survey ended; ``""`` unless `happened` is ``ended``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """One piece of news, with its place in the order in which it was told."""

    id: str
    """Of one process and one run: an id of another means nothing here."""
    news: SurveyNews


Tell = Callable[[SurveyNews], None]
"""Takes news, at once and without ever failing."""


def to_nobody(_: SurveyNews) -> None:
    """Where nobody follows."""


class Follower:
    """Somebody who is told what happens, from the moment of coming on."""

    def __init__(self, after: str, missed: list[LiveEvent], *, is_whole: bool, waiting: int) -> None:
        self.after = after
        """The id of the event after which all is told."""
        self.is_whole = is_whole
        """False when there were events in between that are not kept any more: what is shown must be read again."""
        self.is_let_go = False
        """Whether this follower was too slow, and is told no more."""
        self.is_over = False
        """Whether nothing will be told any more."""
        self._queue: asyncio.Queue[LiveEvent | None] = asyncio.Queue(waiting + len(missed))
        for event in missed:
            self._queue.put_nowait(event)

    async def next(self, limit: float) -> LiveEvent | None:
        """The next event; None when none came within `limit` seconds, and when there will be none."""
        try:
            async with asyncio.timeout(limit):
                return await self._queue.get()
        except TimeoutError:
            return None

    def tell(self, event: LiveEvent) -> None:
        """Have an event told; a follower for whom too many wait is let go."""
        if self._queue.full():
            self.is_let_go = True
            self.end()
        else:
            self._queue.put_nowait(event)

    def end(self) -> None:
        """Tell nothing any more, not even what waits: whoever is let go must read everything again."""
        self.is_over = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)


class LiveFeed:
    """Takes news and hands them to all who follow."""

    def __init__(self, *, kept: int = KEPT, waiting: int = WAITING) -> None:
        self._run = secrets.token_hex(4)
        self._number = 0
        self._last: deque[LiveEvent] = deque(maxlen=kept)
        self._followers: set[Follower] = set()
        self._waiting = waiting

    @property
    def followers(self) -> int:
        """How many follow."""
        return len(self._followers)

    @property
    def last_id(self) -> str:
        """The id of the newest event; with it nothing that comes later is missed."""
        return f"{self._run}-{self._number}"

    def tell(self, news: SurveyNews) -> None:
        """Hand `news` to all who follow; a `Tell`."""
        self._number += 1
        event = LiveEvent(id=self.last_id, news=news)
        self._last.append(event)
        for follower in list(self._followers):
            follower.tell(event)
            if follower.is_over:
                self._followers.discard(follower)

    def break_off(self) -> None:
        """News may have been missed: whoever follows is sent away, and told on coming back to read everything again."""
        self._run = secrets.token_hex(4)
        self._last.clear()
        self.close()

    def close(self) -> None:
        """Tell nobody anything any more, so that those who follow go away."""
        for follower in self._followers:
            follower.end()
        self._followers.clear()

    @contextmanager
    def follow(self, after: str = "") -> Iterator[Follower]:
        """Follow until the block ends; with `after`, the id of an event, from there on, as far as is kept."""
        missed, is_whole = self._since(after) if after else ([], True)
        start = after if after and is_whole else self.last_id
        follower = Follower(start, missed, is_whole=is_whole, waiting=self._waiting)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    def _since(self, after: str) -> tuple[list[LiveEvent], bool]:
        run, _, number = after.partition("-")
        if run != self._run or not (number.isascii() and number.isdigit()) or int(number) > self._number:
            return [], False
        missing = self._number - int(number)
        if missing > len(self._last):
            return [], False
        return list(self._last)[len(self._last) - missing :], True
