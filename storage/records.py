"""What goes into the database and what comes out of it. Codes that are not known are ``""``."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Literal, get_args

PARTS = 1000
"""What one survey counts in the tallies and the funnel, so that several agents can share it without a rounding."""
REASON_CODE = r"[a-z0-9][a-z0-9_-]{0,31}(/[a-z0-9][a-z0-9_-]{0,31})?"
"""What a call reason looks like, as a regular expression: ``billing`` or ``billing/refund``."""
EndedBy = Literal["agent", "caller", "transfer", "unknown"]
AnswerEnd = Literal["answered", "recorded", "skipped", "no_input", "no_match", "hung_up", "failed"]
ReasonSource = Literal["", "queue", "caller", "channel", "wrap_up"]
"""Where a call reason comes from, the least trusted first: nobody said, the queue's default, the caller's own choice,
the dialplan's channel variable, the agent's wrap-up."""
Outcome = Literal["completed", "partial", "no_input", "hung_up", "failed"]
OptOutWay = Literal["api", "key"]
"""How a caller opted out: somebody told the service, or the caller pressed a key."""
TRIAL = "trial-"
"""What the ids of trials begin with."""
TALK_BANDS = (30, 60, 120, 300, 600)
"""Calls are told apart by how long their legs were talked: shorter than each of these seconds, or longer than all."""
NEVER_PUBLISHED = datetime(1970, 1, 1, tzinfo=UTC)
"""When a flow version was published that was only tried."""
Step = Literal["offered", "started", "answered", "completed", "partial", "no_input", "hung_up", "failed"]
"""A step of the funnel; `answered` is reached with the first answer that has a value."""
Way = Literal["shipped", "file", "command", "rollback"]
"""How a flow version came to be in force: with this release, by a file in the flows' folder, or by a command."""


def trust(source: ReasonSource) -> int:
    """How much a reason from there is trusted: the more, the higher."""
    return get_args(ReasonSource).index(source)


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
    """The device, such as ``PJSIP/1001``; the last one heard of."""
    name: str = ""
    team: str = ""


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
    reason_source: ReasonSource = ""
    """A reason from a less trusted source never replaces one from a more trusted one."""
    caller_digest: str = ""
    """Keyed HMAC of the caller's number, hexadecimal."""
    caller_mask: str = ""
    """The number with most digits hidden."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    abandoned: bool = False
    agent: str = ""
    """To whom the call would be credited; of a call that was asked, its survey says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRecord:
    """What is known of one agent's part of a call so far. Lengths in seconds, from 0."""

    site: str
    linkedid: str
    leg: str
    agent: str
    """The agent's code; ``""`` when nobody knows who sat there."""
    interface: str = ""
    """The device, as the PBX named it."""
    member: str = ""
    """The member name from the queue."""
    queue: str = ""
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    ring_seconds: int | None = None
    hold_seconds: int | None = None
    talk_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one agent gets of a survey."""

    agent: str
    """The code; ``""`` for somebody who is not known."""
    parts: int
    """From 1 to `PARTS`; those of one survey add up to `PARTS`."""


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
    shares: tuple[Share, ...] = ()
    """When several agents share it: each of them once. `agent` then says nothing."""
    queue: str = ""
    reason: str = ""
    caller_digest: str = ""
    """Keyed HMAC of the caller's number, hexadecimal."""
    reason_source: ReasonSource = ""
    member: str = ""
    """The interface of the agent whom the queue connected, as the caller's channel told; kept for a later recount."""
    member_name: str = ""
    transferred_to: str = ""
    """The interface of who talked after a blind transfer, as the caller's channel told."""
    handed_over_by: str = ""
    """The interface of who made an attended transfer, as the caller's channel told."""
    sent_by: str = ""
    """The interface of who sent the caller into the survey, as the caller's channel told."""
    trial: bool = False
    """True for a flow that is only tried: it is kept like a survey, and counted nowhere."""

    def __post_init__(self) -> None:
        if not self.survey or not self.linkedid:
            raise ValueError("a survey has an id and a call")
        check_shares(self.shares)
        if self.trial and not self.survey == self.linkedid != self.linkedid.removeprefix(TRIAL):
            # One that named a real call would keep that call's caller from being asked.
            raise ValueError(f"a trial has one made-up id that begins with {TRIAL}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Why a call is not asked."""

    exclusion: str
    """The reason code; never empty."""
    rule: str = ""
    """The rule that decided, as the settings name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutRecord:
    """A caller who is never to be asked again."""

    site: str | None
    """None for all sites."""
    caller_digest: str
    """Never empty."""
    at: datetime
    way: OptOutWay

    def __post_init__(self) -> None:
        if not self.caller_digest:
            raise ValueError("nobody can opt out who withholds the number")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCall:
    """All that is stored about a call that was asked, and that says to whom its survey belongs."""

    site: str
    linkedid: str
    survey: str
    offered_at: datetime
    queue: str
    """The queue that the caller entered last."""
    reason: str
    reason_source: ReasonSource
    member: str = ""
    member_name: str = ""
    transferred_to: str = ""
    handed_over_by: str = ""
    sent_by: str = ""
    legs: tuple[LegRecord, ...] = ()
    """In no order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRecord:
    """To whom, and under what, a survey is counted."""

    shares: tuple[Share, ...]
    """Each agent once; empty when nobody is known."""
    queue: str
    reason: str
    reason_source: ReasonSource

    def __post_init__(self) -> None:
        check_shares(self.shares)

    @property
    def agent(self) -> str:
        """Who has it, or of several the one with the largest share; ``""`` when that is not known."""
        return min(self.shares, key=lambda share: (-share.parts, share.agent)).agent if self.shares else ""


def check_shares(shares: tuple[Share, ...]) -> None:
    """Raise ValueError unless the shares of a survey are a whole survey."""
    if shares and (
        sum(share.parts for share in shares) != PARTS
        or min(share.parts for share in shares) < 1
        or len({share.agent for share in shares}) != len(shares)
    ):
        raise ValueError(f"the shares of a survey are those of different agents and add up to {PARTS}: {shares}")


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
    recording: str | None = None
    """Where the PBX keeps what the caller said, without the file's ending; None unless `ended` is `recorded`."""
    recording_seconds: float | None = None
    """The recording's length; None unless `ended` is `recorded`."""


Amount = int | Fraction
"""How many: not a whole number where agents share a survey."""
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
    agents: frozenset[str] | None = None
    """Only these agents: a team's, or those whom somebody may see. An empty set leaves nothing."""


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
    ratings: Amount
    """More than 0; a whole number unless agents share a rating."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedRow:
    """How many answers there are to a question, and how many of them are satisfied. A dimension that was not asked for
    is None."""

    site: str | None = None
    day: date | None = None
    agent: str | None = None
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
    """How many calls of one kind were given a rating, or none."""

    hour: int
    """In which the call ended, from 0 to 23, in the site's zone."""
    talk_band: int
    """How long it was talked, as the place in `TALK_BANDS`, counted from 0; -1 when that is not known."""
    queue: str
    reason: str
    value: int | None
    """The rating; None for calls without one."""
    calls: Amount
    """More than 0."""
