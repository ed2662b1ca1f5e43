"""The scripts of docs/flow-scripts.md can be read, and the one that is shown in full goes as it says."""

import re
from pathlib import Path

from callflows.call_script import parse_script
from callflows.loader import library_flow
from callflows.rehearsal import rehearse

DOCS = (Path(__file__).parent.parent / "docs/flow-scripts.md").read_text("utf-8")


def test_the_example_is_a_script_of_the_shipped_flow() -> None:
    example = re.findall(r"^```\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)[0]
    calls = parse_script(example, "example")
    assert len(calls) == 2
    for call in calls:
        assert rehearse(library_flow("csat").flow, call).mismatch == ""


def test_every_row_of_the_tables_can_be_read() -> None:
    rows = [row for row in re.findall(r"^\| (`.+?) \|", DOCS, re.MULTILINE) if "TITLE" not in row]
    words = [word for row in rows for word in re.findall(r"`(.+?)`", row)]
    assert len(words) > 15
    for word in words:
        (call,) = parse_script(f"call It\n{word}", word)
        assert call.title == "It"
