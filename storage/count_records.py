"""What comes out about counts, and which of them are asked for. Codes that are not known are ``""``."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal, get_args

Amount = int | Fraction
"""How many: not a whole number where agents share a survey."""
Dimension = Literal["site", "day", "agent", "team", "queue", "reason", "flow"]
"""By what counts can be told apart. The team is the one in which the agent is now."""
Coded = Literal["site", "agent", "team", "queue", "reason", "flow"]
"""Those of them whose values are codes."""
Step = Literal["offered", "started", "answered", "completed", "partial", "no_input", "hung_up", "failed"]
"""A step of the funnel; `answered` is reached with the first answer that has a value."""
STEPS: tuple[Step, ...] = get_args(Step)
"""All of them, in the order in which they are reached, and then how a survey ends."""
TALK_BANDS = (30, 60, 120, 300, 600)
"""Calls are told apart by how long their legs were talked: shorter than each of these seconds, or longer than all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFilter:
    """Which counts are summed; None does not narrow."""

    site: str | None = None
    agent: str | None = None
    """A code; ``""`` means the ratings whose agent is not known. The same for queue and reason."""
    queue: str | None = None
    reason: str | None = None
    """Includes the reasons below it: ``billing`` takes ``billing/refund`` along."""
    flow: str | None = None
    from_day: date | None = None
    to_day: date | None = None
    """The last day, itself included."""
    agents: frozenset[str] | None = None
    """Only these agents: a team's, or those whom somebody may see. An empty set leaves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyRow:
    """How many answers gave `value` to `question`. A dimension that was not asked for is None."""

    site: str | None = None
    day: date | None = None
    agent: str | None = None
    team: str | None = None
    queue: str | None = None
    reason: str | None = None
    flow: str | None = None
    question: str
    is_rating: bool
    value: int
    ratings: Amount
    """More than 0; a whole number unless agents share a rating."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedRow:
    """How many answers there are to a question, and how many of them are satisfied. A dimension that was not asked for
    is None."""

    site: str | None = None
    day: date | None = None
    agent: str | None = None
    team: str | None = None
    queue: str | None = None
    reason: str | None = None
    flow: str | None = None
    n: Amount
    """More than 0."""
    satisfied: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRow:
    """How many surveys reached `step`. A dimension that was not asked for is None."""

    site: str | None = None
    day: date | None = None
    agent: str | None = None
    team: str | None = None
    queue: str | None = None
    reason: str | None = None
    flow: str | None = None
    step: Step
    surveys: Amount
    """More than 0; a whole number unless agents share a survey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCountRow:
    """How many calls were asked, or not and why, and who ended them. A dimension that was not asked for is None."""

    site: str | None = None
    day: date | None = None
    agent: str | None = None
    """Who is credited, or would be if the caller had been asked."""
    team: str | None = None
    queue: str | None = None
    reason: str | None = None
    exclusion: str
    """The reason code; ``""`` for calls that were asked."""
    ended_by: str
    calls: Amount
    """More than 0; a whole number unless agents share a call."""
    talk_seconds: Amount
    """Of all their legs together, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    """How many calls of one hour and one length there were, and how many of them were given a rating."""

    hour: int
    """In which the call ended, from 0 to 23, in the site's zone."""
    talk_band: int
    """How long it was talked, as the place in `TALK_BANDS`, counted from 0; -1 when that is not known."""
    calls: Amount
    """More than 0."""
    rated: Amount
