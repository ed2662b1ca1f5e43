"""The sentence that keeps somebody from being asked too often: its reading, and the window of time that it means.

no more than N in X UNIT where KEY is the same
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Unit = Literal["seconds", "minutes", "hours", "days", "weeks", "months"]
Key = Literal["caller", "agent", "queue", "reason"]

UNITS: tuple[Unit, ...] = get_args(Unit)
KEYS: tuple[Key, ...] = get_args(Key)
SENTENCE = f"no more than N in X {'|'.join(UNITS)} where {'|'.join(KEYS)} is the same"
MOST = 10_000
"""The largest N: so many surveys at most are counted while a caller waits."""
LONGEST_DAYS = 3660
"""The longest window, about ten years."""
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
_MONTH_DAYS = 31
_SHAPE = ("no", "more", "than", None, "in", None, None, "where", None, "is", "the", "same")
"""The words of the sentence; None where something is to be filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """No more than `limit` surveys in a rolling window, among those that share `same`."""

    limit: int
    """From 1 to `MOST`."""
    length: int
    """Of the window, in `unit`; from 1."""
    unit: Unit
    same: Key

    def __str__(self) -> str:
        unit = self.unit[:-1] if self.length == 1 else self.unit
        return f"no more than {self.limit} in {self.length} {unit} where {self.same} is the same"

    def since(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The beginning of the window that ends at `at`: a survey of that very moment is in it no longer.

        A day has 24 hours. A month goes back to the same local time of the same day of an earlier month in `zone`, or
        to that month's last day where it has no such day.
        """
        if self.unit == "months":
            return _months_before(at.astimezone(zone), self.length).astimezone(UTC)
        return at.astimezone(UTC) - timedelta(seconds=self.length * _SECONDS[self.unit])


def parse_quarantine(text: object) -> Quarantine:
    """Read a sentence; capitals and blanks do not matter. Raises `ValueError`: what is wrong, what is allowed."""
    if not isinstance(text, str):
        raise ValueError(f"should be a sentence: {SENTENCE}")
    words = text.lower().split()
    for number, wanted in enumerate(_SHAPE):
        if number >= len(words):
            raise ValueError(f"the sentence breaks off; it should read: {SENTENCE}")
        if wanted is not None and words[number] != wanted:
            raise ValueError(f"{words[number]!r} stands where {wanted!r} should; it should read: {SENTENCE}")
    if len(words) > len(_SHAPE):
        raise ValueError(f"{words[len(_SHAPE)]!r} is too much; it should read: {SENTENCE}")
    unit, key = words[6], words[8]
    plural = unit if unit.endswith("s") else f"{unit}s"
    if plural not in UNITS:
        raise ValueError(f"{unit!r} is no unit of time; allowed are {', '.join(UNITS)}")
    if key not in KEYS:
        raise ValueError(f"{key!r} cannot be the same; allowed are {', '.join(KEYS)}")
    length = _whole(words[5], "the length of time", LONGEST_DAYS * 86_400)
    days = length * (_MONTH_DAYS if plural == "months" else _SECONDS[plural] / 86_400)
    if days > LONGEST_DAYS:
        raise ValueError(f"{length} {plural} is too long; allowed are up to {LONGEST_DAYS} days")
    limit = _whole(words[3], "the number of surveys", MOST)
    return Quarantine(limit=limit, length=length, unit=plural, same=key)


def _whole(word: str, what: str, most: int) -> int:
    number = int(word) if word.isascii() and word.isdigit() and len(word) < 12 else 0
    if not 1 <= number <= most:
        raise ValueError(f"{word!r} cannot be {what}; allowed are whole numbers from 1 to {most}")
    return number


def _months_before(local: datetime, months: int) -> datetime:
    years, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    for day in range(local.day, 0, -1):
        try:
            return local.replace(year=years, month=month + 1, day=day)
        except ValueError:  # the month is shorter
            continue
    raise AssertionError("every month has a first day")
