"""When a caller may be called back, and which ones at all. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ivr.grammar.hours import Hours

_SEPARATORS = re.compile(r"[\s().\-/]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPlan:
    """What a site's settings say of call-backs."""

    exclusions: frozenset[str]
    numbers: re.Pattern[str]
    zone: ZoneInfo
    hours: tuple[Hours, ...]
    """When people may be called, on the zone's clocks; at least one."""
    delay: timedelta
    expires: timedelta
    """How long after the call nobody is called any more."""
    tries: int
    retry: timedelta
    at_once: int
    per_minute: int
    longest: timedelta
    """A try that is under way for longer was lost: the service or the PBX ended in the middle of it."""

    def number(self, text: str) -> str | None:
        """The number to dial, or None when `text`, which is hostile, is none that may be dialled."""
        plain = _SEPARATORS.sub("", text)
        return plain if self.numbers.fullmatch(plain) else None

    def is_open(self, now: datetime) -> bool:
        """Whether people may be called at `now`."""
        local = now.astimezone(self.zone)
        return any(hours.hold(local) for hours in self.hours)

    def first(self, ended_at: datetime) -> datetime | None:
        """When the caller of a call that ended then is due; None when that would be too late."""
        return self._within(ended_at + self.delay, ended_at)

    def next(self, now: datetime, tries: int, expires_at: datetime) -> datetime | None:
        """When to try again after `tries` that reached nobody; None when enough was tried."""
        if tries >= self.tries:
            return None
        due = self._opening(now + self.retry)
        return due if due < expires_at else None

    def expires_at(self, ended_at: datetime) -> datetime:
        """From when on the caller of a call that ended then is not called any more."""
        return ended_at + self.expires

    def _within(self, earliest: datetime, ended_at: datetime) -> datetime | None:
        due = self._opening(earliest)
        return due if due < self.expires_at(ended_at) else None

    def _opening(self, moment: datetime) -> datetime:
        """`moment` itself when open, else the next time at which it opens."""
        if self.is_open(moment):
            return moment
        today = moment.astimezone(self.zone).date()
        # The same day of the next week is the last that can be meant: today's opening may be over.
        openings = (
            self._at_opening(today + timedelta(days=days), hours.opens)
            for hours in self.hours
            for days in range(8)
            if (today + timedelta(days=days)).weekday() in hours.days
        )
        return min(opening for opening in openings if opening > moment)

    def _at_opening(self, day: date, opens: int) -> datetime:
        # Through UTC: an opening time that the clocks skip in spring becomes one that there is.
        local = datetime.combine(day, time(*divmod(opens, 60)), self.zone)
        return local.astimezone(UTC).astimezone(self.zone)
