"""`postcall db copy`: a call centre outgrows SQLite, and takes everything along to PostgreSQL."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import make_url

from storage import copying
from storage.base import Base
from storage.engine import open_database
from tests.cli.inside import SETTINGS, refused, said
from tests.postgres import Postgres
from tests.storage.samples import rows


@pytest.fixture(scope="module")
def outgrown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with three months of calls, and an account."""
    folder = tmp_path_factory.mktemp("outgrown")
    (folder / "postcall.toml").write_text(SETTINGS.format(url=f"sqlite:///{folder}/postcall.db"))
    said(folder, "db", "upgrade")
    said(folder, "demo-data", "--ratings", "600", "--agents", "10", "--days", "90", "--until", "2026-11-26")
    said(folder, "accounts", "add", "ada", "--role", "admin", "--no-password")
    return folder / "postcall.db"


@pytest.fixture
def folder(postgres: Postgres, tmp_path: Path) -> Path:
    """Settings that name a new PostgreSQL database."""
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(url=postgres.url(postgres.create_database())))
    return tmp_path


async def everything(url: str) -> dict[str, list[str]]:
    """The rows of every table."""
    async with await open_database(url) as database:
        return {
            mapper.local_table.name: sorted(map(repr, await rows(database, mapper.class_)))  # type: ignore[attr-defined]
            for mapper in Base.registry.mappers
        }


def address(folder: Path) -> str:
    return (folder / "postcall.toml").read_text().split('"')[1]


def test_every_row_comes_along_and_every_tally_is_right(
    folder: Path, outgrown: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(copying, "AT_ONCE", 700)
    said(folder, "db", "upgrade")
    told = said(folder, "db", "copy", str(outgrown)).splitlines()
    assert "account 1, " in told[0]
    assert told[1:] == ["every tally is what the answers say"]
    before, after = (asyncio.run(everything(url)) for url in (f"sqlite:///{outgrown}", address(folder)))
    assert len(before["answer"]) > 700
    assert after == before
    # Answers of months long past lie in the parts of their months.
    name = make_url(address(folder)).database
    assert name
    assert int(postgres.sql(name, "SELECT count(*) FROM answer_2026_10")) > 100
    assert postgres.sql(name, "SELECT count(*) FROM answer_other") == "0"
    # Once more would be twice.
    (line,) = refused(folder, "db", "copy", str(outgrown))
    assert line.startswith("postcall: database postgresql://")
    assert line.endswith(": the table account has rows already")
    assert asyncio.run(everything(address(folder))) == before


def test_without_tables_the_line_says_what_makes_them(folder: Path, outgrown: Path) -> None:
    (line,) = refused(folder, "db", "copy", str(outgrown))
    assert line.endswith(": run `postcall db upgrade`")


def test_sqlite_is_no_place_to_copy_to(outgrown: Path) -> None:
    assert refused(outgrown.parent, "db", "copy", str(outgrown)) == [
        "postcall: database.url: got an SQLite file; allowed: the PostgreSQL database to copy into"
    ]


def test_a_file_that_is_no_database(folder: Path) -> None:
    said(folder, "db", "upgrade")
    (folder / "notes.txt").write_text("not a database at all, whatever its name\n" * 100)
    (line,) = refused(folder, "db", "copy", str(folder / "notes.txt"))
    assert "file is not a database" in line
