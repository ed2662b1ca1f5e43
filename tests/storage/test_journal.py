"""Surveys while PostgreSQL is away: a real server that goes at once, that hangs, and that comes back."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from ivr.errors import DatabaseError
from storage import journaled
from storage.engine import Database, open_database
from storage.journal import Journal, open_journal
from storage.journal_entries import Started, written
from storage.journaled import JournaledSurveys
from storage.recorder import Recorder
from storage.schema import upgrade
from storage.tables import Answer, Survey
from storage.verify import verify
from tests import postgres as servers
from tests.postgres import Postgres
from tests.storage.samples import MADRID, SITE, at, offer, rated, version
from tests.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    own = servers.start_another()
    yield own
    own.stop()


@pytest.fixture
async def there(server: Postgres) -> AsyncIterator[Database]:
    url = server.url(server.create_database())
    await upgrade(url)
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(MADRID)
        await recorder.publish(version())
        yield database


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await open_journal(tmp_path / "journal.db")
    yield opened
    with contextlib.suppress(OSError):  # one test closes it itself
        await opened.close()


@pytest.fixture
def surveys(there: Database, journal: Journal) -> JournaledSurveys:
    return JournaledSurveys(recorder=Recorder(there), database=there, journal=journal)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journaled, "AWAY_SECONDS", 0.05)


async def whole_survey(surveys: JournaledSurveys, name: str, value: int) -> None:
    assert await surveys.offer(offer(name))
    assert await surveys.start(SITE, name, at(1))
    assert await surveys.record_answer(SITE, name, rated(value))
    await surveys.choose_reason(SITE, name, "sales")
    await surveys.note(SITE, name, language="es", incentive="K7")
    assert await surveys.finish(SITE, name, "completed", at(20))


async def kept(database: Database) -> dict[str, tuple[Any, ...]]:
    """What the database has of each survey."""
    statement = (
        select(Survey.survey, Survey.status, Survey.reason, Survey.language, Survey.incentive, Answer.value)
        .outerjoin(Answer, (Answer.site_id == Survey.site_id) & (Answer.survey == Survey.survey))
        .order_by(Survey.survey)
    )

    async def work(transaction: Any) -> dict[str, tuple[Any, ...]]:
        return {name: tuple(rest) for name, *rest in await transaction.execute(statement)}

    return await database.read(work)


async def brought_over(surveys: JournaledSurveys, journal: Journal) -> None:
    async def all_of_it() -> bool:
        return await surveys.bring_over() and not journal.waiting

    await until(all_of_it, 30)


async def test_with_a_database_that_answers_nothing_goes_into_the_journal(
    surveys: JournaledSurveys, journal: Journal, there: Database
) -> None:
    await whole_survey(surveys, "1.1", 4)
    assert journal.waiting == 0
    assert await kept(there) == {"1.1": ("completed", "sales", "es", "K7", 4)}


async def test_callers_go_on_while_the_database_is_gone_and_all_is_there_afterwards(
    server: Postgres, surveys: JournaledSurveys, journal: Journal, there: Database
) -> None:
    assert await surveys.offer(offer("1.1"))
    await surveys.start(SITE, "1.1", at(1))
    server.crash()
    await surveys.record_answer(SITE, "1.1", rated(2))
    await whole_survey(surveys, "1.2", 5)
    assert await surveys.finish(SITE, "1.1", "completed", at(20))
    assert not await surveys.bring_over()
    assert journal.waiting == 8
    server.restart()
    await brought_over(surveys, journal)
    assert await kept(there) == {
        "1.1": ("completed", "billing/refund", "en", None, 2),
        "1.2": ("completed", "sales", "es", "K7", 5),
    }
    assert await verify(there) == []


async def test_nobody_waits_long_for_a_database_that_hangs(
    server: Postgres, surveys: JournaledSurveys, journal: Journal, there: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journaled, "TRY_SECONDS", 0.2)
    monkeypatch.setattr(journaled, "AWAY_SECONDS", 60)
    has_lock, may_end = asyncio.Event(), asyncio.Event()

    async def hold(transaction: Any) -> None:
        await transaction.execute(text("LOCK TABLE site, survey IN ACCESS EXCLUSIVE MODE"))
        has_lock.set()
        await may_end.wait()

    holding = asyncio.create_task(there.write(hold, bounded=False))
    await asyncio.wait_for(has_lock.wait(), 5)
    async with asyncio.timeout(2):
        # The first waits for as long as it takes to find out, and the others not at all.
        await whole_survey(surveys, "1.1", 3)
        await whole_survey(surveys, "1.2", 3)
    assert journal.waiting == 12
    may_end.set()
    await holding
    await brought_over(surveys, journal)
    assert {name: row[0] for name, row in (await kept(there)).items()} == {"1.1": "completed", "1.2": "completed"}
    assert await verify(there) == []


async def test_what_is_in_the_journal_outlives_the_service(
    server: Postgres, there: Database, journal: Journal, surveys: JournaledSurveys, tmp_path: Path
) -> None:
    server.crash()
    await whole_survey(surveys, "1.1", 4)
    await journal.close()
    server.restart()
    again = await open_journal(tmp_path / "journal.db")
    try:
        assert (again.waiting, again.holds(SITE, "1.1"), again.holds(SITE, "1.2")) == (6, True, False)
        assert again.some.is_set()
        assert again.oldest_at
        calls: list[tuple[str, str]] = []
        later = JournaledSurveys(
            recorder=Recorder(there), database=there, journal=again, kept=lambda *call: calls.append(call)
        )
        bringing = asyncio.create_task(later.run())

        async def is_empty() -> bool:
            return not again.waiting

        await until(is_empty, 30)
        bringing.cancel()
        assert calls == [(SITE, "1.1")]
        assert (await kept(there))["1.1"][-1] == 4
        assert again.oldest_at is None
    finally:
        await again.close()


async def test_what_follows_in_a_survey_waits_behind_what_waits(
    server: Postgres, there: Database, journal: Journal, surveys: JournaledSurveys
) -> None:
    server.crash()
    assert await surveys.offer(offer("1.1"))
    server.restart()
    await until(lambda: answers(there), 30)
    await surveys.record_answer(SITE, "1.1", rated(5))
    assert journal.waiting == 2
    await brought_over(surveys, journal)
    assert (await kept(there))["1.1"][-1] == 5


async def answers(database: Database) -> bool:
    try:
        return await database.read(lambda transaction: transaction.scalar(text("SELECT 1"))) == 1
    except DatabaseError:
        return False


async def test_a_call_is_asked_once_with_or_without_the_database(
    server: Postgres, there: Database, journal: Journal, surveys: JournaledSurveys
) -> None:
    assert await surveys.offer(offer("1.1", linkedid="call"))
    server.crash()
    assert await surveys.offer(offer("2.1", linkedid="other"))
    assert not await surveys.offer(offer("2.2", linkedid="other"))
    # Nobody can know now that this call was asked before: what is said counts for the first survey's call no more.
    assert await surveys.offer(offer("1.2", linkedid="call"))
    server.restart()
    await brought_over(surveys, journal)
    assert set(await kept(there)) == {"1.1", "2.1"}
    assert not await surveys.offer(offer("2.3", linkedid="other"))
    assert await verify(there) == []


async def test_an_entry_that_the_database_refuses_holds_up_nobody_and_is_not_lost(
    there: Database, journal: Journal, surveys: JournaledSurveys, tmp_path: Path
) -> None:
    await journal.append(SITE, "never-offered", written(Started(at=at(1))))
    await journal.append(SITE, "nonsense", '{"kind": "nonsense"}')
    assert await surveys.offer(offer("1.1"))
    await journal.append(SITE, "1.1", written(Started(at=at(1))))
    for _ in range(journaled.REFUSALS):
        await surveys.bring_over()
    assert journal.waiting == 0
    assert (await kept(there))["1.1"][0] == "started"

    async def aside(transaction: Any) -> list[tuple[str, str]]:
        return [tuple(row) for row in await transaction.execute(text("SELECT survey, why FROM set_aside"))]

    refused = dict(await journal._file.read(aside))
    assert "never offered" in refused["never-offered"]
    assert "nonsense" in refused


async def test_surveys_are_brought_over_many_together(
    server: Postgres, there: Database, journal: Journal, surveys: JournaledSurveys
) -> None:
    server.crash()
    for number in range(60):
        await whole_survey(surveys, f"1.{number:02}", number % 5 + 1)
    server.restart()
    await until(lambda: answers(there), 30)
    done: list[str] = []
    there.timed = lambda kind, _seconds, _is_done: done.append(kind)
    assert await surveys.bring_over()
    assert journal.waiting == 0
    # 360 entries of 60 surveys.
    assert done == ["write"] * 3
    assert [row[-1] for row in (await kept(there)).values()] == [number % 5 + 1 for number in range(60)]
    assert await verify(there) == []


async def test_a_journal_that_is_full_asks_nobody_more_and_keeps_what_is_said_to_the_end(
    server: Postgres, surveys: JournaledSurveys, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journaled, "MOST_WAITING", 2)
    monkeypatch.setattr(journaled, "SLOW_SECONDS", 0)
    await surveys.check()
    server.crash()
    assert await surveys.offer(offer("1.1"))
    await surveys.start(SITE, "1.1", at(1))
    with pytest.raises(DatabaseError, match="the journal is full: 2 entries wait for the database"):
        await surveys.offer(offer("1.2"))
    assert await surveys.record_answer(SITE, "1.1", rated(5))
    with pytest.raises(DatabaseError, match="3 entries wait for the database since"):
        await surveys.check()
    server.restart()
    await brought_over(surveys, journal)
    await surveys.check()


async def test_a_full_disk_is_said_and_what_was_kept_stays(
    server: Postgres, surveys: JournaledSurveys, journal: Journal, there: Database
) -> None:
    server.crash()
    await whole_survey(surveys, "1.1", 4)
    await journal._file.write(lambda transaction: transaction.exec_driver_sql("PRAGMA max_page_count = 1"))

    async def go_on() -> None:
        for number in range(200):
            await surveys.offer(offer(f"2.{number}"))

    with pytest.raises(DatabaseError, match="database or disk is full"):
        await go_on()
    waiting = journal.waiting
    await journal._file.write(lambda transaction: transaction.exec_driver_sql("PRAGMA max_page_count = 1000000"))
    server.restart()
    await brought_over(surveys, journal)
    assert (await kept(there))["1.1"] == ("completed", "sales", "es", "K7", 4)
    assert len(await kept(there)) == 1 + waiting - 6


async def test_an_offer_that_its_caller_could_not_wait_for_is_ended_and_what_waits_is_counted(
    server: Postgres, surveys: JournaledSurveys, journal: Journal, there: Database, tmp_path: Path
) -> None:
    server.crash()
    await whole_survey(surveys, "1.1", 4)
    with sqlite3.connect(tmp_path / "journal.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")  # the journal's disk is slow
        offering = asyncio.create_task(surveys.offer(offer("1.2")))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(offering), 0.2)
        offering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await offering
        other.execute("COMMIT")
    server.restart()
    await brought_over(surveys, journal)
    assert journal.waiting == 0
    assert await kept(there) == {
        "1.1": ("completed", "sales", "es", "K7", 4),
        "1.2": ("failed", "billing/refund", "en", None, None),
    }
    assert await journal.oldest(1) == []


async def test_two_services_never_have_one_journal(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"journal\.db is in use by another service: each needs its own \(setting"):
        await open_journal(tmp_path / "journal.db")


async def test_a_journal_that_cannot_be_had_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"journal .*: there is no folder "):
        await open_journal(tmp_path / "nowhere" / "journal.db")
    (tmp_path / "notes.db").write_text("Dear diary, " * 1000)
    with pytest.raises(DatabaseError, match="file is not a database"):
        await open_journal(tmp_path / "notes.db")
