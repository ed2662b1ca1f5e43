"""The schema's version: brought up to date by Alembic, and checked before anything is served."""

from functools import cache
from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, text

from ivr.errors import DatabaseError
from storage import tables as tables  # all of them are to be known wherever there is a schema
from storage.address import describe, parse_url
from storage.engine import Database, connect
from storage.transaction import Transaction

# Any number, as long as every replica locks the same.
UPGRADE_LOCK = 0x706F7374
_TOUCH = text("UPDATE alembic_version SET version_num = version_num")


async def upgrade(url: str) -> str:
    """Bring the schema up to what this version needs, creating an SQLite file that is not there; return its revision.

    Runs in one transaction, may be called by several replicas at once, and does nothing when nothing is to be done.
    Raises `DatabaseError`, also when the schema is newer than this version.
    """
    database = await connect(parse_url(url))
    async with database:
        # Moving the rows of years takes its time, and nobody waits on the line for it.
        return await database.write(_upgrade, bounded=False)


async def check_schema(database: Database) -> None:
    """Raise `DatabaseError`, which says what to do, unless the schema is the one that this version needs."""
    await database.read(lambda connection: require_schema(connection, database.url))


async def require_schema(connection: Transaction, url: URL) -> None:
    """As `check_schema`, in a transaction with the database at `url` that runs already."""
    found, needed, known = await connection.run_sync(_revisions)
    if found == needed:
        return
    place = describe(url)
    if found is not None and not known:
        raise DatabaseError(
            f"database {place}: schema is at {found}, which is newer than this version; it needs {needed}"
        )
    raise DatabaseError(
        f"database {place}: schema is at {found or 'nothing'}, this version needs {needed}: run `postcall db upgrade`"
    )


async def check_service(database: Database) -> None:
    """Raise `DatabaseError` unless a service that runs can read the database and write it."""
    await check_schema(database)
    await database.check_writes(_TOUCH)


async def _upgrade(connection: Transaction) -> str:
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
    return await connection.run_sync(_upgrade_now)


def _upgrade_now(connection: Connection) -> str:
    found, needed, known = _revisions(connection)
    if found is not None and not known:
        raise DatabaseError(f"schema is at {found}, which is newer than this version; it needs {needed}")
    migrate(connection, "head")
    return needed


def _revisions(connection: Connection) -> tuple[str | None, str, bool]:
    """The revision found, the one needed, and whether the one found is among those that this version knows."""
    needed, known = _scripts()
    found = MigrationContext.configure(connection).get_current_revision()
    return found, needed, found in known


@cache
def _scripts() -> tuple[str, frozenset[str]]:
    """The newest revision and all of them. Read once: it takes longer than to ask the database."""
    with as_file(files("migrations")) as folder:
        scripts = ScriptDirectory(str(folder))
        needed = scripts.get_current_head()
        if needed is None:
            raise DatabaseError("the package `migrations` is empty: this installation is broken")
        return needed, frozenset(script.revision for script in scripts.walk_revisions())


def migrate(connection: Connection, revision: str) -> None:
    """Run the migrations that lead to `revision`, ``head`` for the newest and ``base`` for none, on `connection`."""
    with as_file(files("migrations")) as folder:
        config = Config(attributes={"connection": connection})
        # Alembic reads its options with interpolation.
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        if revision == "base":
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)
