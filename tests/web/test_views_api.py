"""What a supervisor's program reads beyond the agents' scores, each number worked out by hand."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from ivr.scoreboard.board import RatedFlow, RatedQuestion, Scoreboard, ScoredSite
from ivr.web import breakdown, call_list, calls, funnel, surveys
from ivr.web.auth import fingerprint
from ivr.web.score_query import BOARD
from storage.accounts import AccountRecord, Accounts
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import (
    AgentRecord,
    AnswerRecord,
    CallRecord,
    FlowVersionRecord,
    LegRecord,
    Share,
    SiteRecord,
    SurveyOffer,
)
from storage.verify import verify
from tests.heard import hear_leg
from tests.web.served import api

TOKEN = "a token of these tests"
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
"""A Wednesday."""
RATING = RatedQuestion(code="rating", values=(1, 2, 3, 4, 5), satisfied=(4, 5), labels={})
TONE = RatedQuestion(code="tone", values=(1, 2, 3), satisfied=(3,), labels={})
RECOMMEND = RatedQuestion(code="recommend", values=tuple(range(11)), satisfied=(9, 10), labels={})
Client = TestClient[Request, Application]

# agent, reason, days ago, rating, tone, who ended it; no rating: asked and silent; an exclusion: not asked
CALLS: list[tuple[str, str, int, int | str | None, int | None, str]] = [
    ("A1", "billing", 0, 5, 3, "agent"),
    ("A1", "billing", 0, 4, 3, "agent"),
    ("A1", "billing/refund", 1, 1, 1, "agent"),
    ("A1", "billing", 1, "caller_hung_up", None, "caller"),
    ("B2", "sales", 1, 2, 2, "agent"),
    ("B2", "sales", 8, 5, 3, "agent"),
    ("B2", "sales", 8, None, None, "agent"),
    ("B2", "", 8, "sampled_out", None, "transfer"),
]


async def fill(recorder: Recorder) -> None:
    await recorder.ensure_site(SiteRecord(site="main", name="Head office", zone="Asia/Taipei"))
    for flow in ("csat", "nps"):
        await recorder.publish(FlowVersionRecord(digest=flow, flow=flow, source="", published_at=NOON))
    for agent, name, team in (("A1", "Alice", "north"), ("B2", "=Bo()", "south")):
        await recorder.record_agent(AgentRecord(site="main", agent=agent, interface=agent, name=name, team=team))
    for number, (agent, reason, days, rating, tone, ended_by) in enumerate(CALLS):
        await call(recorder, f"1.{number}", agent, reason, NOON - timedelta(days=days), rating, tone, ended_by)


async def call(
    recorder: Recorder, name: str, agent: str, reason: str, at: datetime, rating: Any, tone: int | None, ended_by: Any
) -> None:
    talked = {"agent": agent, "queue": "support", "connected_at": at, "talk_seconds": 45}
    await hear_leg(recorder, LegRecord(site="main", linkedid=name, leg=name, **talked))
    if not isinstance(rating, str):
        await recorder.offer(
            SurveyOffer(
                site="main", survey=name, linkedid=name, flow="csat", flow_version="csat", offered_at=at, agent=agent,
                queue="support", reason=reason,
            )
        )  # fmt: skip
        for question, value in (("rating", rating), ("tone", tone)):
            answer = AnswerRecord(
                question=question, is_rating=question == "rating", keys=str(value or ""), value=value, tries=1,
                ended="answered" if value is not None else "no_input", answered_at=at,
            )  # fmt: skip
            await recorder.record_answer("main", name, answer)
        await recorder.finish("main", name, "completed" if rating else "no_input", at)
    await recorder.record_heard(
        CallRecord(
            site="main", linkedid=name, queue="support", reason=reason, agent=agent, ended_at=at, ended_by=ended_by
        )
    )
    if isinstance(rating, str):
        await recorder.exclude("main", name, rating)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        await fill(Recorder(opened))
        assert await verify(opened) == []
        yield opened


@pytest.fixture
async def client(aiohttp_client: Callable[[Application], Awaitable[Client]], database: Database) -> Client:
    accounts = Accounts(database)
    for login, role, teams, agent in (("sue", "supervisor", ("south",), ""), ("alice", "agent", (), "A1")):
        record = AccountRecord(login=login, role=role, site="main", teams=teams, agent=agent, created_at=NOON)  # type: ignore[arg-type]
        await accounts.add(record)
        await accounts.add_token(login, fingerprint(login), "", NOON)
    app = api(
        TOKEN,
        [
            *(*breakdown.OPERATIONS, *funnel.OPERATIONS, *surveys.OPERATIONS),
            *(*call_list.OPERATIONS, *calls.OPERATIONS),
        ],
        accounts=accounts,
    )
    app[calls.CALLS] = calls.CallSource(database=database, sites=["main"])
    app[BOARD] = Scoreboard(
        database=database,
        sites={"main": ScoredSite(zone=ZoneInfo("Asia/Taipei"), flow="csat")},
        flows={
            "csat": RatedFlow(title="Satisfaction", headline=RATING, others=[TONE]),
            "nps": RatedFlow(title="Recommendation", headline=RECOMMEND),
        },
        now=lambda: NOON,
    )
    return await aiohttp_client(app)


async def get(client: Client, path: str, status: int = 200, token: str = TOKEN, **query: str) -> Any:
    response = await client.get(f"/api/v1/{path}", params=query, headers={"Authorization": f"Bearer {token}"})
    assert response.status == status, await response.text()
    return await response.json()


async def test_scores_by_any_two_dimensions(client: Client) -> None:
    found = await get(client, "scores", by="agent,reason")
    told = {tuple(one["keys"].values()): (one["n"], one["mean"], one["offered"]) for one in found["groups"]}
    assert told == {
        ("A1", "billing"): (2, 4.5, 2),
        ("A1", "billing/refund"): (1, 1.0, 1),
        ("B2", "sales"): (2, 3.5, 3),
    }
    by_week = await get(client, "scores", by="week,team")
    assert {(one["keys"]["week"], one["keys"]["team"]): one["n"] for one in by_week["groups"]} == {
        ("2026-11-09", "south"): 1,
        ("2026-11-16", "north"): 3,
        ("2026-11-16", "south"): 1,
    }


async def test_told_apart_by_question_each_has_its_own_satisfied(client: Client) -> None:
    groups = (await get(client, "scores", by="question"))["groups"]
    told = {one["question"]: (one["n"], one["csat"]["percent"]) for one in groups}
    # rating: 5 4 1 2 5, of which three are 4 or 5; tone: 3 3 1 2 3, of which three are 3.
    assert told == {"rating": (5, 60.0), "tone": (5, 60.0)}


async def test_told_apart_by_flow_every_flow_has_its_own_question(client: Client, database: Database) -> None:
    recorder = Recorder(database)
    await recorder.offer(
        SurveyOffer(
            site="main", survey="n.1", linkedid="n.1", flow="nps", flow_version="nps", offered_at=NOON, agent="A1",
            queue="support",
        )
    )  # fmt: skip
    answer = AnswerRecord(
        question="recommend", is_rating=True, keys="10", value=10, tries=1, ended="answered", answered_at=NOON
    )
    await recorder.record_answer("main", "n.1", answer)
    groups = {one["keys"]["flow"]: one for one in (await get(client, "scores", by="flow"))["groups"]}
    assert (groups["csat"]["n"], groups["csat"]["nps"]) == (5, None)
    assert groups["nps"]["nps"]["score"] == 100.0


async def test_a_trend_has_every_day_with_limits_and_the_period_before(client: Client) -> None:
    found = await get(client, "trend", **{"from": "2026-11-16", "to": "2026-11-18"})
    points = [(one["day"], one["n"], one["percent"]) for one in found["points"]]
    assert points == [("2026-11-16", 0, None), ("2026-11-17", 2, 0.0), ("2026-11-18", 2, 100.0)]
    # Three standard errors around 50 % with n = 2 reach beyond both ends.
    assert (found["centre"], found["points"][1]["lower"], found["points"][1]["upper"]) == (50.0, 0.0, 100.0)
    assert found["against_before"] is None
    months = await get(client, "trend", step="month", agent="B2")
    assert [(one["day"], one["n"]) for one in months["points"]] == [("2026-10-01", 0), ("2026-11-01", 2)]


async def test_two_periods_are_compared(client: Client) -> None:
    periods = {"from": "2026-11-17", "to": "2026-11-18", "before_from": "2026-11-01", "before_to": "2026-11-16"}
    found = (await get(client, "comparison", **periods))["compared"]
    # Now two of four, before one of one.
    assert (found["now"]["percent"], found["before"]["percent"], found["change"]) == (50.0, 100.0, -50.0)
    assert found["low"] < -50 < 0 < found["high"]


async def test_the_funnel_holds_every_call_and_every_reason_code(client: Client) -> None:
    found = await get(client, "funnel")
    everything = found["everything"]
    assert everything["eligible"] == 8
    assert everything["excluded"] == {"caller_hung_up": 1, "sampled_out": 1}
    assert everything["steps"] == {
        "offered": 6,
        "started": 6,
        "answered": 5,
        "completed": 5,
        "partial": 0,
        "no_input": 1,
        "hung_up": 0,
        "failed": 0,
    }
    assert everything["response_rate"] == 83.33
    assert everything["ended_by"] == {"agent": 6, "caller": 1, "transfer": 1}
    alice = next(one for one in found["groups"] if one["key"] == "A1")
    assert (alice["eligible"], alice["callers_leave_first"]["percent"], alice["callers_leave_first"]["flagged"]) == (
        4,
        25.0,
        False,
    )
    by_team = {one["key"]: one["eligible"] for one in (await get(client, "funnel", by="team"))["groups"]}
    assert by_team == {"north": 4, "south": 4}


async def test_who_answered_and_what_the_score_would_be_if_all_had(client: Client) -> None:
    found = await get(client, "coverage")
    # 12:00 in UTC is 20:00 in Taipei; 45 seconds of talk are in the second band.
    assert [(one["key"], one["calls"], one["rated"]) for one in found["by_hour"]] == [(20, 8, 5)]
    assert [(one["key"], one["calls"]) for one in found["by_talk"]] == [(1, 8)]
    assert {one["key"]: (one["calls"], one["rated"]) for one in found["by_reason"]} == {
        None: (1, 0),
        "billing": (3, 2),
        "billing/refund": (1, 1),
        "sales": (3, 2),
    }
    # billing 3 calls, all satisfied; refund 1, none; sales 3, half: (3 + 0 + 1.5) / 7; one call is of no such kind.
    assert found["plain"]["percent"] == 60.0
    assert (found["weighted"]["percent"], found["weighted"]["covered"]) == (round(100 * 4.5 / 7, 2), 87.5)


async def test_what_drives_satisfaction(client: Client) -> None:
    found = await get(client, "drivers")
    reasons = {one["code"]: (one["importance"], one["performance"], one["quadrant"]) for one in found["reasons"]}
    assert reasons == {
        "billing": (0.4, 1.0, "keep"),
        "billing/refund": (0.2, 0.0, "watch"),
        "sales": (0.4, 0.5, "keep"),
    }
    # tone 3 3 1 2 3 with rating 5 4 1 2 5: means 2.4 and 3.4; xy 6.2, xx 3.2, yy 13.2.
    [tone] = found["questions"]
    assert (tone["code"], tone["importance"], tone["performance"]) == ("tone", round(6.2 / (3.2 * 13.2) ** 0.5, 4), 0.7)


async def test_surveys_come_page_by_page_and_none_twice(client: Client) -> None:
    names, after = [], ""
    while True:
        page = await get(client, "surveys", limit="2", **({"after": after} if after else {}))
        names += [one["survey"] for one in page["surveys"]]
        after = page["older"]
        if not after:
            break
    assert len(names) == len(set(names)) == 6
    of_alice = [one["rating"] for one in (await get(client, "surveys", agent="A1"))["surveys"]]
    # Two at the same moment, then the one of the day before.
    assert (sorted(of_alice[:2]), of_alice[2:]) == ([4, 5], [1])
    problem = await get(client, "surveys", 400, after="nonsense")
    assert problem["parameter"] == "after"


async def test_calls_come_page_by_page_with_why_they_were_not_asked(client: Client) -> None:
    found, after = [], ""
    while True:
        page = await get(client, "calls", limit="3", after=after)
        found += page["calls"]
        after = page["older"] or ""
        if not after:
            break
    assert sorted(one["call"] for one in found) == [f"1.{number}" for number in range(len(CALLS))]
    assert [one["ended_at"] for one in found] == sorted((one["ended_at"] for one in found), reverse=True)
    told = {one["call"]: (one["reason_code"], one["survey"], one["rating"], one["talk_seconds"]) for one in found}
    assert (told["1.0"], told["1.3"], told["1.6"]) == (
        (None, "1.0", 5, 45),
        ("caller_hung_up", None, None, 45),
        (None, "1.6", None, 45),
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"asked": "false"}, ["1.3", "1.7"]),
        ({"reason_code": "sampled_out"}, ["1.7"]),
        ({"ended_by": "caller"}, ["1.3"]),
        ({"agent": "B2", "asked": "true"}, ["1.4", "1.5", "1.6"]),
        ({"team": "north", "asked": "false"}, ["1.3"]),
        ({"team": "north", "agent": "B2"}, []),
        ({"reason": "billing/refund"}, ["1.2"]),
        ({"from": "2026-11-18", "to": "2026-11-18"}, ["1.0", "1.1"]),
    ],
)
async def test_calls_are_narrowed(client: Client, query: dict[str, str], names: list[str]) -> None:
    assert sorted(one["call"] for one in (await get(client, "calls", **query))["calls"]) == names


async def test_a_call_is_seen_by_the_team_of_whoever_shares_its_rating(client: Client, database: Database) -> None:
    await get(client, "calls/1.0", 404, token="sue")
    shares = (Share(agent="A1", parts=700), Share(agent="B2", parts=300))
    await Recorder(database).recredit("main", "1.0", shares=shares)
    assert (await get(client, "calls/1.0", token="sue"))["call"] == "1.0"
    assert "1.0" in {one["call"] for one in (await get(client, "calls", token="sue"))["calls"]}


async def test_a_team_is_that_of_its_agents(client: Client) -> None:
    found = await get(client, "scores", by="team,queue")
    assert [(one["keys"]["team"], one["n"]) for one in found["groups"]] == [("north", 3), ("south", 2)]
    funnel_ = await get(client, "funnel", by="team")
    assert [(one["key"], one["eligible"]) for one in funnel_["groups"]] == [("north", 4), ("south", 4)]


async def test_codes_say_what_can_be_chosen(client: Client) -> None:
    found = await get(client, "codes")
    assert [one["agent"] for one in found["agents"]] == ["A1", "B2"]
    assert (found["teams"], found["queues"], found["flows"]) == (["north", "south"], ["support"], ["csat", "nps"])
    assert [one["reason"] for one in found["reasons"]] == ["billing", "billing/refund", "sales"]
    assert [(one["question"], one["is_rating"]) for one in found["questions"]] == [
        ("rating", True),
        ("tone", False),
        ("recommend", True),
    ]


async def test_a_csv_opens_and_runs_nothing(client: Client, database: Database) -> None:
    evil = '=HYPERLINK("http://127.0.0.1","x")'
    await call(Recorder(database), "9.9", evil, "sales", NOON, 3, 1, "agent")
    response = await client.get("/api/v1/scores?by=agent&format=csv", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.content_type == "text/csv"
    assert response.headers["Content-Disposition"] == 'attachment; filename="scores.csv"'
    rows = list(csv.reader(io.StringIO((await response.read()).decode("utf-8-sig"))))
    assert rows[0][:4] == ["agent", "question", "n", "mean"]
    assert {row[0]: (row[2], row[3]) for row in rows[1:]} == {
        f"'{evil}": ("1", "3.0"),
        "A1": ("3", "3.3333"),
        "B2": ("2", "3.5"),
    }


async def test_an_xlsx_holds_every_survey_as_text_and_numbers(client: Client) -> None:
    response = await client.get("/api/v1/surveys?format=xlsx", headers={"Authorization": f"Bearer {TOKEN}"})
    with zipfile.ZipFile(io.BytesIO(await response.read())) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 1 + 6
    assert "<f>" not in sheet
    assert "billing/refund" in sheet


async def test_a_supervisor_sees_the_own_team_alone_in_every_view(client: Client) -> None:
    groups = (await get(client, "scores", token="sue", by="agent"))["groups"]
    assert [one["keys"]["agent"] for one in groups] == ["B2"]
    assert (await get(client, "trend", token="sue"))["centre"] == 50.0
    assert (await get(client, "trend", token="sue", agent="A1"))["centre"] is None
    seen = await get(client, "funnel", token="sue")
    assert (seen["everything"]["eligible"], [one["key"] for one in seen["groups"]]) == (4, ["B2"])
    covered = await get(client, "coverage", token="sue")
    assert (covered["by_hour"], [one["key"] for one in covered["by_agent"]]) == ([], ["B2"])
    assert {one["agent"] for one in (await get(client, "surveys", token="sue"))["surveys"]} == {"B2"}
    assert (await get(client, "surveys", token="sue", agent="A1"))["surveys"] == []
    assert {one["agent"] for one in (await get(client, "calls", token="sue"))["calls"]} == {"B2"}
    assert (await get(client, "calls", token="sue", agent="A1"))["calls"] == []
    assert [one["agent"] for one in (await get(client, "codes", token="sue"))["agents"]] == ["B2"]
    assert [one["code"] for one in (await get(client, "drivers", token="sue"))["reasons"]] == ["sales"]


async def test_an_agent_sees_the_own_score_and_no_lists(client: Client) -> None:
    groups = (await get(client, "scores", token="alice", by="agent"))["groups"]
    assert [one["keys"]["agent"] for one in groups] == ["A1"]
    for path in ("funnel", "coverage", "drivers", "surveys", "calls", "codes"):
        problem = await get(client, path, 403, token="alice")
        assert problem["title"] == "Not allowed"


@pytest.mark.parametrize(
    ("path", "query", "detail"),
    [
        (
            "scores",
            {"by": "agent,planet"},
            f"by: got 'agent,planet'; allowed: {breakdown.DIMENSIONS}",
        ),
        (
            "scores",
            {"by": "agent,agent"},
            f"by: got 'agent,agent'; allowed: {breakdown.DIMENSIONS}",
        ),
        ("trend", {"step": "year"}, "step: got 'year'; allowed: input should be 'day', 'week' or 'month'"),
        ("surveys", {"limit": "0"}, "limit: got '0'; allowed: 1 to 500"),
        ("comparison", {}, "before_from: got ''; allowed: field required"),
    ],
)
async def test_a_wrong_parameter_is_named(client: Client, path: str, query: dict[str, str], detail: str) -> None:
    assert (await get(client, path, 400, **query))["detail"] == detail


async def test_what_has_not_changed_is_not_sent_again(client: Client) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    first = await client.get("/api/v1/scores?by=agent", headers=headers)
    again = await client.get("/api/v1/scores?by=agent", headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    other = await client.get("/api/v1/scores?by=queue", headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert other.status == 200
