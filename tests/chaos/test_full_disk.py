"""The disk of what callers say fills up while they rate, and is freed again."""

import asyncio
import random
import signal
from pathlib import Path

from ivr.demo.choices import free_port
from storage.schema import upgrade
from tests.chaos.callers import Callers
from tests.chaos.scenes import LET_GO_SECONDS, LINES, calling, surveys_end, until_part
from tests.chaos.service import SETTINGS, living, readiness, waiting_entries, wrong_keys
from tests.chaos.small_disk import SmallDisk
from tests.postgres import Postgres


async def test_on_a_full_disk_callers_are_let_go_and_with_room_they_are_asked_again(
    tmp_path: Path, migrated_file: Path, disk: SmallDisk
) -> None:
    disk.take(migrated_file)
    settings, log, port, web = tmp_path / "postcall.toml", tmp_path / "log", free_port(), free_port()
    url = f"sqlite:///{tmp_path}/disk/{migrated_file.name}"
    settings.write_text(SETTINGS.format(url=url, folder=tmp_path, port=port, web=web))
    callers = Callers(ports=[port], lines=LINES, rng=random.Random(1))
    async with living(settings, port, through=disk.inside, log=log) as process:
        async with calling(callers):
            await surveys_end(callers, 3 * LINES)
            disk.fill()
            said = await until_part(web, "database", works=False)
            for number in range(LINES):
                await asyncio.wait_for(callers.one(f"1795500000.{number}", "csat"), LET_GO_SECONDS)
            assert (await readiness(web))[1]["database"] != "ok"
            disk.free()
            await surveys_end(callers, 3 * LINES)
            await until_part(web, "database", works=True)
            await surveys_end(callers, LINES)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert f"no room is left on the disk of {tmp_path}/disk" in said
    lines = log.read_text()
    assert lines.count("callers are let go: what they say cannot be kept") == 1
    assert lines.count("what callers say is kept again") == 1
    kept = disk.give(migrated_file.name, tmp_path)
    assert not await wrong_keys(f"sqlite:///{kept}", callers)


async def test_a_full_disk_under_the_journal_keeps_nobody_from_a_database_that_is_back(
    tmp_path: Path, server: Postgres, disk: SmallDisk
) -> None:
    url = server.url(server.create_database())
    await upgrade(url)
    settings, log, port, web = tmp_path / "postcall.toml", tmp_path / "log", free_port(), free_port()
    settings.write_text(SETTINGS.format(url=url, folder=tmp_path / "disk", port=port, web=web))
    callers = Callers(ports=[port], lines=LINES, rng=random.Random(1))
    async with living(settings, port, through=disk.inside, log=log) as process:
        async with calling(callers):
            await surveys_end(callers, LINES)
            server.crash()
            await surveys_end(callers, 3 * LINES)
            disk.fill()
            said = await until_part(web, "journal", works=False)
            for number in range(LINES):
                await asyncio.wait_for(callers.one(f"1795500000.{number}", "csat"), LET_GO_SECONDS)
            server.restart()
            await surveys_end(callers, 3 * LINES)
            # What was said before waits until it can be taken out of the journal, too.
            await until_part(web, "database", works=True)
            assert (await readiness(web))[1]["journal"] != "ok"
            disk.free()
            await until_part(web, "journal", works=True)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert f"no room is left on the disk of {tmp_path}/disk" in said
    lines = log.read_text()
    assert lines.count("surveys go into the journal: the database is away") == 1
    assert lines.count("callers are let go: what they say cannot be kept") == 1
    assert waiting_entries(disk.give("journal.db", tmp_path)) == 0
    assert not await wrong_keys(url, callers)
