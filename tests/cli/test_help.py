"""What `--help` says, on a terminal as wide as any."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from ivr.cli.main import main


def groups(group: click.Group, *path: str) -> Iterator[list[str]]:
    """Every group of commands, by the words that name it."""
    yield list(path)
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from groups(command, *path, name)


@pytest.mark.parametrize("path", list(groups(main)), ids=" ".join)
def test_a_list_of_commands_says_of_each_a_whole_sentence(path: list[str]) -> None:
    shown = CliRunner().invoke(main, [*path, "--help"], terminal_width=80).output
    listed = " ".join(shown.partition("Commands:\n")[2].split())
    assert listed
    assert "..." not in listed
    assert max(map(len, shown.splitlines())) <= 80


def test_the_commands_are_listed_with_what_they_do() -> None:
    listed = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert "doctor Look at database, disk, clock, service and each Asterisk, and print what to do." in listed
