"""Installations with a fault each, and what the doctor says and advises; those that need a real Asterisk are there."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.asterisk.ami import AmiAccess
from ivr.asterisk.dialplan import DialplanSite
from ivr.asterisk.extension import ExtensionPlan
from ivr.cli.main import main
from ivr.demo.choices import free_port
from ivr.doctor.disk import LITTLE_ROOM, NO_ROOM, Disk
from ivr.doctor.findings import Finding
from ivr.doctor.pbx import look_at_pbx
from ivr.doctor.service import look_at_service
from ivr.doctor.store import look_at_store, of_journal_mode
from ivr.settings import Settings, build_settings
from storage.address import parse_url
from storage.engine import connect
from storage.schema import migrate, upgrade
from tests.ami.fake_asterisk import Action, FakeAsterisk, Session
from tests.postgres import Postgres
from tests.storage.conftest import empty_url as empty_url

SITE = DialplanSite(
    site="main",
    username="survey",
    trigger="ami",
    survey_goto="postcall-survey,s,1",
    create_extension=False,
    agi_host="127.0.0.1",
    agi_port=4573,
)
PLAN = ExtensionPlan(site="main", goto=SITE.survey_goto, agi_host="127.0.0.1", agi_port=4573)
ROOMY = Disk(free=lambda _: 10 * LITTLE_ROOM, file_system=lambda _: "ext4")


def settings(url: str, **given: object) -> Settings:
    return build_settings(
        {
            "database": {"url": url},
            "web": {"port": free_port(), "token": "a token of these tests"},
            "fastagi": {"port": free_port()},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {"main": {"ami": {"port": 9, "secret": "a secret of these tests"}}},
            **given,
        },
        source="test",
    )


def only(findings: list[Finding], level: str) -> list[tuple[str, str, str]]:
    return [(one.about, one.said, one.fix) for one in findings if one.level == level]


async def test_a_good_database_has_nothing_to_be_put_right(url: str) -> None:
    found = await look_at_store(settings(url), disk=ROOMY)
    assert {one.level for one in found} == {"ok"}


async def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    [(about, said, fix)] = only(await look_at_store(settings(f"sqlite:///{tmp_path}/none.db")), "fault")
    assert (about, fix) == ("database", "run `postcall db upgrade`, or put right `url` of [database]")
    assert "there is no such file" in said


async def test_an_old_schema(empty_url: str) -> None:
    async with await connect(parse_url(empty_url)) as database:
        await database.write(lambda transaction: transaction.run_sync(migrate, "0012"))
    [(_, said, fix)] = only(await look_at_store(settings(empty_url), disk=ROOMY), "fault")
    assert "schema is at 0012, this version needs" in said
    assert fix == "run `postcall db upgrade`"


def test_an_sqlite_file_without_its_write_ahead_log() -> None:
    assert of_journal_mode("wal").level == "ok"
    fault = of_journal_mode("delete")
    assert (fault.level, "its journal_mode is delete" in fault.said) == ("fault", True)
    assert fault.fix.startswith("move the file to a local disk")


@pytest.mark.parametrize(
    ("left", "level"), [(NO_ROOM - 1, "fault"), (NO_ROOM, "warning"), (LITTLE_ROOM - 1, "warning"), (LITTLE_ROOM, "ok")]
)
async def test_little_room_on_the_disk(migrated_file: Path, left: int, level: str) -> None:
    found = await look_at_store(settings(f"sqlite:///{migrated_file}"), disk=Disk(free=lambda _: left))
    assert [one.level for one in found if "free on the disk" in one.said] == [level]


async def test_a_folder_that_is_not_there_for_the_journal(url: str, tmp_path: Path) -> None:
    given = settings(url, database={"url": url, "journal": str(tmp_path / "nowhere/journal.db")})
    faults = only(await look_at_store(given), "fault")
    expected = [("journal", f"folder {tmp_path}/nowhere: no such file or directory")] if "postgres" in url else []
    assert [(about, said) for about, said, _ in faults] == expected


async def test_a_postgresql_that_may_lose_what_was_confirmed(postgres: Postgres) -> None:
    name = postgres.create_database()
    postgres.sql("postgres", f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    await upgrade(postgres.url(name))
    [(_, said, fix)] = only(await look_at_store(settings(postgres.url(name))), "fault")
    assert said == "synchronous_commit is off: a power cut loses keys that were confirmed"
    assert fix == "ALTER DATABASE … SET synchronous_commit = on"


async def test_a_service_that_does_not_run(tmp_path: Path) -> None:
    given = settings(f"sqlite:///{tmp_path}/none.db")
    faults = only(await look_at_service(given), "fault")
    assert [about for about, _, _ in faults] == ["fastagi", "web"]
    assert f"nobody listens on 127.0.0.1:{given.fastagi.port}" in faults[0][1]
    assert all("start `postcall serve`" in fix for _, _, fix in faults)


@pytest.mark.parametrize(
    ("host", "proxies", "warned"),
    [
        ("127.0.0.1", [], False),
        ("::1", [], False),
        ("localhost", [], False),
        ("0.0.0.0", [], True),
        ("0.0.0.0", ["10.0.0.5"], False),
    ],
)
async def test_pages_that_cross_a_network_in_clear(tmp_path: Path, host: str, proxies: list[str], warned: bool) -> None:
    web = {"host": host, "port": free_port(), "token": "a token of these tests", "proxies": proxies}
    found = await look_at_service(settings(f"sqlite:///{tmp_path}/none.db", web=web))
    assert [one.about for one in found if one.level == "warning"] == ["web"] * warned


@pytest.fixture
async def server() -> AsyncIterator[FakeAsterisk]:
    asterisk = FakeAsterisk()
    for action in ("Hangup", "ModuleCheck", "ShowDialPlan"):
        asterisk.answers[action] = denied
    asterisk.answers["Ping"] = told_at(0)
    await asterisk.listen()
    yield asterisk
    await asterisk.close()


def denied(session: Session, action: Action) -> None:
    session.answer(action, "Message: Permission denied", response="Error")


def told_at(seconds: float):  # type: ignore[no-untyped-def]
    def ping(session: Session, action: Action) -> None:
        session.answer(action, "Ping: Pong", f"Timestamp: {time.time() + seconds:.6f}")

    return ping


async def looked(server: FakeAsterisk, secret: str = "right", site: DialplanSite = SITE) -> list[Finding]:
    return await look_at_pbx(AmiAccess(port=server.port, username="survey", secret=secret), site, PLAN)


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (-5, "warning"), (5, "warning"), (3600, "fault")])
async def test_a_clock_that_is_wrong(server: FakeAsterisk, seconds: float, level: str) -> None:
    server.answers["Ping"] = told_at(seconds)
    [clock] = [one for one in await looked(server) if "s apart" in one.said]
    assert clock.level == level
    assert ("NTP" in clock.fix) == (level != "ok")


async def test_what_the_user_may_not_see_is_said_and_not_guessed(server: FakeAsterisk) -> None:
    notes = only(await looked(server), "note")
    assert [said for _, said, _ in notes] == ["its modules cannot be looked at", "its dialplan cannot be looked at"]


async def test_rights_are_tried_that_are_used(server: FakeAsterisk) -> None:
    for action in ("Originate", "DialplanExtensionAdd"):
        server.answers[action] = denied
    [(_, said, _)] = only(await looked(server), "fault")
    assert said == "the user lacks write = call"
    wider = replace(SITE, calls_back=True, create_extension=True)
    [(_, said, fix)] = only(await looked(server, site=wider), "fault")
    assert said == "the user lacks write = call, reporting, system, originate"
    assert fix.startswith("in manager.conf: write = call,reporting,system,originate")


async def test_an_asterisk_that_is_not_there_and_a_wrong_secret(server: FakeAsterisk) -> None:
    [(_, said, _)] = only(await looked(server, secret="wrong"), "fault")
    assert "right" not in said
    await server.close()
    [(_, said, fix)] = only(await looked(server), "fault")
    assert "cannot be reached" in said
    assert fix.startswith("start Asterisk")


def test_the_command_says_what_to_do_and_ends_with_status_1(tmp_path: Path) -> None:
    path = tmp_path / "postcall.toml"
    path.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/none.db"\n'
        f'[web]\nport = {free_port()}\ntoken = "a token of these tests"\n'
        f'[fastagi]\nport = {free_port()}\n[privacy]\ncaller_key = "a caller key of these tests"\n'
        '[sites.main.ami]\nport = 9\nsecret = "a secret of these tests"\n'
    )
    done = CliRunner().invoke(main, ["doctor", "-c", str(path)])
    assert done.exit_code == 1
    assert "FAULT     database: database sqlite:" in done.output
    assert "          -> run `postcall db upgrade`, or put right `url` of [database]" in done.output
    assert "FAULT     pbx main: AMI 127.0.0.1:9 cannot be reached" in done.output
    assert done.output.endswith("4 to be put right.\n")
    assert "a secret of these tests" not in done.output
    found = json.loads(CliRunner().invoke(main, ["doctor", "-c", str(path), "--format", "json"]).stdout)
    assert [one["level"] for one in found].count("fault") == 4


def test_settings_that_cannot_be_read_end_with_status_2(tmp_path: Path) -> None:
    path = tmp_path / "postcall.toml"
    path.write_text("[web\n")
    done = CliRunner().invoke(main, ["doctor", "-c", str(path)])
    assert done.exit_code == 2
    assert f"{path}: not TOML" in done.output
