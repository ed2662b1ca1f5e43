"""`POST /api/v1/calls/{linkedid}/survey`: what is answered, whatever the PBX says."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from ivr.errors import NoSuchCall, NotTalking, PbxError
from ivr.web import send_to_survey
from ivr.web.send_to_survey import SENDING, CallDoor
from storage.engine import open_database
from tests.web.served import api

TOKEN = "a token of these tests"


async def ask(
    aiohttp_client: AiohttpClient, migrated_file: Path, send: Callable[[str], Awaitable[None]], path: str
) -> tuple[int, dict[str, Any]]:
    async with await open_database(f"sqlite:///{migrated_file}") as database:
        app = api(TOKEN, send_to_survey.OPERATIONS)
        app[SENDING] = CallDoor(database=database, senders={"main": send})
        client = await aiohttp_client(app)
        response = await client.post(path, headers={"Authorization": f"Bearer {TOKEN}"})
        return response.status, await response.json()


def failing(error: Exception | None, sent: list[str]) -> Callable[[str], Awaitable[None]]:
    async def send(linkedid: str) -> None:
        sent.append(linkedid)
        if error:
            raise error

    return send


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (None, 202, None),
        (NoSuchCall("no such call is up"), 404, "No such call"),
        (NotTalking("the caller has just left"), 409, "Not talking"),
        (PbxError("AMI 127.0.0.1:5038 is not connected"), 503, "PBX not available"),
    ],
)
async def test_the_answer(
    aiohttp_client: AiohttpClient, migrated_file: Path, error: Exception | None, status: int, title: str | None
) -> None:
    sent: list[str] = []
    got, body = await ask(aiohttp_client, migrated_file, failing(error, sent), "/api/v1/calls/pbx-1795.0/survey")
    assert (got, body.get("title"), sent) == (status, title, ["pbx-1795.0"])
    assert "127.0.0.1" not in str(body)


@pytest.mark.parametrize(
    ("query", "parameter"), [("site=other", "site"), ("linkedid=1", "linkedid"), ("site=main&x=1", "x")]
)
async def test_a_wrong_parameter_is_named_and_nothing_is_done(
    aiohttp_client: AiohttpClient, migrated_file: Path, query: str, parameter: str
) -> None:
    sent: list[str] = []
    status, body = await ask(aiohttp_client, migrated_file, failing(None, sent), f"/api/v1/calls/1.0/survey?{query}")
    assert (status, body["parameter"], sent) == (400, parameter, [])
