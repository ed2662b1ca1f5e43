"""`postcall rules`: what an admin reads who asks why a caller is or is not asked."""

import asyncio
import re
import sys
from datetime import datetime
from pathlib import Path

import pytest

from ivr.surveys.privacy import CallerKey
from storage.engine import open_database
from storage.recorder import Recorder
from storage.records import FlowVersionRecord, SiteRecord, SurveyOffer
from storage.schema import upgrade

LIMIT = 30.0
OFFERED = datetime.fromisoformat("2026-11-01T09:30+08:00")
KEY = CallerKey(b"a caller key of these tests")
SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
token = "a token of these tests"
[privacy]
caller_key = "a caller key of these tests"
[rules]
minimum_talk = 20
quarantine = [
    "no more than 1 in 30 days where caller is the same",
    "no more than 5 in 1 hour where agent is the same",
]
[sites.main]
zone = "Asia/Taipei"
[sites.main.rules]
sampling_by_queue = {{ billing = "1 in 4" }}
[sites.main.ami]
secret = "the secret of these tests"
"""
COMMAND = [
    *("rules", "explain", "--site", "main", "--caller", "0912000111", "--queue", "support", "--agent", "PJSIP/1001"),
    *("--reason", "billing", "--talk", "45", "--at", "2026-11-22T10:00+08:00"),
]
ONCE_A_MONTH = "quarantine: no more than 1 in 30 days where caller is the same"
FIVE_AN_HOUR = "quarantine: no more than 5 in 1 hour where agent is the same"


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Settings, and a database in which the caller was asked three weeks ago."""
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(folder=tmp_path))
    url = f"sqlite:///{tmp_path}/postcall.db"
    await upgrade(url)
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site="main", name="", zone="Asia/Taipei"))
        await recorder.publish(FlowVersionRecord(digest="aa", flow="csat", source="", published_at=OFFERED))
        await recorder.offer(
            SurveyOffer(
                site="main",
                survey="1.1",
                linkedid="1.1",
                flow="csat",
                flow_version="aa",
                offered_at=OFFERED,
                agent="PJSIP/1001",
                queue="support",
                caller_digest=KEY.caller("0912000111").digest,
            )
        )
    return tmp_path


async def postcall(folder: Path, *arguments: str, typed: str = "") -> tuple[int, list[str], list[str]]:
    """Run the command to its end: status, lines of standard output, lines of standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ivr.cli.main",
        *arguments,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(typed.encode()), LIMIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert b"Traceback" not in out + err
    assert process.returncode is not None
    return process.returncode, out.decode().splitlines(), err.decode().splitlines()


async def test_explain_says_rule_by_rule_what_was_decided_and_why(folder: Path) -> None:
    status, out, err = await postcall(folder, *COMMAND)
    assert (status, err) == (0, [])
    assert out == [
        "site main, Sunday 2026-11-22 10:00 CST",
        "  passes     opt_out: the caller has not opted out",
        "  not set    do_not_ask: the list is empty",
        "  not set    internal: no number and no variable is internal",
        "  passes     without_agent: an agent was reached",
        "  passes     minimum_talk: 45 s of talk, 20 s are needed",
        "  not set    hours: callers are asked at any time",
        f"  stops      {ONCE_A_MONTH}: 1 of 1 offered since 2026-10-23 10:00",
        f"  passes     {FIVE_AN_HOUR}: 0 of 5 offered since 2026-11-22 09:00",
        "  not set    maximum_a_day: any number of surveys may be offered in a day",
        "  not set    sampling: all callers are asked",
        f"not asked: quarantine, by {ONCE_A_MONTH}",
    ]


async def test_another_moment_is_looked_at_as_it_was(folder: Path) -> None:
    for at, line in (
        ("2026-12-01T09:30+08:00", "asked"),
        ("2026-12-01T09:29+08:00", "not asked: quarantine"),
        # In the site's zone, before the survey was offered.
        ("2026-11-01T09:30", "asked"),
    ):
        _, out, _ = await postcall(folder, *COMMAND[:-1], at)
        assert out[-1].startswith(line), at


async def test_chance_is_told_for_one_call_only(folder: Path) -> None:
    command = ["rules", "explain", "--queue", "billing", "--talk", "45"]
    _, out, _ = await postcall(folder, *command)
    assert out[-2] == "  not known  sampling_by_queue: the share is 25 %"
    assert out[-1] == "asked if the draw allows it; --call LINKEDID tells the draw of one call"
    _, out, _ = await postcall(folder, *command, "--call", "1795320000.1")
    drawn = re.fullmatch(r"  (passes|stops) +sampling_by_queue: the share is 25 %, the call drew ([0-9.]+) %", out[-2])
    assert drawn
    assert (drawn.group(1) == "passes") is (float(drawn.group(2)) < 25) is (out[-1] == "asked")


async def test_a_caller_who_opted_out_is_told_as_such(folder: Path) -> None:
    async with await open_database(f"sqlite:///{folder}/postcall.db") as database:
        await Recorder(database).opt_out(None, KEY.caller("0912000111").digest, OFFERED, "api")
    _, out, _ = await postcall(folder, *COMMAND)
    assert out[1] == "  stops      opt_out: the caller opted out"
    assert out[-1] == "not asked: opted_out, by opt_out"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--site", "mars"], "postcall: --site: got 'mars'; should be one of main"),
        (["--caller", "Anna"], "postcall: --caller: not a telephone number; allowed are +, digits, * and #"),
        (
            ["--reason", "No Code!"],
            "postcall: --reason: got 'No Code!'; should be a code such as billing or billing/refund",
        ),
        (
            ["--at", "yesterday"],
            "postcall: --at: got 'yesterday'; should be a moment such as 2026-11-22T10:00+08:00",
        ),
    ],
)
async def test_a_mistake_gets_one_line(folder: Path, arguments: list[str], line: str) -> None:
    assert await postcall(folder, "rules", "explain", *arguments) == (2, [], [line])


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        (
            'quarantine = ["no more than 1 in 30 fortnights where caller is the same"]',
            (
                "rules.quarantine.1: got 'no more than 1 in 30 fortnights where caller is the same'; "
                "'fortnights' is no unit of time; allowed are seconds, minutes, hours, days, weeks, months"
            ),
        ),
        (
            'sampling = "often"',
            'rules.sampling: got \'often\'; should be a percentage such as "25 %", or "1 in 4"',
        ),
        (
            'do_not_ask = ["0912000111"]',
            "rules.do_not_ask.1: should be a digest of 64 hexadecimal digits; `postcall rules digest` makes one",
        ),
        ("minimum_talk = -1", "rules.minimum_talk: got -1; input should be greater than or equal to 0"),
        ("maximum_a_day = 0", "rules.maximum_a_day: got 0; input should be greater than or equal to 1"),
    ],
)
async def test_a_wrong_rule_is_told_with_its_place(folder: Path, setting: str, line: str) -> None:
    path = folder / "postcall.toml"
    text = re.sub(
        r"\[rules\].*?\n\[sites.main\]\n", f"[rules]\n{setting}\n[sites.main]\n", path.read_text(), flags=re.S
    )
    path.write_text(text)
    assert await postcall(folder, "rules", "explain") == (2, [], [f"postcall: postcall.toml: {line}"])


async def test_a_list_may_hold_numbers_and_digests_and_a_wrong_line_is_told_but_not_shown(folder: Path) -> None:
    path = folder / "postcall.toml"
    path.write_text(path.read_text().replace("[rules]", '[rules]\ndo_not_ask_file = "never.txt"'))
    _, (digest,), _ = await postcall(folder, "rules", "digest", typed="0912 000 333\n")
    assert digest == KEY.caller("0912000333").digest
    (folder / "never.txt").write_text(f"; asked us by letter\n\n0912-000-111\n{digest}\n")
    for number, last in (
        ("0912000111", "not asked: listed, by do_not_ask"),
        ("0912000333", "not asked: listed, by do_not_ask"),
        ("0912000222", "asked"),
    ):
        _, out, _ = await postcall(folder, "rules", "explain", "--caller", number)
        assert out[-1] == last
    (folder / "never.txt").write_text("0912000111\nAnna 0912000444\n")
    status, out, (line,) = await postcall(folder, "rules", "explain")
    assert (status, out) == (2, [])
    assert line == (
        f"postcall: {folder}/never.txt:2: neither a number nor a digest of 64 hexadecimal digits; "
        "a comment begins with ;"
    )


async def test_a_list_that_is_not_there_and_a_number_that_is_none(folder: Path) -> None:
    path = folder / "postcall.toml"
    path.write_text(path.read_text().replace("[rules]", '[rules]\ndo_not_ask_file = "never.txt"'))
    assert await postcall(folder, "rules", "explain") == (
        2,
        [],
        [f"postcall: do_not_ask_file: {folder}/never.txt cannot be read: No such file or directory"],
    )
    status, _, err = await postcall(folder, "rules", "digest", typed="0912000111\nAnna\n")
    assert (status, err) == (2, ["postcall: line 2: not a telephone number; allowed are +, digits, * and #"])


async def test_a_site_of_several_must_be_named(folder: Path) -> None:
    path = folder / "postcall.toml"
    path.write_text(path.read_text() + '\n[sites.north.ami]\nsecret = "x"\n')
    assert await postcall(folder, "rules", "explain") == (
        2,
        [],
        ["postcall: --site: should be one of main, north"],
    )
