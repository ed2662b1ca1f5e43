"""Scores of agents: `GET /api/v1/agents/scores` and `GET /api/v1/agents/{agent}/scores`."""

from dataclasses import replace

from aiohttp import web

from ivr.scoreboard.agents import agents_table
from ivr.scoreboard.breakdown import breakdown
from ivr.web.access import EVERYBODY
from ivr.web.answers import json_answer
from ivr.web.operations import Operation
from ivr.web.parameters import read_parameters
from ivr.web.problems import Problem
from ivr.web.score_models import (
    AgentScoreBody,
    AgentsScores,
    OneAgentScores,
    ReasonScore,
    ScoreBody,
    agent_fields,
    asked_fields,
    score_fields,
)
from ivr.web.score_query import BOARD, ScoreParameters, score_query


async def agents(request: web.Request) -> web.Response:
    """Every agent of a site who was asked about or is known, by name."""
    board = request.app[BOARD]
    query = await score_query(request, read_parameters(request, ScoreParameters))
    table = await agents_table(board, query)
    body = AgentsScores(
        **asked_fields(query, board.flows[query.flow].headline),
        team=query.team,
        everybody=ScoreBody.of(table.everybody),
        ranked=table.ranked,
        fewest_ratings=table.fewest,
        agents=[AgentScoreBody.of_row(row) for row in table.rows],
    )
    return json_answer(request, body)


async def agent(request: web.Request) -> web.Response:
    """One agent; 404 when the site has never heard of that code, or the one who asks may not see it."""
    board = request.app[BOARD]
    query = await score_query(request, read_parameters(request, ScoreParameters))
    code = request.match_info["agent"]
    row = next(iter((await agents_table(board, query, only=code)).rows), None)
    if row is None or not code:
        raise Problem(404, "No such agent", f"agent: site {query.site} has no agent {code[:100]!r}", "agent")
    only = replace(query, agents=frozenset({code}), team=None)
    body = OneAgentScores(
        **asked_fields(query, board.flows[query.flow].headline),
        **agent_fields(row),
        by_reason=[
            ReasonScore(**score_fields(group.scored), reason=str(group.keys[0]) or None)
            for group in await breakdown(board, only, ["reason"])
        ],
    )
    return json_answer(request, body)


OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/agents/scores",
        handler=agents,
        roles=EVERYBODY,
        summary="Scores of all agents",
        query=ScoreParameters,
        answers={200: AgentsScores},
    ),
    Operation(
        method="GET",
        # An agent's code may hold a slash (`PJSIP/1001`), written as such or as %2F.
        path="/api/v1/agents/{agent:.+}/scores",
        handler=agent,
        roles=EVERYBODY,
        summary="The score of one agent",
        query=ScoreParameters,
        answers={200: OneAgentScores},
    ),
]
