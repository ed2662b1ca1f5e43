"""`postcall prompts`: the sounds of a flow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from callflows.loader import load_flow
from callflows.model import Flow
from callflows.prompts import PromptSound, accept, build, look
from callflows.sound_length import sound_seconds
from callflows.speech import Speech
from ivr.cli.group import Group
from ivr.cli.options import FLOW, config_option
from ivr.cli.player import find_player
from ivr.errors import FlowError, PostcallError
from ivr.service_settings import PromptsSettings
from ivr.settings import load_settings


def _prompt_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = config_option(command)
    command = click.option(
        "--sounds",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        show_default="the folder `sounds` beside the flow",
        help="Where the sounds are: <folder>/<language>/<name>.wav.",
    )(command)
    return click.argument("flow", type=FLOW)(command)


@click.group(cls=Group)
def prompts() -> None:
    """Make, check and hear the sounds that callers hear. FLOW is a flow file, or the code of a shipped flow."""


@prompts.command("build")
@_prompt_options
@click.option("--replace", is_flag=True, help="Make again what is there already, recordings too.")
def build_command(flow: Path, folder: Path | None, path: Path, replace: bool) -> None:
    """Make the sounds that are missing, or were made from another text or with another voice. Recordings stay."""
    done = build(load_flow(flow).flow, _folder(flow, folder), _speech(path), replace=replace)
    for file in done.made:
        click.echo(file)
    click.echo(f"sounds made: {len(done.made)}")
    if done.stale:
        raise FlowError("\n".join(map(_stale, done.stale)))


@prompts.command("missing")
@_prompt_options
def missing_command(flow: Path, folder: Path | None, path: Path) -> None:
    """List the sounds that are not there; status 2 when one is missing."""
    where = _folder(flow, folder)
    names = [s.name for s in look(load_flow(flow).flow, where, _speech(path)) if s.condition == "missing"]
    if names:
        raise FlowError("\n".join(f"{where / name}.wav is missing" for name in names))
    click.echo("every sound is there")


@prompts.command("stale")
@_prompt_options
def stale_command(flow: Path, folder: Path | None, path: Path) -> None:
    """List the sounds that say another text than the flow does, or in another voice; status 2 when there is one."""
    sounds = look(load_flow(flow).flow, _folder(flow, folder), _speech(path))
    told = [_stale(s) for s in sounds if s.condition == "stale"]
    told += [
        f"{s.file} is outdated{_instead(s)}; `prompts build` makes it" for s in sounds if s.condition == "outdated"
    ]
    if told:
        raise FlowError("\n".join(told))
    click.echo("every sound that is there says what the flow says")


@prompts.command("accept")
@_prompt_options
def accept_command(flow: Path, folder: Path | None, path: Path) -> None:
    """Take the stale recordings as they are: they are right for the texts as they are now."""
    accepted = accept(load_flow(flow).flow, _folder(flow, folder), _speech(path))
    for sound in accepted:
        click.echo(f'{sound.file} is taken for "{sound.text}"')
    click.echo(f"recordings accepted: {len(accepted)}")


@prompts.command("play")
@_prompt_options
@click.option("--language", help="Only this one.")
@click.option("--only", help="Only the sounds with this in their name, such as thanks.")
def play_command(flow: Path, folder: Path | None, path: Path, language: str | None, only: str | None) -> None:
    """Play the sounds in the order of the file, with length and text; without a player, tell the files."""
    loaded = load_flow(flow).flow
    sounds = _chosen(loaded, look(loaded, _folder(flow, folder), _speech(path)), language, only)
    player = find_player()
    if player is None:
        click.echo("no player of sounds was found on this machine; these are the files:", err=True)
    for sound in sounds:
        if sound.file is None:
            click.echo(f"{sound.name}  missing  {sound.text}")
            continue
        seconds = sound_seconds(sound.file)
        click.echo(f"{sound.file}  {'?' if seconds is None else f'{seconds:.1f}'} s  {sound.text}")
        if player is None:
            continue
        try:
            player.play(sound.file)
        except PostcallError as error:
            click.echo(f"{error}; these are the files:", err=True)
            player = None
    missing = sum(sound.file is None for sound in sounds)
    if missing:
        raise FlowError(f"sounds missing: {missing}; `prompts build` makes them")


def _chosen(flow: Flow, sounds: list[PromptSound], language: str | None, only: str | None) -> list[PromptSound]:
    if language is not None and language not in flow.languages:
        raise FlowError(f'flow "{flow.flow}" has no language "{language}"; allowed: {", ".join(flow.languages)}')
    chosen = [
        sound
        for sound in sounds
        if language in (None, sound.name.partition("/")[0]) and (only or "") in sound.name.partition("/")[2]
    ]
    if not chosen:
        names = dict.fromkeys(sound.name.partition("/")[2] for sound in sounds)
        raise FlowError(f'flow "{flow.flow}" has no sound with "{only}" in its name; there are {", ".join(names)}')
    return chosen


def _stale(sound: PromptSound) -> str:
    return (
        f"{sound.file} is a recording of another text{_instead(sound)}; record it again, or keep it by `prompts accept`"
    )


def _instead(sound: PromptSound) -> str:
    if sound.known_text == sound.text:
        return ": the command or the voice was another one"
    return f': it says "{sound.known_text}", the flow "{sound.text}"'


def _folder(flow: Path, folder: Path | None) -> Path:
    return folder or flow.parent / "sounds"


def _speech(path: Path) -> Speech:
    """As the settings file says; without one, as the settings' defaults do."""
    chosen = click.get_current_context().get_parameter_source("path")
    if chosen == click.core.ParameterSource.DEFAULT and not path.exists():
        return PromptsSettings().speech
    return load_settings(path).prompts.speech
