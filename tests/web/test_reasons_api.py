"""An agent's own program says why a caller had called."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from ivr.web import reasons as reason_routes
from ivr.web.reasons import RECORDER, SITES
from storage.engine import Database, open_database
from storage.queries import tallies
from storage.recorder import Recorder
from storage.records import AnswerRecord, CountFilter, FlowVersionRecord, SiteRecord, SurveyOffer
from storage.schema import upgrade
from storage.verify import verify
from tests.web.served import api

TOKEN = "a token of these tests"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Client = TestClient[Request, Application]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Two sites, each with a rated call 1.1 that the dialplan called `sales`."""
    url = f"sqlite:///{tmp_path / 'reasons.db'}"
    await upgrade(url)
    async with await open_database(url) as opened:
        recorder = Recorder(opened)
        await recorder.publish(FlowVersionRecord(digest="aa", flow="csat", source="", published_at=NOON))
        for site in ("main", "lima"):
            await recorder.ensure_site(SiteRecord(site=site, name="", zone="UTC"))
            await recorder.offer(
                SurveyOffer(
                    site=site, survey="1.1", linkedid="1.1", flow="csat", flow_version="aa", offered_at=NOON,
                    agent="PJSIP/1001", queue="support", reason="sales", reason_source="channel",
                )
            )  # fmt: skip
            answer = AnswerRecord(
                question="satisfaction", is_rating=True, keys="5", value=5, tries=1, ended="answered", answered_at=NOON
            )
            await recorder.record_answer(site, "1.1", answer)
        yield opened


@pytest.fixture
async def client(aiohttp_client: Callable[[Application], Awaitable[Client]], database: Database) -> Client:
    app = api(TOKEN, reason_routes.OPERATIONS)
    app[RECORDER], app[SITES] = Recorder(database), ["main", "lima"]
    return await aiohttp_client(app)


async def put(client: Client, path: str, body: str, status: int = 200, token: str = TOKEN) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    response = await client.put(path, data=body.encode(), headers=headers)
    assert response.status == status, await response.text()
    assert response.content_type == ("application/json" if status == 200 else "application/problem+json")
    return await response.json()


async def reasons(database: Database) -> dict[tuple[str | None, str | None], int]:
    assert await verify(database) == []
    return {
        (row.site, row.reason): int(row.ratings)
        for row in await tallies(database, CountFilter(), by=["site", "reason"])
    }


async def test_a_wrap_up_moves_the_rating_of_its_call_at_its_site(client: Client, database: Database) -> None:
    told = await put(client, "/api/v1/calls/1.1/reason?site=lima", '{"reason": " Billing/Refund "}')
    assert told == {"site": "lima", "linkedid": "1.1", "reason": "billing/refund", "reason_source": "wrap_up"}
    assert await reasons(database) == {("main", "sales"): 1, ("lima", "billing/refund"): 1}


async def test_a_wrap_up_may_be_corrected_and_repeated(client: Client, database: Database) -> None:
    for reason in ("billing", "billing", "tech"):
        await put(client, "/api/v1/calls/1.1/reason", f'{{"reason": "{reason}"}}')
    assert await reasons(database) == {("main", "tech"): 1, ("lima", "sales"): 1}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "body: invalid JSON"),
        ("[]", "body: input should be an object"),
        ("{}", "reason: field required"),
        ('{"reason": 7}', "reason: input should be a valid string"),
        ('{"reason": "tech", "agent": "x"}', "agent: extra inputs are not permitted"),
        ('{"reason": ""}', "reason: got ''; allowed: a code in one or two parts"),
        ('{"reason": "a/b/c"}', "reason: got 'a/b/c'; allowed: a code in one or two parts"),
        ('{"reason": "<script>"}', "reason: got '<script>'; allowed: a code in one or two parts"),
    ],
)
async def test_a_wrong_body_is_named(client: Client, database: Database, body: str, detail: str) -> None:
    problem = await put(client, "/api/v1/calls/1.1/reason", body, status=400)
    assert problem["detail"].startswith(detail)
    assert await reasons(database) == {("main", "sales"): 1, ("lima", "sales"): 1}


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/api/v1/calls/9.9/reason", 404, "linkedid: site main has no call '9.9'"),
        ("/api/v1/calls/1.1/reason?site=mars", 400, "site: got 'mars'; allowed: one of lima, main"),
        (
            "/api/v1/calls/1.1/reason?stie=main",
            400,
            "stie: got 'main'; allowed: no such parameter; there is site; did you mean site?",
        ),
    ],
)
async def test_a_call_that_there_is_not_is_named(client: Client, path: str, status: int, detail: str) -> None:
    assert (await put(client, path, '{"reason": "tech"}', status=status))["detail"] == detail


async def test_without_the_token_nothing_is_changed(client: Client, database: Database) -> None:
    await put(client, "/api/v1/calls/1.1/reason", '{"reason": "tech"}', status=401, token="guessed")
    assert await reasons(database) == {("main", "sales"): 1, ("lima", "sales"): 1}
