"""The list of agents: who sat at a device, and what an admin reads who has made a mistake in it."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from ivr.calls import AgentRef
from ivr.errors import SettingsError
from ivr.surveys import agents_file
from ivr.surveys.agents import AgentBook, AgentDirectory
from ivr.surveys.agents_file import follow_agents, read_agents

MADRID = ZoneInfo("Europe/Madrid")
LIST = """\
agent,name,team,interface,member,from,to
A7,"Moreau, Alice",north,PJSIP/1001,,,2026-11-22
B9,Doe John,north,PJSIP/1001,,2026-11-23,2026-11-23 14:00
C1,Chen,south,PJSIP/1001,,2026-11-23 14:00,
D2,Dora,,Local/1002@agents,,,
E3,"Doe, Jane",,,"Doe, Jane",,
E4,"Doe, John",,,"Doe, John",,
F5,Fay,,PJSIP/1009,Fay,,
G6,Gus,,,Gus,,
"""
NOON = "2026-11-22 12:00"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agents.csv"


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def code(book: AgentBook, interface: str, name: str = "", at: str = NOON, *, cut: bool = False) -> str:
    directory = AgentDirectory({"main": book})
    moment = datetime.fromisoformat(at).replace(tzinfo=MADRID)
    return directory.identify("main", AgentRef(interface=interface, name=name, name_is_cut=cut), moment)


@pytest.mark.parametrize(
    ("who", "interface", "name", "at", "agent"),
    [
        ("the desk's first user", "PJSIP/1001", "", NOON, "A7"),
        ("until the day's last minute", "PJSIP/1001", "", "2026-11-22 23:59", "A7"),
        ("the next one, from midnight", "PJSIP/1001", "", "2026-11-23 00:00", "B9"),
        ("who leaves at two", "PJSIP/1001", "", "2026-11-23 13:59", "B9"),
        ("and the third one comes", "PJSIP/1001", "", "2026-11-23 14:00", "C1"),
        ("the queue's name for the desk does not matter", "PJSIP/1001", "Desk 1", NOON, "A7"),
        ("a Local member with its options", "Local/1002@agents/n", "Dora", NOON, "D2"),
        ("and without", "Local/1002@agents", "", NOON, "D2"),
        ("a member name with a comma", "PJSIP/1005", "Doe, Jane", NOON, "E3"),
        ("the same person at another desk", "PJSIP/1006", "Doe, Jane", NOON, "E3"),
        ("device and name together", "PJSIP/1009", "Fay", NOON, "F5"),
        ("a name that the device was not listed for", "PJSIP/1009", "Eve", NOON, ""),
        ("a person at a device of somebody else", "PJSIP/1001", "Gus", NOON, ""),
        ("a device that is not listed", "PJSIP/1010", "Hal", NOON, "PJSIP/1010"),
        ("a device whose name only begins alike", "PJSIP/10011", "", NOON, "PJSIP/10011"),
    ],
)
def test_who_sat_there(path: Path, who: str, interface: str, name: str, at: str, agent: str) -> None:
    assert code(read_agents(written(path, LIST), MADRID), interface, name, at) == agent, who


def test_a_name_cut_at_its_comma_names_nobody_when_it_could_be_two(path: Path) -> None:
    both = read_agents(written(path, LIST), MADRID)
    assert code(both, "PJSIP/1005", "Doe", cut=True) == ""
    one = read_agents(written(path, LIST.replace('E4,"Doe, John",,,"Doe, John",,\n', "")), MADRID)
    assert code(one, "PJSIP/1005", "Doe", cut=True) == "E3"
    assert code(one, "PJSIP/1005", "Doe") == "PJSIP/1005"


def test_a_desk_that_nobody_had_at_that_time_is_nobodys(path: Path) -> None:
    book = read_agents(written(path, "agent,interface,from,to\nA7,PJSIP/1001,2026-11-23,2026-11-24\n"), MADRID)
    assert [code(book, "PJSIP/1001", at=f"2026-11-{day} 12:00") for day in (22, 23, 24, 25)] == ["", "A7", "A7", ""]


def test_a_known_agent_is_stored_with_name_and_team(path: Path) -> None:
    directory = AgentDirectory({"main": read_agents(written(path, LIST), MADRID)})
    found = directory.describe(
        "main", AgentRef(interface="PJSIP/1001", name="Desk 1"), datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert found is not None
    assert (found.agent, found.interface, found.name, found.team) == ("A7", "PJSIP/1001", "Moreau, Alice", "north")
    assert directory.identify("elsewhere", AgentRef(interface="PJSIP/1001"), datetime(2026, 1, 1, tzinfo=UTC)) == (
        "PJSIP/1001"
    )


def test_times_are_those_of_the_site(path: Path) -> None:
    written(path, "agent,interface,to\nA7,PJSIP/1001,2026-11-22 14:00\n")
    one_in_madrid = datetime(2026, 11, 22, 12, 59, tzinfo=UTC), datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    book = read_agents(path, MADRID)
    found = [book.find(AgentRef(interface="PJSIP/1001"), at) for at in one_in_madrid]
    assert [entry.agent if entry else None for entry in found] == ["A7", None]


@pytest.mark.parametrize(
    "text",
    [
        "agent;interface;name\r\nA7;PJSIP/1001;Moreau, Alice\r\n",
        '\ufeffAgent,Interface,Name\nA7,PJSIP/1001,"Moreau, Alice"\n\n',
        'interface,agent,name\n PJSIP/1001 , A7 ,"Moreau, Alice"',
    ],
)
def test_lists_as_spreadsheets_write_them(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    book = read_agents(path, MADRID)
    found = book.find(AgentRef(interface="PJSIP/1001"), datetime(2026, 1, 1, tzinfo=UTC))
    assert found is not None
    assert (found.agent, found.name) == ("A7", "Moreau, Alice")


def test_the_list_in_the_guide_is_a_good_one(path: Path) -> None:
    guide = (Path(__file__).parent.parent.parent / "docs/attribution.md").read_text("utf-8")
    book = read_agents(written(path, guide.partition("```csv\n")[2].partition("```")[0]), MADRID)
    assert [code(book, "PJSIP/1001", at=f"2026-11-{day} 13:00") for day in (22, 23, 24)] == ["A7", "B9", "C1"]


HEAD = "agent,interface,member,from,to\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1: is empty; the first line names the columns, agent, name, team, interface, member, from, to"),
        ("agent,phone\n", "1: column 'phone' is not known; allowed are agent, name, team, interface, member, from, to"),
        ("agent,name\n", "1: the column agent is needed, and interface or member"),
        ("agent,interface,agent\n", "1: a column stands twice"),
        (HEAD + "A7,PJSIP/1001\n", "2: has 2 cells; the first line has 5"),
        (HEAD + "A7,,,,\n", "2: interface or member is needed"),
        (HEAD + ",PJSIP/1001,,,\n", "2: agent: is needed"),
        (HEAD + "A7,1001,,,\n", "2: interface: got '1001'; allowed is a device such as PJSIP/1001"),
        (HEAD + f"{'A' * 81},PJSIP/1001,,,\n", "2: agent: has 81 characters; allowed are 80"),
        (
            HEAD + 'A7,"PJSIP/1001\n",,,\nB8,"PJ\x1bSIP/1",,,\n',
            "4: interface: got 'PJ\\x1bSIP/1'; allowed is text without line breaks and control characters",
        ),
        (
            HEAD + "A7,PJSIP/1001,,22.11.2026,\n",
            ("2: from: got '22.11.2026'; allowed is a day such as 2026-11-22, or 2026-11-22 14:30, in the site's zone"),
        ),
        (HEAD + "A7,PJSIP/1001,,2026-11-22,2026-11-21\n", "2: to: 2026-11-21 is not after from, which is 2026-11-22"),
        (
            HEAD + "A7,PJSIP/1001,,,\nB8,PJSIP/1001,,2026-11-22,\n",
            "3: gives PJSIP/1001 to another agent at the same time as line 2",
        ),
        (HEAD + 'A7,"PJSIP/1001,,,\n', "2: not CSV: unexpected end of data"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(path: Path, text: str, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_agents(written(path, text), MADRID)
    assert str(caught.value) == f"{path}:{line}"


def test_a_file_that_is_not_text_is_told_with_its_line(path: Path) -> None:
    path.write_bytes(b"agent,interface\nA7,\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"agents\.csv:2: not UTF-8 text"):
        read_agents(path, MADRID)
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_agents(path.with_name("none.csv"), MADRID)


class Followed:
    """A file that is followed, with a clock that the test winds."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.books: list[AgentBook] = []
        self._looks: asyncio.Queue[None] = asyncio.Queue()
        self._asleep = asyncio.Semaphore(0)
        monkeypatch.setattr(agents_file.asyncio, "sleep", self._sleep)  # type: ignore[attr-defined]

    async def _sleep(self, _: float) -> None:
        self._asleep.release()
        await self._looks.get()

    async def look(self, change: Callable[[], object] = lambda: None) -> None:
        await self._asleep.acquire()
        change()
        self._looks.put_nowait(None)
        await self._asleep.acquire()
        self._asleep.release()


async def test_a_changed_list_is_used_and_a_broken_one_is_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, "agent,interface\nA7,PJSIP/1001\n")
    followed = Followed(path, monkeypatch)
    task = asyncio.create_task(follow_agents(path, MADRID, followed.books.append))
    with capture_logs() as logs:
        await followed.look()
        assert followed.books == []
        await followed.look(lambda: written(path, "agent,interface\nB9,PJSIP/1001\n,PJSIP/1002\nC1,\n"))
        await followed.look()
        assert [entry["mistake"] for entry in logs] == [
            f"{path}:3: agent: is needed",
            f"{path}:4: interface or member is needed",
        ]
        await followed.look(path.unlink)
        assert logs[-1]["mistake"] == f"{path}: cannot be read: No such file or directory"
        assert followed.books == []

        def replaced() -> None:
            # As most editors save: a new file takes the old one's place.
            new = path.with_suffix(".new")
            written(new, "agent,interface\nB9,PJSIP/1001\n")
            os.replace(new, path)

        await followed.look(replaced)
    task.cancel()
    assert [code(book, "PJSIP/1001") for book in followed.books] == ["B9"]
