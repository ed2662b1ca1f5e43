"""`GET /api/v1/agents/scores` and `GET /api/v1/agents/{agent}/scores`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from pydantic import BaseModel

from ivr.scores.agents import agent_scores
from ivr.web.problems import Problem
from ivr.web.score_models import AgentScoreBody, AgentsScores, Asked, OneAgentScores
from ivr.web.score_query import ScoredSite, ScoreQuery, parse_score_query
from storage import queries
from storage.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedFlow:
    """What a rating is in one flow."""

    question: str
    """The headline question."""
    values: list[int]
    satisfied: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSource:
    """Where the score endpoints take their numbers from."""

    database: Database
    sites: Mapping[str, ScoredSite]
    """By code; the first is asked when a request names none."""
    flows: Mapping[str, RatedFlow]
    now: Callable[[], datetime]


SOURCE = web.AppKey("source", ScoreSource)


async def agents(request: web.Request) -> web.Response:
    """Every agent of a site who was asked about or is known, by name."""
    source = request.app[SOURCE]
    query = parse_score_query(request.query, sites=source.sites, flows=source.flows, now=source.now)
    found = await _scores(source, query, None)
    return _json(AgentsScores(**_asked(source, query).model_dump(), agents=found))


async def agent(request: web.Request) -> web.Response:
    """One agent; 404 when the site has never heard of that code."""
    source = request.app[SOURCE]
    query = parse_score_query(request.query, sites=source.sites, flows=source.flows, now=source.now)
    code = request.match_info["agent"]
    found = await _scores(source, query, code)
    if not found:
        raise Problem(404, "No such agent", f"agent: site {query.site} has no agent {code[:100]!r}", "agent")
    return _json(OneAgentScores(**_asked(source, query).model_dump(), **found[0].model_dump()))


async def _scores(source: ScoreSource, query: ScoreQuery, code: str | None) -> list[AgentScoreBody]:
    flow = source.flows[query.flow]
    counted = query.filter(code)
    known = {
        agent.agent: agent for agent in await queries.agents(source.database, query.site) if code in (None, agent.agent)
    }
    tallies = await queries.tallies(source.database, counted, by=("agent", "reason"), is_rating=True)
    found = agent_scores(
        [row for row in tallies if row.question == flow.question],
        await queries.funnel(source.database, counted, by=("agent", "reason")),
        names={code: agent.name for code, agent in known.items()},
        values=flow.values,
        satisfied=flow.satisfied,
    )
    return [AgentScoreBody.of_agent(one, team=known[one.agent].team if one.agent in known else "") for one in found]


def _asked(source: ScoreSource, query: ScoreQuery) -> Asked:
    flow = source.flows[query.flow]
    return Asked.about(query, flow.question, flow.values, flow.satisfied)


def _json(body: BaseModel) -> web.Response:
    return web.Response(text=body.model_dump_json(), content_type="application/json")
