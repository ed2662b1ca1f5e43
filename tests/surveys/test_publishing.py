"""A flow is published while the service runs: by a file, by a command on another machine, at a given time."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from callflows.loader import FlowVersion, load_flow
from ivr.errors import DatabaseError, FlowError, SettingsError
from ivr.surveys import publishing as publishing_module
from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import Publishing, version_record
from storage.engine import Database, open_database
from storage.publication_queries import publications
from storage.recorder import Recorder
from storage.records import FlowVersionRecord, PublicationRecord, Way
from tests.shelves import SHIPPED
from tests.surveys.flow_files import source, write


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


class Replica:
    """One service of several on a database."""

    def __init__(self, database: Database, folder: Path | None, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self.shelf = FlowShelf(clock)
        self.publishing = Publishing(database=database, shelf=self.shelf, folder=folder, now=clock)

    async def settle(self) -> list[Any]:
        """The two steps after which a saved file counts; returns the log."""
        with capture_logs() as logs:
            for _ in range(2):
                self.clock.forward(seconds=1)
                await self.publishing.step()
        return logs

    @property
    def title(self) -> str | None:
        version = self.shelf.find("mine")
        return version.flow.title if version else None

    async def command(self, version: FlowVersion, way: Way = "command", at: datetime | None = None) -> None:
        """What a command on another machine leaves in the database."""
        recorder = Recorder(self.database)
        await recorder.publish(version_record(version, self.clock.now))
        await recorder.put_in_force(
            PublicationRecord(
                flow=version.flow.flow,
                digest=version.digest,
                in_force_from=at or self.clock.now,
                published_at=self.clock.now,
                way=way,
            )
        )

    async def history(self) -> list[tuple[str, str]]:
        """How each publication of the flow came about, and from which file."""
        return [(one.way, one.published_by) for one in await publications(self.database, "mine")]


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    folder.mkdir()
    write(folder / "mine.yaml", "One")
    return folder


@pytest.fixture
async def replica(database: Database, folder: Path) -> Replica:
    started = Replica(database, folder, Clock())
    await started.publishing.start()
    return started


def version(path: Path, title: str) -> FlowVersion:
    return load_flow(write(path / f"{title}.draft", title))


async def test_at_the_start_the_shipped_flows_and_the_files_are_in_force(replica: Replica) -> None:
    assert replica.shelf.codes == sorted([*SHIPPED, "mine"])
    state = replica.shelf.state("csat")
    assert state is not None
    assert (state.publication.way, state.since, state.coming) == ("shipped", replica.clock.now, None)
    assert await replica.history() == [("file", "mine.yaml")]


async def test_a_changed_file_is_in_force_at_once_and_a_call_under_way_keeps_its_own(
    replica: Replica, folder: Path
) -> None:
    under_way = replica.shelf.find("mine")
    write(folder / "mine.yaml", "Two")
    logs = await replica.settle()

    assert replica.title == "Two"
    assert under_way is not None
    assert under_way.flow.title == "One"
    assert [(entry["event"], entry["by"]) for entry in logs] == [("a flow is published", "mine.yaml")]
    assert replica.publishing.status.published == len(SHIPPED) + 2


async def test_comments_are_no_new_version(replica: Replica, folder: Path) -> None:
    (folder / "mine.yaml").write_text("# A comment.\n" + source("One"), "utf-8")
    assert await replica.settle() == []
    assert await replica.history() == [("file", "mine.yaml")]


async def test_a_broken_file_never_replaces_a_good_version_and_is_said_once_a_change(
    replica: Replica, folder: Path
) -> None:
    path = folder / "mine.yaml"
    path.write_text(source("Two").replace("tries: 2", "tires: 2"), "utf-8")
    with pytest.raises(FlowError) as caught:
        load_flow(path)
    checkers = str(caught.value).splitlines()

    (said,) = await replica.settle()
    assert (said["log_level"], said["file"], said["flow"], said["mistakes"]) == ("error", str(path), "mine", checkers)
    assert await replica.settle() == []
    assert replica.title == "One"
    status = replica.publishing.status
    assert status.refusals[path].mistakes == tuple(checkers)
    assert (status.refusals[path].flow, status.refused) == ("mine", 1)
    refused_at = status.refusals[path].at

    # Another content with the very same mistake is another change.
    path.write_text(source("Two").replace("tries: 2", "tires: 2") + "# still wrong\n", "utf-8")
    assert len(await replica.settle()) == 1
    assert status.refused == 2
    assert status.refusals[path].at > refused_at

    write(path, "Two")
    await replica.settle()
    assert replica.title == "Two"
    assert (status.refusals, status.refused) == ({}, 2)


async def test_a_file_that_is_gone_leaves_its_last_good_version_in_force_and_that_is_said_once(
    replica: Replica, folder: Path
) -> None:
    (folder / "mine.yaml").unlink()
    (said,) = await replica.settle()
    assert (said["log_level"], said["flow"]) == ("warning", "mine")
    assert said["event"] == "no file holds a flow any more; its last good version stays in force"
    assert await replica.settle() == []
    assert replica.title == "One"
    assert replica.publishing.status.orphans == {"mine"}

    write(folder / "mine.yaml", "One")
    assert await replica.settle() == []
    assert replica.publishing.status.orphans == frozenset()
    assert await replica.history() == [("file", "mine.yaml")]


async def test_a_file_that_is_renamed_is_neither_published_again_nor_missed(replica: Replica, folder: Path) -> None:
    (folder / "mine.yaml").rename(folder / "yours.yaml")
    assert await replica.settle() == []
    assert await replica.history() == [("file", "mine.yaml")]


async def test_a_rollback_holds_until_what_the_file_says_changes(
    replica: Replica, folder: Path, tmp_path: Path, database: Database
) -> None:
    write(folder / "mine.yaml", "Two")
    await replica.settle()
    await replica.command(version(tmp_path, "One"), "rollback")
    await replica.settle()
    assert replica.title == "One"

    # Neither saving the same again, nor a restart, nor another replica takes the rollback back.
    (folder / "mine.yaml").write_text(source("Two") + "# saved again\n", "utf-8")
    await replica.settle()
    restarted = Replica(database, folder, replica.clock)
    await restarted.publishing.start()
    assert (replica.title, restarted.title) == ("One", "One")

    write(folder / "mine.yaml", "Three")
    await replica.settle()
    assert replica.title == "Three"
    assert [way for way, _ in await replica.history()] == ["file", "file", "rollback", "file"]


async def test_several_replicas_publish_a_file_once_and_all_follow(
    replica: Replica, folder: Path, database: Database
) -> None:
    others = [Replica(database, folder, replica.clock) for _ in range(2)]
    for other in others:
        await other.publishing.start()
    write(folder / "mine.yaml", "Two")
    everybody = [replica, *others]
    for _ in range(2):
        await asyncio.gather(*(one.publishing.step() for one in everybody))
    await asyncio.gather(*(one.publishing.step() for one in everybody))
    assert [one.title for one in everybody] == ["Two", "Two", "Two"]
    assert await replica.history() == [("file", "mine.yaml")] * 2


async def test_a_replica_whose_copy_of_the_file_is_late_does_not_take_the_new_version_back(
    replica: Replica, tmp_path: Path, database: Database
) -> None:
    late = tmp_path / "late"
    late.mkdir()
    write(late / "mine.yaml", "One")
    other = Replica(database, late, replica.clock)
    await other.publishing.start()
    write(tmp_path / "flows" / "mine.yaml", "Two")
    await replica.settle()
    await other.settle()
    assert (replica.title, other.title) == ("Two", "Two")

    write(late / "mine.yaml", "Two")
    await other.settle()
    assert await replica.history() == [("file", "mine.yaml")] * 2


async def test_a_planned_version_comes_into_force_at_its_moment_and_not_before(
    replica: Replica, tmp_path: Path
) -> None:
    moment = replica.clock.now + timedelta(days=9)
    await replica.command(version(tmp_path, "December"), at=moment)
    await replica.settle()
    state = replica.shelf.state("mine")
    assert state is not None
    assert state.version.flow.title == "One"
    assert state.coming is not None
    assert state.coming.in_force_from == moment

    replica.clock.now = moment - timedelta(microseconds=1)
    assert replica.title == "One"
    replica.clock.now = moment
    # No step was taken: a database that is away at that moment does not delay it.
    assert replica.title == "December"
    state = replica.shelf.state("mine")
    assert state is not None
    assert (state.since, state.coming) == (moment, None)


async def test_a_flow_that_is_only_planned_is_no_flow_yet_and_the_settings_are_told_so(
    replica: Replica, tmp_path: Path
) -> None:
    (tmp_path / "new.draft").write_text(source("New", "new"), "utf-8")
    await replica.command(load_flow(tmp_path / "new.draft"), at=datetime(2026, 12, 1, tzinfo=UTC))
    await replica.settle()
    assert replica.shelf.find("new") is None
    assert replica.shelf.codes == sorted([*SHIPPED, "mine"])
    with pytest.raises(SettingsError, match=r"^x: flow 'new' is not in force before 2026-12-01T00:00:00"):
        replica.shelf.require("new", setting="x")


async def test_while_the_database_is_away_the_flows_stay_and_the_change_is_made_up_for(
    replica: Replica, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> Any:
        raise DatabaseError("database postgresql://db/x cannot be reached")

    write(folder / "mine.yaml", "Two")
    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", away)
        patched.setattr(Database, "read", away)
        (said,) = await replica.settle()
        assert said["event"] == "changes of flows are not seen; those in force stay"
        assert replica.publishing.status.problem == "database postgresql://db/x cannot be reached"
        assert replica.title == "One"
    logs = await replica.settle()
    assert [entry["event"] for entry in logs] == ["a flow is published", "changes of flows are seen again"]
    assert replica.title == "Two"


async def test_while_the_folder_is_away_commands_are_still_seen(replica: Replica, folder: Path, tmp_path: Path) -> None:
    os.rename(folder, tmp_path / "elsewhere")
    await replica.command(version(tmp_path, "By command"))
    (said,) = await replica.settle()
    assert said["why"] == f"flows.folder: {folder} cannot be read: No such file or directory"
    assert replica.title == "By command"
    assert replica.publishing.status.orphans == frozenset()


async def test_a_broken_file_does_not_keep_the_service_from_starting(
    replica: Replica, folder: Path, database: Database
) -> None:
    (folder / "mine.yaml").write_text("flow: mine\n", "utf-8")
    restarted = Replica(database, folder, replica.clock)
    with capture_logs() as logs:
        await restarted.publishing.start()
    assert restarted.title == "One"
    assert [entry["event"] for entry in logs] == ["a flow file is refused"]
    assert restarted.publishing.mistakes()[0].startswith(f"{folder / 'mine.yaml'}:1:1: ")


async def test_a_flow_of_ones_own_goes_before_the_shipped_one_and_a_new_release_leaves_it(
    database: Database, folder: Path
) -> None:
    write(folder / "mine.yaml", "Our satisfaction", flow="csat")
    own = Replica(database, folder, Clock())
    await own.publishing.start()
    assert own.shelf.codes == SHIPPED
    without = Replica(database, None, own.clock)
    await without.publishing.start()
    for replica in (own, without):
        state = replica.shelf.state("csat")
        assert state is not None
        assert state.version.flow.title == "Our satisfaction"
    assert [one.way for one in await publications(database, "csat")] == ["shipped", "file"]


async def test_a_version_that_this_release_cannot_read_leaves_the_one_before_in_force(replica: Replica) -> None:
    recorder = Recorder(replica.database)
    await recorder.publish(
        FlowVersionRecord(digest="f" * 64, flow="mine", source="an: older language", published_at=replica.clock.now)
    )
    await recorder.put_in_force(
        PublicationRecord(
            flow="mine",
            digest="f" * 64,
            in_force_from=replica.clock.now,
            published_at=replica.clock.now,
            way="command",
        )
    )
    (said,) = await replica.settle()
    assert (said["flow"], said["version"]) == ("mine", "f" * 12)
    assert replica.title == "One"
    assert await replica.settle() == []


async def test_a_folder_that_there_is_not_is_refused_at_the_start(database: Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"^flows.folder: {tmp_path / 'none'} is not a folder$"):
        await Replica(database, tmp_path / "none", Clock()).publishing.start()


async def test_nothing_that_goes_wrong_ends_the_watching(
    replica: Replica, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing_module, "STEP_SECONDS", 0)
    steps = asyncio.Queue[None]()
    step = replica.publishing.step

    async def first_fails() -> None:
        steps.put_nowait(None)
        if steps.qsize() == 1:
            raise RuntimeError("anything")
        await step()

    monkeypatch.setattr(replica.publishing, "step", first_fails)
    write(folder / "mine.yaml", "Two")
    with capture_logs() as logs:
        task = asyncio.create_task(replica.publishing.run())
        async with asyncio.timeout(10):
            while replica.title != "Two":  # noqa: ASYNC110 - it happens in the other task
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert logs[0]["event"] == "the flows cannot be looked at"


async def test_a_clock_that_is_put_back_takes_no_flow_out_of_force_and_holds_up_no_change(
    replica: Replica, folder: Path
) -> None:
    replica.clock.forward(hours=-1)
    assert replica.title == "One"
    again = Replica(replica.database, folder, replica.clock)
    await again.publishing.start()
    assert (again.title, again.shelf.codes) == ("One", replica.shelf.codes)
    write(folder / "mine.yaml", "Two")
    await again.settle()
    assert again.title == "Two"
    await replica.command(version(folder, "Three"))
    await again.settle()
    assert again.title == "Three"
    assert replica.title == "One"  # it has not looked since
    await replica.settle()
    assert replica.title == "Three"
    replica.clock.forward(hours=2)
    assert replica.title == "Three"
