"""Opening a database, and what happens when it does not do as it should."""

import asyncio
import contextlib
import os
import sqlite3
import ssl
import stat
import threading
import time
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from ivr.errors import DatabaseAway, DatabaseError
from storage import engine, sqlite, transaction
from storage.address import describe, parse_url
from storage.engine import Database, open_database
from storage.recorder import Recorder
from tests.storage.samples import MADRID, SITE, offer, rated, version


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://root:s3cret@db/postcall", "begins with 'mysql': allowed are sqlite:///file.db and postgresql://"),
        ("s3cret", "cannot be read: allowed are"),
        ("postgresql://u:s3cret@db:port/x", "cannot be read: allowed are"),
        ("postgresql://u:s3cret@db", "names no database"),
        ("postgresql://u@db/x?password=s3cret", "the option 'password': allowed are host, port, ssl"),
        ("sqlite://", "names no database"),
        ("sqlite:///:memory:", "names no database"),
        ("sqlite:///x.db?mode=ro", "more than a file"),
        ("sqlite:////nowhere/at/all/x.db", "sqlite:////nowhere/at/all/x.db: there is no folder /nowhere/at/all"),
        ("sqlite:////tmp/there-is-none.db", "there is no such file; `postcall db upgrade` creates it"),
        ("sqlite:////tmp", "this is a folder, not a file"),
        ("postgresql://u:s3cret@127.0.0.1:1/x", r"postgresql://u@127\.0\.0\.1:1/x: connection refused$"),
    ],
)
async def test_a_database_that_cannot_be_had_is_one_clear_line_without_the_password(url, said):
    with pytest.raises(DatabaseError, match=said) as raised:
        await open_database(url)
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("Dear diary, " * 1000)
    with pytest.raises(DatabaseError, match="file is not a database"):
        await open_database(f"sqlite:///{path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_file_that_may_not_be_written_is_refused_at_once(tmp_path, migrated_file):
    path = tmp_path / "postcall.db"
    path.write_bytes(migrated_file.read_bytes())
    path.chmod(stat.S_IRUSR)
    with pytest.raises(DatabaseError, match=r"postcall\.db may not be written by user .*; chown or chmod it"):
        await open_database(f"sqlite:///{path}")


async def test_postgresql_says_which_database_or_user_it_refuses(postgres):
    with pytest.raises(DatabaseError, match='database "absent" does not exist'):
        await open_database(postgres.url("absent"))
    postgres.sql("postgres", "CREATE ROLE clerk LOGIN PASSWORD 'right'")
    with pytest.raises(DatabaseError, match='password authentication failed for user "clerk"') as raised:
        await open_database(postgres.url("postgres", "clerk:wr0ng"))
    assert "wr0ng" not in str(raised.value)
    async with await open_database(postgres.url("postgres", "clerk:right")):
        pass


@pytest.mark.parametrize(
    ("url", "may_come_back"),
    [
        ("postgresql://u@127.0.0.1:1/x", True),
        ("postgresql://u@/x?host=/there/is/none", True),
        ("sqlite:////tmp/there-is-none.db", False),
    ],
)
async def test_a_server_that_cannot_be_reached_is_away_and_a_file_is_not(url, may_come_back):
    with pytest.raises(DatabaseError) as raised:
        await open_database(url)
    assert isinstance(raised.value, DatabaseAway) is may_come_back
    with contextlib.ExitStack() as stack:
        if not may_come_back:
            stack.enter_context(pytest.raises(DatabaseError))
        await (await open_database(url, may_be_away=True)).close()


async def test_a_server_that_refuses_a_user_or_a_database_is_not_away(postgres):
    postgres.sql("postgres", "CREATE ROLE porter LOGIN PASSWORD 'right'")
    for url in (postgres.url("absent"), postgres.url("postgres", "porter:wr0ng")):
        with pytest.raises(DatabaseError) as raised:
            await open_database(url, may_be_away=True)
        assert not isinstance(raised.value, DatabaseAway)


@pytest.mark.parametrize(
    ("state", "may_come_back"), [("57P03", True), ("08006", True), ("53300", True), ("28P01", False), ("3D000", False)]
)
async def test_a_server_that_is_there_says_whether_it_is_only_not_ready(database, state, may_come_back):
    class Said(Exception):
        sqlstate = state

    async def fails(_connection):
        raise DBAPIError("SELECT 1", {}, Said("the server's own words"))

    with pytest.raises(DatabaseError, match="the server's own words") as raised:
        await database.read(fails)
    assert isinstance(raised.value, DatabaseAway) is may_come_back


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), ssl.SSLCertVerificationError("no trust")])
async def test_a_server_that_does_not_trust_us_or_we_it_is_not_away(database, error):
    async def fails(_connection):
        raise error

    with pytest.raises(DatabaseError) as raised:
        await database.read(fails)
    assert not isinstance(raised.value, DatabaseAway)


async def test_what_must_be_so_first_keeps_everything_from_being_written_until_it_is(url):
    holds = asyncio.Event()
    asked = []

    async def first(_connection):
        asked.append(holds.is_set())
        if not holds.is_set():
            raise DatabaseError("this is not so yet")

    async def sites(connection):
        return await connection.scalar(text("SELECT count(*) FROM site"))

    with pytest.raises(DatabaseError, match="this is not so yet"):
        await open_database(url, first=first)
    async with Database(parse_url(url), first) as database:
        with pytest.raises(DatabaseError, match="this is not so yet"):
            await Recorder(database).ensure_site(MADRID)
        with pytest.raises(DatabaseError, match="this is not so yet"):
            await database.read(sites)
        holds.set()
        assert await database.read(sites) == 0
        await Recorder(database).ensure_site(MADRID)
        assert await database.read(sites) == 1
    assert asked == [False, False, False, True]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_the_usual_spellings_of_a_postgresql_url_are_taken(scheme):
    url = parse_url(f"{scheme}://u:p@db:5433/x?sslmode=require")
    assert (url.drivername, url.host, url.port, dict(url.query)) == (
        "postgresql+asyncpg",
        "db",
        5433,
        {"ssl": "require"},
    )
    assert describe(url) == "postgresql://u@db:5433/x"


async def test_an_sqlite_database_survives_a_power_cut_and_lets_readers_in(tmp_path, migrated_file):
    path = tmp_path / "postcall.db"
    path.write_bytes(migrated_file.read_bytes())
    async with await open_database(f"sqlite:///{path}") as database:

        async def settings(connection):
            names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            return [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in names]

        # 2 is FULL: https://www.sqlite.org/pragma.html#pragma_synchronous
        assert await database.read(settings) == ["wal", 2, 1, 2000]


async def test_a_reader_does_not_wait_for_a_writer_and_sees_nothing_unfinished(database):
    recorder = Recorder(database)
    await recorder.ensure_site(MADRID)
    may_end = threading.Event()
    has_written = threading.Event()

    async def slow(connection):
        await connection.exec_driver_sql("UPDATE site SET name = 'unfinished'")
        has_written.set()
        while not may_end.is_set():
            await connection.scalar(text("SELECT 1"))

    async def name(connection):
        return await connection.scalar(text("SELECT name FROM site"))

    writing = asyncio.create_task(database.write(slow))
    async with asyncio.timeout(5):
        await asyncio.to_thread(has_written.wait, 5)
        assert await database.read(name) == MADRID.name
        may_end.set()
        await writing
        assert await database.read(name) == "unfinished"


@pytest.fixture
async def file(tmp_path, migrated_file):
    path = tmp_path / "postcall.db"
    path.write_bytes(migrated_file.read_bytes())
    async with await open_database(f"sqlite:///{path}") as database:
        await Recorder(database).ensure_site(MADRID)
        yield database


def named(name):
    async def work(connection):
        await connection.execute(text("UPDATE site SET name = name || :name"), {"name": name})
        return name

    return work


async def site_name(database):
    return await database.read(lambda connection: connection.scalar(text("SELECT name FROM site")))


@contextmanager
def held_up(database):
    """The thread that writes is kept busy; counts the commits that follow."""
    may_end, begun, commits = threading.Event(), threading.Event(), []

    async def slow(_):
        begun.set()
        may_end.wait(5)

    async def hold():
        writing = asyncio.create_task(database.write(slow))
        await asyncio.to_thread(begun.wait, 5)
        event.listen(database.engine, "commit", commits.append)
        return writing

    yield hold, may_end.set, commits


async def test_those_who_wait_for_the_disk_share_the_next_commit(file):
    with held_up(file) as (hold, let_go, commits):
        first = await hold()
        others = [asyncio.create_task(file.write(named(letter))) for letter in "abcdefghij"]
        await asyncio.sleep(0)
        let_go()
        assert await asyncio.gather(first, *others) == [None, *"abcdefghij"]
    assert len(commits) == 2
    assert await site_name(file) == MADRID.name + "abcdefghij"


async def test_one_that_fails_takes_nobody_along_who_shares_its_commit(file):
    async def fails(connection):
        await named("!")(connection)
        raise LookupError("no such survey")

    async def is_wrong(connection):
        await named("?")(connection)
        await connection.execute(text("UPDATE nothing SET name = ''"))

    with held_up(file) as (hold, let_go, _):
        first = await hold()
        works = [named("a"), fails, named("b"), is_wrong, named("c")]
        others = [asyncio.create_task(file.write(work)) for work in works]
        await asyncio.sleep(0)
        let_go()
        await first
        told = await asyncio.gather(*others, return_exceptions=True)
    assert [type(one) for one in told] == [str, LookupError, str, DatabaseError, str]
    assert await site_name(file) == MADRID.name + "abc"


async def test_what_nobody_waits_for_any_more_is_not_written(file):
    with held_up(file) as (hold, let_go, _):
        first = await hold()
        given_up = asyncio.create_task(file.write(named("x")))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        let_go()
        await first
    await file.write(named("y"))
    assert await site_name(file) == MADRID.name + "y"


async def test_what_waits_to_be_written_is_written_before_it_is_closed(tmp_path, migrated_file):
    path = tmp_path / "postcall.db"
    path.write_bytes(migrated_file.read_bytes())
    url = f"sqlite:///{path}"
    database = await open_database(url)
    await Recorder(database).ensure_site(MADRID)
    writing = [asyncio.create_task(database.write(named(letter))) for letter in "abc"]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writing)
    async with await open_database(url) as again:
        assert await site_name(again) == MADRID.name + "abc"


async def test_a_read_that_takes_too_long_is_broken_off_and_keeps_nobody_waiting(file):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    async def too_long():
        with pytest.raises(DatabaseError, match=r"did not answer within 0\.2 s"):
            await file.read(lambda connection: connection.scalar(text(endless)), seconds=0.2)

    async with asyncio.timeout(10):
        await asyncio.gather(*(too_long() for _ in range(2 * sqlite.READERS)))
        assert await site_name(file) == MADRID.name


async def test_work_that_waits_for_anything_but_its_transaction_is_refused(file):
    async def waits(connection):
        await named("x")(connection)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits for something other than its database"):
        await file.write(waits)
    assert await site_name(file) == MADRID.name


async def test_a_writer_waits_for_another_process_and_then_succeeds(tmp_path, migrated_file):
    path = tmp_path / "postcall.db"
    path.write_bytes(migrated_file.read_bytes())
    async with await open_database(f"sqlite:///{path}") as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(Recorder(database).ensure_site(MADRID))
        done, _ = await asyncio.wait([writing], timeout=0.2)
        assert not done
        other.execute("COMMIT")
        other.close()
        async with asyncio.timeout(5):
            await writing


async def test_a_database_that_stays_locked_is_given_up_in_bounded_time(tmp_path, migrated_file, monkeypatch):
    monkeypatch.setattr(engine, "WRITE_SECONDS", 0.3)
    monkeypatch.setattr(sqlite, "BUSY_MILLISECONDS", 100)
    path = tmp_path / "postcall.db"
    path.write_bytes(migrated_file.read_bytes())
    async with await open_database(f"sqlite:///{path}") as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match=r"did not answer within 0\.3 s"):
            await Recorder(database).ensure_site(MADRID)
        other.execute("ROLLBACK")
        other.close()
        monkeypatch.setattr(engine, "WRITE_SECONDS", 5)
        await Recorder(database).ensure_site(MADRID)


async def test_a_recorder_that_is_cancelled_in_the_middle_leaves_the_database_usable(recorder, database):
    await recorder.offer(offer())
    for pause in range(12):
        task = asyncio.create_task(recorder.record_answer(SITE, "1.1", rated(5)))
        for _ in range(pause):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(5):
        await recorder.publish(version("bb"))


async def test_postgresql_that_drops_a_connection_is_asked_again(postgres):
    async with await open_database(postgres.url("postgres")) as database:
        attempts = []

        async def work(connection):
            attempts.append(await connection.scalar(text("SELECT pg_backend_pid()")))
            if len(attempts) == 1:
                await asyncio.to_thread(postgres.sql, "postgres", f"SELECT pg_terminate_backend({attempts[0]})")
            return await connection.scalar(text("SELECT 42"))

        assert await database.write(work) == 42
        assert len(set(attempts)) == 2


async def test_connections_that_were_all_lost_while_nobody_used_them_cost_each_user_one_attempt(postgres):
    async with await open_database(postgres.url("postgres")) as database:
        all_there = asyncio.Barrier(5)

        async def backend(connection):
            await all_there.wait()
            return await connection.scalar(text("SELECT pg_backend_pid()"))

        lost = set(await asyncio.gather(*(database.read(backend) for _ in range(5))))
        assert len(lost) == 5
        for pid in lost:
            await asyncio.to_thread(postgres.sql, "postgres", f"SELECT pg_terminate_backend({pid})")
        anew = await asyncio.gather(*(database.read(backend) for _ in range(5)))
        assert lost.isdisjoint(anew)
        assert await database.write(lambda connection: connection.scalar(text("SELECT 42"))) == 42
        assert database.retries <= 5


async def test_a_conflict_that_never_ends_is_given_up_after_a_few_attempts(postgres):
    async with await open_database(postgres.url("postgres")) as database:
        attempts = []

        async def work(connection):
            attempts.append(1)
            await connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$"))

        with pytest.raises(DatabaseError, match="conflict"):
            await database.write(work)
        assert len(attempts) == transaction.ATTEMPTS


async def test_a_clock_that_is_put_back_after_a_lost_connection_costs_no_connection_a_transaction(
    postgres, monkeypatch
):
    async with await open_database(postgres.url("postgres")) as database:

        async def backend(connection):
            return await connection.scalar(text("SELECT pg_backend_pid()"))

        lost = await database.read(backend)
        await asyncio.to_thread(postgres.sql, "postgres", f"SELECT pg_terminate_backend({lost})")
        await database.read(backend)
        right = time.time
        monkeypatch.setattr(time, "time", lambda: right() - 3600)
        assert len({await database.read(backend) for _ in range(5)}) == 1
