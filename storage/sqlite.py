"""SQLite: one thread that writes, and a few that read; each transaction runs as a whole within one of them.

What is to be written while the disk is waited for is written together afterwards, with one commit: a commit costs the
same whether one caller waits for it or thirty.

SQLite is set up as SQLAlchemy's documentation of its SQLite dialect advises for transactions that really begin at
BEGIN: the driver's own handling is switched off and BEGIN is sent by hand. Not by a listener, though: an engine that
has one takes a longer way with every statement.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Generic

from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    Dialect,
    Engine,
    Executable,
    ScalarResult,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError

from storage.transaction import Result, Rows, Work, pause_after

BUSY_MILLISECONDS = 2000
READERS = 4
AT_ONCE = 64
"""Transactions that are written with one commit, at most."""
_TO_READ = "BEGIN"
_TO_WRITE = "BEGIN IMMEDIATE"
"""Takes the lock at once: upgrading a read to a write later fails outright when another has written."""


class ThreadTransaction:
    """A `Transaction` that runs as a whole in the thread that began it: nothing in it ever waits for the event loop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        return self._connection.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        return self._connection.exec_driver_sql(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Any = None, /) -> Any:
        return self._connection.scalar(statement, parameters)

    async def scalars(self, statement: Executable, parameters: Any = None, /) -> ScalarResult[Any]:
        return self._connection.scalars(statement, parameters)

    @asynccontextmanager
    async def stream(self, statement: Executable, parameters: Any = None, /) -> AsyncIterator[Rows]:
        async def rows() -> Rows:
            with self._connection.execute(statement, parameters) as result:
                for row in result:
                    yield row

        yield rows()

    async def run_sync(self, work: Callable[..., Result], /, *args: Any) -> Result:
        return work(self._connection, *args)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job(Generic[Result]):
    """Work that waits for the thread that writes."""

    work: Work[Result]
    done: asyncio.Future[Result]
    loop: asyncio.AbstractEventLoop


class SqliteFile:
    """An SQLite database. `close` ends its threads."""

    def __init__(self, url: URL) -> None:
        self.engine = _engine(url)
        self.retries = 0
        """How often a transaction was run again."""
        self._waiting: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._kept: Connection | None = None
        """The writer's: to have one from the pool for each transaction costs as much as two statements."""
        self._writer = Thread(target=self._write_all, name="postcall-writes", daemon=True)
        self._writer.start()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="postcall-reads")

    async def close(self) -> None:
        """Write what waits, and end the threads."""
        self._waiting.put(None)
        await asyncio.to_thread(self._end)

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` in one transaction, which others may share; on return it is committed."""
        loop = asyncio.get_running_loop()
        job: _Job[Result] = _Job(work=work, done=loop.create_future(), loop=loop)
        self._waiting.put(job)
        return await job.done

    async def read(self, work: Work[Result]) -> Result:
        """Run `work` in a transaction that sees one state and takes no lock. Its statement ends with whoever waits."""
        reading = _Reading(self.engine)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, reading.run, work)
        except asyncio.CancelledError:
            reading.interrupt()
            raise

    def _end(self) -> None:
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    def _write_all(self) -> None:
        while (first := self._waiting.get()) is not None:
            jobs = [first]
            with contextlib.suppress(Empty):
                while len(jobs) < AT_ONCE:
                    job = self._waiting.get_nowait()
                    if job is None:
                        self._waiting.put(None)
                        break
                    jobs.append(job)
            self._write(jobs)
        self._give_back()

    def _write(self, jobs: list[_Job[Any]]) -> None:
        # For what was cancelled nobody waits any more.
        jobs = [job for job in jobs if not job.done.cancelled()]
        if len(jobs) > 1:
            try:
                with self._begun() as connection:
                    results = [_finished(job.work(ThreadTransaction(connection))) for job in jobs]
            except BaseException:  # noqa: S110 - whoever it is about is told when each is written alone
                pass
            else:
                for job, result in zip(jobs, results, strict=True):
                    _tell(job, result=result)
                return
        for job in jobs:
            try:
                result = self._write_alone(job)
            except BaseException as error:  # whatever it is, it is about this work, and the thread goes on
                _tell(job, error=error)
            else:
                _tell(job, result=result)

    def _write_alone(self, job: _Job[Result]) -> Result | None:
        for attempt in count(1):
            if job.done.cancelled():
                break
            try:
                with self._begun() as connection:
                    return _finished(job.work(ThreadTransaction(connection)))
            except DBAPIError as error:
                pause = pause_after(error, attempt)
                self.retries += 1
                time.sleep(pause)
        return None

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, and rolled back when it raises."""
        connection = self._kept = self._kept or self.engine.connect()
        try:
            with connection.begin():
                connection.exec_driver_sql(_TO_WRITE)
                yield connection
        except BaseException:
            # Whatever it was, the next transaction has a connection that the pool has looked after.
            self._give_back()
            raise

    def _give_back(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()


class _Reading:
    """One read, which another thread may break off."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._driver: Any = None
        self._is_over = False

    def run(self, work: Work[Result]) -> Result:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(_TO_READ)
            with self._lock:
                if self._is_over:
                    raise InterruptedError
                self._driver = connection.connection.driver_connection
            try:
                return _finished(work(ThreadTransaction(connection)))
            finally:
                # From here on the connection may be another one's.
                with self._lock:
                    self._driver = None

    def interrupt(self) -> None:
        with self._lock:
            self._is_over = True
            if self._driver is not None:
                self._driver.interrupt()


def _finished(work: Awaitable[Result]) -> Result:
    """What `work` returns, run to its end here and now. Raises RuntimeError when it waits for anything else."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise RuntimeError("work in a transaction waits for something other than its database")


def _tell(job: _Job[Any], *, result: Any = None, error: BaseException | None = None) -> None:
    def tell() -> None:
        if job.done.done():
            return
        if error is None:
            job.done.set_result(result)
        else:
            job.done.set_exception(error)

    # The loop of somebody who did not wait may be closed by now.
    with contextlib.suppress(RuntimeError):
        job.loop.call_soon_threadsafe(tell)


def _engine(url: URL) -> Engine:
    engine = create_engine(url, pool_size=READERS + 1, max_overflow=0)
    event.listen(engine, "connect", _on_connect)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in (
            f"busy_timeout = {BUSY_MILLISECONDS}",
            "journal_mode = WAL",
            # An answer that the caller is thanked for must outlive a power cut; NORMAL would not promise that in WAL.
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()
