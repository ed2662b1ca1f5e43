"""All that was heard of a call is written at once: it costs one commit, and ends as if each fact had come alone."""

from collections.abc import Sequence

from storage.engine import Database
from storage.recorder import Recorder
from storage.records import PARTS, AgentRecord, AskedCall, CallRecord, CreditRecord, LegRecord, Share
from storage.tables import Agent, Call, CallCount, Leg, Queue, Survey, Tally
from storage.verify import verify
from tests.storage.samples import ANA, BOB, SITE, at, offer, rated, rows

THE_CALL = {"site": SITE, "linkedid": "1.1"}
ANA_AGENT = AgentRecord(site=SITE, agent=ANA, interface=ANA, name="Ana", team="first")
BOB_AGENT = AgentRecord(site=SITE, agent=BOB, interface=BOB, name="Bob")
FIRST = LegRecord(**THE_CALL, leg="1.2", agent=ANA, queue="support", connected_at=at(5), ended_at=at(60))
SECOND = LegRecord(**THE_CALL, leg="1.3", agent=BOB, queue="billing", connected_at=at(60), talk_seconds=40)
ENDED = CallRecord(**THE_CALL, queue="billing", agent=BOB, ended_at=at(100), ended_by="caller")


def writes(database: Database) -> list[str]:
    """What the database does from now on."""
    done: list[str] = []
    database.timed = lambda kind, _seconds, _is_done: done.append(kind)
    return done


async def all_rows(database: Database) -> list[Sequence[object]]:
    return [await rows(database, table) for table in (Agent, Queue, Call, Leg, CallCount)]


async def test_a_call_of_two_agents_that_was_not_asked_is_one_transaction(recorder: Recorder, database: Database):
    done = writes(database)
    await recorder.record_heard(ENDED, [FIRST, SECOND], [BOB_AGENT, ANA_AGENT], "caller_hung_up")
    assert done == ["write"]

    assert [(agent["agent"], agent["name"], agent["team"]) for agent in await rows(database, Agent)] == [
        (ANA, "Ana", "first"),
        (BOB, "Bob", ""),
    ]
    assert [queue["queue"] for queue in await rows(database, Queue)] == ["billing", "support"]
    [call] = await rows(database, Call)
    assert (call["ended_by"], call["exclusion"], call["agent"]) == ("caller", "caller_hung_up", BOB)
    assert [(leg["leg"], leg["agent"]) for leg in await rows(database, Leg)] == [("1.2", ANA), ("1.3", BOB)]
    [counted] = await rows(database, CallCount)
    assert (counted["agent"], counted["exclusion"], counted["ended_by"]) == (BOB, "caller_hung_up", "caller")
    assert await verify(database) == []


async def test_it_may_be_told_twice_and_in_parts_and_the_last_state_is_the_same(recorder: Recorder, database: Database):
    await recorder.record_heard(ENDED, [FIRST, SECOND], [ANA_AGENT, BOB_AGENT], "caller_hung_up")
    whole = await all_rows(database)
    await recorder.record_heard(ENDED, [FIRST, SECOND], [ANA_AGENT, BOB_AGENT], "caller_hung_up")
    await recorder.record_heard(CallRecord(**THE_CALL), [FIRST], [AgentRecord(site=SITE, agent=ANA, interface=ANA)])
    assert await all_rows(database) == whole
    assert await verify(database) == []


async def test_a_leg_that_becomes_known_after_the_end_moves_the_calls_counts(recorder: Recorder, database: Database):
    await recorder.record_heard(ENDED, [FIRST], [ANA_AGENT], "unknown")
    # No end is told this time, and yet the call counts already.
    await recorder.record_heard(CallRecord(**THE_CALL), [SECOND], [BOB_AGENT])
    [counted] = await rows(database, CallCount)
    assert counted["talk"] == 40 * counted["calls"]
    assert await verify(database) == []


async def test_a_caller_who_was_asked_is_not_excluded(recorder: Recorder, database: Database):
    await recorder.offer(offer())
    await recorder.record_heard(ENDED, [FIRST], [ANA_AGENT], "not_reached")
    [call] = await rows(database, Call)
    assert call["exclusion"] == ""
    assert await verify(database) == []


async def test_a_leg_of_nobody_known_makes_no_agent(recorder: Recorder, database: Database):
    await recorder.record_heard(CallRecord(**THE_CALL), [LegRecord(**THE_CALL, leg="1.2", agent="")], [])
    assert await rows(database, Agent) == []
    assert [leg["agent"] for leg in await rows(database, Leg)] == [""]


async def test_what_is_heard_after_the_survey_credits_it_in_the_same_transaction(
    recorder: Recorder, database: Database
):
    await recorder.offer(offer(agent="", queue="support", reason=""))
    await recorder.record_answer(SITE, "1.1", rated(4))
    done = writes(database)

    def decide(call: AskedCall) -> CreditRecord:
        [leg] = call.legs
        share = Share(agent=leg.agent, parts=PARTS)
        return CreditRecord(shares=(share,), queue=call.queue, reason="sales", reason_source="queue")

    await recorder.record_heard(ENDED, [SECOND], [BOB_AGENT], decide=decide)
    assert done == ["write"]
    [survey] = await rows(database, Survey)
    assert (survey["agent"], survey["queue"], survey["reason"]) == (BOB, "billing", "sales")
    assert [(row["agent"], row["reason"], row["ratings"]) for row in await rows(database, Tally) if row["ratings"]] == [
        (BOB, "sales", PARTS)
    ]
    [counted] = [row for row in await rows(database, CallCount) if row["calls"]]
    assert (counted["agent"], counted["reason"], counted["talk"]) == (BOB, "sales", 40 * PARTS)
    assert await verify(database) == []
