"""A week's report as one file."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callflows.loader import LIBRARY, load_flow
from ivr.cli.main import main
from ivr.cli.report import first_day
from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import Publishing
from storage.engine import open_database
from tests.pages.seed import seed

THURSDAY = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SETTINGS = """
[database]
url = "{url}"
[web]
token = "a token of these tests"
[privacy]
caller_key = "a caller key of these tests"
[sites.main]
name = "Head <office>"
zone = "Europe/Madrid"
[sites.main.ami]
secret = "none"
"""


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", "-c", str(folder / "postcall.toml"), *arguments])


@pytest.fixture
async def folder(url: str, tmp_path: Path) -> Path:
    """Settings beside a database with a month of calls."""
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(url=url))
    async with await open_database(url) as database:
        await Publishing(
            database=database, shelf=FlowShelf(lambda: THURSDAY), folder=None, now=lambda: THURSDAY
        ).start()
        version = load_flow(LIBRARY / "csat.yaml")
        await seed(database, THURSDAY, zone="Europe/Madrid", flow_version=version.digest)
    return tmp_path


def test_a_week_has_its_scores_its_charts_and_nothing_from_elsewhere(folder: Path) -> None:
    out = folder / "week.html"
    done = run(folder, "--week", "2026-W47", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "the week from 2026-11-16 to 2026-11-22" in done.output
    text = out.read_text("utf-8")
    assert text.count("<svg ") >= 2
    assert "Alice Moreau" in text
    assert "Doe, John &lt;b&gt;" in text
    assert "Doe, John <b>" not in text
    assert "Head &lt;office&gt;" in text
    assert re.search(r"n = \d+", text)
    # Vega names its namespaces; nothing is loaded.
    assert not re.search(r"""(src|href)=["']?https?:""", text)
    assert "<script" not in text


def test_why_calls_were_not_asked_is_said_in_words(folder: Path) -> None:
    """Twelve callers left two days before that Thursday, and one on the day itself."""
    done = run(folder, "--week", "2026-W48")
    assert done.exit_code == 0, done.output
    assert "<li>The caller left the agent: 13</li>" in done.output
    assert "caller_hung_up" not in done.output


def test_it_speaks_chinese_and_says_when_there_is_nothing(folder: Path) -> None:
    done = run(folder, "--week", "2026-W01", "--language", "zh")
    assert done.exit_code == 0, done.output
    assert '<html lang="zh"' in done.output
    assert "<svg" not in done.output.partition("<body>")[2]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--week", "47"], "--week: got '47'; allowed: a week such as 2026-W47, which begins on a Monday (ISO 8601)"),
        (
            ["--week", "2026-W60"],
            "--week: got '2026-W60'; allowed: a week such as 2026-W47, which begins on a Monday (ISO 8601)",
        ),
        (["--week", "2026-W47", "--site", "mars"], "--site: got 'mars'; allowed: main"),
        (["--week", "2026-W47", "--out", "/nowhere/x.html"], "--out: /nowhere/x.html cannot be written"),
    ],
)
def test_a_mistake_is_one_clear_line(folder: Path, arguments: list[str], line: str) -> None:
    done = run(folder, *arguments)
    assert done.exit_code == 2
    assert line in done.output
    assert "Traceback" not in done.output


def test_a_flow_that_there_is_not_is_named(folder: Path) -> None:
    done = run(folder, "--week", "2026-W47", "--flow", "csta")
    assert "--flow: got 'csta'; allowed: ces, csat, " in done.output


def test_weeks_begin_on_monday() -> None:
    assert first_day("2026-W01") == date(2025, 12, 29)
    assert first_day("2026-W47") == date(2026, 11, 16)
