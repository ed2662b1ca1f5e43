"""When a caller may be called back, and which ones at all. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SEPARATORS = re.compile(r"[\s().\-/]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPlan:
    """What a site's settings say of call-backs."""

    exclusions: frozenset[str]
    numbers: re.Pattern[str]
    zone: ZoneInfo
    days: frozenset[int]
    """From 0, a Monday, to 6."""
    opens: time
    closes: time
    """Times on the zone's clocks; nobody is called at `closes` or later."""
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
        return local.weekday() in self.days and self.opens <= local.time() < self.closes

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
        local = moment.astimezone(self.zone)
        day = local.date() if local.time() < self.opens else local.date() + timedelta(days=1)
        while day.weekday() not in self.days:
            day += timedelta(days=1)
        return self._at_opening(day)

    def _at_opening(self, day: date) -> datetime:
        # Through UTC: an opening time that the clocks skip in spring becomes one that there is.
        return datetime.combine(day, self.opens, self.zone).astimezone(ZoneInfo("UTC")).astimezone(self.zone)
