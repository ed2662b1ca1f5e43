"""Where the next page of a list begins, as a word that whoever asks gives back: a moment, and a code within it."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cursor(moment: datetime, code: str) -> str:
    """The place of the row with these two."""
    return f"{(moment - _EPOCH) // timedelta(microseconds=1)}~{code}"


def parsed(given: str) -> tuple[datetime, str]:
    """The moment and the code of a place. Raises ValueError for what `cursor` never gave."""
    moment, _, code = given.partition("~")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 17 and code):
        raise ValueError(f"{given[:80]!r} is no place in this list")
    return _EPOCH + timedelta(microseconds=int(moment)), code
