"""What goes into the database and what comes out of it. Codes that are not known are ``""``."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

EndedBy = Literal["agent", "caller", "transfer", "unknown"]
AnswerEnd = Literal["answered", "no_input", "no_match", "hung_up", "failed"]
Outcome = Literal["completed", "partial", "no_input", "hung_up", "failed"]
TRIAL = "trial-"
"""What the ids of trials begin with."""
NEVER_PUBLISHED = datetime(1970, 1, 1, tzinfo=UTC)
"""When a flow version was published that was only tried."""
Step = Literal["offered", "started", "answered", "completed", "partial", "no_input", "hung_up", "failed"]
"""A step of the funnel; `answered` is reached with the first answer that has a value."""
Way = Literal["shipped", "file", "command", "rollback"]
"""How a flow version came to be in force: with this release, by a file in the flows' folder, or by a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRecord:
    """One PBX."""

    site: str
    name: str
    zone: str
    """IANA name such as ``Europe/Berlin``: a survey's day is a date in this zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRecord:
    """Who stands behind an agent code."""

    site: str
    agent: str
    """The code, by default the interface; never empty."""
    interface: str
    """The device, such as ``PJSIP/1001``."""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonRecord:
    """What a reason code means."""

    site: str
    reason: str
    """Such as ``billing/refund``; never empty."""
    label: str
    parent: str = ""
    """The code one level up; ``""`` at the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """What is known of a call so far."""

    site: str
    linkedid: str
    """Never empty."""
    uniqueid: str = ""
    queue: str = ""
    reason: str = ""
    caller_digest: str = ""
    """Keyed HMAC of the caller's number, hexadecimal."""
    caller_mask: str = ""
    """The number with most digits hidden."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    abandoned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRecord:
    """What is known of one agent's part of a call so far. Lengths in seconds, from 0."""

    site: str
    linkedid: str
    leg: str
    agent: str
    queue: str = ""
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    ring_seconds: int | None = None
    hold_seconds: int | None = None
    talk_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRecord:
    """A time in which nothing was heard of a site."""

    site: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVersionRecord:
    """An immutable copy of a flow."""

    digest: str
    """Of the source, hexadecimal, at most 64 characters."""
    flow: str
    source: str
    published_at: datetime
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationRecord:
    """A flow version is in force from a moment on, until the next publication of its flow begins."""

    flow: str
    number: int = 0
    """Counts the publications of a flow from 1; 0 before it is stored. Of two that begin at the same moment, the one
    with the higher number is in force."""
    digest: str
    in_force_from: datetime
    published_at: datetime
    """When this was decided; earlier than `in_force_from` when it was planned."""
    way: Way
    published_by: str = ""
    """The file's name, or the user who gave the command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyOffer:
    """A survey that is about to be put to a caller."""

    site: str
    survey: str
    """The uniqueid of the asked channel; never empty. A trial has a made-up one that begins with `TRIAL`."""
    linkedid: str
    """The call that the survey is about; never empty. A trial, which has no call, repeats its `survey`."""
    flow: str
    flow_version: str
    """The digest of a version that was published."""
    offered_at: datetime
    language: str = ""
    agent: str = ""
    queue: str = ""
    reason: str = ""
    trial: bool = False
    """True for a flow that is only tried: it is kept like a survey, and counted nowhere."""

    def __post_init__(self) -> None:
        if not self.survey or not self.linkedid:
            raise ValueError("a survey has an id and a call")
        if self.trial and not self.survey == self.linkedid != self.linkedid.removeprefix(TRIAL):
            # One that named a real call would keep that call's caller from being asked.
            raise ValueError(f"a trial has one made-up id that begins with {TRIAL}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """One question put to one caller."""

    question: str
    is_rating: bool
    """True for the flow's headline question."""
    keys: str
    value: int | None
    """None unless `ended` is `answered`."""
    tries: int
    """From 1."""
    ended: AnswerEnd
    answered_at: datetime


Dimension = Literal["site", "day", "agent", "queue", "reason", "flow"]
"""By what counts can be told apart."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyRow:
    """How many answers gave `value` to `question`. A dimension that was not asked for is None."""

    site: str | None = None
    day: date | None = None
    agent: str | None = None
    queue: str | None = None
    reason: str | None = None
    flow: str | None = None
    question: str
    is_rating: bool
    value: int
    ratings: int
    """From 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRow:
    """How many surveys reached `step`. A dimension that was not asked for is None."""

    site: str | None = None
    day: date | None = None
    agent: str | None = None
    queue: str | None = None
    reason: str | None = None
    flow: str | None = None
    step: Step
    surveys: int
    """From 1."""
