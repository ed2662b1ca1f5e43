"""The tables that count: ratings, the funnel of surveys, calls, and how calls compare with those that were rated."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import CODE, NAME, SITE, WORD, Base
from storage.records import STEPS
from storage.types import Clipped

NO_RATING = -1
"""What stands in place of a rating's value; a key cannot hold NULL, and no value is below 0."""


class Tally(Base):
    """How many answers of a day, agent, queue, reason and flow gave each value to each question, in thousandths
    (`PARTS`) of an answer: whole numbers count exactly what several agents share.

    A row may stand at 0 after its ratings were credited elsewhere.
    """

    __tablename__ = "tally"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    agent: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    queue: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    reason: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    flow: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    question: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    is_rating: Mapped[bool] = mapped_column(primary_key=True)
    """Part of the key, because another version of the flow may have another headline question."""
    value: Mapped[int] = mapped_column(primary_key=True)
    ratings: Mapped[int]
    __table_args__ = (
        CheckConstraint("ratings >= 0", name="ratings"),
        # One agent's year, here and in the next two; everybody's period is found by the key.
        Index("ix_tally_agent", "site_id", "agent", "day"),
    )


class Funnel(Base):
    """How many surveys of a day, agent, queue, reason and flow reached each step, in thousandths (`PARTS`) of a survey.

    A row may stand at 0.
    """

    __tablename__ = "funnel"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    agent: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    queue: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    reason: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    flow: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    offered: Mapped[int]
    started: Mapped[int]
    answered: Mapped[int]
    completed: Mapped[int]
    """How many ended so, as in the next four."""
    partial: Mapped[int]
    no_input: Mapped[int]
    hung_up: Mapped[int]
    failed: Mapped[int]
    __table_args__ = (
        CheckConstraint(" AND ".join(f"{step} >= 0" for step in STEPS), name="steps"),
        Index("ix_funnel_agent", "site_id", "agent", "day"),
    )


class CallCount(Base):
    """How many calls of a day, agent, queue and reason were asked or not, and who ended them, in thousandths (`PARTS`).

    A call is counted when it is over and was asked or excluded; a row may stand at 0.
    """

    __tablename__ = "call_count"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    """The survey's, or else the one on which the call ended, in the site's zone."""
    agent: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    """Who is credited, or would be."""
    queue: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    reason: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    exclusion: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    """``""`` for calls that were asked."""
    ended_by: Mapped[str] = mapped_column(Clipped(WORD), primary_key=True)
    calls: Mapped[int]
    talk: Mapped[int] = mapped_column(BigInteger)
    """The seconds that their legs were talked, each as often as the call counts."""
    __table_args__ = (
        CheckConstraint("calls >= 0 AND talk >= 0", name="counts"),
        Index("ix_call_count_agent", "site_id", "agent", "day"),
    )


class Coverage(Base):
    """How many calls of an hour, length, queue and reason were given which rating, or none, in thousandths (`PARTS`).

    The same calls as in `CallCount`; a row may stand at 0.
    """

    __tablename__ = "coverage"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """In which the call ended, from 0 to 23, in the site's zone."""
    talk_band: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """How long the legs were talked: see `TALK_BANDS`; -1 when there was none, or its length is not known."""
    queue: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    reason: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    value: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The rating, or `NO_RATING`."""
    calls: Mapped[int]
    __table_args__ = (CheckConstraint("calls >= 0", name="calls"),)
