"""The languages of the pages: their words, and how they write numbers, days and times.

A message is its English text; `translations/zh.po` has the Chinese of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

NAMES: Mapping[str, str] = {"en": "English", "zh": "中文"}
"""What each language calls itself, by code."""
OTHERWISE = "en"

_LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language of the pages."""

    code: str
    """As in ``<html lang>``."""
    locale: Locale
    messages: Mapping[str, tuple[str, ...]] = field(repr=False)
    """By the English text: the translation, and of one that counts its forms."""

    def gettext(self, message: str) -> str:
        """The message in this language."""
        return self.messages.get(message, (message,))[0]

    def ngettext(self, one: str, many: str, n: float) -> str:
        """The message for `n` of something."""
        forms = self.messages.get(one)
        if forms is None:
            return one if n == 1 else many
        return forms[0] if n == 1 else forms[-1]

    def number(self, amount: float | Fraction, digits: int = 0) -> str:
        """With this language's separators; a share of a survey keeps at most `digits` decimals, or one."""
        whole = amount == int(amount)
        places = digits if digits or whole else 1
        # Half of a rating is rounded as a float would print it: what is exact is in the API.
        return _decimal(self.code, round(float(amount), places), _pattern(digits, places))

    def percent(self, share: float, digits: int = 0) -> str:
        """A share from 0 to 1."""
        return _percent(self.code, round(share, digits + 2), f"#,##0.{'0' * digits}%" if digits else "#,##0%")

    def day(self, day: date) -> str:
        """A day with its year."""
        return format_date(day, "medium", locale=self.locale)

    def short_day(self, day: date) -> str:
        """A day without its year."""
        return format_date(day, "d MMM" if self.code == "en" else "M月d日", locale=self.locale)

    def moment(self, moment: datetime) -> str:
        """Day and time, in the zone that `moment` is in."""
        # Babel changes a time to UTC unless it is told the zone.
        return format_datetime(moment, "medium", tzinfo=moment.tzinfo, locale=self.locale)

    def brief(self, moment: datetime) -> str:
        """Day and time without year and seconds, in the zone that `moment` is in."""
        return f"{self.short_day(moment.date())} {moment:%H:%M}"

    def clock(self, moment: datetime) -> str:
        """The time of day, in the zone that `moment` is in."""
        return format_time(moment.replace(tzinfo=None), "HH:mm:ss", locale=self.locale)

    def lasting(self, seconds: float) -> str:
        """How long something lasted, as minutes and seconds."""
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


# A table has thousands of numbers, most of them small ones: writing one anew takes longer than the rest of its row.
@lru_cache(maxsize=10_000)
def _decimal(code: str, amount: float, pattern: str) -> str:
    return format_decimal(amount, pattern, locale=language(code).locale)


@lru_cache(maxsize=10_000)
def _percent(code: str, share: float, pattern: str) -> str:
    return format_percent(share, pattern, locale=language(code).locale)


@cache
def language(code: str) -> Language:
    """A language of `NAMES`; raises KeyError for another."""
    return Language(code=code, locale=Locale.parse(_LOCALES[code]), messages=_messages(code))


def wanted_language(cookie: str, accepted: str) -> Language:
    """The language that a person chose, or else the first of `accepted` (`Accept-Language`, RFC 9110) that there is."""
    if cookie in NAMES:
        return language(cookie)
    offers: list[tuple[float, str]] = []
    for offer in accepted.split(",")[:20]:
        name, _, weight = offer.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        offers.append((quality, name.strip().lower().partition("-")[0]))
    for quality, code in sorted(offers, key=lambda offer: -offer[0]):
        if code in NAMES and quality > 0:
            return language(code)
    return language(OTHERWISE)


def _messages(code: str) -> Mapping[str, tuple[str, ...]]:
    if code == OTHERWISE:
        return {}
    with (files("ivr.web.pages") / "translations" / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code, abort_invalid=True)
    found: dict[str, tuple[str, ...]] = {}
    for message in catalogue:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            told = message.string or ()
            found[key] = (told,) if isinstance(told, str) else tuple(told)
    return found


def _pattern(digits: int, places: int) -> str:
    if not places:
        return "#,##0"
    return "#,##0." + ("0" if digits else "#") * places
