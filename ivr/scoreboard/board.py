"""What a scoreboard takes its numbers from, and what a request for numbers asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from storage import queries
from storage.engine import Database
from storage.records import AgentRecord, CountFilter

DEFAULT_DAYS = 30
"""Length of the period when no first day is given, today included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSite:
    """A site whose scores can be asked for."""

    zone: ZoneInfo
    flow: str
    """The flow that is scored when the request names none."""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedQuestion:
    """A question on the keypad that has a value."""

    code: str
    values: Sequence[int]
    satisfied: Sequence[int]
    """Those of the values that count as satisfied; may be empty unless it is the headline question."""
    labels: Mapping[int, str]
    """What values are called; those without a name are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedFlow:
    """What is asked in one flow."""

    title: str
    headline: RatedQuestion
    """The one whose answers are ratings."""
    others: Sequence[RatedQuestion] = ()
    """In the order of the flow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoreboard:
    """Where scores come from."""

    database: Database
    sites: Mapping[str, ScoredSite]
    """By code; the first is asked when a request names none."""
    flows: Mapping[str, RatedFlow]
    """By code, each by its version in force."""
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreQuery:
    """What numbers are asked for."""

    site: str
    zone: ZoneInfo
    flow: str
    from_day: date
    to_day: date
    """The last day, itself included."""
    queue: str | None = None
    reason: str | None = None
    """With the reasons below it."""
    team: str | None = None
    agents: frozenset[str] | None = None
    """Whom the one who asks may see; None for all. Everything that is told is about them alone."""

    @property
    def begins(self) -> datetime:
        """The first moment of the period, in the site's zone."""
        return datetime.combine(self.from_day, time.min, self.zone)

    @property
    def ends(self) -> datetime:
        """The first moment after the period, in the site's zone."""
        return datetime.combine(self.to_day + timedelta(days=1), time.min, self.zone)

    @property
    def before(self) -> "ScoreQuery":
        """The same of the period of the same length right before."""
        days = self.to_day - self.from_day + timedelta(days=1)
        return replace(self, from_day=self.from_day - days, to_day=self.to_day - days)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The agents of a site whom a query is about."""

    known: Mapping[str, AgentRecord]
    """By code, those who are seen; narrowed to the team."""
    only: frozenset[str] | None
    """The codes to which counts are narrowed; None when nothing narrows, and unknown agents count too."""

    def alone(self, agent: str | None) -> frozenset[str] | None:
        """`only`, narrowed to one agent; None leaves it as it is, and of an agent who is not seen nothing is left."""
        if agent is None:
            return self.only
        return frozenset({agent}) if self.only is None or agent in self.only else frozenset()

    def name(self, code: str) -> str:
        """The name of an agent, or ``""``."""
        return self.known[code].name if code in self.known else ""

    def team(self, code: str) -> str:
        """The team of an agent, or ``""``."""
        return self.known[code].team if code in self.known else ""


async def people(board: Scoreboard, query: ScoreQuery) -> People:
    """The agents whom `query` is about."""
    known = {
        agent.agent: agent
        for agent in await queries.agents(board.database, query.site)
        if query.agents is None or agent.agent in query.agents
    }
    if query.team is None:
        return People(known=known, only=query.agents)
    in_team = {code: agent for code, agent in known.items() if agent.team == query.team}
    return People(known=in_team, only=frozenset(in_team))


def counted(query: ScoreQuery, who: People, *, agent: str | None = None, any_flow: bool = False) -> CountFilter:
    """The counts that answer `query`; of one agent when given. `any_flow` does not narrow to the flow."""
    return CountFilter(
        site=query.site,
        agent=agent,
        agents=who.only,
        queue=query.queue,
        reason=query.reason,
        flow=None if any_flow else query.flow,
        from_day=query.from_day,
        to_day=query.to_day,
    )
