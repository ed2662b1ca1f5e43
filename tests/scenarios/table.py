"""Scenario tables: what happens in a call, one row an event, and what is to come of it.

    == The agent hangs up, and the caller rates
    time | who    | what
       0 | caller | enters support
       1 | 1001   | rings
       4 | 1001   | answers
      34 | 1001   | hangs up
      36 | caller | presses 5
    asked    | yes
    credited | 1001
    rating   | 5
    ended by | agent
    legs     | 1001 by agent 30 s
    recorded | ast22/a_normal

`time` is in seconds. Who: `caller`, `caller 2` for a second call, an agent's number, `link` for the AMI link, or
`program` for the agent's software. The rows before the first time are settings; `played on` says on which PBXs the
table is played, `simulator` when it is not there, or `asterisk`, or both. Expected are:

    asked     yes, or no and why not
    credited  the agent; several with their thousandths; `nobody` when that is not known
    first, longest, split   whom that policy would credit; without the line, the same as `credited`
    reason    the reason and where it comes from
    rating    the key; without the line there is none
    ended by  who ended the call
    legs      each agent's part, in order: who, who ended it, and the seconds that they talked
    recorded  a recording of such a call on a real Asterisk; its seconds are its own
"""

from dataclasses import dataclass, field
from pathlib import Path

EXPECTED = ("asked", "credited", "first", "longest", "split", "reason", "rating", "ended by", "legs", "recorded")
SETTINGS = ("trigger", "agents", "queue reason", "variable", "rule", "played on")
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """One thing that happens."""

    at: float
    who: str
    what: str


@dataclass(frozen=True)
class Scenario:
    """One table."""

    title: str
    rows: tuple[Row, ...]
    settings: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, list[str]] = field(default_factory=dict)

    def expects(self, name: str, otherwise: str = "") -> str:
        """The expectation of that name for the first call."""
        return self.expected.get(name, [otherwise])[0]

    def is_played_on(self, pbx: str) -> bool:
        """Whether that is a PBX of this table: ``simulator`` or ``asterisk``."""
        return pbx in self.settings.get("played on", ["simulator"])[0].split(", ")

    def presses(self, who: str) -> tuple[str, ...]:
        """The keys that a caller presses in the survey, question by question."""
        return tuple(row.what.removeprefix("presses ") for row in self.rows if row.who == who and "presses" in row.what)


def scenarios() -> list[Scenario]:
    """All tables of all files of this folder."""
    return [one for path in sorted(FOLDER.glob("*.txt")) for one in read(path.read_text("utf-8"))]


def read(text: str) -> list[Scenario]:
    """The tables of a text. Raises ValueError, which names the row, for one that makes no sense."""
    found = []
    for block in text.split("\n== ")[1:]:
        title, *lines = block.splitlines()
        rows: list[Row] = []
        settings: dict[str, list[str]] = {}
        expected: dict[str, list[str]] = {}
        for line in lines:
            cells = [cell.strip() for cell in line.split("|")]
            if not line.strip() or line.startswith("#") or cells[0] == "time":
                continue
            if len(cells) == 3 and cells[0].replace(".", "", 1).isdigit():
                rows.append(Row(float(cells[0]), cells[1], cells[2]))
            elif len(cells) == 2 and cells[0] in EXPECTED:
                expected.setdefault(cells[0], []).append(cells[1])
            elif len(cells) == 2 and cells[0] in SETTINGS:
                settings.setdefault(cells[0], []).append(cells[1])
            else:
                raise ValueError(f"{title}: {line!r}")
        if [row.at for row in rows] != sorted(row.at for row in rows):
            raise ValueError(f"{title}: the times do not ascend")
        found.append(Scenario(title, tuple(rows), settings, expected))
    return found


def shares(text: str) -> dict[str, int]:
    """`1001`, `1001 250, 1002 750` or `nobody` as agents with their thousandths."""
    found: dict[str, int] = {}
    for one in text.split(","):
        agent, _, parts = one.strip().partition(" ")
        found["" if agent == "nobody" else agent] = int(parts or 1000)
    return found
