"""What the score endpoints answer; the field descriptions are the API's documentation."""

from datetime import datetime
from typing import Self
from urllib.parse import quote

from pydantic import BaseModel, Field

from ivr.scores.agents import AgentScore, Scored
from ivr.scores.intervals import Amount
from ivr.web.score_query import ScoreQuery

Count = int | float
"""A whole number unless agents share a survey; then with up to three decimals."""


class Period(BaseModel):
    """The time that is scored."""

    begins: datetime = Field(description="First moment of the period, with its offset")
    ends: datetime = Field(description="First moment after the period, with its offset")
    zone: str = Field(description="IANA zone in which the site's days begin")


class Csat(BaseModel):
    """Share of satisfied ratings, with its 95 % Wilson score interval."""

    percent: float = Field(description="0 to 100")
    low: float = Field(description="Lower bound of the interval, 0 to 100")
    high: float = Field(description="Upper bound of the interval, 0 to 100")
    satisfied: Count = Field(description="Ratings that count as satisfied")


class ScoreBody(BaseModel):
    """A score, never without its n."""

    n: Count = Field(description="Ratings; with decimals where agents share some")
    mean: float | None = Field(description="Mean of the ratings; null when n is 0")
    csat: Csat | None = Field(description="null when n is 0")
    distribution: dict[int, Count] = Field(description="Ratings by value")
    offered: Count = Field(description="Surveys put to callers")
    answered: Count = Field(description="Surveys with at least one answer")
    response_rate: float | None = Field(description="100 x answered / offered, 0 to 100; null when none was offered")

    @classmethod
    def of(cls, scored: Scored) -> Self:
        """The body for `scored`."""
        found, response = scored.score, scored.response
        return cls(
            n=_count(found.n),
            mean=None if found.mean is None else round(found.mean, 4),
            csat=None
            if found.satisfied is None
            else Csat(
                percent=_percent(found.satisfied.share),
                low=_percent(found.satisfied.low),
                high=_percent(found.satisfied.high),
                satisfied=_count(found.satisfied.count),
            ),
            distribution={value: _count(some) for value, some in found.distribution.items()},
            offered=_count(response.offered),
            answered=_count(response.answered),
            response_rate=None if response.rate is None else _percent(response.rate),
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
    by_reason: list[ReasonScore] = Field(description="The same by call reason")

    @classmethod
    def of_agent(cls, found: AgentScore, team: str) -> Self:
        """The body for one agent."""
        href = f"/api/v1/agents/{quote(found.agent, safe='')}/scores" if found.agent else None
        return cls(
            **ScoreBody.of(found.total).model_dump(),
            agent=found.agent or None,
            name=found.name,
            team=team,
            href=href,
            by_reason=[
                ReasonScore(**ScoreBody.of(scored).model_dump(), reason=reason or None)
                for reason, scored in found.by_reason.items()
            ],
        )


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

    @classmethod
    def about(cls, query: ScoreQuery, question: str, values: list[int], satisfied: list[int]) -> Self:
        """The heading of an answer to `query`."""
        return cls(
            site=query.site,
            period=Period(begins=query.begins, ends=query.ends, zone=query.zone.key),
            flow=query.flow,
            question=question,
            values=values,
            satisfied=satisfied,
            queue=query.queue,
            reason=query.reason,
        )


class AgentsScores(Asked):
    """Answer of `GET /api/v1/agents/scores`. The order of the agents is by name: it is no ranking."""

    agents: list[AgentScoreBody]


class OneAgentScores(Asked, AgentScoreBody):
    """Answer of `GET /api/v1/agents/{agent}/scores`."""


def _count(count: Amount) -> Count:
    """Exact: no share of a survey is finer than a thousandth."""
    return int(count) if count == int(count) else round(float(count), 3)


def _percent(share: float) -> float:
    return round(100 * share, 2)
