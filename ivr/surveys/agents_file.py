"""A site's list of agents as a CSV file: read, checked line by line, and read again when it changes."""

import asyncio
import csv
import io
import os
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from ivr.errors import SettingsError
from ivr.surveys.agents import AgentBook, AgentEntry

log = structlog.get_logger()

COLUMNS = ("agent", "name", "team", "interface", "member", "from", "to")
LONGEST = {"agent": 80, "name": 120, "team": 120, "interface": 80, "member": 120, "from": 40, "to": 40}
"""Characters, as the database keeps them."""
MOST_BYTES = 10_000_000
LOOK_SECONDS = 5.0
"""How often a file is looked at for changes."""


def read_agents(path: Path, zone: ZoneInfo) -> AgentBook:
    """Read a list; its days and times are those of `zone`.

    The first line names the columns, in any order; `;` may stand in place of `,`, as some spreadsheets write it. Raises
    `SettingsError` with one line per mistake: file and line, what was given, what is allowed.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > MOST_BYTES:
        raise SettingsError(f"{path}: larger than {MOST_BYTES // 1_000_000} MB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}:{line}: not UTF-8 text") from None
    if "\x00" in text:
        raise SettingsError(f"{path}:{text[: text.index(chr(0))].count(chr(10)) + 1}: holds a NUL; allowed is text")
    return _parse(path, text, zone)


async def follow_agents(path: Path, zone: ZoneInfo, changed: Callable[[AgentBook], None]) -> None:
    """Tell of each new state of a file, for ever. A broken one is logged, and the list before it stays in force."""
    seen = _mark(path)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        mark = _mark(path)
        if mark == seen:
            continue
        seen = mark
        try:
            book = read_agents(path, zone)
        except SettingsError as error:
            for line in str(error).splitlines():
                log.error("the list of agents is refused, and the one before it stays in force", mistake=line)
        else:
            log.info("the list of agents was read again", file=str(path), lines=len(book))
            changed(book)


def _mark(path: Path) -> tuple[int, ...] | None:
    """Changes when a file is written, replaced or taken away."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _parse(path: Path, text: str, zone: ZoneInfo) -> AgentBook:
    header, _, _ = text.partition("\n")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",", strict=True)
    entries: list[tuple[int, AgentEntry]] = []
    mistakes: list[str] = []
    columns: list[str] = []
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not columns:
                columns = [cell.lower() for cell in cells]
                mistakes += _check_columns(columns)
                if mistakes:
                    break
            elif any(cells):
                line = rows.line_num
                try:
                    entry = _entry(columns, cells, zone)
                    _check_against(entry, entries)
                except ValueError as error:
                    mistakes.append(f"{line}: {error}")
                else:
                    entries.append((line, entry))
    except csv.Error as error:
        mistakes.append(f"{rows.line_num}: not CSV: {error}")
    if not columns:
        mistakes.append(f"1: is empty; the first line names the columns, {', '.join(COLUMNS)}")
    if mistakes:
        raise SettingsError("\n".join(f"{path}:{mistake}" for mistake in mistakes))
    return AgentBook(entry for _, entry in entries)


def _check_columns(columns: list[str]) -> list[str]:
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        return [f"1: column {unknown[0][:40]!r} is not known; allowed are {', '.join(COLUMNS)}"]
    if len(set(columns)) < len(columns):
        return ["1: a column stands twice"]
    if "agent" not in columns or not {"interface", "member"} & set(columns):
        return ["1: the column agent is needed, and interface or member"]
    return []


def _entry(columns: list[str], cells: list[str], zone: ZoneInfo) -> AgentEntry:
    if len(cells) != len(columns):
        raise ValueError(f"has {len(cells)} cells; the first line has {len(columns)}")
    given = dict.fromkeys(COLUMNS, "") | dict(zip(columns, cells, strict=True))
    for name, value in given.items():
        if len(value) > LONGEST[name]:
            raise ValueError(f"{name}: has {len(value)} characters; allowed are {LONGEST[name]}")
        if not value.isprintable():
            raise ValueError(f"{name}: got {value[:40]!r}; allowed is text without line breaks and control characters")
    if not given["agent"]:
        raise ValueError("agent: is needed")
    if not given["interface"] and not given["member"]:
        raise ValueError("interface or member is needed")
    if given["interface"] and "/" not in given["interface"].strip("/"):
        raise ValueError(f"interface: got {given['interface']!r}; allowed is a device such as PJSIP/1001")
    since, until = _moment("from", given["from"], zone), _moment("to", given["to"], zone)
    if since and until and until <= since:
        raise ValueError(f"to: {given['to']} is not after from, which is {given['from']}")
    return AgentEntry(
        agent=given["agent"],
        name=given["name"],
        team=given["team"],
        interface=given["interface"],
        member=given["member"],
        since=since,
        until=until,
    )


def _moment(column: str, given: str, zone: ZoneInfo) -> datetime | None:
    """A day begins at its first moment; as the end of a time it counts as a whole."""
    if not given:
        return None
    try:
        if len(given) == 10:
            day = date.fromisoformat(given)
            return datetime.combine(day + timedelta(days=1) if column == "to" else day, time.min, zone)
        moment = datetime.strptime(given.replace("T", " "), "%Y-%m-%d %H:%M")  # noqa: DTZ007 - the site's zone follows
        return moment.replace(tzinfo=zone)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{column}: got {given!r}; allowed is a day such as 2026-11-22, or 2026-11-22 14:30, in the site's zone"
        ) from None


def _check_against(entry: AgentEntry, entries: list[tuple[int, AgentEntry]]) -> None:
    for line, other in entries:
        same = (entry.interface, entry.member) == (other.interface, other.member)
        if same and entry.agent != other.agent and entry.overlaps(other):
            raise ValueError(
                f"gives {other.interface or other.member} to another agent at the same time as line {line}"
            )
