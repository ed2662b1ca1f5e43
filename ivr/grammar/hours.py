"""Opening hours as an admin writes them: ``mon-fri 09:00-18:00``."""

import re
from dataclasses import dataclass
from datetime import datetime

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALLOWED = "should read like mon-fri 09:00-18:00 or sat,sun 22:00-02:00, with times from 00:00 to 24:00"
_HOURS = re.compile(r"([a-z,-]+)\s+([0-9]{2}):([0-9]{2})\s*-\s*([0-9]{2}):([0-9]{2})")
_MINUTES_OF_A_DAY = 24 * 60
WEEK_MINUTES = 7 * _MINUTES_OF_A_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The same hours on some days of the week."""

    days: frozenset[int]
    """0 is Monday; the day on which the hours begin."""
    opens: int
    """Minutes after midnight, 0 to 1439."""
    closes: int
    """Minutes after midnight, itself no longer open. Not after `opens`: it is meant on the next day."""
    text: str
    """As it was written."""

    @property
    def minutes(self) -> frozenset[int]:
        """The minutes of the week that lie within, from Monday 00:00 = 0."""
        length = (self.closes - self.opens) % _MINUTES_OF_A_DAY or _MINUTES_OF_A_DAY
        first = (day * _MINUTES_OF_A_DAY + self.opens for day in self.days)
        return frozenset(minute % WEEK_MINUTES for start in first for minute in range(start, start + length))

    def hold(self, local: datetime) -> bool:
        """Whether `local`, a time in the zone that is meant, lies within."""
        minute = local.hour * 60 + local.minute
        if self.opens < self.closes:
            return local.weekday() in self.days and self.opens <= minute < self.closes
        began_yesterday = (local.weekday() - 1) % 7 in self.days and minute < self.closes
        return began_yesterday or (local.weekday() in self.days and minute >= self.opens)


def parse_hours(text: object) -> Hours:
    """Read days and a span of time. Raises `ValueError`: what is wrong, and what is allowed."""
    match = _HOURS.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(ALLOWED)
    days, *numbers = match.groups()
    from_hour, from_minute, to_hour, to_minute = map(int, numbers)
    opens, closes = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if max(from_minute, to_minute) > 59 or opens >= _MINUTES_OF_A_DAY or closes > _MINUTES_OF_A_DAY:
        raise ValueError(ALLOWED)
    if opens == closes:
        raise ValueError(f"opens and closes at the same time; {ALLOWED}")
    return Hours(days=_days(days), opens=opens, closes=closes, text=match.group())


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        for name in (first, last or first):
            if name not in DAYS:
                raise ValueError(f"{name!r} is no day; allowed are {', '.join(DAYS)}; {ALLOWED}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(days)
