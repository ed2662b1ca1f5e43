"""`postcall flows check`: is a flow file right, and how long can a call to it last?"""

from collections.abc import Iterable
from pathlib import Path

import click

from callflows.duration import estimate, longest_seconds
from callflows.loader import load_flow
from callflows.model import Flow
from callflows.prompts import sound_file
from callflows.sound_length import sound_seconds
from callflows.sounds import spoken
from ivr.cli.options import FLOW, shown_path
from ivr.errors import FlowError


@click.command()
@click.argument("files", nargs=-1, required=True, type=FLOW)
def check(files: tuple[Path, ...]) -> None:
    """Check flow files; every mistake with its place, and status 2 when there is one.

    A folder stands for all its *.yaml files, - for standard input, and a code for a shipped flow.
    """
    mistakes: list[str] = []
    for file in _each(files, mistakes):
        try:
            version = load_flow(file)
        except FlowError as error:
            mistakes.append(str(error))
            continue
        flow = version.flow
        lengths = ", ".join(_length(flow, language, file.parent / "sounds") for language in flow.languages)
        click.echo(f"{shown_path(file)}: flow {flow.flow} is good, version {version.digest[:12]}; at most {lengths}")
    if mistakes:
        raise FlowError("\n".join(mistakes))


def _each(files: Iterable[Path], mistakes: list[str]) -> Iterable[Path]:
    for file in files:
        if not file.is_dir():
            yield file
            continue
        inside = sorted(file.glob("*.yaml"))
        if not inside:
            mistakes.append(f"{file}: no flow in this folder; allowed: a folder with *.yaml files")
        yield from inside


def _length(flow: Flow, language: str, sounds: Path) -> str:
    """By the sounds where all of them are there, else about, by the texts."""
    # The choice of a language is put in all of them.
    needed = [name for name in spoken(flow) if flow.language.ask or name.startswith(f"{language}/")]
    known: dict[str, float] = {}
    for name in needed:
        file = sound_file(sounds, name)
        seconds = sound_seconds(file) if file else None
        if seconds is None:
            return f"about {estimate(flow, language):.0f} s in {language} (not all its sounds are there)"
        known[name] = seconds
    return f"{longest_seconds(flow, language, known.__getitem__):.0f} s in {language}"
