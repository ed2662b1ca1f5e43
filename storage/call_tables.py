"""The tables of sites, of those who work there, and of their calls."""

from datetime import date, datetime
from typing import get_args

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import CHANNEL, CODE, LABEL, NAME, SITE, WORD, Base, one_of
from storage.records import EndedBy
from storage.types import Clipped


class Site(Base):
    """One PBX."""

    __tablename__ = "site"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    name: Mapped[str] = mapped_column(Clipped(LABEL))
    zone: Mapped[str] = mapped_column(Clipped(NAME))
    """IANA name of the zone in which the site's days begin."""


class Agent(Base):
    """Who a code stands for; by default the code is the interface."""

    __tablename__ = "agent"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), ForeignKey("site.site_id"), primary_key=True)
    agent: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    interface: Mapped[str] = mapped_column(Clipped(CODE))
    name: Mapped[str] = mapped_column(Clipped(LABEL))
    team: Mapped[str] = mapped_column(Clipped(LABEL), server_default=text("''"))


class Queue(Base):
    """A queue that was heard of."""

    __tablename__ = "queue"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), ForeignKey("site.site_id"), primary_key=True)
    queue: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)


class Reason(Base):
    """Why customers call; `parent` is the code one level up, ``""`` at the top."""

    __tablename__ = "reason"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), ForeignKey("site.site_id"), primary_key=True)
    reason: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    label: Mapped[str] = mapped_column(Clipped(LABEL))
    parent: Mapped[str] = mapped_column(Clipped(CODE))


class Call(Base):
    """One customer conversation."""

    __tablename__ = "call"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), ForeignKey("site.site_id"), primary_key=True)
    linkedid: Mapped[str] = mapped_column(Clipped(CHANNEL), primary_key=True)
    uniqueid: Mapped[str] = mapped_column(Clipped(CHANNEL))
    queue: Mapped[str] = mapped_column(Clipped(CODE))
    reason: Mapped[str] = mapped_column(Clipped(CODE))
    reason_source: Mapped[str] = mapped_column(Clipped(WORD), server_default=text("''"))
    caller_digest: Mapped[str] = mapped_column(Clipped(64))
    """Keyed HMAC of the caller's number in hexadecimal; the number itself is never stored."""
    caller_mask: Mapped[str] = mapped_column(Clipped(32))
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Clipped(WORD))
    abandoned: Mapped[bool]
    exclusion: Mapped[str] = mapped_column(Clipped(CODE))
    """Why the caller was not asked; ``""`` when that was not decided or the caller was asked."""
    exclusion_rule: Mapped[str] = mapped_column(Clipped(LABEL), server_default=text("''"))
    """The rule that said so, as the settings name it; ``""`` when it was no rule."""
    agent: Mapped[str] = mapped_column(Clipped(CODE), server_default=text("''"))
    """To whom the call would be credited; of a call that was asked, its survey says so."""
    day: Mapped[date | None]
    """The date of `ended_at` in the site's zone, and below it the hour, from 0 to 23; fixed by the first end told."""
    hour: Mapped[int | None]
    __table_args__ = (
        CheckConstraint(one_of("ended_by", get_args(EndedBy)), name="ended_by"),
        # The list of calls, the last first.
        Index("ix_call_ended", "site_id", "ended_at"),
    )


class Leg(Base):
    """One agent's part of a call. Lengths in whole seconds."""

    __tablename__ = "leg"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    linkedid: Mapped[str] = mapped_column(Clipped(CHANNEL), primary_key=True)
    leg: Mapped[str] = mapped_column(Clipped(CHANNEL), primary_key=True)
    agent: Mapped[str] = mapped_column(Clipped(CODE))
    interface: Mapped[str] = mapped_column(Clipped(CODE), server_default=text("''"))
    """The device and, below, the member name, as the PBX told them: from these the agent can be found again."""
    member: Mapped[str] = mapped_column(Clipped(LABEL), server_default=text("''"))
    queue: Mapped[str] = mapped_column(Clipped(CODE))
    connected_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Clipped(WORD))
    ring_seconds: Mapped[int | None]
    hold_seconds: Mapped[int | None]
    talk_seconds: Mapped[int | None]
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "linkedid"], ["call.site_id", "call.linkedid"]),
        CheckConstraint(one_of("ended_by", get_args(EndedBy)), name="ended_by"),
        # An agent's last call, for the wrap-up after it.
        Index("ix_leg_agent", "site_id", "agent", "connected_at"),
    )


class LinkGap(Base):
    """A time in which nothing was heard of a site."""

    __tablename__ = "link_gap"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), ForeignKey("site.site_id"), primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    __table_args__ = (CheckConstraint("until >= since", name="order"),)
