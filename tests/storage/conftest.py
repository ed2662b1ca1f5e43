"""Every storage test runs on SQLite and on PostgreSQL, each time in a database of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.engine import Database, open_database
from storage.recorder import Recorder
from tests.postgres import Postgres
from tests.storage.samples import MADRID, SITE, version


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        yield opened


@pytest.fixture
async def recorder(database: Database) -> Recorder:
    """A recorder that knows a site in Madrid and one flow."""
    recorder = Recorder(database)
    await recorder.ensure_site(MADRID)
    await recorder.publish(version())
    assert MADRID.site == SITE
    return recorder
