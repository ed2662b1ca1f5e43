"""The calls under way at all sites, followed from their events."""

from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta

from ivr.calls import Call, CallEnded, CallEvent, Gap

KEEP_ENDED = timedelta(seconds=60)
"""How long an ended call is remembered, for a survey or an event that is told late."""
MAX_CALLS = 50_000
"""Calls remembered at once; past that the one that has been quiet longest is forgotten."""


class CallTracker:
    """Knows every call under way. `changed` is told each new state, also of the calls that a gap has ended."""

    def __init__(self, changed: Callable[[Call], None]) -> None:
        self._changed = changed
        self._calls: OrderedDict[tuple[str, str], Call] = OrderedDict()
        self._ended: deque[tuple[datetime, tuple[str, str]]] = deque()

    def __len__(self) -> int:
        return len(self._calls)

    def find(self, site: str, linkedid: str) -> Call | None:
        """What is known of a call, or None when nothing was heard of it."""
        return self._calls.get((site, linkedid))

    def adopt(self, call: Call) -> Call:
        """Know a call that others heard of, unless it is known; returns what is known. Nobody is told."""
        return self._calls.setdefault((call.site, call.linkedid), call)

    def forget(self, site: str) -> None:
        """Know nothing of a site any more, since it is followed elsewhere; nobody is told."""
        for key in [key for key in self._calls if key[0] == site]:
            del self._calls[key]
        self._ended = deque(ended for ended in self._ended if ended[1][0] != site)

    def tell_again(self, site: str, linkedid: str) -> bool:
        """Tell the state of a call once more, for one who could not act upon it before; False when it is not known."""
        call = self.find(site, linkedid)
        if call:
            self._changed(call)
        return call is not None

    def handle(self, event: CallEvent) -> None:
        """Take in one event."""
        key = (event.site, event.linkedid)
        before = self._calls.get(key) or Call(site=event.site, linkedid=event.linkedid)
        after = before.after(event)
        if after == before:
            return
        self._calls[key] = after
        self._calls.move_to_end(key)
        if after.ended_at and not before.ended_at:
            self._ended.append((after.ended_at, key))
        self._forget(event.at)
        self._changed(after)

    def handle_gap(self, gap: Gap) -> None:
        """End the calls that the PBX no longer has: their own end was missed."""
        gone = [
            call
            for call in self._calls.values()
            if call.site == gap.site and call.ended_at is None and call.linkedid not in gap.live
        ]
        for call in gone:
            self.handle(CallEnded(site=call.site, linkedid=call.linkedid, at=gap.until))

    def _forget(self, now: datetime) -> None:
        while self._ended and now - self._ended[0][0] > KEEP_ENDED:
            self._calls.pop(self._ended.popleft()[1], None)
        while len(self._calls) > MAX_CALLS:
            self._calls.popitem(last=False)
