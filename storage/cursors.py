"""Lists page by page, the newest first: where the next page begins, as a word that whoever asks gives back."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, or_

Row = TypeVar("Row")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def beyond(moment: Any, code: Any, cursor: str) -> ColumnElement[bool]:
    """The rows after the place `cursor` in the descending order of the columns `moment` and `code`.

    Raises ValueError for what `cut` never gave.
    """
    at, within_it = _parsed(cursor)
    # The first condition is one that an index can begin with.
    return and_(moment <= at, or_(moment < at, and_(moment == at, code < within_it)))


def cut(found: Sequence[Row], limit: int, place: Callable[[Row], tuple[datetime, str]]) -> tuple[list[Row], str]:
    """The first `limit` of the rows, of which one more was read, and the place of the last; ``""`` when that is all.

    `place` gives a row's moment and its code within it.
    """
    if len(found) <= limit:
        return list(found), ""
    moment, code = place(found[limit - 1])
    return list(found[:limit]), f"{(moment - _EPOCH) // timedelta(microseconds=1)}~{code}"


def _parsed(given: str) -> tuple[datetime, str]:
    moment, _, code = given.partition("~")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 17 and code):
        raise ValueError(f"{given[:80]!r} is no place in this list")
    return _EPOCH + timedelta(microseconds=int(moment)), code
