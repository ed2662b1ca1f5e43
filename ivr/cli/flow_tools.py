"""`postcall flows draw`, `diff`, `test` and `schema`."""

import asyncio
import json
import re
import sys
from pathlib import Path

import click

from callflows.call_script import load_script
from callflows.chart import chart
from callflows.differences import differences
from callflows.loader import FlowVersion, load_flow, parse_flow
from callflows.mermaid import mermaid
from callflows.model import Flow
from callflows.rehearsal import rehearse
from callflows.schema import flow_schema
from callflows.svg import svg
from ivr.cli.options import FLOW, config_option
from ivr.cli.publish import SHORT, flow_database, only_digest
from ivr.errors import FlowError
from ivr.settings import Settings, load_settings
from storage.publication_queries import flow_versions_like


@click.command()
@click.argument("flow", type=FLOW)
@click.option("--svg", "as_svg", is_flag=True, help="A picture; without it, text that Mermaid draws.")
@click.option("--language", help="That of the texts.", show_default="the flow's first")
def draw(flow: Path, as_svg: bool, language: str | None) -> None:
    """Draw a flow: its steps as boxes with what is said, and on the arrows the keys that lead there."""
    loaded = load_flow(flow).flow
    if language is not None and language not in loaded.languages:
        allowed = ", ".join(loaded.languages)
        raise FlowError(f'flow "{loaded.flow}" has no language "{language}"; allowed: {allowed}')
    drawn = chart(loaded, language or loaded.languages[0])
    click.echo(svg(drawn) if as_svg else mermaid(drawn), nl=False)


@click.command()
@click.argument("before")
@click.argument("after")
@config_option
def diff(before: str, after: str, path: Path) -> None:
    """Say in words what is different between two flows.

    BEFORE and AFTER are flow files, - for standard input, codes of shipped flows, or digests of published versions.
    """
    old, new = (_version(one, path) for one in (before, after))
    if old.digest == new.digest:
        click.echo(f"no difference: both are version {old.digest[:SHORT]}")
        return
    for line in differences(old.flow, new.flow) or ["no difference that a caller would notice"]:
        click.echo(line)


@click.command()
@click.argument("flow", type=FLOW)
@click.argument("scripts", nargs=-1, type=click.Path(path_type=Path))
def test(flow: Path, scripts: tuple[Path, ...]) -> None:
    """Carry out call scripts; without SCRIPTS, the one of the flow's code in the folder `scripts` beside it.

    Status 1 when a call goes another way than its script says, 2 when a file is wrong.
    """
    loaded = load_flow(flow).flow
    files = scripts or (flow.parent / "scripts" / f"{loaded.flow}.txt",)
    mismatches = [line for file in files for line in _rehearsed(loaded, file)]
    for line in mismatches:
        click.echo(f"postcall: {line}", err=True)
    if mismatches:
        sys.exit(1)


@click.command()
def schema() -> None:
    """Print the JSON Schema of the flow language, for editors."""
    click.echo(json.dumps(flow_schema(), indent=2, ensure_ascii=False))


def _rehearsed(flow: Flow, file: Path) -> list[str]:
    """Tells the calls that go as they should; returns a line for each that does not."""
    mismatches: list[str] = []
    for call in load_script(file):
        rehearsal = rehearse(flow, call)
        if rehearsal.mismatch:
            mismatches.append(f"{file}:{rehearsal.line}: call {call.title}: {rehearsal.mismatch}")
        else:
            click.echo(f"{file}:{call.line}: call {call.title}: good")
    return mismatches


def _version(given: str, settings: Path) -> FlowVersion:
    try:
        file = FLOW.convert(given, None, None)
    except FlowError:
        if not re.fullmatch(r"[0-9a-f]{4,64}", given):
            raise
        file = Path(given)
    if not file.exists() and re.fullmatch(r"[0-9a-f]{4,64}", given):
        return asyncio.run(_stored(load_settings(settings), given))
    return load_flow(file)


async def _stored(settings: Settings, digest: str) -> FlowVersion:
    async with flow_database(settings) as database:
        found = await flow_versions_like(database, digest)
    start = only_digest([record.digest for record in found], digest)
    record = next(record for record in found if record.digest == start)
    return parse_flow(record.source, f"version {record.digest[:SHORT]} of flow {record.flow}")
