"""The service is started while PostgreSQL is away."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from ivr.demo.choices import free_port
from storage.schema import upgrade
from tests.chaos.callers import Callers
from tests.chaos.scenes import LINES, calling, refused, surveys_end, until_part
from tests.chaos.service import SETTINGS, living, readiness, waiting_entries, wrong_keys
from tests.postgres import Postgres
from tests.waiting import until


class Installation:
    """A service that ran once with its database, `name`, at a server that comes and goes."""

    def __init__(self, folder: Path, server: Postgres) -> None:
        self.server = server
        self.name = server.create_database()
        self.url = server.url(self.name)
        self.journal, self.log, self.settings = folder / "journal.db", folder / "log", folder / "postcall.toml"
        self.port, self.web = free_port(), free_port()
        self.settings.write_text(SETTINGS.format(url=self.url, folder=folder, port=self.port, web=self.web))
        self.callers = Callers(ports=[self.port], lines=LINES, rng=random.Random(1))

    async def run_once(self) -> None:
        await upgrade(self.url)
        async with living(self.settings, self.port) as process:
            await stopped(process)

    def lines(self, saying: str) -> list[str]:
        """What the log says of something."""
        return [line for line in self.log.read_text().splitlines() if saying in line]

    async def is_brought_over(self) -> bool:
        """Whether nothing waits in the journal."""
        return waiting_entries(self.journal) == 0

    async def until_said(self, saying: str) -> None:
        """Wait for a line of the log."""

        async def is_said() -> bool:
            return bool(self.lines(saying))

        await until(is_said)


async def stopped(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0


@pytest.fixture
async def installation(tmp_path: Path, server: Postgres) -> Installation:
    made = Installation(tmp_path, server)
    await made.run_once()
    return made


async def test_it_takes_calls_and_brings_them_over_when_the_database_is_there(installation: Installation) -> None:
    callers, web = installation.callers, installation.web
    installation.server.crash()
    async with living(installation.settings, installation.port, log=installation.log) as process:
        async with calling(callers):
            await surveys_end(callers, 3 * LINES)
            status, parts = await readiness(web)
            assert status == 503
            assert parts["database"].startswith(f"database postgresql://postgres@/{installation.name}: ")
            assert parts["surveys"] == "ok"
            assert waiting_entries(installation.journal) >= 3 * LINES
            installation.server.restart()
            await until_part(web, "database", works=True)
            await surveys_end(callers, LINES)
        await until(installation.is_brought_over, 60)
        await installation.until_said("the database is there: what callers said is brought over")
        await stopped(process)
    assert len(installation.lines("the service starts without its database")) == 1
    assert len(installation.lines("the database is there: what callers said is brought over")) == 1
    assert len(callers.thanked) >= 4 * LINES
    assert not await wrong_keys(installation.url, callers)


async def test_a_database_that_comes_back_with_another_schema_is_left_alone_until_it_has_the_right_one(
    installation: Installation,
) -> None:
    server, name, callers, web = installation.server, installation.name, installation.callers, installation.web
    needed = server.sql(name, "SELECT version_num FROM alembic_version")
    server.sql(name, "UPDATE alembic_version SET version_num = '0001'; UPDATE site SET name = 'as it was'")
    server.crash()
    async with living(installation.settings, installation.port, log=installation.log) as process:
        async with calling(callers):
            await surveys_end(callers, LINES)
            server.restart()
            said = await until_part(web, "database", works=False, saying="run `postcall db upgrade`")
            assert said.endswith(f": schema is at 0001, this version needs {needed}: run `postcall db upgrade`")
            await surveys_end(callers, 3 * LINES)
            await installation.until_said("the database is there, and cannot be used")
            assert waiting_entries(installation.journal) >= 4 * LINES
            assert server.sql(name, "SELECT count(*) FROM survey") == "0"
            assert server.sql(name, "SELECT count(*) FROM lease") == "0"
            assert server.sql(name, "SELECT name FROM site") == "as it was"
            server.sql(name, f"UPDATE alembic_version SET version_num = '{needed}'")
            await until_part(web, "database", works=True)
            await surveys_end(callers, LINES)
        await until(installation.is_brought_over, 60)
        await stopped(process)
    assert len(installation.lines("the database is there, and cannot be used")) == 1
    assert server.sql(name, "SELECT name FROM site") != "as it was"
    assert not await wrong_keys(installation.url, callers)


async def test_what_does_not_mend_itself_is_refused_at_the_start(installation: Installation) -> None:
    server, name, settings = installation.server, installation.name, installation.settings
    text = settings.read_text()
    server.sql("postgres", "CREATE ROLE clerk LOGIN PASSWORD 'right'")
    settings.write_text(text.replace(installation.url, server.url(name, "clerk:wr0ng")))
    assert (await refused(settings)).endswith('password authentication failed for user "clerk"')
    settings.write_text(text.replace(installation.url, server.url("absent")))
    assert (await refused(settings)).endswith('database "absent" does not exist')
    settings.write_text(text)
    server.sql(name, "UPDATE alembic_version SET version_num = '0001'")
    assert (await refused(settings)).endswith(": run `postcall db upgrade`")


async def test_without_its_database_and_without_a_copy_that_is_whole_it_does_not_know_what_to_ask(
    installation: Installation,
) -> None:
    installation.server.crash()
    keep = installation.journal.read_bytes()
    installation.journal.unlink()
    assert f"database postgresql://postgres@/{installation.name}: " in await refused(installation.settings)
    for path in installation.journal.parent.glob("journal.db-*"):
        path.unlink()
    assert b"Thank you" in keep
    installation.journal.write_bytes(keep.replace(b"Thank you", b"Thank YOU"))
    assert f"database postgresql://postgres@/{installation.name}: " in await refused(installation.settings)
