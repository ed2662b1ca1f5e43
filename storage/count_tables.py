"""The tables that count: ratings, the funnel of surveys, calls, and how calls compare with those that were rated.

Each counts by day and, beside it, by month: a year is read from a few months and the days around them. In a table of
months `day` is the first of the month. Ratings are also counted by agent alone: what is not told apart by queue or
reason has a tenth of the rows to read.
"""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import CODE, NAME, SITE, WORD, Base
from storage.records import STEPS
from storage.types import Clipped

NO_RATING = -1
"""What stands in place of a rating's value; a key cannot hold NULL, and no value is below 0."""
_RATINGS = "ratings >= 0"
_STEPS = " AND ".join(f"{step} >= 0" for step in STEPS)
_CALLS = "calls >= 0 AND talk >= 0"
_COVERED = "calls >= 0"
_BY_AGENT = ("site_id", "agent", "day")
"""One agent's year, or a team's; everybody's period is found by the key."""


class RatingCounts:
    """How many answers of an agent, queue, reason and flow gave each value to each question, in thousandths (`PARTS`)
    of an answer: whole numbers count exactly what several agents share.

    A row may stand at 0 after its ratings were credited elsewhere.
    """

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


class Tally(RatingCounts, Base):
    """Ratings of a day."""

    __tablename__ = "tally"
    __table_args__ = (CheckConstraint(_RATINGS, name="ratings"), Index("ix_tally_agent", *_BY_AGENT))


class TallyMonth(RatingCounts, Base):
    """Ratings of a month."""

    __tablename__ = "tally_month"
    __table_args__ = (CheckConstraint(_RATINGS, name="ratings"), Index("ix_tally_month_agent", *_BY_AGENT))


class AgentRatingCounts:
    """The same as in `RatingCounts`, of all queues and reasons together."""

    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    agent: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    flow: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    question: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    is_rating: Mapped[bool] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(primary_key=True)
    ratings: Mapped[int]


class AgentTally(AgentRatingCounts, Base):
    """Ratings of a day, by agent alone."""

    __tablename__ = "agent_tally"
    __table_args__ = (CheckConstraint(_RATINGS, name="ratings"), Index("ix_agent_tally_agent", *_BY_AGENT))


class AgentTallyMonth(AgentRatingCounts, Base):
    """Ratings of a month, by agent alone."""

    __tablename__ = "agent_tally_month"
    __table_args__ = (CheckConstraint(_RATINGS, name="ratings"), Index("ix_agent_tally_month_agent", *_BY_AGENT))


class SurveyCounts:
    """How many surveys of an agent, queue, reason and flow reached each step, in thousandths (`PARTS`) of a survey.

    A row may stand at 0.
    """

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


class Funnel(SurveyCounts, Base):
    """Surveys of a day."""

    __tablename__ = "funnel"
    __table_args__ = (CheckConstraint(_STEPS, name="steps"), Index("ix_funnel_agent", *_BY_AGENT))


class FunnelMonth(SurveyCounts, Base):
    """Surveys of a month."""

    __tablename__ = "funnel_month"
    __table_args__ = (CheckConstraint(_STEPS, name="steps"), Index("ix_funnel_month_agent", *_BY_AGENT))


class CallCounts:
    """How many calls of an agent, queue and reason were asked or not, and who ended them, in thousandths (`PARTS`).

    A call is counted when it is over and was asked or excluded; a row may stand at 0.
    """

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


class CallCount(CallCounts, Base):
    """Calls of a day."""

    __tablename__ = "call_count"
    __table_args__ = (CheckConstraint(_CALLS, name="counts"), Index("ix_call_count_agent", *_BY_AGENT))


class CallCountMonth(CallCounts, Base):
    """Calls of a month."""

    __tablename__ = "call_count_month"
    __table_args__ = (CheckConstraint(_CALLS, name="counts"), Index("ix_call_count_month_agent", *_BY_AGENT))


class CoverageCounts:
    """How many calls of an hour, length, queue and reason were given which rating, or none, in thousandths (`PARTS`).

    The same calls as in `CallCounts`; a row may stand at 0.
    """

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


class Coverage(CoverageCounts, Base):
    """Calls of a day and whether they were rated."""

    __tablename__ = "coverage"
    __table_args__ = (CheckConstraint(_COVERED, name="calls"),)


class CoverageMonth(CoverageCounts, Base):
    """Calls of a month and whether they were rated."""

    __tablename__ = "coverage_month"
    __table_args__ = (CheckConstraint(_COVERED, name="calls"),)


MONTHS: Mapping[type[Base], type[Base]] = {
    Tally: TallyMonth,
    AgentTally: AgentTallyMonth,
    Funnel: FunnelMonth,
    CallCount: CallCountMonth,
    Coverage: CoverageMonth,
}
"""The table of months beside each table of days."""
BY_AGENT: Mapping[type[Base], type[Base]] = {Tally: AgentTally}
"""The table of days of all queues and reasons together, where there is one."""
