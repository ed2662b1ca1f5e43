"""The database, the journal, and the room on their disks."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from ivr.doctor.findings import Finding
from ivr.errors import DatabaseError
from ivr.settings import Settings
from storage.address import parse_url, sqlite_path
from storage.engine import Database, open_database
from storage.schema import check_schema
from storage.transaction import Transaction

LITTLE_ROOM = 1_000_000_000
NO_ROOM = 100_000_000
"""Bytes; a survey takes some two thousand, and an upgrade of the schema may take as much again as there is."""
OFF_SECONDS = 2.0
CONNECTIONS = 20
"""What one service takes at most."""
_DATABASE = "database"

Free = Callable[[Path], int]
"""How many bytes are free on the disk of a folder."""


def free_bytes(folder: Path) -> int:
    """What an ordinary user may still write there. Raises OSError for a folder that there is not."""
    return shutil.disk_usage(folder).free


async def look_at_store(settings: Settings, *, free: Free = free_bytes) -> list[Finding]:
    """Whether the database can be used, and for how long there is room."""
    url = settings.database.url.get_secret_value()
    path = sqlite_path(parse_url(url))
    findings = list(_room("database", path.parent if path else None, free))
    if path is None:
        findings += _room("journal", settings.database.journal.absolute().parent, free)
    try:
        async with await open_database(url) as database:
            findings += await _of_open(database)
    except DatabaseError as error:
        findings.append(
            Finding(level="fault", about=_DATABASE, said=str(error), fix="put right `url` of [database], or start it")
        )
    return findings


async def _of_open(database: Database) -> list[Finding]:
    try:
        await check_schema(database)
    except DatabaseError as error:
        return [Finding(level="fault", about=_DATABASE, said=str(error), fix="run `postcall db upgrade`")]
    if sqlite_path(database.url):
        return [Finding(level="ok", about=_DATABASE, said="SQLite answers, can be written, and has the newest schema")]
    seen = await database.read(_postgresql)
    findings = [Finding(level="ok", about=_DATABASE, said=f"PostgreSQL {seen['version']} has the newest schema")]
    if seen["synchronous_commit"] not in ("on", "remote_apply", "remote_write"):
        findings.append(
            Finding(
                level="fault",
                about=_DATABASE,
                said=f"synchronous_commit is {seen['synchronous_commit']}: a power cut loses keys that were confirmed",
                fix="ALTER DATABASE … SET synchronous_commit = on",
            )
        )
    if int(seen["max_connections"]) < 2 * CONNECTIONS:
        findings.append(
            Finding(
                level="warning",
                about=_DATABASE,
                said=f"max_connections is {seen['max_connections']}, and one service takes up to {CONNECTIONS}",
                fix="raise max_connections in postgresql.conf",
            )
        )
    apart = abs((seen["now"] - datetime.now(UTC)).total_seconds())
    if apart > OFF_SECONDS:
        findings.append(
            Finding(
                level="warning",
                about=_DATABASE,
                said=f"its clock and ours are {apart:.0f} s apart",
                fix="run NTP (chrony, systemd-timesyncd) on both machines",
            )
        )
    return findings


async def _postgresql(transaction: Transaction) -> dict[str, Any]:
    names = ("server_version", "synchronous_commit", "max_connections")
    seen = {name: await transaction.scalar(text(f"SELECT current_setting('{name}')")) for name in names}
    return {**seen, "version": seen["server_version"], "now": await transaction.scalar(text("SELECT now()"))}


def _room(about: str, folder: Path | None, free: Free) -> Iterator[Finding]:
    if folder is None:
        return
    try:
        left = free(folder)
    except OSError as error:
        yield Finding(
            level="fault", about=about, said=f"folder {folder}: {(error.strerror or str(error)).lower()}",
            fix="make the folder, and let the service's user write there",
        )  # fmt: skip
        return
    said = f"{left / 1e9:.1f} GB are free on the disk of {folder}"
    if left < NO_ROOM:
        yield Finding(level="fault", about=about, said=said, fix="make room: without any, callers are not asked")
    elif left < LITTLE_ROOM:
        yield Finding(level="warning", about=about, said=said, fix="make room soon")
    else:
        yield Finding(level="ok", about=about, said=said)
