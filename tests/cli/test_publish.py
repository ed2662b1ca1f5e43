"""What an admin does with versions on the command line, while a service runs somewhere."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from callflows.loader import load_flow
from callflows.sounds import spoken
from ivr.cli.main import main
from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import Publishing
from storage.engine import open_database
from storage.recorder import Recorder
from storage.records import SiteRecord, SurveyOffer
from tests.shelves import SHIPPED
from tests.surveys.flow_files import source, write

SETTINGS = """
[database]
url = "{url}"
[web]
token = "a token of these tests"
[privacy]
caller_key = "a caller key of these tests"
[flows]
folder = "flows"
[sites.main]
zone = "Asia/Taipei"
[sites.main.teams]
gold = ["PJSIP/1001"]
[[sites.main.flows]]
flow = "mine"
reason = "billing"
team = "gold"
[[sites.main.flows]]
flow = "mine"
language = "zh"
hours = "mon-sun 08:00-18:00"
[sites.main.ami]
secret = "the secret of these tests"
"""
Command = Callable[..., str]


class Service:
    """A service that runs elsewhere, with the folder of this admin."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def start(self) -> None:
        """Its start: files and shipped flows are published."""
        self.title_in(0)

    def title_in(self, days: float, flow: str = "mine") -> str | None:
        """The title of the version that callers are put in so many days, as the database has it now."""

        async def look() -> str | None:
            async with await open_database(self.url) as database:
                shelf = FlowShelf(lambda: datetime.now(UTC) + timedelta(days=days))
                await Publishing(
                    database=database, shelf=shelf, folder=self.folder, now=lambda: datetime.now(UTC)
                ).start()
                version = shelf.find(flow)
                return version.flow.title if version else None

        return asyncio.run(look())

    def survey(self, digest: str) -> None:
        """A caller is put this version."""

        async def put() -> None:
            async with await open_database(self.url) as database:
                recorder = Recorder(database)
                await recorder.ensure_site(SiteRecord(site="main", name="", zone="UTC"))
                await recorder.offer(
                    SurveyOffer(
                        site="main",
                        survey="1.1",
                        linkedid="1.1",
                        flow="mine",
                        flow_version=digest,
                        offered_at=datetime.now(UTC),
                    )
                )

        asyncio.run(put())


@pytest.fixture
def folder(tmp_path: Path, url: str) -> Path:
    (tmp_path / "flows").mkdir()
    write(tmp_path / "flows" / "mine.yaml", "One")
    write(tmp_path / "two.yaml", "Two")
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(url=url), "utf-8")
    return tmp_path


@pytest.fixture
def service(folder: Path, url: str) -> Service:
    started = Service(url, folder / "flows")
    started.start()
    return started


@pytest.fixture
def postcall(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LOGNAME", "ana")

    def run(*arguments: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, ["flows", *arguments])
        assert result.exit_code == status, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.output

    return run


def digest(path: Path) -> str:
    return load_flow(path).digest


def test_a_file_is_published_at_once_by_a_command(folder: Path, service: Service, postcall: Command) -> None:
    told = f"flow mine: version {digest(folder / 'two.yaml')[:12]} is in force\n"
    # Every text of the flow is its own sound: none of the 22 is here.
    assert postcall("publish", "two.yaml") == told + (
        "22 of its 22 sounds are not in sounds: `postcall prompts missing two.yaml` lists them. "
        "Callers are asked when the PBX has them all\n"
    )
    assert service.title_in(0) == "Two"
    sounds = folder / "sounds"
    for name in spoken(load_flow(folder / "two.yaml").flow):
        (sounds / name).parent.mkdir(parents=True, exist_ok=True)
        (sounds / f"{name}.wav").touch()
    assert postcall("publish", "two.yaml") == told


def test_a_file_is_published_for_a_moment_to_come(folder: Path, service: Service, postcall: Command) -> None:
    moment = (datetime.now(UTC) + timedelta(days=9)).replace(microsecond=0)
    out = postcall("publish", "two.yaml", "--at", moment.isoformat())
    assert out.startswith(f"flow mine: version {digest(folder / 'two.yaml')[:12]} will be in force from ")
    assert out.splitlines()[0].endswith("+08:00")
    assert [service.title_in(days) for days in (0, 8.9, 9.1)] == ["One", "One", "Two"]


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (
            "tomorrow",
            "--at: got 'tomorrow'; allowed: a moment with its offset, such as 2026-12-01T00:00+01:00",
        ),
        (
            "2999-12-01T00:00",
            "--at: got '2999-12-01T00:00'; allowed: a moment with its offset, such as 2026-12-01T00:00+01:00",
        ),
        (
            "2020-12-01T00:00Z",
            "--at: 2020-12-01T00:00Z is past; allowed: a moment to come, or no --at to publish at once",
        ),
    ],
)
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_moment_that_will_not_do(service: Service, postcall: Command, at: str, line: str) -> None:
    assert postcall("publish", "two.yaml", "--at", at, status=2) == f"postcall: {line}\n"
    assert service.title_in(400_000) == "One"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_file_that_is_in_force_at_once_anyway_cannot_wait(service: Service, postcall: Command) -> None:
    assert postcall("publish", "flows/mine.yaml", "--at", "2999-01-01T00:00Z", status=2) == (
        "postcall: --at: flows/mine.yaml is in flows.folder, where a file is in force at once; "
        "allowed: a file that lies elsewhere\n"
    )


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_broken_file_is_not_published(folder: Path, service: Service, postcall: Command) -> None:
    (folder / "two.yaml").write_text(source("Two").replace("tries: 2", "tires: 2"), "utf-8")
    lines = postcall("publish", "two.yaml", status=2).splitlines()
    assert lines[0].startswith('postcall: two.yaml:5:1: unknown setting "tires"')
    assert service.title_in(0) == "One"


def test_a_rollback_and_a_rollback_of_it(folder: Path, service: Service, postcall: Command) -> None:
    postcall("publish", "two.yaml")
    one = digest(folder / "flows" / "mine.yaml")
    assert postcall("rollback", "mine") == f"flow mine: version {one[:12]} is in force\n"
    assert service.title_in(0) == "One"
    postcall("rollback", "mine")
    assert service.title_in(0) == "Two"
    postcall("rollback", "mine", one[:6])
    assert service.title_in(0) == "One"
    assert postcall("rollback", "mine", one[:6], status=2) == (
        f"postcall: version {one[:12]} of flow mine is in force already\n"
    )


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_rollbacks_that_lead_nowhere(service: Service, postcall: Command) -> None:
    assert postcall("rollback", "mine", status=2) == "postcall: no other version of flow mine was ever in force\n"
    assert postcall("rollback", "yours", status=2) == (
        f"postcall: no flow 'yours' was ever published; there are {', '.join(sorted([*SHIPPED, 'mine']))}\n"
    )
    assert postcall("rollback", "mine", "zz", status=2) == (
        "postcall: there is no version 'zz' of flow mine; `postcall flows history` lists those that there are\n"
    )


def test_the_history_tells_every_publication_and_what_was_made_of_it(
    folder: Path, service: Service, postcall: Command
) -> None:
    one, two = digest(folder / "flows" / "mine.yaml"), digest(folder / "two.yaml")
    postcall("publish", "two.yaml")
    service.survey(two)
    postcall("publish", "two.yaml", "--at", "2999-12-01T00:00+08:00")
    postcall("rollback", "mine")
    heading, *lines = postcall("history", "mine").splitlines()
    assert heading.split() == ["flow", "in", "force", "from", "version", "published", "by", "surveys"]
    times = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+08:00"
    assert [re.sub(r" {2,}", "|", re.sub(times, "T", line)) for line in lines] == [
        f"mine|T|{two[:12]}|T|command ana|1",
        f"mine|*|T|{one[:12]}|T|rollback ana|0",
        f"mine|T|{two[:12]}|T|command ana|1",
        f"mine|T|{one[:12]}|T|file mine.yaml|0",
    ]
    assert "2999-12-01 00:00:00+08:00" in lines[0]
    assert len(postcall("history").splitlines()) == 5 + len(SHIPPED)


def test_a_stored_version_is_shown_as_it_was_written(folder: Path, service: Service, postcall: Command) -> None:
    write(folder / "flows" / "mine.yaml", "Changed since")
    assert postcall("show", digest(folder / "two.yaml")[:8], status=2).startswith("postcall: there is no version ")
    postcall("publish", "two.yaml")
    assert postcall("show", digest(folder / "two.yaml")[:8]) == (folder / "two.yaml").read_text("utf-8")
    assert "; give more of it" in postcall("show", "", status=2)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_explain_says_which_flow_and_why_rule_by_rule(folder: Path, service: Service, postcall: Command) -> None:
    one = digest(folder / "flows" / "mine.yaml")
    lines = postcall(
        "explain", "--reason", "Billing/refund", "--agent", "PJSIP/1001", "--at", "2999-11-22T20:00", "--language", "zh"
    ).splitlines()
    assert lines[0] == "site main puts flow mine (rule 1)"
    assert lines[1].startswith(f"version {one[:12]} is in force at 2999-11-22 20:00:00+08:00, by the publication of 20")
    assert lines[2:] == [
        "rule 1 puts mine: team is gold, reason is billing/refund",
        "rule 2 does not put mine: time is fri 20:00, not mon-sun 08:00-18:00",
    ]
    lines = postcall("explain", "--queue", "support", "--at", "2026-11-22T10:00").splitlines()
    assert lines[0] == "site main puts flow csat (the site's own: no rule matches)"
    assert lines[2] == "rule 1 does not put mine: team is not known, not gold, reason is not known, not billing"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_explain_knows_the_version_that_will_be_in_force_then(
    folder: Path, service: Service, postcall: Command
) -> None:
    postcall("publish", "two.yaml", "--at", "2999-12-01T00:00+08:00")
    asked = ("explain", "--language", "zh", "--at")
    assert digest(folder / "two.yaml")[:12] in postcall(*asked, "2999-12-01T10:00")
    assert digest(folder / "two.yaml")[:12] not in postcall(*asked, "2999-11-30T10:00")
    assert "no version of flow mine is in force at 2020-11-30 10:00:00+08:00\n" in postcall(*asked, "2020-11-30T10:00")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--site", "mars"), "--site: got 'mars'; allowed: main"),
        (("--at", "noon"), "--at: got 'noon'; allowed: a moment such as 2026-11-22T10:00"),
        (("--reason", "a b"), "--reason: got 'a b'; allowed: a code such as billing or billing/refund"),
    ],
)
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_explain_refuses_what_it_cannot_read(postcall: Command, arguments: tuple[str, ...], line: str) -> None:
    assert postcall("explain", *arguments, status=2) == f"postcall: {line}\n"
