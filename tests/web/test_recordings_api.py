"""A supervisor listens to what a caller said, and that is kept."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from sqlalchemy import select

from ivr.web import recordings
from ivr.web.auth import fingerprint
from ivr.web.calls import CALLS, CallSource
from ivr.web.recordings import RECORDINGS, Recordings
from storage.account_tables import RecordingLook
from storage.accounts import AccountRecord, Accounts
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import AgentRecord, AnswerRecord
from tests.storage.samples import ANA, MADRID, NOON, offer, version
from tests.web.served import api

TOKEN = "a token of these tests"
SOUND = b"RIFF and what the caller said"
PATH = "/api/v1/calls/1.1/recordings/why"
Client = TestClient[Request, Application]


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        recorder = Recorder(opened)
        await recorder.ensure_site(MADRID)
        await recorder.publish(version())
        await recorder.record_agent(AgentRecord(site="main", agent=ANA, interface=ANA, team="north"))
        yield opened


async def record(database: Database, stored: str, survey: str = "1.1") -> None:
    recorder = Recorder(database)
    await recorder.offer(offer(survey))
    answer = AnswerRecord(
        question="why", is_rating=False, keys="", value=None, tries=1, ended="recorded", answered_at=NOON,
        recording=stored, recording_seconds=3.5,
    )  # fmt: skip
    await recorder.record_answer("main", survey, answer)


@pytest.fixture
async def client(
    aiohttp_client: Callable[[Application], Awaitable[Client]], database: Database, tmp_path: Path
) -> Client:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/main-1.1-why.wav").write_bytes(SOUND)
    (tmp_path / "secret.wav").write_bytes(b"not for anybody")
    accounts = Accounts(database)
    for login, team in (("sue", "north"), ("tom", "south")):
        await accounts.add(AccountRecord(login=login, role="supervisor", teams=(team,), created_at=NOON))
        await accounts.add_token(login, fingerprint(login), "", NOON)
    app = api(TOKEN, recordings.OPERATIONS, accounts=accounts)
    app[CALLS] = CallSource(database=database, sites=["main"])
    app[RECORDINGS] = Recordings(
        on_pbx=PurePosixPath("/var/spool/comments"),
        here=tmp_path / "here",
        accounts=accounts,
        now=lambda: datetime(2026, 3, 2, 15, 0, tzinfo=UTC),
    )
    return await aiohttp_client(app)


async def get(client: Client, path: str, token: str) -> tuple[int, bytes]:
    response = await client.get(path, headers={"Authorization": f"Bearer {token}"})
    return response.status, await response.read()


async def looks(database: Database) -> list[Any]:
    async def work(connection: Any) -> list[Any]:
        statement = select(RecordingLook.login, RecordingLook.linkedid, RecordingLook.question, RecordingLook.looked_at)
        return [tuple(row) for row in await connection.execute(statement)]

    return await database.read(work)


async def test_it_is_heard_and_the_look_is_kept(client: Client, database: Database) -> None:
    await record(database, "/var/spool/comments/main-1.1-why")
    assert await get(client, PATH, "sue") == (200, SOUND)
    assert await looks(database) == [("sue", "1.1", "why", datetime(2026, 3, 2, 15, 0, tzinfo=UTC))]


async def test_a_supervisor_of_another_team_hears_nothing(client: Client, database: Database) -> None:
    await record(database, "/var/spool/comments/main-1.1-why")
    status, body = await get(client, PATH, "tom")
    assert status == 404
    assert SOUND not in body
    assert await looks(database) == []


@pytest.mark.parametrize(
    "stored",
    [
        "/var/spool/comments/../secret",
        "/etc/secret",
        "/var/spool/comments/gone",
        "secret",
        "/var/spool/comments/x/../../secret",
    ],
)
async def test_a_path_that_leads_elsewhere_or_nowhere_is_not_found(
    client: Client, database: Database, stored: str
) -> None:
    await record(database, stored)
    status, body = await get(client, PATH, TOKEN)
    assert (status, b"not for anybody" in body) == (404, False)
    assert b"recordings_here" in body
    assert await looks(database) == []


async def test_a_question_that_recorded_nothing_is_named(client: Client, database: Database) -> None:
    await record(database, "/var/spool/comments/main-1.1-why")
    status, body = await get(client, "/api/v1/calls/1.1/recordings/when", TOKEN)
    assert status == 404
    assert b"nothing was recorded to 'when'" in body


async def test_a_folder_that_this_user_may_not_enter_has_no_recordings(database: Database, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / f"main-1.1-why{recordings.SOUND}").write_bytes(SOUND)
    source = Recordings(
        on_pbx=PurePosixPath("/var/spool/comments"), here=here, accounts=Accounts(database), now=lambda: NOON
    )
    assert recordings._file(source, "/var/spool/comments/main-1.1-why")
    here.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root may enter everywhere
    try:
        assert recordings._file(source, "/var/spool/comments/main-1.1-why") is None
    finally:
        os.seteuid(user)
        here.chmod(0o700)
