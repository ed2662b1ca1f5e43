"""The tables of flows, of the surveys made with them, and of callers who are not or not yet to be asked."""

from datetime import date, datetime
from typing import get_args

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import CHANNEL, CODE, LABEL, NAME, SITE, WORD, Base, one_of
from storage.callback_records import CallbackState
from storage.records import AnswerEnd, OptOutWay, Outcome, Way
from storage.types import Clipped


class FlowVersion(Base):
    """An immutable copy of a flow, known by the digest of its source."""

    __tablename__ = "flow_version"
    digest: Mapped[str] = mapped_column(Clipped(64), primary_key=True)
    flow: Mapped[str] = mapped_column(Clipped(NAME), index=True)
    title: Mapped[str] = mapped_column(Clipped(LABEL))
    source: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime]
    """When it was published last: an older version that comes back is the newest again."""


class Publication(Base):
    """A flow version is in force from a moment on. Rows are only ever added: the last one that has begun holds."""

    __tablename__ = "publication"
    flow: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(Clipped(64), ForeignKey("flow_version.digest"))
    in_force_from: Mapped[datetime]
    published_at: Mapped[datetime]
    way: Mapped[str] = mapped_column(Clipped(WORD))
    published_by: Mapped[str] = mapped_column(Clipped(LABEL))
    __table_args__ = (
        CheckConstraint(one_of("way", get_args(Way)), name="way"),
        CheckConstraint("number >= 1", name="number"),
    )


class Survey(Base):
    """One flow put to one caller after one call; `survey` is the uniqueid of the channel that was asked."""

    __tablename__ = "survey"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    survey: Mapped[str] = mapped_column(Clipped(CHANNEL), primary_key=True)
    linkedid: Mapped[str] = mapped_column(Clipped(CHANNEL))
    day: Mapped[date]
    """The date of `offered_at` in the site's zone, fixed when the survey was offered."""
    flow: Mapped[str] = mapped_column(Clipped(NAME))
    flow_version: Mapped[str] = mapped_column(Clipped(64), ForeignKey("flow_version.digest"))
    language: Mapped[str] = mapped_column(Clipped(WORD))
    agent: Mapped[str] = mapped_column(Clipped(CODE))
    """Who is credited; of several, the one with the largest share."""
    shared: Mapped[bool] = mapped_column(server_default=false())
    """True when several agents share it, whose shares are then in `credit`."""
    queue: Mapped[str] = mapped_column(Clipped(CODE))
    reason: Mapped[str] = mapped_column(Clipped(CODE))
    caller_digest: Mapped[str] = mapped_column(Clipped(64), server_default=text("''"))
    """That of the call: here for the rules, which look for a caller's last surveys while that caller waits."""
    reason_source: Mapped[str] = mapped_column(Clipped(WORD), server_default=text("''"))
    member: Mapped[str] = mapped_column(Clipped(CODE), server_default=text("''"))
    """What the caller's channel told, here and in the next four: who the queue's member was, who talked after a blind
    transfer, who made an attended one, and who sent the caller into the survey. All that is known when the events of a
    call were missed."""
    member_name: Mapped[str] = mapped_column(Clipped(LABEL), server_default=text("''"))
    transferred_to: Mapped[str] = mapped_column(Clipped(CODE), server_default=text("''"))
    handed_over_by: Mapped[str] = mapped_column(Clipped(CODE), server_default=text("''"))
    sent_by: Mapped[str] = mapped_column(Clipped(CODE), server_default=text("''"))
    trial: Mapped[bool] = mapped_column(server_default=false())
    """True when somebody only tried the flow: it is in no tally and no funnel, and there was no call of a PBX."""
    status: Mapped[str] = mapped_column(Clipped(WORD))
    offered_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    incentive: Mapped[str | None] = mapped_column(Clipped(WORD))
    """The code that the caller was given as thanks."""
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "linkedid"], ["call.site_id", "call.linkedid"]),
        UniqueConstraint("site_id", "linkedid"),
        # For the rules: how many since when, answered from the index alone.
        *(
            Index(f"ix_survey_{name}", "site_id", "trial", *columns, "offered_at")
            for name, columns in {
                "caller": ["caller_digest"],
                "agent": ["agent"],
                "queue": ["queue"],
                "reason": ["reason"],
                "offered": [],
            }.items()
        ),
        # Only the few surveys under way are in it: looking for those left open after a crash stays cheap.
        Index(
            "ix_survey_open",
            "site_id",
            "offered_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        CheckConstraint(one_of("status", ("offered", "started", *get_args(Outcome))), name="status"),
        CheckConstraint("(ended_at IS NULL) = (status IN ('offered', 'started'))", name="ended"),
        CheckConstraint("status <> 'started' OR started_at IS NOT NULL", name="started"),
    )


class Credit(Base):
    """What each agent gets of a survey that several share; other surveys have no row here. The parts of a survey add up
    to `PARTS`."""

    __tablename__ = "credit"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    survey: Mapped[str] = mapped_column(Clipped(CHANNEL), primary_key=True)
    agent: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    parts: Mapped[int]
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "survey"], ["survey.site_id", "survey.survey"]),
        CheckConstraint("parts > 0", name="parts"),
    )


class Answer(Base):
    """One question put to one caller."""

    __tablename__ = "answer"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    survey: Mapped[str] = mapped_column(Clipped(CHANNEL), primary_key=True)
    question: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    is_rating: Mapped[bool]
    """True for the answer to the flow's headline question."""
    keys: Mapped[str] = mapped_column(Clipped(20))
    value: Mapped[int | None]
    tries: Mapped[int]
    ended: Mapped[str] = mapped_column(Clipped(WORD))
    answered_at: Mapped[datetime]
    recording: Mapped[str | None] = mapped_column(Text)
    """Where the PBX keeps what the caller said, without the file's ending."""
    recording_seconds: Mapped[float | None] = mapped_column(Double)
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "survey"], ["survey.site_id", "survey.survey"]),
        CheckConstraint(one_of("ended", get_args(AnswerEnd)), name="ended"),
        CheckConstraint("(value IS NULL) = (ended <> 'answered')", name="value"),
        CheckConstraint("tries >= 1", name="tries"),
        CheckConstraint("(recording IS NULL) = (ended <> 'recorded')", name="recording"),
        CheckConstraint("(recording_seconds IS NULL) = (ended <> 'recorded')", name="recording_seconds"),
        {"postgresql_partition_by": "RANGE (survey)"},
    )


class OptOut(Base):
    """A caller who is never to be asked again. Not a foreign key: ``""`` stands for all sites."""

    __tablename__ = "opt_out"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    caller_digest: Mapped[str] = mapped_column(Clipped(64), primary_key=True)
    opted_out_at: Mapped[datetime]
    way: Mapped[str] = mapped_column(Clipped(WORD))
    __table_args__ = (CheckConstraint(one_of("way", get_args(OptOutWay)), name="way"),)


class Callback(Base):
    """One caller who is to be called back, to be asked about one call."""

    __tablename__ = "callback"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    linkedid: Mapped[str] = mapped_column(Clipped(CHANNEL), primary_key=True)
    state: Mapped[str] = mapped_column(Clipped(WORD))
    why: Mapped[str] = mapped_column(Clipped(WORD))
    """How the last try ended, or why there is no other; ``""`` before the first."""
    sealed_number: Mapped[str | None] = mapped_column(Text)
    """The number, encrypted; NULL from the moment on at which nobody will be called any more."""
    caller_digest: Mapped[str] = mapped_column(Clipped(64))
    agent: Mapped[str] = mapped_column(Clipped(CODE))
    """Who is rated: whom the caller talked with last."""
    queue: Mapped[str] = mapped_column(Clipped(CODE))
    tries: Mapped[int]
    """Tries begun, the one under way included."""
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    called_at: Mapped[datetime | None]
    """When the last try began."""
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "linkedid"], ["call.site_id", "call.linkedid"]),
        CheckConstraint(one_of("state", get_args(CallbackState)), name="state"),
        CheckConstraint("(sealed_number IS NOT NULL) = (state IN ('pending', 'calling'))", name="number"),
        CheckConstraint("(ended_at IS NULL) = (state IN ('pending', 'calling'))", name="ended"),
        CheckConstraint("tries >= 0", name="tries"),
        # Only those to be called are in it.
        Index(
            "ix_callback_open",
            "site_id",
            "due_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_callback_opted_out",
            "site_id",
            "caller_digest",
            sqlite_where=text("why = 'opted_out'"),
            postgresql_where=text("why = 'opted_out'"),
        ),
        # How many were begun in the last minute.
        Index("ix_callback_called", "site_id", "called_at"),
    )
