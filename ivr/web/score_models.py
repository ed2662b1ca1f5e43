"""What the score endpoints answer; the field descriptions are the API's documentation."""

from datetime import datetime
from typing import Self
from urllib.parse import quote

from pydantic import BaseModel, Field

from ivr.scoreboard.agents import AgentRow
from ivr.scoreboard.board import RatedQuestion, ScoreQuery
from ivr.scores.fair import FairScore
from ivr.scores.intervals import Amount, Proportion
from ivr.scores.scored import Scored

Count = int | float
"""A whole number unless agents share a survey; then with up to three decimals."""


class Period(BaseModel):
    """The time that is scored."""

    begins: datetime = Field(description="First moment of the period, with its offset")
    ends: datetime = Field(description="First moment after the period, with its offset")
    zone: str = Field(description="IANA zone in which the site's days begin")

    @classmethod
    def of(cls, query: ScoreQuery) -> Self:
        """The period of a query."""
        return cls(begins=query.begins, ends=query.ends, zone=query.zone.key)


class Csat(BaseModel):
    """Share of satisfied ratings, with its 95 % Wilson score interval."""

    percent: float = Field(description="0 to 100")
    low: float = Field(description="Lower bound of the interval, 0 to 100")
    high: float = Field(description="Upper bound of the interval, 0 to 100")
    satisfied: Count = Field(description="Ratings that count as satisfied")

    @classmethod
    def of(cls, share: Proportion | None) -> Self | None:
        """The body for a share; None for none."""
        if share is None:
            return None
        return cls(
            percent=percent(share.share),
            low=percent(share.low),
            high=percent(share.high),
            satisfied=count(share.count),
        )


class NpsBody(BaseModel):
    """Net Promoter Score, of a question from 0 to 10."""

    score: float = Field(description="Per cent promoters less per cent detractors, -100 to 100")
    low: float = Field(description="Lower bound of the 95 % interval")
    high: float = Field(description="Upper bound of the 95 % interval")
    promoters: Count = Field(description="Ratings of 9 and 10")
    detractors: Count = Field(description="Ratings from 0 to 6")


class ScoreBody(BaseModel):
    """A score, never without its n."""

    n: Count = Field(description="Ratings; with decimals where agents share some")
    mean: float | None = Field(description="Mean of the ratings; null when n is 0")
    mean_low: float | None = Field(description="Lower bound of the mean's 95 % interval; null when n is below 2")
    mean_high: float | None = Field(description="Upper bound of the mean's 95 % interval; null when n is below 2")
    csat: Csat | None = Field(description="null when n is 0")
    nps: NpsBody | None = Field(description="null when n is 0, and for questions that do not go from 0 to 10")
    distribution: dict[int, Count] = Field(description="Ratings by value")
    offered: Count = Field(description="Surveys put to callers")
    answered: Count = Field(description="Surveys with at least one answer")
    response_rate: float | None = Field(description="100 x answered / offered, 0 to 100; null when none was offered")

    @classmethod
    def of(cls, scored: Scored) -> Self:
        """The body for `scored`."""
        return cls(**score_fields(scored))


def score_fields(scored: Scored) -> dict[str, object]:
    """The fields of a `ScoreBody`."""
    found, response = scored.score, scored.response
    mean, nps = found.mean, found.nps
    return {
        "n": count(found.n),
        "mean": round(mean.value, 4) if mean else None,
        "mean_low": round(mean.low, 4) if mean and mean.low is not None else None,
        "mean_high": round(mean.high, 4) if mean and mean.high is not None else None,
        "csat": Csat.of(found.satisfied),
        "nps": NpsBody(
            score=round(nps.score, 2),
            low=round(nps.low, 2),
            high=round(nps.high, 2),
            promoters=count(nps.promoters),
            detractors=count(nps.detractors),
        )
        if nps
        else None,
        "distribution": {value: count(some) for value, some in found.distribution.items()},
        "offered": count(response.offered),
        "answered": count(response.answered),
        "response_rate": None if response.rate is None else percent(response.rate),
    }


class FairBody(BaseModel):
    """Where an agent stands among those shown, by the same mix of calls. See docs/scores.md."""

    expected: float = Field(description="Per cent satisfied that were to be expected of this agent's mix of calls")
    adjusted: float = Field(description="Per cent satisfied, had the agent the usual mix of calls")
    fair: float = Field(description="The adjusted share, drawn to that of all by as much as there are few ratings")
    low: float = Field(description="Lower bound of the 95 % interval of the fair share")
    high: float = Field(description="Upper bound of the 95 % interval of the fair share")
    standing: str | None = Field(description="above, near or below the share of all; null with too few ratings")
    first_place: int | None = Field(description="Best place the agent may hold; null with too few ratings")
    last_place: int | None = Field(description="Last place the agent may hold; null with too few ratings")

    @classmethod
    def of(cls, found: FairScore | None) -> Self | None:
        """The body for a comparison; None for none."""
        if found is None:
            return None
        return cls(
            expected=percent(found.expected),
            adjusted=percent(found.adjusted),
            fair=percent(found.fair.share),
            low=percent(found.fair.low),
            high=percent(found.fair.high),
            standing=found.standing,
            first_place=found.band.first if found.band else None,
            last_place=found.band.last if found.band else None,
        )


class ReasonScore(ScoreBody):
    """An agent's score from callers with one reason."""

    reason: str | None = Field(description="null when the reason is not known")


class AgentScoreBody(ScoreBody):
    """An agent's score."""

    agent: str | None = Field(description="The agent's code; null for ratings whose agent is not known")
    name: str = Field(description="From the list of agents, or the member name in the queue; empty when not known")
    team: str = Field(description="From the list of agents; empty when not known")
    href: str | None = Field(description="Where this agent alone is found")
    compared: FairBody | None = Field(description="null without ratings, and when no other agent is shown")

    @classmethod
    def of_row(cls, row: AgentRow) -> Self:
        """The body for one agent."""
        return cls(**agent_fields(row))


def agent_fields(row: AgentRow) -> dict[str, object]:
    """The fields of an `AgentScoreBody`."""
    return {
        **score_fields(row.scored),
        "agent": row.agent or None,
        "name": row.name,
        "team": row.team,
        "href": f"/api/v1/agents/{quote(row.agent, safe='')}/scores" if row.agent else None,
        "compared": FairBody.of(row.fair),
    }


class Asked(BaseModel):
    """What the scores below are about."""

    site: str
    period: Period
    flow: str
    question: str = Field(description="The flow's headline question; its answers are the ratings")
    values: list[int] = Field(description="What a rating can be")
    satisfied: list[int] = Field(description="Which ratings count as satisfied")
    queue: str | None = Field(description="The filter as given; null for all queues")
    reason: str | None = Field(description="The filter as given, with the reasons below it; null for all reasons")


def asked_fields(query: ScoreQuery, headline: RatedQuestion) -> dict[str, object]:
    """The fields of an `Asked`: the heading of an answer to `query`."""
    return {
        "site": query.site,
        "period": Period.of(query),
        "flow": query.flow,
        "question": headline.code,
        "values": list(headline.values),
        "satisfied": list(headline.satisfied),
        "queue": query.queue,
        "reason": query.reason,
    }


class AgentsScores(Asked):
    """Answer of `GET /api/v1/agents/scores`. The order of the agents is by name: it is no ranking."""

    team: str | None = Field(description="The filter as given; null for all teams")
    everybody: ScoreBody = Field(description="All ratings of those shown together")
    ranked: int = Field(description="Agents that have a place")
    fewest_ratings: int = Field(description="Ratings that an agent needs to have a place")
    agents: list[AgentScoreBody]


class OneAgentScores(Asked, AgentScoreBody):
    """Answer of `GET /api/v1/agents/{agent}/scores`."""

    by_reason: list[ReasonScore] = Field(description="The same by call reason")


def count(amount: Amount) -> Count:
    """Exact: no share of a survey is finer than a thousandth."""
    return int(amount) if amount == int(amount) else round(float(amount), 3)


def percent(share: float) -> float:
    """A share as per cent with two decimals."""
    return round(100 * share, 2)
