"""What goes in and comes out about flows and surveys. Codes that are not known are ``""``."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from storage.call_records import LegRecord, ReasonSource

PARTS = 1000
"""What one survey counts in the tallies and the funnel, so that several agents can share it without a rounding."""
AnswerEnd = Literal["answered", "recorded", "skipped", "no_input", "no_match", "hung_up", "failed"]
Outcome = Literal["completed", "partial", "no_input", "hung_up", "failed"]
OptOutWay = Literal["api", "key"]
"""How a caller opted out: somebody told the service, or the caller pressed a key."""
TRIAL = "trial-"
"""What the ids of trials begin with."""
NEVER_PUBLISHED = datetime(1970, 1, 1, tzinfo=UTC)
"""When a flow version was published that was only tried."""
Way = Literal["shipped", "file", "command", "rollback"]
"""How a flow version came to be in force: with this release, by a file in the flows' folder, or by a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one agent gets of a survey."""

    agent: str
    """The code; ``""`` for somebody who is not known."""
    parts: int
    """From 1 to `PARTS`; those of one survey add up to `PARTS`."""


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
