"""The story of a call over the API, and callers who opt out."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from ivr.surveys.privacy import CallerKey
from ivr.web import calls, opt_outs
from ivr.web.calls import CALLS, CallSource
from ivr.web.opt_outs import BOOK, OptOutBook
from storage.engine import Database, open_database
from storage.quarantine import Lookup, admission
from storage.recorder import Recorder
from storage.records import (
    AnswerRecord,
    CallRecord,
    Exclusion,
    FlowVersionRecord,
    LegRecord,
    SiteRecord,
    SurveyOffer,
)
from storage.schema import upgrade
from tests.heard import hear_leg
from tests.web.served import api

TOKEN = "a token of these tests"
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
KEY = CallerKey(b"a caller key of these tests")
NUMBER = "+886 2 2345 6789"
RULE = "quarantine: no more than 1 in 30 days where caller is the same"
Client = TestClient[Request, Application]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'calls.db'}"
    await upgrade(url)
    async with await open_database(url) as opened:
        recorder = Recorder(opened)
        for site in ("main", "north"):
            await recorder.ensure_site(SiteRecord(site=site, name="", zone="Asia/Taipei"))
        await recorder.publish(FlowVersionRecord(digest="1" * 64, flow="csat", source="", published_at=NOON))
        yield opened


@pytest.fixture
def recorder(database: Database) -> Recorder:
    return Recorder(database)


@pytest.fixture
async def client(
    aiohttp_client: Callable[[Application], Awaitable[Client]], database: Database, recorder: Recorder
) -> Client:
    app = api(TOKEN, [*calls.OPERATIONS, *opt_outs.OPERATIONS])
    app[CALLS] = CallSource(database=database, sites=["main", "north"])
    app[BOOK] = OptOutBook(recorder=recorder, callers=KEY, sites=["main", "north"], now=lambda: NOON)
    return await aiohttp_client(app)


async def ask(client: Client, method: str, path: str, status: int = 200, **more: Any) -> Any:
    response = await client.request(method, path, headers={"Authorization": f"Bearer {TOKEN}"}, **more)
    assert response.status == status, await response.text()
    assert response.content_type == ("application/json" if status == 200 else "application/problem+json")
    return await response.json()


def offer(linkedid: str) -> SurveyOffer:
    return SurveyOffer(
        site="main",
        survey=linkedid,
        linkedid=linkedid,
        flow="csat",
        flow_version="1" * 64,
        offered_at=NOON,
        language="en",
        agent="PJSIP/1002",
        queue="support",
    )


async def tell(recorder: Recorder, linkedid: str) -> None:
    """A call that was transferred from one agent to another."""
    caller = KEY.caller(NUMBER)
    await recorder.record_heard(
        CallRecord(
            site="main", linkedid=linkedid, uniqueid=linkedid, queue="support", started_at=NOON,
            ended_at=NOON + timedelta(minutes=5), ended_by="agent",
            caller_digest=caller.digest, caller_mask=caller.mask,
        )
    )  # fmt: skip
    for number, (agent, ended_by, talk) in enumerate([("PJSIP/1001", "transfer", 40), ("PJSIP/1002", "agent", 90)]):
        await hear_leg(
            recorder,
            LegRecord(
                site="main", linkedid=linkedid, leg=f"leg-{9 - number}", agent=agent, queue="" if number else "support",
                connected_at=NOON + timedelta(minutes=number), ended_at=NOON + timedelta(minutes=number + 1),
                ended_by=ended_by, talk_seconds=talk,  # type: ignore[arg-type]
            )
        )  # fmt: skip


async def test_the_story_of_a_call_that_was_asked(client: Client, recorder: Recorder) -> None:
    await tell(recorder, "1.1")
    await recorder.offer(offer("1.1"))
    answer = AnswerRecord(
        question="satisfaction", is_rating=True, keys="5", value=5, tries=1, ended="answered", answered_at=NOON
    )
    await recorder.record_answer("main", "1.1", answer)
    await recorder.finish("main", "1.1", "completed", NOON + timedelta(seconds=20))
    story = await ask(client, "GET", "/api/v1/calls/1.1?site=main")
    assert (story["site"], story["call"], story["ended_by"]) == ("main", "1.1", "agent")
    assert story["caller"] == "••••••••••789"
    assert story["decision"] == {"asked": True, "reason_code": None, "rule": None}
    assert [(leg["agent"], leg["queue"], leg["ended_by"], leg["talk_seconds"]) for leg in story["legs"]] == [
        ("PJSIP/1001", "support", "transfer", 40),
        ("PJSIP/1002", None, "agent", 90),
    ]
    survey = story["survey"]
    assert (survey["status"], survey["agent"], survey["reason"]) == ("completed", "PJSIP/1002", None)
    assert survey["offered_at"] == "2026-11-22T04:00:00Z"
    assert [(found["keys"], found["value"], found["ended"]) for found in survey["answers"]] == [("5", 5, "answered")]


async def test_the_story_of_a_call_that_a_rule_stopped_names_the_rule(client: Client, recorder: Recorder) -> None:
    await tell(recorder, "1.1")
    admit = admission("main", "1.1", Lookup(site="main"), lambda _: Exclusion(exclusion="quarantine", rule=RULE))
    assert not await recorder.offer(offer("1.1"), admit)
    story = await ask(client, "GET", "/api/v1/calls/1.1")
    assert story["decision"] == {"asked": False, "reason_code": "quarantine", "rule": RULE}
    assert story["survey"] is None


async def test_a_call_that_could_not_be_asked_has_a_code_and_no_rule(client: Client, recorder: Recorder) -> None:
    await tell(recorder, "1.1")
    assert (await ask(client, "GET", "/api/v1/calls/1.1"))["decision"] is None
    await recorder.exclude("main", "1.1", "caller_hung_up")
    decision = (await ask(client, "GET", "/api/v1/calls/1.1"))["decision"]
    assert decision == {"asked": False, "reason_code": "caller_hung_up", "rule": None}


async def test_equal_linkedids_of_two_sites_are_two_calls(client: Client, recorder: Recorder) -> None:
    await tell(recorder, "1.1")
    problem = await ask(client, "GET", "/api/v1/calls/1.1?site=north", 404)
    assert (problem["detail"], problem["parameter"]) == ("call: site north has no call '1.1'", "call")


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("site=mars", "site: got 'mars'; allowed: one of main, north"),
        ("side=main", "side: got 'main'; allowed: no such parameter; there is site; did you mean site?"),
    ],
)
async def test_a_wrong_parameter_is_named(client: Client, query: str, detail: str) -> None:
    assert (await ask(client, "GET", f"/api/v1/calls/1.1?{query}", 400))["detail"] == detail


async def test_a_caller_opts_out_is_found_and_opts_in_again(client: Client, recorder: Recorder) -> None:
    path = "/api/v1/callers/opt-out"
    nobody = {"caller": "••••••••••789", "opted_out": False, "opt_outs": []}
    everywhere = [{"site": None, "at": "2026-11-22T04:00:00Z", "way": "api"}]
    body = {"number": NUMBER}
    assert await ask(client, "GET", path, json=body) == nobody
    for _ in "twice":
        told = await ask(client, "PUT", path, json=body)
        assert told == {"caller": "••••••••••789", "opted_out": True, "opt_outs": everywhere}
    # However the number is written.
    assert (await ask(client, "GET", path, json={"number": "+886223456789"}))["opted_out"]
    assert [row.site for row in await recorder.opt_outs(KEY.caller(NUMBER).digest)] == [None]
    assert await ask(client, "DELETE", path, json=body) == nobody
    assert await ask(client, "DELETE", path, json=body) == nobody


async def test_an_opt_out_may_be_for_one_site(client: Client) -> None:
    path = "/api/v1/callers/opt-out"
    told = await ask(client, "PUT", path, json={"number": NUMBER, "site": "north"})
    assert [row["site"] for row in told["opt_outs"]] == ["north"]
    told = await ask(client, "DELETE", path, json={"number": NUMBER, "site": "main"})
    assert [row["site"] for row in told["opt_outs"]] == ["north"]


ALLOWED = 'allowed: a JSON object such as {"number": "+886 2 2345 6789"}, and "site" for one site only'


@pytest.mark.parametrize(
    ("body", "detail", "parameter"),
    [
        (b"number=0912000111", f"the body is not JSON; {ALLOWED}", None),
        (b"\xff\xfe", f"the body is not JSON; {ALLOWED}", None),
        (b"[" * 100_000, f"the body is not JSON; {ALLOWED}", None),
        (b'"0912000111"', None, None),
        (b"{}", f"number: Field required; {ALLOWED}", "number"),
        (b'{"number": 912000111}', f"number: Input should be a valid string; {ALLOWED}", "number"),
        (b'{"number": "0912000111", "sight": 1}', f"sight: Extra inputs are not permitted; {ALLOWED}", "sight"),
        (b'{"number": "Anna 0912000111"}', "number: not a telephone number; allowed: +, digits, * and #", "number"),
        (b'{"number": "0912000111", "site": "mars"}', "site: got 'mars'; allowed: one of main, north", "site"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET"])
async def test_a_body_that_makes_no_sense_is_refused_and_its_number_never_repeated(
    client: Client, method: str, body: bytes, detail: str | None, parameter: str | None
) -> None:
    with structlog.testing.capture_logs() as logs:
        problem = await ask(client, method, "/api/v1/callers/opt-out", 400, data=body)
    assert detail in (None, problem["detail"])
    assert problem.get("parameter") == parameter
    assert "912000111" not in str(problem) + str(logs)


async def test_without_the_token_nothing_is_told_and_nothing_done(client: Client, recorder: Recorder) -> None:
    for method, path in (("GET", "/api/v1/calls/1.1"), ("PUT", "/api/v1/callers/opt-out")):
        response = await client.request(method, path, json={"number": NUMBER})
        assert response.status == 401
    assert await recorder.opt_outs(KEY.caller(NUMBER).digest) == []
