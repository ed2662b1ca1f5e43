"""What callers said is heard by whoever may, and who has listened is told to admins."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.accounts import Accounts
from storage.engine import open_database
from tests.pages.seed import RECORDED, SITE
from tests.web.whole import SOUND, Whole, whole

SOUND_PATH = f"/api/v1/calls/{RECORDED}/recordings/comment"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    here = tmp_path / "recordings"
    here.mkdir()
    return here


@pytest.fixture
async def here(migrated_file: Path, tmp_path: Path, folder: Path) -> AsyncIterator[Whole]:
    shutil.copy(migrated_file, tmp_path / "postcall.db")
    async with whole(f"sqlite:///{tmp_path / 'postcall.db'}", folder, calls=0) as service:
        await service.add("ada", "admin")
        # The call was Alice's, who is in the team north.
        await service.add("north", "supervisor", site=SITE, teams=("north",))
        await service.add("south", "supervisor", site=SITE, teams=("south",))
        await service.add("alice", "agent", site=SITE, agent="PJSIP/1001")
        yield service


async def heard(here: Whole, login: str | None, path: str = SOUND_PATH, **header: str) -> tuple[int, bytes]:
    async with here.client.get(here.url + path, headers={**here.header(login), **header}) as response:
        return response.status, await response.read()


async def looks(here: Whole) -> list[tuple[str, str]]:
    """Who listened to what, the latest first, as an admin is told."""
    async with here.client.get(f"{here.url}/api/v1/calls/{RECORDED}/looks", headers=here.header("ada")) as response:
        assert response.status == 200
        return [(look["login"], look["question"]) for look in (await response.json())["looks"]]


async def test_whoever_may_hear_it_hears_it_and_is_kept_with_the_time(here: Whole) -> None:
    before = datetime.now(UTC)
    async with here.client.get(here.url + SOUND_PATH, headers=here.header("north")) as response:
        assert (response.status, response.content_type) == (200, "audio/wav")
        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert await response.read() == SOUND
    assert await heard(here, "ada") == (200, SOUND)
    assert await looks(here) == [("ada", "comment"), ("north", "comment")]
    kept = await here.accounts.looks(SITE, RECORDED)
    assert before <= kept[-1].looked_at <= kept[0].looked_at <= datetime.now(UTC)


async def test_whoever_may_not_hears_nothing_and_learns_not_even_whether_there_is_something(here: Whole) -> None:
    assert (await heard(here, None))[0] == 401
    assert (await heard(here, "alice"))[0] == 403
    status, told = await heard(here, "south")
    assert status == 404
    assert told.replace(RECORDED.encode(), b"") == (
        await heard(here, "south", "/api/v1/calls/no.such/recordings/comment")
    )[1].replace(b"no.such", b"")
    assert await looks(here) == []


async def test_who_listened_is_told_to_admins_alone(here: Whole) -> None:
    assert (await heard(here, "north", f"/api/v1/calls/{RECORDED}/looks"))[0] == 403


async def test_a_part_of_a_recording_is_a_look_too(here: Whole) -> None:
    assert await heard(here, "north", Range="bytes=4-7") == (206, SOUND[4:8])
    assert (await heard(here, "north", Range="bytes=9999-"))[0] == 416
    assert len(await looks(here)) == 2


async def test_without_a_look_that_is_kept_nothing_is_heard(here: Whole) -> None:
    await here.database.write(lambda connection: connection.execute(text("DROP TABLE recording_look")))
    status, told = await heard(here, "north")
    assert status == 503
    assert SOUND not in told


async def test_a_look_stays_when_its_account_goes_and_is_not_lost_to_another_of_the_same_moment(url: str) -> None:
    at = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
    async with await open_database(url) as database:
        accounts = Accounts(database)
        for login, later in (("ada", 0), ("north", 0), ("north", 1)):
            await accounts.note_look(
                login=login, site="main", linkedid="1.1", question="comment", at=at + timedelta(seconds=later)
            )
        await accounts.note_look(login="ada", site="north", linkedid="1.1", question="comment", at=at)
        await accounts.remove("ada")
        found = await accounts.looks("main", "1.1")
    assert [(look.login, (look.looked_at - at).seconds) for look in found] == [("north", 1), ("ada", 0), ("north", 0)]
