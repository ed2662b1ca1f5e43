"""The database, the journal, and the room on their disks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from ivr.doctor.disk import Disk, look_at_folder
from ivr.doctor.findings import Finding
from ivr.errors import DatabaseError
from ivr.settings import Settings
from storage.address import parse_url, sqlite_path
from storage.engine import Database, open_database
from storage.schema import check_schema
from storage.transaction import Transaction

OFF_SECONDS = 2.0
CONNECTIONS = 20
"""What one service takes at most."""
_DATABASE = "database"


async def look_at_store(settings: Settings, *, disk: Disk | None = None) -> list[Finding]:
    """Whether the database can be used, and for how long there is room."""
    url = settings.database.url.get_secret_value()
    path = sqlite_path(parse_url(url))
    file, about = (path, _DATABASE) if path else (settings.database.journal, "journal")
    findings = list(look_at_folder(about, file.absolute().parent, disk or Disk()))
    try:
        async with await open_database(url) as database:
            findings += await _of_open(database)
    except DatabaseError as error:
        findings.append(Finding(level="fault", about=_DATABASE, said=str(error), fix=_fix(path)))
    return findings


def _fix(path: Path | None) -> str:
    if path is None:
        return "put right `url` of [database], or start it"
    if not path.exists():
        return "run `postcall db upgrade`, or put right `url` of [database]"
    return "let the user that the service runs as read and write the file and its folder, or put right `url`"


async def _of_open(database: Database) -> list[Finding]:
    try:
        await check_schema(database)
    except DatabaseError as error:
        return [Finding(level="fault", about=_DATABASE, said=str(error), fix="run `postcall db upgrade`")]
    if sqlite_path(database.url):
        return [await _sqlite(database)]
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


async def _sqlite(database: Database) -> Finding:
    return of_journal_mode(await database.read(lambda transaction: transaction.scalar(text("PRAGMA journal_mode"))))


def of_journal_mode(mode: str) -> Finding:
    """What is to be said of SQLite's journal mode. SQLite keeps silent where it cannot do as it was asked."""
    if mode == "wal":
        return Finding(level="ok", about=_DATABASE, said="SQLite answers, can be written, and has the newest schema")
    return Finding(
        level="fault",
        about=_DATABASE,
        said=f"SQLite cannot use its write-ahead log here, its journal_mode is {mode}: pages hold up callers",
        fix="move the file to a local disk where the service's user may make files",
    )


async def _postgresql(transaction: Transaction) -> dict[str, Any]:
    names = ("server_version", "synchronous_commit", "max_connections")
    seen = {name: await transaction.scalar(text(f"SELECT current_setting('{name}')")) for name in names}
    return {**seen, "version": seen["server_version"], "now": await transaction.scalar(text("SELECT now()"))}
