"""The schema: brought up to date, taken back, and checked before anything is served."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, inspect, text

from ivr.errors import DatabaseError
from storage import engine, schema
from storage.address import parse_url
from storage.count_tables import AgentTally, AgentTallyMonth
from storage.engine import connect, open_database
from storage.recorder import Recorder
from storage.tables import Answer, Base, Survey
from tests.storage.samples import MADRID, SITE, offer, rows, silent, take_back, version

NEWEST = max(file.name[:4] for file in Path(__file__).parents[2].glob("migrations/versions/[0-9]*.py"))


def is_no_part(_thing: object, name: str | None, kind: str, *_: object) -> bool:
    """The parts of the answers are made as their months come."""
    return not (kind == "table" and name and name.startswith("answer_"))


def differences(connection: Connection) -> list[object]:
    """What the migrated database lacks or has too much, compared with the tables in the code."""
    options = {"compare_type": True, "compare_server_default": True, "include_object": is_no_part}
    context = MigrationContext.configure(connection, opts=options)
    found = list(compare_metadata(context, Base.metadata))
    inspector = inspect(connection)
    for table in Base.metadata.sorted_tables:
        # Alembic does not compare these two.
        wanted = {str(check.name) for check in table.constraints if isinstance(check, CheckConstraint)}
        checks = {str(check["name"]) for check in inspector.get_check_constraints(table.name)}
        found += [("check", table.name, name) for name in wanted ^ checks]
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        found += [("key", table.name, key)] if key != [column.name for column in table.primary_key] else []
    return found


async def test_the_migrations_make_exactly_the_tables_of_the_code_and_can_be_taken_back(empty_url):
    assert await schema.upgrade(empty_url) == NEWEST
    async with await connect(parse_url(empty_url)) as database:
        assert await database.read(lambda connection: connection.run_sync(differences)) == []
        await database.write(lambda connection: connection.run_sync(schema.migrate, "base"))
        left = await database.read(lambda connection: connection.run_sync(lambda c: inspect(c).get_table_names()))
        assert left == ["alembic_version"]
    await schema.upgrade(empty_url)
    async with await open_database(empty_url) as database:
        assert await database.read(lambda connection: connection.run_sync(differences)) == []
        await schema.check_schema(database)


async def test_a_schema_that_holds_comments_can_be_taken_back(empty_url):
    await schema.upgrade(empty_url)
    async with await open_database(empty_url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(MADRID)
        await recorder.publish(version())
        await recorder.offer(offer())
        comment = replace(silent("why"), ended="recorded", recording="/spool/main-1.1-why", recording_seconds=4.25)
        await recorder.record_answer(SITE, "1.1", comment)
        await recorder.record_answer(SITE, "1.1", replace(silent(), ended="skipped", keys="#"))
        await database.write(lambda connection: connection.run_sync(schema.migrate, "base"))


async def test_surveys_and_answers_of_an_older_schema_are_kept(empty_url):
    told = """
INSERT INTO site VALUES ('main', '', 'UTC');
INSERT INTO flow_version VALUES ('aa', 'csat', '', '', '2026-03-02 12:00:00');
INSERT INTO call (site_id, linkedid, uniqueid, queue, reason, caller_digest, caller_mask, abandoned, exclusion)
    VALUES ('main', '1.1', '', '', '', '', '', false, '');
INSERT INTO survey
    (site_id, survey, linkedid, day, flow, flow_version, language, agent, queue, reason, status, offered_at)
    VALUES ('main', '1.1', '1.1', '2026-03-02', 'csat', 'aa', 'en', '', '', '', 'offered', '2026-03-02 12:00:00');
INSERT INTO answer (site_id, survey, question, is_rating, keys, value, tries, ended, answered_at)
    VALUES ('main', '1.1', 'rating', true, '5', 5, 1, 'answered', '2026-03-02 12:00:00')
"""
    async with await connect(parse_url(empty_url)) as database:
        await database.write(lambda connection: connection.run_sync(schema.migrate, "0001"))
        for row in told.split(";"):
            await database.write(lambda connection, row=row: connection.execute(text(row)))
    await schema.upgrade(empty_url)
    async with await open_database(empty_url) as database:
        assert [row["incentive"] for row in await rows(database, Survey)] == [None]
        [answer] = await rows(database, Answer)
        assert (answer["value"], answer["recording"], answer["recording_seconds"]) == (5, None, None)


async def test_several_replicas_may_upgrade_at_once(empty_url):
    assert await asyncio.gather(*(schema.upgrade(empty_url) for _ in range(4))) == [NEWEST] * 4


async def test_an_empty_database_asks_for_an_upgrade(empty_url):
    async with await connect(parse_url(empty_url)) as database:
        with pytest.raises(DatabaseError, match=f"at nothing, this version needs {NEWEST}: run `postcall db upgrade`"):
            await schema.check_schema(database)


async def test_a_schema_from_the_future_is_neither_used_nor_upgraded(empty_url):
    async def leap(connection):
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    await schema.upgrade(empty_url)
    async with await open_database(empty_url) as database:
        await database.write(leap)
        with pytest.raises(DatabaseError, match=f"at 9999, which is newer than this version; it needs {NEWEST}"):
            await schema.check_schema(database)
    with pytest.raises(DatabaseError, match="at 9999, which is newer"):
        await schema.upgrade(empty_url)


async def test_an_upgrade_that_breaks_off_leaves_nothing_behind(empty_url, monkeypatch):
    class Broken(Exception):
        pass

    def migrate_and_break(connection, revision):
        whole(connection, revision)
        raise Broken

    whole = schema.migrate
    monkeypatch.setattr(schema, "migrate", migrate_and_break)
    with pytest.raises(Broken):
        await schema.upgrade(empty_url)
    async with await connect(parse_url(empty_url)) as database:
        left = await database.read(lambda connection: connection.run_sync(lambda c: inspect(c).get_table_names()))
    assert left == []


async def test_surveys_of_before_the_rules_get_the_callers_of_their_calls(empty_url):
    async def fill(connection):
        for statement in (
            "INSERT INTO site VALUES ('main', '', 'UTC')",
            "INSERT INTO flow_version VALUES ('aa', 'csat', '', '', '2026-11-22 00:00:00')",
            "INSERT INTO call VALUES ('main', '1.1', '1.1', '', '', 'd1', '', NULL, NULL, NULL, false, '')",
            "INSERT INTO call VALUES ('main', '1.2', '1.2', '', '', '', '', NULL, NULL, NULL, false, '')",
            *(
                "INSERT INTO survey (site_id, survey, linkedid, day, flow, flow_version, language, agent, queue,"
                f" reason, status, offered_at) VALUES ('main', '{name}', '{name}', '2026-11-22', 'csat', 'aa', '', '',"
                " '', '', 'offered', '2026-11-22 00:00:00')"
                for name in ("1.1", "1.2")
            ),
        ):
            await connection.exec_driver_sql(statement)

    async def digests(connection):
        return list(await connection.exec_driver_sql("SELECT survey, caller_digest FROM survey ORDER BY survey"))

    async with await connect(parse_url(empty_url)) as database:
        await database.write(lambda connection: connection.run_sync(schema.migrate, "0003"))
        await database.write(fill)
        await database.write(lambda connection: connection.run_sync(schema.migrate, "head"))
        assert [tuple(row) for row in await database.read(digests)] == [("1.1", "d1"), ("1.2", "")]


async def test_the_steps_of_the_funnel_are_kept_when_they_become_columns_and_again_when_they_become_rows(empty_url):
    """Shared surveys, so that a bucket's steps differ; what stood at 0 is not worth a row."""
    ana, bob = "'main', '2026-03-02', 'PJSIP/1001', 'support', '', 'csat'", "'main', '2026-03-02', '', '', '', 'nps'"
    steps = {
        (ana, "offered"): 2333, (ana, "started"): 1333, (ana, "answered"): 1333, (ana, "completed"): 1000,
        (ana, "partial"): 333, (ana, "hung_up"): 1000, (ana, "failed"): 0, (bob, "offered"): 667,
    }  # fmt: skip
    filled = ", ".join(f"({bucket}, '{step}', {surveys})" for (bucket, step), surveys in steps.items())

    async def there(connection):
        await connection.run_sync(schema.migrate, "0010")
        await connection.exec_driver_sql(f"INSERT INTO funnel VALUES {filled}")
        await connection.run_sync(schema.migrate, "0011")
        found = await connection.exec_driver_sql("SELECT * FROM funnel ORDER BY agent")
        return [tuple(row)[2:] for row in found]

    async def back(connection):
        await connection.run_sync(lambda sync: take_back(sync, "0010"))
        found = await connection.exec_driver_sql("SELECT agent, step, surveys FROM funnel")
        return {tuple(row) for row in found}

    async with await connect(parse_url(empty_url)) as database:
        # offered, started, answered, completed, partial, no_input, hung_up, failed
        assert await database.write(there) == [
            ("", "", "", "nps", 667, 0, 0, 0, 0, 0, 0, 0),
            ("PJSIP/1001", "support", "", "csat", 2333, 1333, 1333, 1000, 333, 0, 1000, 0),
        ]
        kept = {(bucket.split("'")[5], step, surveys) for (bucket, step), surveys in steps.items() if surveys}
        assert await database.write(back) == kept


async def test_ratings_of_before_the_sums_by_agent_are_summed(empty_url):
    """Two reasons of one agent, in two days of two months."""
    told = [
        ("2026-03-31", "billing", 1000), ("2026-03-31", "sales", 333), ("2026-03-30", "sales", 2000),
        ("2026-04-01", "billing", 667),
    ]  # fmt: skip

    async def there(connection):
        await connection.run_sync(schema.migrate, "0015")
        for table in ("tally", "tally_month"):
            for day, reason, ratings in told:
                day_of_table = day if table == "tally" else f"{day[:7]}-01"
                await connection.exec_driver_sql(
                    f"INSERT INTO {table} VALUES ('main', '{day_of_table}', 'PJSIP/1001', '', '{reason}', 'csat',"
                    f" 'rating', true, 4, {ratings}) ON CONFLICT (site_id, day, agent, queue, reason, flow, question,"
                    f" is_rating, value) DO UPDATE SET ratings = {table}.ratings + excluded.ratings"
                )
        await connection.run_sync(schema.migrate, "head")

    async def back(connection):
        await connection.run_sync(lambda sync: take_back(sync, "0015"))
        return {row[0] for row in await connection.exec_driver_sql("SELECT ratings FROM tally")}

    async with await connect(parse_url(empty_url)) as database:
        await database.write(there)
        for table, sums in ((AgentTally, [2000, 1333, 667]), (AgentTallyMonth, [3333, 667])):
            assert [row["ratings"] for row in await rows(database, table)] == sums
        assert await database.write(back) == {1000, 333, 2000, 667}


async def test_an_upgrade_may_take_longer_than_any_other_write(empty_url, monkeypatch):
    limits = []
    whole = engine.Database.write

    async def write(self, work, *, bounded=True):
        limits.append(bounded)
        return await whole(self, work, bounded=bounded)

    monkeypatch.setattr(engine.Database, "write", write)
    await schema.upgrade(empty_url)
    # The first write only sees that the database answers.
    assert limits == [True, False]
