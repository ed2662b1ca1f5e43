"""The sounds on this machine, against the flows in force."""

import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callflows.loader import LIBRARY
from ivr.doctor.findings import Finding
from ivr.doctor.prompts import look_at_prompts
from ivr.settings import Settings
from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import Publishing
from storage.engine import open_database
from tests.doctor.test_doctor import settings

Look = Callable[[Settings], Awaitable[list[Finding]]]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def published(url: str) -> Look:
    """What the doctor says once the service has put its flows in force."""

    async def look(given: Settings) -> list[Finding]:
        async with await open_database(url) as database:
            await Publishing(database=database, shelf=FlowShelf(now), folder=given.flows.folder, now=now).start()
        return await look_at_prompts(given)

    return look


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An admin's own csat, with the sounds that are shipped for the shipped one."""
    shutil.copytree(LIBRARY / "sounds", tmp_path / "flows/sounds")
    source = (LIBRARY / "csat.yaml").read_text("utf-8")
    (tmp_path / "flows/csat.yaml").write_text(source.replace("title:", "title: Our own,", 1), "utf-8")
    return tmp_path / "flows"


async def test_the_sounds_of_a_shipped_flow_are_shipped(url: str, published: Look) -> None:
    [found] = await published(settings(url))
    files = [path for path in (LIBRARY / "sounds").glob("??/csat-*.wav") if "with-comment" not in path.name]
    assert (found.level, found.said) == ("ok", f"its {len(files)} sounds are in {LIBRARY / 'sounds'}")


async def test_the_sounds_of_an_own_flow_lie_beside_it(url: str, published: Look, folder: Path) -> None:
    [found] = await published(settings(url, flows={"folder": folder}))
    assert found.level == "ok"
    (folder / "sounds/zh/csat-thanks.wav").unlink()
    [found] = await published(settings(url, flows={"folder": folder}))
    assert found.level == "warning"
    assert found.said.endswith(f"sounds are not in {folder}/sounds, such as zh/csat-thanks")
    assert found.fix.startswith("`postcall prompts build`")


async def test_a_sound_of_another_text_than_the_one_in_force(url: str, published: Look, folder: Path) -> None:
    flow = folder / "csat.yaml"
    said = flow.read_text("utf-8")
    assert "Goodbye" in said
    flow.write_text(said.replace("Goodbye", "Farewell", 1), "utf-8")
    [found] = await published(settings(url, flows={"folder": folder}))
    assert found.level == "warning"
    assert "say another text than the version in force, such as en/csat-goodbye" in found.said


async def test_a_flow_of_which_no_version_is_in_force(url: str) -> None:
    [found] = await look_at_prompts(settings(url))
    assert (found.level, found.about, found.said) == ("fault", "flow csat", "no version of it is in force")


async def test_without_a_database_others_say_so(tmp_path: Path) -> None:
    assert await look_at_prompts(settings(f"sqlite:///{tmp_path}/none.db")) == []
