"""The sounds beside the flows, on this machine: whether they are all there, and say what the flows in force say.

What lies on a PBX is a copy of them, and only a test call sees it.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from callflows.loader import LIBRARY, parse_flow
from callflows.model import Flow
from callflows.prompts import PromptSound, look
from ivr.doctor.findings import Finding
from ivr.errors import DatabaseError, FlowError, PostcallError
from ivr.settings import Settings
from ivr.surveys.versions import in_force
from storage.engine import Database, open_database
from storage.publication_queries import flow_versions, publications
from storage.records import PublicationRecord
from storage.schema import check_schema

BUILD = "`postcall prompts build`, then copy the folder to each PBX"


async def look_at_prompts(settings: Settings) -> list[Finding]:
    """What is to be said of the sounds of each flow that a site's settings name, in the version in force."""
    wanted = {code for site in settings.sites.values() for code in (site.flow, *(rule.flow for rule in site.flows))}
    found: list[Finding] = []
    try:
        async with await open_database(settings.database.url.get_secret_value()) as database:
            await check_schema(database)
            for code in sorted(wanted):
                found.append(await _look_at_flow(settings, database, code))
    except DatabaseError:  # told by those who look at the database
        return []
    return found


async def _look_at_flow(settings: Settings, database: Database, code: str) -> Finding:
    about = f"flow {code}"
    current = in_force(await publications(database, code), datetime.now(UTC))
    if current is None:
        fix = "start the service once, or `postcall flows publish`; `postcall flows history` lists what there is"
        return Finding(level="fault", about=about, said="no version of it is in force", fix=fix)
    folder = _folder(settings, current)
    if folder is None:
        said = "it was published by a command, and where its sounds lie is not known here"
        return Finding(level="note", about=about, said=said, fix="see for yourself: `postcall prompts stale`")
    [record] = await flow_versions(database, [current.digest])
    try:
        flow = parse_flow(record.source, code).flow
        return await asyncio.to_thread(of_sounds, about, flow, folder, settings)
    except FlowError:
        fix = "publish it anew, after `postcall flows check`"
        return Finding(level="fault", about=about, said="the version in force cannot be read by this release", fix=fix)
    except PostcallError as error:
        return Finding(level="fault", about=about, said=str(error), fix="let the user read it, or put it back")


def of_sounds(about: str, flow: Flow, folder: Path, settings: Settings) -> Finding:
    """What is to be said of the sounds of `flow` in `folder`. Raises `PostcallError` for a record that is no record."""
    sounds = look(flow, folder, settings.prompts.speech)
    missing = [one.name for one in sounds if one.condition == "missing"]
    other = [one.name for one in _of_other_text(sounds)]
    if missing:
        said = f"{len(missing)} of its {len(sounds)} sounds are not in {folder}, such as {missing[0]}"
        return Finding(level="warning", about=about, said=said, fix=BUILD)
    if other:
        said = f"{len(other)} of its sounds in {folder} say another text than the version in force, such as {other[0]}"
        return Finding(level="warning", about=about, said=said, fix=f"{BUILD}; recordings: `postcall prompts stale`")
    return Finding(level="ok", about=about, said=f"its {len(sounds)} sounds are in {folder}")


def _of_other_text(sounds: list[PromptSound]) -> Iterator[PromptSound]:
    # One that was only built with another voice says what it is to say.
    return (one for one in sounds if one.condition in ("stale", "outdated") and one.known_text != one.text)


def _folder(settings: Settings, current: PublicationRecord) -> Path | None:
    if current.way == "shipped":
        return LIBRARY / "sounds"
    if current.way == "file" and settings.flows.folder:
        return settings.flows.folder / "sounds"
    return None
