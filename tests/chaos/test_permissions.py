"""What the service may not read or write, at its start and while it runs."""

import asyncio
import random
import re
import resource
import shutil
import signal
from pathlib import Path

import pytest

from ivr.demo.choices import free_port
from tests.chaos.callers import Callers
from tests.chaos.ordinary import ordinary
from tests.chaos.scenes import LET_GO_SECONDS, LINES, calling, refused, surveys_end, until_part
from tests.chaos.service import SETTINGS, living, readiness, wrong_keys
from tests.chaos.small_disk import SmallDisk

NOTHING, READ, LIST_AND_ENTER = 0o000, 0o400, 0o500
ALL = 0o700


def installed(folder: Path, database: Path, url: str = "") -> Path:
    """Settings, with a database in `data`, a journal beside it, a flow of the admin's own, and a token in a file."""
    for name in ("data", "flows"):
        (folder / name).mkdir()
    shutil.copy(database, folder / "data" / "postcall.db")
    (folder / "token").write_text("a token of these tests")
    shutil.copy("callflows/library/csat.yaml", folder / "flows")
    url = url or f"sqlite:///{folder}/data/postcall.db"
    text = SETTINGS.format(url=url, folder=folder / "data", port=free_port(), web=0)
    text = text.replace('token = "a token of these tests"', 'token_file = "token"')
    settings = folder / "postcall.toml"
    settings.write_text(f'{text}[flows]\nfolder = "flows"\n')
    return settings


@pytest.mark.parametrize(
    ("place", "mode", "said"),
    [
        (
            "data/postcall.db",
            READ,
            "HERE/data/postcall.db may not be written by user .*, -r--------; chown or chmod it",
        ),
        ("data", LIST_AND_ENTER, "HERE/data may not be written by user .*, dr-x------; chown or chmod it"),
        ("data", NOTHING, "HERE/data/postcall.db: permission denied, as user "),
        # As a command leaves it that another user ran.
        ("data/postcall.db-wal", READ, "HERE/data/postcall.db-wal may not be written by user .*; chown or chmod it"),
        ("flows", NOTHING, "flows.folder: HERE/flows cannot be read: Permission denied"),
        ("token", NOTHING, "web: token_file HERE/token cannot be read: Permission denied"),
    ],
)
async def test_what_may_not_be_used_at_the_start_is_one_line_that_names_it(
    tmp_path: Path, migrated_file: Path, place: str, mode: int, said: str
) -> None:
    settings = installed(tmp_path, migrated_file)
    (tmp_path / place).touch()
    (tmp_path / place).chmod(mode)
    try:
        line = await refused(settings, *ordinary)
    finally:
        (tmp_path / place).chmod(ALL)
    assert re.search(said.replace("HERE", str(tmp_path)), line), line


async def test_a_disk_that_is_read_only_at_the_start_is_said_to_be_so(
    tmp_path: Path, migrated_file: Path, disk: SmallDisk
) -> None:
    disk.take(migrated_file)
    disk.make_read_only()
    settings = tmp_path / "postcall.toml"
    url = f"sqlite:///{tmp_path}/disk/{migrated_file.name}"
    settings.write_text(SETTINGS.format(url=url, folder=tmp_path, port=free_port(), web=0))
    assert f"the file system of {tmp_path}/disk is read-only" in await refused(settings, *disk.inside, *ordinary)


async def test_rights_that_are_taken_away_while_it_runs_are_missed_at_the_next_start_and_no_key_is(
    tmp_path: Path, migrated_file: Path
) -> None:
    data, settings, port, web = tmp_path / "data", tmp_path / "postcall.toml", free_port(), free_port()
    data.mkdir()
    shutil.copy(migrated_file, data / "postcall.db")
    url = f"sqlite:///{data}/postcall.db"
    settings.write_text(SETTINGS.format(url=url, folder=tmp_path, port=port, web=web))
    callers = Callers(ports=[port], lines=LINES, rng=random.Random(1))
    try:
        async with living(settings, port, through=ordinary) as process:
            async with calling(callers):
                await surveys_end(callers, LINES)
                for path in data.iterdir():
                    path.chmod(READ)
                data.chmod(LIST_AND_ENTER)
                # The files that it has open are its own for as long as it runs.
                await surveys_end(callers, 3 * LINES)
                assert (await readiness(web))[1]["database"] == "ok"
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0
        assert f"{data} may not be written by user " in await refused(settings, *ordinary)
    finally:
        data.chmod(ALL)
        for path in data.iterdir():
            path.chmod(ALL)
    assert not await wrong_keys(url, callers)


async def test_a_disk_that_turns_read_only_lets_callers_go_and_keeps_what_they_were_thanked_for(
    tmp_path: Path, migrated_file: Path
) -> None:
    """To SQLite every refusal but a full disk is one, the EROFS of that disk and the EFBIG of this limit; and the log,
    a file here, is refused, too."""
    settings, port, web = tmp_path / "postcall.toml", free_port(), free_port()
    shutil.copy(migrated_file, tmp_path / "postcall.db")
    url = f"sqlite:///{tmp_path}/postcall.db"
    settings.write_text(SETTINGS.format(url=url, folder=tmp_path, port=port, web=web))
    callers = Callers(ports=[port], lines=LINES, rng=random.Random(1))
    async with living(settings, port, log=tmp_path / "log") as process:
        async with calling(callers):
            await surveys_end(callers, LINES)
            _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, most))
            said = await until_part(web, "database", works=False)
            for number in range(LINES):
                await asyncio.wait_for(callers.one(f"1795500000.{number}", "csat"), LET_GO_SECONDS)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
            await surveys_end(callers, 3 * LINES)
            await until_part(web, "database", works=True)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert "disk I/O error" in said
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert not await wrong_keys(url, callers)
