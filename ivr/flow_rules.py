"""What a rule in the settings says: which calls are put which flow."""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ivr.setting_section import Section, wrong

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00))")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise wrong("should be a value or a list of at least one")
    return values


def _days(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        ends = value.split("-")
        if len(ends) > 2 or not set(ends) <= set(DAYS):
            raise wrong(f"should be days such as mon-fri, or a list such as ['mon', 'sat-sun']; a day is {_or(DAYS)}")
    return values


def _hours(value: str) -> str:
    ends = _HOURS.fullmatch(value)
    if not ends or _minute(value[:5]) == _minute(value[6:]):
        raise wrong("should be hours such as 08:00-18:00; 22:00-06:00 goes on after midnight")
    return value


def _or(words: Iterable[str]) -> str:
    return ", ".join(words)


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed), AfterValidator(_some)]
Reasons = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}(/[a-z0-9][a-z0-9_-]{0,31})?$")], ...],
    BeforeValidator(_listed),
    AfterValidator(_some),
]
Languages = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")], ...],
    BeforeValidator(_listed),
    AfterValidator(_some),
]


class FlowRule(Section):
    """Calls that meet every condition given are put `flow`. A condition with several values is met by any of them."""

    flow: Code
    queue: Names | None = None
    team: Annotated[tuple[Code, ...], BeforeValidator(_listed), AfterValidator(_some)] | None = None
    reason: Reasons | None = None
    """`billing` is met by `billing/refund`, too."""
    language: Languages | None = None
    """`zh` is met by `zh_TW`, too."""
    days: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_some), AfterValidator(_days)] | None = (
        None
    )
    hours: Annotated[str, AfterValidator(_hours)] | None = None
    """From the first minute on, up to the last, which is outside. Hours past midnight belong to the day before."""

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if not any(getattr(self, name) is not None for name in CONDITIONS):
            raise wrong(f"has no condition; give one of {_or(CONDITIONS)}, or set the site's own flow instead")
        return self

    @cached_property
    def minutes(self) -> frozenset[int]:
        """The minutes of the week in which `days` and `hours` are met, from Monday 00:00 = 0."""
        first, last = 0, DAY_MINUTES
        if self.hours:
            first, last = _minute(self.hours[:5]), _minute(self.hours[6:])
        if last < first:
            last += DAY_MINUTES
        return frozenset(
            (day * DAY_MINUTES + minute) % WEEK_MINUTES for day in self._day_numbers() for minute in range(first, last)
        )

    def covers(self, other: "FlowRule") -> bool:
        """Whether every call that `other` matches is matched by this rule, too."""
        return (
            _covers(self.queue, other.queue, lambda wide, narrow: wide == narrow)
            and _covers(self.team, other.team, lambda wide, narrow: wide == narrow)
            and _covers(self.reason, other.reason, within_reason)
            and _covers(self.language, other.language, within_language)
            and self.minutes >= other.minutes
        )

    def _day_numbers(self) -> set[int]:
        numbers: set[int] = set()
        for value in self.days or ("mon-sun",):
            first, _, last = value.partition("-")
            start, end = DAYS.index(first), DAYS.index(last or first)
            numbers |= {(start + step) % 7 for step in range((end - start) % 7 + 1)}
        return numbers


CONDITIONS = tuple(name for name in FlowRule.model_fields if name != "flow")


def within_reason(wide: str, reason: str) -> bool:
    """Whether `reason` is `wide` or below it: ``billing`` includes ``billing/refund``, and not ``billing2``."""
    return reason == wide or reason.startswith(f"{wide}/")


def within_language(wide: str, language: str) -> bool:
    """Whether `language` is `wide` or a kind of it: ``zh`` includes ``zh_TW``, however a channel spells that."""
    language = language.replace("-", "_").lower()
    return language == wide.lower() or language.startswith(f"{wide.lower()}_")


def never_matching(rules: tuple[FlowRule, ...]) -> tuple[int, int] | None:
    """The first rule that an earlier one leaves no call to, and that earlier one, both counted from 1."""
    for number, rule in enumerate(rules, 1):
        for earlier, other in enumerate(rules[: number - 1], 1):
            if other.covers(rule):
                return number, earlier
    return None


def _covers(wide: tuple[str, ...] | None, narrow: tuple[str, ...] | None, includes: Any) -> bool:
    if wide is None:
        return True
    return narrow is not None and all(any(includes(one, other) for one in wide) for other in narrow)
