"""A flow that was only tried: the same rows as a survey, and no count anywhere."""

from datetime import timedelta
from importlib.resources import as_file, files

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from storage import schema
from storage.engine import open_database
from storage.queries import agents, flow_source, funnel, tallies
from storage.recorder import Recorder
from storage.records import CountFilter
from storage.tables import Agent, Answer, Call, FlowVersion, Queue, Reason, Survey
from storage.verify import verify
from tests.storage.samples import ANA, MADRID, NOON, SITE, at, offer, rated, rows, version

TRIAL = "trial-1"


async def try_flow(recorder) -> None:
    assert await recorder.offer(offer(TRIAL, trial=True))
    assert await recorder.start(SITE, TRIAL, at(1))
    assert await recorder.record_answer(SITE, TRIAL, rated(5))
    assert await recorder.finish(SITE, TRIAL, "completed", at(20))


async def test_a_trial_leaves_the_rows_of_a_survey_and_is_counted_nowhere(recorder, database):
    await try_flow(recorder)

    [survey] = await rows(database, Survey)
    assert (survey["survey"], survey["trial"], survey["status"]) == (TRIAL, True, "completed")
    assert (survey["agent"], survey["queue"], survey["reason"]) == (ANA, "support", "billing/refund")
    [answer] = await rows(database, Answer)
    assert (answer["survey"], answer["keys"], answer["value"]) == (TRIAL, "5", 5)
    assert await tallies(database, CountFilter()) == []
    assert await funnel(database, CountFilter()) == []
    assert await verify(database) == []


async def test_a_trial_makes_no_agent_queue_or_reason_known_and_its_call_says_nothing(recorder, database):
    await try_flow(recorder)

    assert await agents(database) == []
    assert await rows(database, Agent) == await rows(database, Queue) == await rows(database, Reason) == []
    [call] = await rows(database, Call)
    assert {name: value for name, value in call.items() if value} == {"site_id": SITE, "linkedid": TRIAL}


async def test_a_trial_that_broke_off_is_ended_like_a_survey_and_still_not_counted(recorder, database):
    assert await recorder.offer(offer(TRIAL, trial=True))
    assert await recorder.close_interrupted(SITE, offered_before=NOON + timedelta(hours=1), at=at(9)) == 1

    [survey] = await rows(database, Survey)
    assert survey["status"] == "failed"
    assert await funnel(database, CountFilter()) == []


async def test_a_reason_that_is_chosen_in_a_trial_stands_in_its_row_and_nowhere_else(recorder, database):
    await try_flow(recorder)

    assert await recorder.recredit(SITE, TRIAL, agent="PJSIP/9", queue="q", reason="sales")
    assert not await recorder.recredit(SITE, TRIAL, reason="sales")
    [survey] = await rows(database, Survey)
    assert (survey["agent"], survey["queue"], survey["reason"]) == ("PJSIP/9", "q", "sales")
    assert await tallies(database, CountFilter()) == await funnel(database, CountFilter()) == []
    assert await rows(database, Agent) == await rows(database, Queue) == await rows(database, Reason) == []


@pytest.mark.parametrize("ids", [{"survey": "1.1", "linkedid": "1.1"}, {"survey": TRIAL, "linkedid": "1.1"}])
def test_a_trial_cannot_name_a_real_call(ids):
    with pytest.raises(ValueError, match="made-up id"):
        offer(**ids, trial=True)


async def test_a_recount_finds_a_trial_that_was_counted_after_all(recorder, database):
    await try_flow(recorder)

    async def count_it(connection):
        await connection.exec_driver_sql(
            "INSERT INTO funnel SELECT site_id, day, agent, queue, reason, flow, 1000, 0, 0, 0, 0, 0, 0, 0 FROM survey"
        )

    await database.write(count_it)
    [difference] = await verify(database)
    assert (difference.table, difference.held, difference.counted) == ("funnel", 1, 0)


async def test_a_version_that_was_only_tried_is_not_the_flows_newest_until_it_is_published(recorder, database):
    await recorder.publish(version("aa"))
    await recorder.keep_draft(version("bb", published_at=at(60)))
    assert len(await rows(database, FlowVersion)) == 2
    assert (await flow_source(database, "csat")).digest == "aa"

    await recorder.publish(version("bb", published_at=at(60)))
    assert (await flow_source(database, "csat")).digest == "bb"


async def test_trying_the_version_in_force_leaves_it_in_force(recorder, database):
    await recorder.publish(version("aa"))
    await recorder.keep_draft(version("aa", published_at=at(60)))
    assert (await flow_source(database, "csat")).published_at == NOON


async def test_a_flow_that_was_only_tried_has_no_newest_version(recorder, database):
    await recorder.keep_draft(version("cc", flow="nps"))
    assert await flow_source(database, "nps") is None


def take_back_trials(connection: Connection) -> None:
    """Go back to the schema as it was before there were trials."""
    with as_file(files("migrations")) as folder:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(folder))
        before = ScriptDirectory(str(folder)).get_revision("0003").down_revision
        command.downgrade(config, before)


async def test_an_older_schema_gets_no_trials(empty_url):
    """Taken back, the database must not show a trial as a survey that counts."""
    await schema.upgrade(empty_url)
    async with await open_database(empty_url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(MADRID)
        await recorder.publish(version())
        await try_flow(recorder)
        assert await recorder.offer(offer("1.1"))
        assert await recorder.record_answer(SITE, "1.1", rated(4))

        await database.write(lambda connection: connection.run_sync(take_back_trials))
        left = {}
        for table, column in (("survey", "survey"), ("answer", "survey"), ("call", "linkedid")):
            found = await database.read(
                lambda connection, table=table, column=column: connection.exec_driver_sql(
                    f"SELECT {column} FROM {table}"
                )
            )
            left[table] = [row[0] for row in found]
    assert left == {"survey": ["1.1"], "answer": ["1.1"], "call": ["1.1"]}
