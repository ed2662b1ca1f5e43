"""What goes in and comes out about sites, agents and calls. Codes that are not known are ``""``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

REASON_CODE = r"[a-z0-9][a-z0-9_-]{0,31}(/[a-z0-9][a-z0-9_-]{0,31})?"
"""What a call reason looks like, as a regular expression: ``billing`` or ``billing/refund``."""
EndedBy = Literal["agent", "caller", "transfer", "unknown"]
ReasonSource = Literal["", "queue", "caller", "channel", "wrap_up"]
"""Where a call reason comes from, the least trusted first: nobody said, the queue's default, the caller's own choice,
the dialplan's channel variable, the agent's wrap-up."""


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
class GapRecord:
    """A time in which nothing was heard of a site."""

    site: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Why a call is not asked."""

    exclusion: str
    """The reason code; never empty."""
    rule: str = ""
    """The rule that decided, as the settings name it."""
