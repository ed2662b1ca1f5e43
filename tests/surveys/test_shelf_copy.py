"""The service starts while its database is away: callers are asked by the flows that were in force before."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.errors import DatabaseAway
from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import Publishing
from ivr.surveys.shelf_copy import ShelfCopy
from storage.address import parse_url
from storage.engine import Database, open_database
from storage.journal import Journal, open_journal
from storage.publication_queries import publications
from storage.transaction import Transaction
from tests.surveys.flow_files import write


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await open_journal(tmp_path / "journal.db")
    yield opened
    await opened.close()


async def test_what_was_in_force_is_asked_and_what_is_new_is_published_when_the_database_is_there(
    url: str, tmp_path: Path, journal: Journal
) -> None:
    folder, clock, is_away = tmp_path / "flows", Clock(), True
    folder.mkdir()
    write(folder / "mine.yaml", "Before")
    async with await open_database(url) as there:
        shelf = FlowShelf(clock)
        before = Publishing(database=there, shelf=shelf, folder=folder, now=clock, copy=ShelfCopy(journal))
        assert await before.start() == ""
        codes = shelf.codes
    write(folder / "mine.yaml", "After")

    async def first(_connection: Transaction) -> None:
        if is_away:
            raise DatabaseAway("it is away")

    async with Database(parse_url(url), first) as database:
        shelf = FlowShelf(clock)
        publishing = Publishing(database=database, shelf=shelf, folder=folder, now=clock, copy=ShelfCopy(journal))
        assert await publishing.start() == "it is away"
        assert shelf.codes == codes
        assert shelf.require("mine", setting="flow").flow.title == "Before"
        await publishing.step()
        assert publishing.status.problem == "it is away"
        is_away = False
        await publishing.step()
        assert publishing.status.problem == ""
        assert shelf.require("mine", setting="flow").flow.title == "After"
        assert [one.way for one in await publications(database, "mine")] == ["file", "file"]


async def test_where_nothing_was_kept_nobody_can_be_asked(url: str, journal: Journal) -> None:
    async def first(_connection: Transaction) -> None:
        raise DatabaseAway("it is away")

    async with Database(parse_url(url), first) as database:
        shelf = FlowShelf(Clock())
        publishing = Publishing(database=database, shelf=shelf, folder=None, now=Clock(), copy=ShelfCopy(journal))
        with pytest.raises(DatabaseAway, match="it is away"):
            await publishing.start()
        assert shelf.codes == []
