"""Column types that make anything storable, the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, String
from sqlalchemy.types import TypeDecorator


def clip(text: str, limit: int) -> str:
    """The first `limit` characters of `text` without NUL and lone surrogates, which PostgreSQL and UTF-8 refuse."""
    if "\x00" in text or not text.isascii():
        text = "".join(c for c in text if c != "\x00" and not "\ud800" <= c <= "\udfff")
    return text[:limit]


class Clipped(TypeDecorator[str]):
    """Text of at most `length` characters. What is longer or not storable is clipped, in values and in comparisons
    alike: text that comes from a phone must never make a write fail."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.limit = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clip(value, self.limit)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept in UTC with microseconds. Raises `ValueError` for a naive datetime.

    SQLite keeps no zone, so there the UTC is implied: the text sorts as the moments do.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a datetime without a zone cannot be stored: {value.isoformat()}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
