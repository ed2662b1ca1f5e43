"""What a supervisor's program reads from the score endpoints."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from sqlalchemy import text
from yarl import URL

from ivr.errors import PbxError
from ivr.scoreboard.board import RatedFlow, RatedQuestion, Scoreboard, ScoredSite
from ivr.scores.intervals import wilson
from ivr.web import scores
from ivr.web.score_query import BOARD
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import AgentRecord, AnswerRecord, FlowVersionRecord, SiteRecord, SurveyOffer
from storage.schema import upgrade
from tests.web.served import api

TOKEN = "a token of these tests"
SATISFACTION = RatedQuestion(code="satisfaction", values=(1, 2, 3, 4, 5), satisfied=(4, 5), labels={})
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=ZoneInfo("Asia/Taipei"))
Client = TestClient[Request, Application]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'scores.db'}"
    await upgrade(url)
    async with await open_database(url) as opened:
        recorder = Recorder(opened)
        await recorder.ensure_site(SiteRecord(site="main", name="Head office", zone="Asia/Taipei"))
        await recorder.publish(FlowVersionRecord(digest="1" * 64, flow="csat", source="", published_at=NOON))
        for agent, name in (("PJSIP/1001", "Alice Moreau"), ("PJSIP/1002", "Doe, John"), ("PJSIP/1003", "李雷")):
            await recorder.record_agent(AgentRecord(site="main", agent=agent, interface=agent, name=name))
        yield opened


class Desk:
    """Puts finished surveys into the database."""

    def __init__(self, database: Database) -> None:
        self.recorder = Recorder(database)
        self.surveys = 0

    async def survey(
        self,
        agent: str,
        value: int | None,
        *,
        reason: str = "",
        queue: str = "support",
        at: datetime = NOON,
    ) -> None:
        self.surveys += 1
        name = f"{self.surveys}.1"
        await self.recorder.offer(
            SurveyOffer(
                site="main",
                survey=name,
                linkedid=name,
                flow="csat",
                flow_version="1" * 64,
                offered_at=at,
                language="en",
                agent=agent,
                queue=queue,
                reason=reason,
            )
        )
        answer = AnswerRecord(
            question="satisfaction",
            is_rating=True,
            keys=str(value or ""),
            value=value,
            tries=1,
            ended="answered" if value is not None else "no_input",
            answered_at=at,
        )
        await self.recorder.record_answer("main", name, answer)
        await self.recorder.finish("main", name, "completed" if value is not None else "no_input", at)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def pbx_is_up() -> None:
    pass


async def pbx_is_down() -> None:
    raise PbxError("AMI 127.0.0.1:5038 cannot be reached")


@pytest.fixture
async def client(aiohttp_client: Callable[[Application], Awaitable[Client]], database: Database) -> Client:
    app = api(TOKEN, scores.OPERATIONS, {"database": pbx_is_up, "pbx main": pbx_is_up})
    app[BOARD] = Scoreboard(
        database=database,
        sites={"main": ScoredSite(zone=ZoneInfo("Asia/Taipei"), flow="csat")},
        flows={"csat": RatedFlow(title="Satisfaction", headline=SATISFACTION)},
        now=lambda: NOON,
    )
    return await aiohttp_client(app)


async def get(client: Client, path: str, status: int = 200, **query: str) -> Any:
    response = await client.get(path, params=query, headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status == status, await response.text()
    wanted = "application/json" if status == 200 else "application/problem+json"
    assert response.content_type == wanted
    return await response.json()


async def test_an_agents_score_has_its_n_its_interval_and_its_response_rate(client: Client, desk: Desk) -> None:
    for value in (5, 5, 4, 1, None):
        await desk.survey("PJSIP/1001", value)
    score = (await get(client, "/api/v1/agents/scores"))["agents"][0]
    interval = wilson(3, 4)
    assert (score["agent"], score["name"]) == ("PJSIP/1001", "Alice Moreau")
    assert (score["n"], score["mean"]) == (4, 3.75)
    assert score["csat"] == {
        "percent": 75.0,
        "low": round(100 * interval.low, 2),
        "high": round(100 * interval.high, 2),
        "satisfied": 3,
    }
    assert score["distribution"] == {"1": 1, "2": 0, "3": 0, "4": 1, "5": 2}
    assert (score["offered"], score["answered"], score["response_rate"]) == (5, 4, 80.0)


async def test_agents_stand_by_name_and_those_without_ratings_too(client: Client, desk: Desk) -> None:
    await desk.survey("PJSIP/1003", 5)
    agents = (await get(client, "/api/v1/agents/scores"))["agents"]
    assert [agent["name"] for agent in agents] == ["Alice Moreau", "Doe, John", "李雷"]
    assert (agents[0]["n"], agents[0]["mean"], agents[0]["csat"], agents[0]["response_rate"]) == (0, None, None, None)


async def test_a_rating_whose_agent_is_not_known_is_still_shown(client: Client, desk: Desk) -> None:
    await desk.survey("", 2)
    agents = (await get(client, "/api/v1/agents/scores"))["agents"]
    assert [(agent["agent"], agent["n"], agent["href"]) for agent in agents if agent["n"]] == [(None, 1, None)]


async def test_one_agent_is_found_by_code_and_by_href(client: Client, desk: Desk) -> None:
    await desk.survey("PJSIP/1001", 5)
    listed = (await get(client, "/api/v1/agents/scores"))["agents"][0]
    plain = await get(client, "/api/v1/agents/PJSIP/1001/scores")
    response = await client.get(URL(listed["href"], encoded=True), headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status == 200
    assert await response.json() == plain
    assert {name: plain[name] for name in listed} == listed


async def test_the_same_by_reason(client: Client, desk: Desk) -> None:
    await desk.survey("PJSIP/1001", 5, reason="billing/refund")
    await desk.survey("PJSIP/1001", 1, reason="billing/refund")
    await desk.survey("PJSIP/1001", 4, reason="sales")
    await desk.survey("PJSIP/1001", None)
    score = await get(client, "/api/v1/agents/PJSIP/1001/scores")
    assert [(part["reason"], part["n"], part["offered"]) for part in score["by_reason"]] == [
        (None, 0, 1),
        ("billing/refund", 2, 2),
        ("sales", 1, 1),
    ]
    assert sum(part["n"] for part in score["by_reason"]) == score["n"]


async def test_filters_narrow_the_numbers_and_their_denominator(client: Client, desk: Desk) -> None:
    await desk.survey("PJSIP/1001", 5, reason="billing/refund", queue="billing")
    await desk.survey("PJSIP/1001", 4, reason="billing", queue="billing")
    await desk.survey("PJSIP/1001", None, reason="sales", queue="sales")
    for query, n, offered in (
        ({"queue": "billing"}, 2, 2),
        ({"reason": "billing"}, 2, 2),
        ({"reason": "billing/refund"}, 1, 1),
        ({"queue": "sales"}, 0, 1),
        ({"queue": "sales", "reason": "billing"}, 0, 0),
        ({"flow": "csat"}, 2, 3),
    ):
        score = await get(client, "/api/v1/agents/PJSIP/1001/scores", **query)
        assert (score["n"], score["offered"]) == (n, offered), query


async def test_days_are_those_of_the_site(client: Client, desk: Desk) -> None:
    # 23:30 in Taipei on the 21st, and 00:30 on the 22nd; both are the 21st in UTC.
    await desk.survey("PJSIP/1001", 1, at=datetime(2026, 11, 21, 15, 30, tzinfo=UTC))
    await desk.survey("PJSIP/1001", 5, at=datetime(2026, 11, 21, 16, 30, tzinfo=UTC))
    answer = await get(client, "/api/v1/agents/PJSIP/1001/scores", **{"from": "2026-11-22", "to": "2026-11-22"})
    assert (answer["n"], answer["mean"]) == (1, 5)
    assert answer["period"] == {
        "begins": "2026-11-22T00:00:00+08:00",
        "ends": "2026-11-23T00:00:00+08:00",
        "zone": "Asia/Taipei",
    }


async def test_without_a_period_it_is_the_last_thirty_days(client: Client, desk: Desk) -> None:
    for days in (0, 29, 30):
        await desk.survey("PJSIP/1001", 5, at=NOON - timedelta(days=days))
    assert (await get(client, "/api/v1/agents/PJSIP/1001/scores"))["n"] == 2


@pytest.mark.parametrize(
    ("query", "parameter", "detail"),
    [
        ({"from": "yesterday"}, "from", "from: got 'yesterday'; allowed: a day such as 2026-11-22, in the site's zone"),
        ({"to": "2026-02-30"}, "to", "to: got '2026-02-30'; allowed: a day such as 2026-11-22, in the site's zone"),
        (
            {"from": "2026-11-22", "to": "2026-11-21"},
            "from",
            "from: got '2026-11-22'; allowed: a day not after `to`, which is 2026-11-21",
        ),
        ({"flow": "nps2"}, "flow", "flow: got 'nps2'; allowed: one of csat"),
        ({"site": "mars"}, "site", "site: got 'mars'; allowed: one of main"),
        (
            {"quueue": "x"},
            "quueue",
            (
                "quueue: got 'x'; allowed: no such parameter; there are site, flow, queue, reason, team, from, to; "
                "did you mean queue?"
            ),
        ),
    ],
)
async def test_a_wrong_parameter_is_named(client: Client, query: dict[str, str], parameter: str, detail: str) -> None:
    problem = await get(client, "/api/v1/agents/scores", 400, **query)
    assert (problem["status"], problem["parameter"], problem["detail"]) == (400, parameter, detail)


async def test_an_agent_nobody_has_heard_of_is_not_found(client: Client) -> None:
    problem = await get(client, "/api/v1/agents/PJSIP/9999/scores", 404)
    assert problem["detail"] == "agent: site main has no agent 'PJSIP/9999'"
    assert problem["parameter"] == "agent"


async def test_hostile_codes_are_only_text(client: Client, desk: Desk) -> None:
    evil = "PJSIP/1'; DROP TABLE survey;--<script>"
    await desk.survey(evil, 3)
    url = URL(f"/api/v1/agents/{quote(evil, safe='')}/scores", encoded=True)
    response = await client.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (await response.json())["n"] == 1
    assert (await get(client, "/api/v1/agents/scores", queue="' OR 1=1 --"))["agents"][0]["n"] == 0


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic YTpi", "Bearer", f"Bearer {TOKEN}x", "Bearer \xff"])
async def test_without_the_token_nothing_is_told(client: Client, header: str | None) -> None:
    for path in ("/api/v1/agents/scores", "/api/v1/agents/PJSIP/1001/scores", "/api/nothing"):
        response = await client.get(path, headers={"Authorization": header} if header else {})
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert response.content_type == "application/problem+json"


async def test_paths_and_methods_that_there_are_not(client: Client) -> None:
    await get(client, "/api/v1/nothing", 404)
    response = await client.post("/api/v1/agents/scores", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status == 405
    assert response.headers["Allow"] == "GET,HEAD"
    assert response.content_type == "application/problem+json"


async def test_health_needs_no_token(client: Client) -> None:
    assert await (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).status == 200


async def test_readiness_names_the_part_that_is_not_ready(
    aiohttp_client: Callable[[Application], Awaitable[Client]],
) -> None:
    client = await aiohttp_client(api(TOKEN, [], {"database": pbx_is_up, "pbx main": pbx_is_down}))
    response = await client.get("/readyz")
    assert response.status == 503
    assert await response.json() == {
        "status": "not ready",
        "parts": {"database": "ok", "pbx main": "AMI 127.0.0.1:5038 cannot be reached"},
    }


async def test_a_database_that_is_gone_is_a_problem_and_no_traceback(client: Client, database: Database) -> None:
    await database.write(lambda connection: connection.execute(text("DROP TABLE funnel")))
    problem = await get(client, "/api/v1/agents/scores", 503)
    assert problem["detail"] == "the database does not answer; try again later"
