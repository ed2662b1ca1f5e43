"""Databases for tests: each on SQLite and on PostgreSQL, with the newest schema and nothing in it."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ivr.errors import PbxError
from storage import schema
from storage.tables import Base
from tests.postgres import Postgres, Unavailable, start
from tests.speech_tools import speech_tools
from tests.surroundings import Surroundings

SURROUNDINGS = pytest.StashKey[Surroundings]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the versions that the tests ran with, and what was left out."""
    for line in config.stash.get(SURROUNDINGS, Surroundings()).report:
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where the tests run in several processes, tell the first one what this one talked to."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["surroundings"] = asdict(session.config.stash.get(SURROUNDINGS, Surroundings()))


def pytest_testnodedown(node: Any) -> None:
    """Take in what another process talked to."""
    told = getattr(node, "workeroutput", {}).get("surroundings")
    if told:
        node.config.stash.setdefault(SURROUNDINGS, Surroundings()).take_in(Surroundings(**told))


@pytest.fixture(scope="session")
def surroundings(pytestconfig: pytest.Config) -> Surroundings:
    """What the tests talk to."""
    return pytestconfig.stash.setdefault(SURROUNDINGS, Surroundings())


@pytest.fixture(scope="session")
def postgres(surroundings: Surroundings) -> Postgres:
    """The PostgreSQL server of this run."""
    try:
        server = start()
    except Unavailable as reason:
        surroundings.leave_out("PostgreSQL", reason)
    surroundings.versions["PostgreSQL"] = server.version
    return server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test needs the speech programs first waits for them to be fetched."""
    first = next((item for item in items if "speech_programs" in getattr(item, "fixturenames", ())), None)
    if first is not None:
        first.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the newest schema and nothing in it."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(schema.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_name(postgres: Postgres) -> str:
    """The name of a PostgreSQL database with the newest schema."""
    name = postgres.create_database()
    asyncio.run(schema.upgrade(postgres.url(name)))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with the newest schema and nothing in it."""
    if request.param == "sqlite":
        path = tmp_path / "postcall.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = request.getfixturevalue("migrated_name")
    # Emptying the one database takes 10 ms; a copy for each test would take 300.
    server.sql(name, "; ".join(f'DELETE FROM "{table.name}"' for table in reversed(Base.metadata.sorted_tables)))
    yield server.url(name)


@pytest.fixture(scope="session")
def speech_path(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The search path on which espeak-ng and sox are."""
    try:
        return speech_tools(tmp_path_factory.mktemp("speech") / "bin")
    except PbxError as error:
        surroundings.leave_out("espeak-ng and sox", error)


@pytest.fixture
def speech_programs(speech_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have espeak-ng and sox at hand."""
    monkeypatch.setenv("PATH", speech_path)
