"""The filter bar: which period, site, flow, queue, reason and team a page is about, as a form without script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from urllib.parse import urlencode

PERIODS: tuple[Literal["today", "week", "month", "quarter"], ...] = ("today", "week", "month", "quarter")
"""The periods that are one press away: the last 1, 7, 30 and 90 days."""
_DAYS = {"today": 1, "week": 7, "month": 30, "quarter": 90}
NAMES = ("site", "flow", "queue", "reason", "team")
"""The parameters that a list is offered for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entry of a list."""

    code: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What can be chosen at a site."""

    sites: Sequence[Choice]
    flows: Sequence[Choice]
    queues: Sequence[Choice]
    reasons: Sequence[Choice]
    teams: Sequence[Choice]

    def of(self, name: str) -> Sequence[Choice]:
        """The list for one of `NAMES`."""
        lists = {
            "site": self.sites,
            "flow": self.flows,
            "queue": self.queues,
            "reason": self.reasons,
            "team": self.teams,
        }
        return lists[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterBar:
    """The bar of one page."""

    choices: Choices
    chosen: Mapping[str, str]
    """By parameter, those that the address names, the days among them as ``from`` and ``to``."""
    shown: Mapping[str, str]
    """The site and the flow that are shown, named or not."""
    from_day: date
    to_day: date
    today: date
    """At the site."""
    has_period: bool = True
    """Whether the page can be about another period."""
    hidden: frozenset[str] = frozenset()
    """Lists that narrow nothing on this page."""

    @property
    def query(self) -> str:
        """The query under which other pages are about the same; ``""`` for the usual one, else with its ``?``."""
        return f"?{urlencode(self.chosen)}" if self.chosen else ""

    @property
    def query_of_any_time(self) -> str:
        """The same without the period, for a page that has none."""
        return self.with_(from_=None, to=None).rstrip("?")

    def with_(self, **changed: str | None) -> str:
        """The query with parameters changed; None takes one out."""
        named = {name.rstrip("_"): value for name, value in changed.items()}
        merged = {**self.chosen, **named}
        kept = {name: value for name, value in merged.items() if value is not None}
        return f"?{urlencode(kept)}" if kept else "?"

    def period(self, name: str) -> str:
        """The query for one of `PERIODS`."""
        first = self.today - timedelta(days=_DAYS[name] - 1)
        return self.with_(from_=first.isoformat(), to=self.today.isoformat())

    @property
    def current_period(self) -> str:
        """Which of `PERIODS` is shown; ``""`` for another."""
        days = (self.to_day - self.from_day).days + 1
        return next((name for name in PERIODS if self.to_day == self.today and _DAYS[name] == days), "")

    def selected(self, name: str) -> str:
        """What a list stands on; ``""`` for all."""
        return self.chosen.get(name, self.shown.get(name, ""))

    def unlisted(self, name: str) -> str:
        """What a list stands on that is none of its entries, such as the queue of an old bookmark; ``""`` otherwise."""
        chosen = self.selected(name)
        return "" if any(entry.code == chosen for entry in self.choices.of(name)) else chosen

    @property
    def narrowed(self) -> int:
        """How many lists stand on something of their own choice."""
        return sum(
            1 for name in NAMES if name in self.chosen and (len(self.choices.of(name)) > 1 or self.unlisted(name))
        )
