"""A call, its survey and its answers, as they are recorded."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ivr.errors import DatabaseError
from storage.engine import Database
from storage.queries import agents, funnel, tallies
from storage.records import (
    AgentRecord,
    CallRecord,
    CountFilter,
    FunnelRow,
    GapRecord,
    LegRecord,
    ReasonRecord,
    TallyRow,
)
from storage.tables import Agent, Answer, Call, Leg, LinkGap, Queue, Reason, Survey
from storage.verify import verify
from tests.heard import hear_leg
from tests.storage.samples import ANA, BOB, DAY, MADRID, NOON, SITE, at, offer, rated, rows, silent

EVERYTHING = CountFilter()


async def counted(database: Database, by: str = "agent") -> dict[object, dict[int, int]]:
    """How often each value was given, by one dimension."""
    found: dict[object, dict[int, int]] = {}
    for row in await tallies(database, EVERYTHING, by=[by]):  # type: ignore[list-item]
        found.setdefault(getattr(row, by), {})[row.value] = row.ratings
    return found


async def steps(database: Database) -> dict[str, int]:
    return {row.step: row.surveys for row in await funnel(database, EVERYTHING, by=[])}


async def test_a_caller_who_presses_5_raises_the_agents_tally_and_every_step_of_the_funnel(recorder, database):
    assert await recorder.offer(offer())
    assert await recorder.start(SITE, "1.1", at(1))
    assert await recorder.record_answer(SITE, "1.1", rated(5))
    assert await recorder.finish(SITE, "1.1", "completed", at(20))

    dimensions = {
        "site": SITE,
        "day": DAY,
        "agent": ANA,
        "queue": "support",
        "reason": "billing/refund",
        "flow": "csat",
    }
    assert await tallies(database, EVERYTHING, by=["site", "day", "agent", "queue", "reason", "flow"]) == [
        TallyRow(**dimensions, question="rating", is_rating=True, value=5, ratings=1)
    ]
    assert await funnel(database, EVERYTHING, by=["site", "day", "agent", "queue", "reason", "flow"]) == [
        FunnelRow(**dimensions, step=step, surveys=1) for step in ("answered", "completed", "offered", "started")
    ]
    [survey] = await rows(database, Survey)
    assert (survey["status"], survey["started_at"], survey["ended_at"]) == ("completed", at(1), at(20))
    assert (survey["flow_version"], survey["language"]) == ("aa", "en")
    assert await verify(database) == []


async def test_an_answer_that_is_sent_twice_counts_once_and_the_first_one_stays(recorder, database):
    await recorder.offer(offer())
    assert await recorder.record_answer(SITE, "1.1", rated(5))
    assert not await recorder.record_answer(SITE, "1.1", rated(1))
    assert await counted(database) == {ANA: {5: 1}}
    [answer] = await rows(database, Answer)
    assert (answer["value"], answer["keys"], answer["answered_at"]) == (5, "5", at(10))


async def test_a_caller_who_presses_nothing_is_in_no_tally(recorder, database):
    await recorder.offer(offer())
    await recorder.start(SITE, "1.1", at(1))
    assert await recorder.record_answer(SITE, "1.1", silent())
    await recorder.finish(SITE, "1.1", "no_input", at(30))
    assert await counted(database) == {}
    assert await steps(database) == {"offered": 1, "started": 1, "no_input": 1}
    assert await verify(database) == []


async def test_a_0_is_an_answer_like_any_other(recorder, database):
    await recorder.offer(offer())
    assert await recorder.record_answer(SITE, "1.1", rated(0))
    assert await counted(database) == {ANA: {0: 1}}
    assert (await steps(database))["answered"] == 1
    assert await recorder.recredit(SITE, "1.1", agent=BOB)
    assert await counted(database) == {BOB: {0: 1}}
    assert await verify(database) == []


async def test_two_answers_of_one_survey_make_one_answered_survey(recorder, database):
    await recorder.offer(offer())
    await recorder.record_answer(SITE, "1.1", silent("mood"))
    await recorder.record_answer(SITE, "1.1", rated(4))
    await recorder.record_answer(SITE, "1.1", rated(2, question="clear", is_rating=False))
    assert (await steps(database))["answered"] == 1
    headline = await tallies(database, EVERYTHING, is_rating=True)
    assert [(row.question, row.value) for row in headline] == [("rating", 4)]
    others = await tallies(database, EVERYTHING, is_rating=False)
    assert [(row.question, row.value) for row in others] == [("clear", 2)]
    assert await verify(database) == []


async def test_an_answer_whose_start_was_missed_starts_the_survey_once(recorder, database):
    await recorder.offer(offer())
    await recorder.record_answer(SITE, "1.1", rated())
    assert not await recorder.start(SITE, "1.1", at(11))
    assert await steps(database) == {"offered": 1, "started": 1, "answered": 1}
    [survey] = await rows(database, Survey)
    assert (survey["status"], survey["started_at"]) == ("started", at(10))


async def test_an_answer_that_arrives_after_the_end_is_kept_and_the_outcome_stays(recorder, database):
    await recorder.offer(offer())
    await recorder.finish(SITE, "1.1", "failed", at(5))
    assert await recorder.record_answer(SITE, "1.1", rated(3))
    assert await steps(database) == {"offered": 1, "started": 1, "answered": 1, "failed": 1}
    assert await counted(database) == {ANA: {3: 1}}
    assert (await rows(database, Survey))[0]["status"] == "failed"
    assert await verify(database) == []


async def test_the_first_end_of_a_survey_wins(recorder, database):
    await recorder.offer(offer())
    assert await recorder.finish(SITE, "1.1", "hung_up", at(5))
    assert not await recorder.finish(SITE, "1.1", "completed", at(6))
    assert await steps(database) == {"offered": 1, "hung_up": 1}
    assert not await recorder.start(SITE, "1.1", at(7))
    assert (await rows(database, Survey))[0]["ended_at"] == at(5)


async def test_a_call_is_asked_at_most_once(recorder, database):
    assert await recorder.offer(offer("1.1", linkedid="1.0"))
    assert not await recorder.offer(offer("1.1", linkedid="1.0"))
    assert not await recorder.offer(offer("1.2", linkedid="1.0"))
    assert not await recorder.offer(offer("1.1", linkedid="9.9"))
    assert await recorder.offer(offer("1.3", linkedid="1.3"))
    assert await steps(database) == {"offered": 2}


async def test_two_sites_may_use_the_same_ids(recorder, database):
    await recorder.ensure_site(replace(MADRID, site="lima"))
    assert await recorder.offer(offer())
    assert await recorder.offer(offer(site="lima"))
    await recorder.record_answer("lima", "1.1", rated(2))
    assert await counted(database, "site") == {"lima": {2: 1}}


async def test_the_day_is_the_date_at_the_site(recorder, database):
    # Madrid is one hour ahead of UTC on 2 March, so there 23:30 UTC is half past midnight on the 3rd.
    await recorder.offer(offer(offered_at=datetime(2026, 3, 2, 23, 30, tzinfo=UTC)))
    # The same moment with another zone's clock in it makes no difference.
    tokyo = timezone(timedelta(hours=9))
    await recorder.offer(offer("2.2", offered_at=datetime(2026, 3, 3, 7, 30, tzinfo=tokyo)))
    assert [row["day"] for row in await rows(database, Survey)] == [date(2026, 3, 3), date(2026, 3, 2)]
    assert (await rows(database, Survey))[1]["offered_at"] == datetime(2026, 3, 2, 22, 30, tzinfo=UTC)


async def test_an_excluded_call_has_its_first_reason_and_an_asked_call_has_none(recorder, database):
    assert await recorder.exclude(SITE, "1.1", "too_short")
    assert not await recorder.exclude(SITE, "1.1", "sampled_out")
    assert [row["exclusion"] for row in await rows(database, Call)] == ["too_short"]
    assert await recorder.offer(offer("1.1"))
    assert [row["exclusion"] for row in await rows(database, Call)] == [""]
    assert not await recorder.exclude(SITE, "1.1", "too_short")
    assert [row["exclusion"] for row in await rows(database, Call)] == [""]


async def test_a_survey_credited_to_another_agent_takes_all_its_counts_along(recorder, database):
    for survey, value in (("1.1", 5), ("1.2", 5), ("1.3", 1)):
        await recorder.offer(offer(survey))
        await recorder.record_answer(SITE, survey, rated(value))
    await recorder.record_answer(SITE, "1.1", rated(3, question="clear", is_rating=False))
    await recorder.finish(SITE, "1.1", "completed", at(20))

    assert await recorder.recredit(SITE, "1.1", agent=BOB, reason="billing")
    assert not await recorder.recredit(SITE, "1.1", agent=BOB)
    found = {(row.agent, row.reason, row.question, row.value): row.ratings
             for row in await tallies(database, EVERYTHING, by=["agent", "reason"])}  # fmt: skip
    assert found == {
        (ANA, "billing/refund", "rating", 5): 1,
        (ANA, "billing/refund", "rating", 1): 1,
        (BOB, "billing", "rating", 5): 1,
        (BOB, "billing", "clear", 3): 1,
    }
    reached = {(row.agent, row.step): row.surveys for row in await funnel(database, EVERYTHING, by=["agent"])}
    assert reached == {
        (ANA, "offered"): 2, (ANA, "started"): 2, (ANA, "answered"): 2,
        (BOB, "offered"): 1, (BOB, "started"): 1, (BOB, "answered"): 1, (BOB, "completed"): 1,
    }  # fmt: skip
    assert await verify(database) == []

    await recorder.recredit(SITE, "1.1", agent="")
    assert (await counted(database))[""] == {3: 1, 5: 1}
    await recorder.recredit(SITE, "1.1", agent=ANA, reason="billing/refund")
    assert await counted(database) == {ANA: {1: 1, 3: 1, 5: 2}}
    assert await verify(database) == []


async def test_counts_that_were_tampered_with_cannot_fall_below_0(recorder, database):
    await recorder.offer(offer())
    await recorder.record_answer(SITE, "1.1", rated(5))

    async def tamper(connection):
        await connection.exec_driver_sql("UPDATE tally SET ratings = 0")

    await database.write(tamper)
    with pytest.raises(DatabaseError, match="db verify"):
        await recorder.recredit(SITE, "1.1", agent=BOB)
    assert (await rows(database, Survey))[0]["agent"] == ANA


async def test_surveys_left_open_by_a_crash_are_ended_and_younger_ones_are_not(recorder, database):
    await recorder.offer(offer("1.1"))
    await recorder.offer(offer("1.2"))
    await recorder.record_answer(SITE, "1.2", rated(4))
    await recorder.offer(offer("1.3", offered_at=at(600)))
    await recorder.offer(offer("1.4"))
    await recorder.finish(SITE, "1.4", "no_input", at(30))
    assert await recorder.close_interrupted(SITE, offered_before=at(300), at=at(700)) == 2
    assert await recorder.close_interrupted(SITE, offered_before=at(300), at=at(800)) == 0
    assert [(row["survey"], row["status"], row["ended_at"]) for row in await rows(database, Survey)] == [
        ("1.1", "failed", at(700)),
        ("1.2", "partial", at(700)),
        ("1.3", "offered", None),
        ("1.4", "no_input", at(30)),
    ]
    assert await verify(database) == []


async def test_a_survey_that_seemed_to_be_broken_off_ended_as_is_told_later(recorder, database):
    await recorder.offer(offer("1.1"))
    await recorder.start(SITE, "1.1", at(1))
    await recorder.record_answer(SITE, "1.1", rated(4))
    assert await recorder.close_interrupted(SITE, offered_before=at(300), at=at(700)) == 1
    assert await recorder.finish(SITE, "1.1", "completed", at(20))
    assert not await recorder.finish(SITE, "1.1", "hung_up", at(20))
    assert not await recorder.finish(SITE, "1.1", "hung_up", at(30))
    assert [(row["status"], row["ended_at"]) for row in await rows(database, Survey)] == [("completed", at(20))]
    assert {row.step: row.surveys for row in await funnel(database, EVERYTHING, by=[])} == {
        "offered": 1, "started": 1, "answered": 1, "completed": 1,
    }  # fmt: skip
    assert await verify(database) == []


async def test_what_is_known_of_a_call_is_never_overwritten_by_what_is_not(recorder, database):
    whole = CallRecord(
        site=SITE, linkedid="1.1", uniqueid="1.1", queue="support", reason="billing", caller_digest="ab",
        caller_mask="+34…89", started_at=NOON, ended_at=at(60), ended_by="agent", abandoned=True,
    )  # fmt: skip
    await recorder.record_heard(whole)
    await recorder.record_heard(CallRecord(site=SITE, linkedid="1.1", ended_by="unknown"))
    await recorder.record_heard(CallRecord(site=SITE, linkedid="1.1"))
    [call] = await rows(database, Call)
    assert call == {
        "site_id": SITE, "linkedid": "1.1", "uniqueid": "1.1", "queue": "support", "reason": "billing",
        "caller_digest": "ab", "caller_mask": "+34…89", "started_at": NOON, "ended_at": at(60), "ended_by": "agent",
        "abandoned": True, "exclusion": "", "exclusion_rule": "", "reason_source": "", "agent": "",
        # 12:01 in UTC is 13:01 in Madrid.
        "day": DAY, "hour": 13,
    }  # fmt: skip


async def test_what_becomes_known_of_a_call_later_is_added(recorder, database):
    await recorder.record_heard(CallRecord(site=SITE, linkedid="1.1", ended_by="unknown", reason="sales"))
    await recorder.record_heard(CallRecord(site=SITE, linkedid="1.1", ended_by="caller", reason="billing", queue="vip"))
    [call] = await rows(database, Call)
    assert (call["ended_by"], call["reason"], call["queue"]) == ("caller", "billing", "vip")


async def test_a_leg_may_be_told_in_two_parts_and_before_its_call(recorder, database):
    connected = LegRecord(site=SITE, linkedid="1.1", leg="1.2", agent=ANA, interface=ANA, member="Ana, M.",
                          queue="support", connected_at=NOON, ring_seconds=0, hold_seconds=7)  # fmt: skip
    ended = LegRecord(site=SITE, linkedid="1.1", leg="1.2", agent=ANA, ended_at=at(60), ended_by="transfer",
                      talk_seconds=60)  # fmt: skip
    await hear_leg(recorder, ended)
    await hear_leg(recorder, connected)
    [leg] = await rows(database, Leg)
    assert leg == {
        "site_id": SITE, "linkedid": "1.1", "leg": "1.2", "agent": ANA, "interface": ANA, "member": "Ana, M.",
        "queue": "support", "connected_at": NOON, "ended_at": at(60), "ended_by": "transfer",
        "ring_seconds": 0, "hold_seconds": 7, "talk_seconds": 60,
    }  # fmt: skip
    assert [row["linkedid"] for row in await rows(database, Call)] == ["1.1"]


async def test_codes_that_are_heard_of_can_be_listed_and_named(recorder, database):
    await recorder.offer(offer())
    await recorder.record_agent(AgentRecord(site=SITE, agent=ANA, interface=ANA, name="Ana María"))
    await recorder.record_agent(AgentRecord(site=SITE, agent=ANA, interface=ANA))
    await hear_leg(recorder, LegRecord(site=SITE, linkedid="1.1", leg="1.2", agent=ANA, queue="vip"))
    assert await agents(database, SITE) == [AgentRecord(site=SITE, agent=ANA, interface=ANA, name="Ana María")]
    assert await agents(database, "elsewhere") == []
    assert [row["queue"] for row in await rows(database, Queue)] == ["support", "vip"]
    await recorder.record_reason(ReasonRecord(site=SITE, reason="billing/refund", label="Refunds", parent="billing"))
    assert [(row["reason"], row["label"], row["parent"]) for row in await rows(database, Reason)] == [
        ("billing/refund", "Refunds", "billing")
    ]


async def test_a_gap_told_again_keeps_its_longest_length(recorder, database):
    for until in (at(5), at(9), at(7)):
        await recorder.record_gap(GapRecord(site=SITE, since=NOON, until=until))
    assert [(row["since"], row["until"]) for row in await rows(database, LinkGap)] == [(NOON, at(9))]


async def test_hostile_text_is_stored_clipped_and_is_found_by_the_same_text(recorder, database):
    nasty = "x\x00\ud800'; DROP TABLE tally; --\r\n" + "й" * 500
    await recorder.record_agent(AgentRecord(site=SITE, agent=nasty, interface=nasty, name=nasty))
    await recorder.offer(offer(nasty, agent=nasty, queue=nasty, reason=nasty, language=nasty))
    assert await recorder.record_answer(SITE, nasty, replace(rated(5, question=nasty), keys=nasty))
    assert not await recorder.record_answer(SITE, nasty, rated(5, question=nasty))
    assert await recorder.recredit(SITE, nasty, agent=ANA)
    assert await recorder.recredit(SITE, nasty, agent=nasty)
    clean = nasty.replace("\x00", "").replace("\ud800", "")
    assert [row.agent for row in await tallies(database, EVERYTHING)] == [clean[:80]]
    assert len(await tallies(database, CountFilter(agent=nasty, queue=nasty, reason=nasty))) == 1
    assert {row["name"] for row in await rows(database, Agent)} == {"", clean[:120]}
    assert await verify(database) == []


async def test_a_survey_that_was_never_offered_is_named(recorder):
    with pytest.raises(LookupError, match=r"survey '7\.7' of site 'main' was never offered"):
        await recorder.record_answer(SITE, "7.7", rated())
    with pytest.raises(LookupError, match="site 'mars' is not known"):
        await recorder.offer(offer(site="mars"))


async def test_times_without_a_zone_are_refused(recorder):
    with pytest.raises(ValueError, match="zone"):
        await recorder.offer(offer(offered_at=datetime(2026, 3, 2)))  # noqa: DTZ001
    await recorder.offer(offer())
    with pytest.raises(ValueError, match="without a zone"):
        await recorder.start(SITE, "1.1", datetime(2026, 3, 2))  # noqa: DTZ001


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": None},
        {"ended": "no_input"},
        {"ended": "bored", "value": None},
        {"tries": 0},
    ],
)
async def test_an_answer_that_makes_no_sense_is_refused_and_counts_nothing(recorder, database, wrong):
    await recorder.offer(offer())
    with pytest.raises(DatabaseError):
        await recorder.record_answer(SITE, "1.1", replace(rated(5), **wrong))
    assert await rows(database, Answer) == []
    assert await steps(database) == {"offered": 1}


async def test_a_comment_and_a_skipped_question_are_kept_and_count_nothing(recorder, database):
    await recorder.offer(offer())
    comment = replace(silent("why"), ended="recorded", is_rating=False, recording="/spool/main/1.1-why")
    await recorder.record_answer(SITE, "1.1", replace(comment, recording_seconds=4.25))
    await recorder.record_answer(SITE, "1.1", replace(silent(), keys="#", ended="skipped"))

    answers = {row["question"]: row for row in await rows(database, Answer)}
    assert (answers["why"]["recording"], answers["why"]["recording_seconds"]) == ("/spool/main/1.1-why", 4.25)
    assert (answers["rating"]["ended"], answers["rating"]["value"]) == ("skipped", None)
    assert await counted(database) == {}
    assert await steps(database) == {"offered": 1, "started": 1}
    assert await verify(database) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"ended": "recorded"},
        {"ended": "no_input", "recording": "/spool/1", "recording_seconds": 1.0},
        {"ended": "recorded", "recording": "/spool/1"},
        {"ended": "skipped", "value": 0},
    ],
    ids=["no recording", "a recording of silence", "no length", "a skipped question with a value"],
)
async def test_what_contradicts_itself_is_not_kept(recorder, database, wrong):
    await recorder.offer(offer())
    with pytest.raises(DatabaseError):
        await recorder.record_answer(SITE, "1.1", replace(silent(), **wrong))
    assert await rows(database, Answer) == []


async def test_the_language_and_the_code_of_a_caller_are_noted_with_the_survey(recorder, database):
    await recorder.offer(offer())
    await recorder.note(SITE, "1.1", language="zh")
    await recorder.note(SITE, "1.1", incentive="012345")

    [survey] = await rows(database, Survey)
    assert (survey["language"], survey["incentive"]) == ("zh", "012345")
    with pytest.raises(LookupError):
        await recorder.note(SITE, "1.2", language="zh")
