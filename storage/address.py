"""The address of a database: read, checked, and shown without its password."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ivr.errors import DatabaseError

DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
OPTIONS = ("host", "port", "ssl")


def parse_url(url: str) -> URL:
    """The URL with its driver. Raises `DatabaseError` for what is not an SQLite or PostgreSQL URL."""
    allowed = "allowed are sqlite:///file.db and postgresql://user:password@host:port/name"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text of a URL that cannot be read may hold a password anywhere.
        raise DatabaseError(f"the database URL cannot be read: {allowed}") from None
    driver = DRIVERS.get(parsed.drivername)
    if driver is None:
        raise DatabaseError(f"the database URL begins with {parsed.drivername!r}: {allowed}")
    parsed = parsed.set(drivername=driver)
    if not parsed.database or (driver.startswith("sqlite") and parsed.database.startswith((":memory:", "file:"))):
        raise DatabaseError(f"the database URL names no database: {allowed}")
    if driver.startswith("sqlite"):
        if parsed.query or parsed.host:
            raise DatabaseError(f"the database URL has more than a file in it: {allowed}")
        return parsed
    # libpq spells it sslmode, asyncpg ssl; the values are the same.
    query = {("ssl" if name == "sslmode" else name): value for name, value in parsed.query.items()}
    for name in query:
        if name not in OPTIONS:
            raise DatabaseError(f"the database URL has the option {name!r}: allowed are {', '.join(OPTIONS)}")
    return parsed.set(query=query)


def sqlite_path(url: URL) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def describe(url: URL) -> str:
    """The URL as a message shows it: without driver, password and options."""
    port = f":{url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    return f"{url.get_backend_name()}://{user}{url.host or ''}{port}/{url.database}"
