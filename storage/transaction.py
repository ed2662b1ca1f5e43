"""What the work of one transaction is given to speak to the database, and when a transaction is tried again."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from sqlalchemy import CursorResult, Dialect, Executable, Row, ScalarResult
from sqlalchemy.exc import DBAPIError

Result = TypeVar("Result")

ATTEMPTS = 6
# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization_failure, deadlock_detected,
# lock_not_available. The transaction was rolled back and may well succeed when it is run again.
_RETRYABLE_STATES = frozenset({"40001", "40P01", "55P03"})
# https://www.sqlite.org/rescode.html: another process holds the write lock.
_RETRYABLE_NAMES = ("SQLITE_BUSY", "SQLITE_LOCKED")


Rows = AsyncIterator[Row[*tuple[Any, ...]]]


class Transaction(Protocol):
    """An open transaction, as SQLAlchemy's `AsyncConnection` is one. Work in it waits for nothing but these methods."""

    @property
    def dialect(self) -> Dialect:
        """Of the database: ``dialect.name`` is ``sqlite`` or ``postgresql``."""

    async def execute(self, statement: Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement."""

    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement in the driver's own spelling."""

    async def scalar(self, statement: Executable, parameters: Any = None, /) -> Any:
        """The first column of the first row; None without one."""

    async def scalars(self, statement: Executable, parameters: Any = None, /) -> ScalarResult[Any]:
        """The first column of each row."""

    def stream(self, statement: Executable, parameters: Any = None, /) -> AbstractAsyncContextManager[Rows]:
        """The rows of a statement that may have many, one after the other."""

    async def run_sync(self, work: Callable[..., Result], /, *args: Any) -> Result:
        """Run what knows SQLAlchemy's own connections only."""


Work = Callable[[Transaction], Awaitable[Result]]
"""What is done in one transaction. It may be run again from the beginning."""


def pause_after(error: DBAPIError, attempt: int) -> float:
    """Seconds to wait before a transaction is run again; `attempt` of them failed, from 1, the last one with `error`.

    At random, so that two do not meet again. Raises `error` when it would not help, or was tried often enough.
    """
    if attempt >= ATTEMPTS or not _may_succeed_again(error):
        raise error
    return random.uniform(0.5, 1.0) * 0.01 * float(2**attempt)


def _may_succeed_again(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    if getattr(error.orig, "sqlstate", None) in _RETRYABLE_STATES:
        return True
    return str(getattr(error.orig, "sqlite_errorname", "")).startswith(_RETRYABLE_NAMES)
