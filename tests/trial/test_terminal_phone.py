"""`postcall phone`, as it is used: from a pipe, from a file, and at a real terminal (a pseudo-terminal)."""

import asyncio
import os
import pty
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from callflows.loader import parse_flow
from callflows.sounds import spoken
from ivr.cli.main import main
from ivr.trial.terminal import TerminalPhone, TypedKeys
from ivr.trial.trial import PretendedCall, TrialDesk
from storage.schema import upgrade
from tests.shelves import SHIPPED
from tests.trial.room import QUICK

LIMIT = 30.0
POSTCALL = (sys.executable, "-m", "ivr.cli.main")
CSAT_ASKS = "Please rate this call from 1 to 5. Press 5 for very satisfied, or 1 for very dissatisfied."
SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
token = "a token of these tests"
[privacy]
caller_key = "a caller key of these tests"
[flows]
folder = "flows"
[sites.main]
flow = "quick"
[sites.main.ami]
secret = "the secret of these tests"
"""

Phone = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder as an admin has it, with a flow of the admin's own in force."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/quick.yaml").write_text(QUICK)
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(folder=tmp_path))
    await upgrade(f"sqlite:///{tmp_path}/postcall.db")
    return tmp_path


@pytest.fixture
def phone(folder: Path) -> Phone:
    """Runs the command with keys from a pipe: status, standard output, standard error."""

    async def run(keys: str, *arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *POSTCALL,
            "phone",
            *arguments,
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(keys.encode()), LIMIT)
        assert b"Traceback" not in out + err
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    return run


def rows(out: str) -> list[str]:
    """The result's table without its headings."""
    lines = out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("question ")) + 1
    return [" ".join(line.split()) for line in lines[first:-1]]


def stored(folder: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "postcall.db") as connection:
        return connection.execute(query).fetchall()


async def test_what_is_said_is_written_and_the_keys_come_from_a_pipe(phone: Phone) -> None:
    status, out, err = await phone("95", "csat")
    assert (status, err) == (0, "")
    assert out.splitlines()[:7] == [
        "  Before you go, one short question.",
        f"  {CSAT_ASKS}",
        "> 9",
        "  Sorry, that key is not one of the choices.",
        f"  {CSAT_ASKS}",
        "> 5",
        "  You pressed 5.",
    ]
    assert re.fullmatch(r"csat, version [0-9a-f]{12}, in en: completed", out.splitlines()[9])
    assert rows(out) == ["satisfaction 5 5 2 answered"]
    assert out.endswith("Nothing was kept.\n")


@pytest.mark.parametrize(
    ("keys", "outcome", "expected"),
    [
        ("5" + "10", "completed", ["satisfaction 5 5 1 answered", "recommend 10 10 1 answered"]),
        ("5" + "7\n", "completed", ["satisfaction 5 5 1 answered", "recommend 7 7 1 answered"]),
        ("5" + "7#", "completed", ["satisfaction 5 5 1 answered", "recommend 7 7 1 answered"]),
        ("\n5" + "\n\n", "partial", ["satisfaction 5 5 2 answered", "recommend - - 2 no_input"]),
        ("#" + "7#", "partial", ["satisfaction # - 1 skipped", "recommend 7 7 1 answered"]),
        ("*5" + "9910", "completed", ["satisfaction 5 5 1 answered", "recommend 10 10 2 answered"]),
        ("\n\n", "no_input", ["satisfaction - - 2 no_input"]),
        ("5", "partial", ["satisfaction 5 5 1 answered", "recommend - - 1 hung_up"]),
        ("5" + "1", "partial", ["satisfaction 5 5 1 answered", "recommend - - 1 hung_up"]),
        ("", "hung_up", ["satisfaction - - 1 hung_up"]),
        ("\x03", "hung_up", ["satisfaction - - 1 hung_up"]),
    ],
)
async def test_every_way_through_a_flow(keys: str, outcome: str, expected: list[str]) -> None:
    version = parse_flow(QUICK, "quick.yaml")
    screen: list[str] = []
    reading, writing = os.pipe()
    os.write(writing, keys.encode())
    os.close(writing)
    async with TypedKeys(reading) as typed:
        result = await TrialDesk(store=None, now=lambda: datetime.now(UTC)).conduct(
            version, TerminalPhone(typed, spoken(version.flow), screen.append), language="en", call=PretendedCall()
        )
    os.close(reading)

    assert result.outcome == outcome
    assert [
        f"{answer.question} {answer.keys or '-'} {'-' if answer.value is None else answer.value} "
        f"{answer.tries} {answer.ended}"
        for answer in result.answers
    ] == expected
    assert "".join(screen).startswith("  Welcome.\n  From 1 to 5?\n> ")


async def test_a_code_is_looked_up_among_the_admins_own_flows_too_and_no_code_is_the_sites(phone: Phone) -> None:
    for arguments in (["quick"], []):
        assert "quick, version" in (await phone("", *arguments))[1]


async def test_keys_from_a_file(folder: Path) -> None:
    (folder / "keys.txt").write_text("3")
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m ivr.cli.main phone csat --language zh < keys.txt", cwd=folder, stdout=-1
    )
    out, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    assert process.returncode == 0
    assert "  您按了3。" in out.decode().splitlines()


async def test_without_a_settings_file_a_flow_can_be_tried_all_the_same(phone: Phone, folder: Path) -> None:
    (folder / "postcall.toml").unlink()
    assert (await phone("5"))[1].startswith("  Before you go")


async def test_a_trial_that_is_recorded_is_a_trial_in_the_database_and_in_no_count(phone: Phone, folder: Path) -> None:
    status, out, _ = await phone("57#", "--record", "--queue", "support", "--reason", "billing/refund")
    assert status == 0
    kept = re.search(r"Kept as (trial-[0-9a-f]{16}); trials are never counted.", out)
    assert kept
    assert stored(folder, "SELECT survey, linkedid, trial, status, queue, reason, agent FROM survey") == [
        (kept[1], kept[1], 1, "completed", "support", "billing/refund", "")
    ]
    assert stored(folder, "SELECT question, is_rating, keys, value, tries, ended FROM answer ORDER BY question") == [
        ("recommend", 0, "7", 7, 1, "answered"),
        ("satisfaction", 1, "5", 5, 1, "answered"),
    ]
    assert stored(folder, "SELECT day FROM tally UNION ALL SELECT day FROM funnel") == []


async def test_without_record_the_database_is_not_touched(phone: Phone, folder: Path) -> None:
    await phone("57#")
    assert stored(folder, "SELECT * FROM survey") == stored(folder, "SELECT * FROM flow_version") == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--language", "fr"), "--language: got 'fr'; allowed: en"),
        (("nosuch",), f'unknown flow "nosuch"; allowed: {", ".join(sorted([*SHIPPED, "quick"]))}'),
        (("nosuch.yaml",), "nosuch.yaml:1:1: cannot be read: No such file or directory; allowed: a readable file"),
        (("--record", "-c", "no.toml"), "no.toml: no such file; `postcall init` writes one to start from"),
    ],
)
def test_a_mistake_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], line: str
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("ivr.cli.phone.configure_logs", lambda _: None)  # it would be those of all tests
    result = CliRunner().invoke(main, ["phone", *arguments])
    assert (result.exit_code, result.stderr) == (2, f"postcall: {line}\n")


@pytest.mark.parametrize("wrong", ["x", "按"])
async def test_a_character_that_is_no_key_is_named(phone: Phone, wrong: str) -> None:
    status, _, err = await phone(wrong)
    line = f"keys: got '{wrong}'; allowed: 0 1 2 3 4 5 6 7 8 9 * # A B C D, and a line end for silence"
    assert (status, err) == (2, f"postcall: {line}\n")


async def test_a_key_that_no_phone_has_ends_the_trial_that_is_kept(phone: Phone, folder: Path) -> None:
    assert (await phone("5x", "--record"))[0] == 2
    assert stored(folder, "SELECT status FROM survey") == [("partial",)]


class Terminal:
    """A person at a terminal, in which the command runs."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._seen = ""
        self._news = asyncio.Event()
        self.ended = False
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 4096)
        except OSError:  # the other end was closed
            data = b""
        self._seen += data.decode()
        if not data:
            self.ended = True
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self._news.set()

    async def sees(self, text: str) -> str:
        """Wait until `text` is on the screen; returns all before it, which is then forgotten."""
        async with asyncio.timeout(LIMIT):
            while text not in self._seen:
                assert not self.ended, self._seen
                self._news.clear()
                await self._news.wait()
        before, _, self._seen = self._seen.partition(text)
        return before

    def types(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())


@pytest.fixture
async def terminal(folder: Path) -> AsyncIterator[tuple[Terminal, asyncio.subprocess.Process]]:
    """`postcall phone`, run in a terminal."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *POSTCALL, "phone", cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    person = Terminal(ours)
    yield person, process
    if process.returncode is None:
        process.kill()
        await process.wait()
    if not person.ended:
        asyncio.get_running_loop().remove_reader(ours)
    os.close(ours)


Sitting = tuple[Terminal, asyncio.subprocess.Process]


async def test_at_a_terminal_each_press_counts_at_once_and_other_keys_do_nothing(terminal: Sitting) -> None:
    person, process = terminal
    await person.sees("From 1 to 5?\r\n> ")
    person.types("q\r\n 4")
    assert await person.sees("From 0 to 10?") == "4\r\n  "
    person.types("10")
    await person.sees("in en: completed")
    assert "10" in await person.sees("Nothing was kept.")
    assert await asyncio.wait_for(process.wait(), LIMIT) == 0


async def test_at_a_terminal_silence_takes_its_real_time(terminal: Sitting) -> None:
    person, _ = terminal
    now = asyncio.get_running_loop().time
    await person.sees("From 1 to 5?\r\n> ")
    asked = now()
    await person.sees("(silence)")
    assert 0.9 <= now() - asked < 5
    await person.sees("From 1 to 5?\r\n> ")
    await person.sees("(silence)")
    await person.sees("in en: no_input")


@pytest.mark.parametrize("hang_up", ["\x03", "\x04"])
async def test_ctrl_c_hangs_up_and_the_result_is_shown(terminal: Sitting, hang_up: str) -> None:
    person, process = terminal
    await person.sees("From 1 to 5?\r\n> ")
    person.types(f"5{hang_up}")
    await person.sees("(hung up)")
    await person.sees("in en: partial")
    await person.sees("hung_up")
    assert await asyncio.wait_for(process.wait(), LIMIT) == 0
