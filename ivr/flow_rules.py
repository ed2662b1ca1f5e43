"""What a rule in the settings says: which calls are put which flow."""

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ivr.grammar.hours import WEEK_MINUTES
from ivr.setting_section import ManyHours, Section, listed, shaped, wrong
from storage.records import REASON_CODE


def _some(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise wrong("should be a value or a list of at least one")
    return values


def _or(words: Iterable[str]) -> str:
    return ", ".join(words)


Code = Annotated[
    str, shaped(r"[a-z][a-z0-9-]{0,31}", "a small letter, then small letters, digits and -, at most 32 in all")
]
ReasonCode = Annotated[
    str, shaped(REASON_CODE, "a code such as billing or billing/refund: small letters, digits, _ and -")
]
Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(listed), AfterValidator(_some)]
Reasons = Annotated[
    tuple[ReasonCode, ...],
    BeforeValidator(listed),
    AfterValidator(_some),
]
Languages = Annotated[
    tuple[Annotated[str, shaped(r"[a-z]{2,3}(_[A-Z]{2})?", "a language such as zh or zh_TW")], ...],
    BeforeValidator(listed),
    AfterValidator(_some),
]


class FlowRule(Section):
    """Calls that meet every condition given are put `flow`. A condition with several values is met by any of them."""

    flow: Code
    queue: Names | None = None
    team: Names | None = None
    reason: Reasons | None = None
    """`billing` is met by `billing/refund`, too."""
    language: Languages | None = None
    """`zh` is met by `zh_TW`, too."""
    hours: Annotated[ManyHours, AfterValidator(_some)] | None = None
    """On the site's clocks."""

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if not any(getattr(self, name) is not None for name in CONDITIONS):
            raise wrong(f"has no condition; give one of {_or(CONDITIONS)}, or set the site's own flow instead")
        return self

    @cached_property
    def minutes(self) -> frozenset[int]:
        """The minutes of the week in which `hours` are met, from Monday 00:00 = 0."""
        every_minute = frozenset(range(WEEK_MINUTES))
        return every_minute if self.hours is None else frozenset().union(*(hours.minutes for hours in self.hours))

    def covers(self, other: "FlowRule") -> bool:
        """Whether every call that `other` matches is matched by this rule, too."""
        return (
            _covers(self.queue, other.queue, lambda wide, narrow: wide == narrow)
            and _covers(self.team, other.team, lambda wide, narrow: wide == narrow)
            and _covers(self.reason, other.reason, within_reason)
            and _covers(self.language, other.language, within_language)
            and self.minutes >= other.minutes
        )


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
