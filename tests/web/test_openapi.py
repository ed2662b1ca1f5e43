"""The API's document: complete, valid, and what the API does."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from yarl import URL

from ivr.parts.web import OPERATIONS
from ivr.scoreboard.board import RatedFlow, RatedQuestion, Scoreboard, ScoredSite
from ivr.surveys.flows import FlowShelf
from ivr.surveys.privacy import CallerKey
from ivr.surveys.publishing import Publishing
from ivr.web.calls import CALLS, CallSource
from ivr.web.flows import FLOWS, FlowSource
from ivr.web.openapi import add_document, document
from ivr.web.opt_outs import BOOK, OptOutBook
from ivr.web.reasons import RECORDER, SITES
from ivr.web.recordings import RECORDINGS, Recordings
from ivr.web.score_query import BOARD
from ivr.web.send_to_survey import SENDING, CallDoor
from ivr.web.server import serving
from storage.accounts import Accounts
from storage.engine import open_database
from storage.recorder import Recorder
from storage.records import CallRecord, SiteRecord
from tests.storage.samples import offer, rated, version
from tests.web.served import api

TOKEN = "a token of these tests"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RATING = RatedQuestion(code="rating", values=(1, 2, 3, 4, 5), satisfied=(4, 5), labels={})
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]
"""Not whether all that fits a schema is accepted: which sites and flows there are is in no schema."""
STREAMS = "/api/v1/live"
"""Never ends, so nobody who waits for an answer may ask for it."""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(OPERATIONS, version="1.0")


def test_every_operation_is_described_with_its_roles_and_its_problems(described: dict[str, Any]) -> None:
    told = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert len(told) == len(OPERATIONS)
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert "Roles: " in operation["description"]
            assert {"400", "401", "403", "404"} <= operation["responses"].keys()
    names = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere_and_every_schema_is_one(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    known = described["components"]["schemas"]
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        assert reference.removeprefix("#/components/schemas/") in known, reference
    for schema in known.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.fixture
async def address(url: str) -> AsyncIterator[str]:
    """The API over a database with one rated call."""
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site="main", name="Head office", zone="Europe/Madrid"))
        await recorder.publish(version())
        await recorder.offer(offer("1.1"))
        await recorder.record_answer("main", "1.1", rated(5))
        await recorder.record_call(CallRecord(site="main", linkedid="1.1", ended_at=NOON, ended_by="agent"))
        app = _app(database, recorder)
        async with serving(app, "127.0.0.1", 0) as served:
            yield served


def _app(database: Any, recorder: Recorder) -> web.Application:
    async def send(linkedid: str) -> None:
        assert linkedid

    shelf = FlowShelf(lambda: NOON)
    publishing = Publishing(database=database, shelf=shelf, folder=None, now=lambda: NOON)
    operations = [operation for operation in OPERATIONS if operation.path != STREAMS]
    app = api(TOKEN, operations)
    app[BOARD] = Scoreboard(
        database=database,
        sites={"main": ScoredSite(zone=ZoneInfo("Europe/Madrid"), flow="csat")},
        flows={"csat": RatedFlow(title="Satisfaction", headline=RATING)},
        now=lambda: NOON,
    )
    app[CALLS] = CallSource(database=database, sites=["main"])
    app[BOOK] = OptOutBook(recorder=recorder, callers=CallerKey(b"k" * 16), sites=["main"], now=lambda: NOON)
    app[SENDING] = CallDoor(database=database, senders={"main": send})
    app[RECORDINGS] = Recordings(
        on_pbx=PurePosixPath("/nowhere"), here=Path("/nowhere"), accounts=Accounts(database), now=lambda: NOON
    )
    app[RECORDER], app[SITES] = recorder, ["main"]
    app[FLOWS] = FlowSource(database=database, shelf=shelf, status=publishing.status, now=lambda: NOON)
    add_document(app, operations, version="1.0")
    return app


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_whatever_is_asked_the_answer_is_one_that_the_document_names(address: str) -> None:
    """Schemathesis makes requests from the document, good and bad ones, and holds the answers against it."""
    await asyncio.to_thread(_explore, address)


def _explore(address: str) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    checked = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=6,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        ask()
        checked += 1
    assert checked >= 10
    assert URL(address).host == "127.0.0.1"
