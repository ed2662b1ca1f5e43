"""Limits against a real past, on SQLite and PostgreSQL: what counts, where a window ends, and callers at once."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from ivr.surveys.rules import Facts, Rules, decide, needed
from storage.engine import Database, open_database
from storage.quarantine import Lookup, SurveysSince, admission, look_back
from storage.recorder import Recorder
from storage.records import AnswerRecord, FlowVersionRecord, SiteRecord, SurveyOffer
from storage.tables import Call, Survey
from storage.verify import verify
from tests.rules.kit import ANNA, SUNDAY, call, rules
from tests.storage.samples import rows

BEN = "b" * 64
ONCE_A_MONTH = "no more than 1 in 30 days where caller is the same"


@dataclass
class Desk:
    """Offers surveys by rules."""

    database: Database
    recorder: Recorder
    calls: int = 0
    rules: Rules = field(default_factory=rules)

    async def ask(self, name: str = "", draw: float = 0.0, **changes: Any) -> bool:
        """A call comes to its end: is it asked?"""
        self.calls += 1
        name = name or f"{self.calls}.{id(self)}"
        facts = call(**changes)
        return await self.recorder.offer(
            offer(name, facts),
            admission(
                facts.site,
                name,
                needed(self.rules, facts),
                lambda past: decide(self.rules, facts, past, draw).exclusion,
            ),
        )

    async def why(self) -> dict[str, tuple[str, str]]:
        """Reason code and rule of every call, by linkedid."""
        return {row["linkedid"]: (row["exclusion"], row["exclusion_rule"]) for row in await rows(self.database, Call)}


def offer(name: str, facts: Facts, **more: Any) -> SurveyOffer:
    return SurveyOffer(
        site=facts.site,
        survey=name,
        linkedid=name,
        flow="csat",
        flow_version="aa",
        offered_at=facts.at,
        agent=facts.agent,
        queue=facts.queue,
        reason=facts.reason,
        caller_digest=facts.caller,
        **more,
    )


@pytest.fixture
async def desk(url: str) -> AsyncIterator[Desk]:
    async with await open_database(url) as database:
        recorder = Recorder(database)
        for site in ("main", "north"):
            await recorder.ensure_site(SiteRecord(site=site, name="", zone="Asia/Taipei"))
        await recorder.publish(FlowVersionRecord(digest="aa", flow="csat", source="", published_at=SUNDAY))
        yield Desk(database, recorder)


async def test_a_caller_within_quarantine_is_not_asked_and_the_call_says_why(desk: Desk) -> None:
    desk.rules = rules(quarantine=[ONCE_A_MONTH])
    assert await desk.ask("1.1")
    assert not await desk.ask("1.2", at=SUNDAY + timedelta(days=29, hours=23))
    assert await desk.ask("1.3", at=SUNDAY + timedelta(days=30))
    assert await desk.ask("1.4", caller=BEN)
    assert await desk.ask("1.5", caller="")
    assert await desk.ask("1.6", caller="")
    why = await desk.why()
    assert why.pop("1.2") == ("quarantine", f"quarantine: {ONCE_A_MONTH}")
    assert set(why.values()) == {("", "")}
    assert await verify(desk.database) == []


async def test_the_same_call_that_comes_again_was_asked_before_and_is_not_excluded(desk: Desk) -> None:
    desk.rules = rules(quarantine=[ONCE_A_MONTH])
    assert await desk.ask("1.1")
    assert not await desk.ask("1.1", at=SUNDAY + timedelta(seconds=1))
    assert await desk.why() == {"1.1": ("", "")}


async def test_a_call_that_was_stopped_may_be_asked_later_and_is_then_not_excluded(desk: Desk) -> None:
    desk.rules = rules(minimum_talk=20)
    assert not await desk.ask("1.1", talk_seconds=3)
    assert (await desk.why())["1.1"] == ("too_short", "minimum_talk")
    assert await desk.ask("1.1", talk_seconds=40)
    assert await desk.why() == {"1.1": ("", "")}


async def test_only_surveys_that_were_offered_to_callers_count(desk: Desk) -> None:
    desk.rules = rules(quarantine=[ONCE_A_MONTH], minimum_talk=20)
    assert not await desk.ask(talk_seconds=3)
    trial = "trial-1"
    await desk.recorder.offer(replace(offer(trial, call()), trial=True))
    assert await desk.ask()
    assert not await desk.ask()


async def test_every_survey_counts_whatever_its_flow_and_however_it_ended_but_not_another_site_s(desk: Desk) -> None:
    await desk.recorder.publish(FlowVersionRecord(digest="bb", flow="nps", source="", published_at=SUNDAY))
    desk.rules = rules(quarantine=["no more than 2 in 1 hour where caller is the same"])
    await desk.recorder.offer(replace(offer("1.1", call()), flow="nps", flow_version="bb"))
    await desk.recorder.finish("main", "1.1", "failed", SUNDAY)
    await desk.recorder.offer(offer("1.2", call(site="north")))
    assert await desk.ask()
    assert not await desk.ask()


@pytest.mark.parametrize("same", ["caller", "agent", "queue", "reason"])
async def test_each_attribute_is_counted_by_itself(desk: Desk, same: str) -> None:
    desk.rules = rules(quarantine=[f"no more than 3 in 10 minutes where {same} is the same"])
    asked = [await desk.ask(at=SUNDAY + timedelta(minutes=minute)) for minute in range(15)]
    # Three, then none until the first of them is ten minutes ago.
    assert [minute for minute, was in enumerate(asked) if was] == [0, 1, 2, 10, 11, 12]
    assert await desk.ask(at=SUNDAY + timedelta(minutes=12), **{same: "c" * 40})


async def test_a_day_s_maximum_begins_anew_at_midnight_of_the_site(desk: Desk) -> None:
    desk.rules = rules(maximum_a_day=2, maximum_a_day_by_queue={"billing": 1})
    evening = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)  # 23:59 in Taipei
    assert await desk.ask(at=evening, queue="billing")
    assert not await desk.ask("1.1", at=evening, queue="billing")
    assert await desk.ask(at=evening)
    assert not await desk.ask("1.2", at=evening)
    assert await desk.ask(at=evening + timedelta(minutes=1), queue="billing")
    why = await desk.why()
    assert why["1.1"] == ("daily_maximum", "maximum_a_day_by_queue")
    assert why["1.2"] == ("daily_maximum", "maximum_a_day")


async def test_ratings_of_the_last_seven_days_are_counted_for_the_agent(desk: Desk) -> None:
    for number, (days, value, agent) in enumerate(
        [(0, 5, ""), (6, 4, ""), (7, 5, ""), (1, None, ""), (1, 3, "PJSIP/1002")]
    ):
        facts = call(at=SUNDAY - timedelta(days=days), **({"agent": agent} if agent else {}))
        await desk.recorder.offer(offer(f"1.{number}", facts))
        for question in ("satisfaction", "solved"):
            answer = AnswerRecord(
                question=question,
                is_rating=question == "satisfaction",
                keys="",
                value=value,
                tries=1,
                ended="answered" if value else "no_input",
                answered_at=facts.at,
            )
            await desk.recorder.record_answer("main", f"1.{number}", answer)
    found = await look_back(desk.database, needed(rules(weekly_ratings=10), call()))
    assert found.ratings == 2


async def test_an_opt_out_holds_for_its_site_or_for_all_until_it_is_taken_back(desk: Desk) -> None:
    book = desk.recorder
    await book.opt_out("north", ANNA, SUNDAY, "key")
    assert await desk.ask()
    assert not await desk.ask("1.1", site="north")
    assert (await desk.why())["1.1"] == ("opted_out", "opt_out")
    await book.opt_out(None, ANNA, SUNDAY, "api")
    await book.opt_out(None, ANNA, SUNDAY + timedelta(days=1), "key")
    assert not await desk.ask()
    assert await desk.ask(caller=BEN)
    assert [(row.site, row.at, row.way) for row in await book.opt_outs(ANNA)] == [
        (None, SUNDAY, "api"),
        ("north", SUNDAY, "key"),
    ]
    assert await book.opt_in("north", ANNA)
    assert not await desk.ask(site="north")
    assert await book.opt_in(None, ANNA)
    assert not await book.opt_in(None, ANNA)
    assert await desk.ask(site="north")


async def test_nobody_opts_out_without_a_number(desk: Desk) -> None:
    with pytest.raises(ValueError, match="withholds the number"):
        await desk.recorder.opt_out(None, "", SUNDAY, "api")


async def test_a_look_at_an_earlier_moment_leaves_out_what_came_after(desk: Desk) -> None:
    desk.rules = rules(quarantine=[ONCE_A_MONTH])
    assert await desk.ask()
    lookup = needed(desk.rules, call())
    assert list((await look_back(desk.database, lookup)).surveys.values()) == [1]
    earlier = replace(lookup, before=SUNDAY)
    assert list((await look_back(desk.database, earlier)).surveys.values()) == [0]


async def test_hostile_codes_are_only_text(desk: Desk) -> None:
    evil = "x'; DROP TABLE survey;--\x00\ud800" + "y" * 200
    desk.rules = rules(quarantine=["no more than 1 in 1 hour where queue is the same"])
    assert await desk.ask(queue=evil)
    assert not await desk.ask(queue=evil)


@pytest.mark.parametrize("limit", [1, 3])
async def test_callers_at_the_same_time_never_exceed_a_limit(url: str, desk: Desk, limit: int) -> None:
    """Two replicas, twelve calls of one caller at once; and every call has a survey or a reason code, never both."""
    async with await open_database(url) as second:
        desks = [desk, Desk(second, Recorder(second))]
        for one in desks:
            one.rules = rules(quarantine=[f"no more than {limit} in 30 days where caller is the same"])
        for round_ in range(4):
            caller = f"{round_:064x}"
            asked = await asyncio.gather(
                *(
                    desks[number % 2].ask(
                        f"{round_}.{number}",
                        caller=caller,
                        agent=f"PJSIP/{number}",
                        at=SUNDAY + timedelta(seconds=-number),
                    )
                    for number in range(12)
                )
            )
            assert asked.count(True) == limit
    surveys = {row["linkedid"] for row in await rows(desk.database, Survey)}
    excluded = {linkedid for linkedid, (code, _) in (await desk.why()).items() if code}
    assert (len(surveys), len(excluded)) == (4 * limit, 4 * (12 - limit))
    assert not surveys & excluded
    assert await verify(desk.database) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_interleaving_of_callers_agents_and_queues_exceeds_any_limit(url: str, desk: Desk, seed: int) -> None:
    luck = random.Random(seed)
    limits = {"caller": (1, 40), "agent": (3, 30), "queue": (5, 20), "reason": (4, 25)}
    given = [f"no more than {n} in {x} seconds where {same} is the same" for same, (n, x) in limits.items()]
    async with await open_database(url) as second:
        desks = [desk, Desk(second, Recorder(second))]
        for one in desks:
            one.rules = rules(quarantine=given)
        for step in range(8):
            await asyncio.gather(
                *(
                    luck.choice(desks).ask(
                        f"{step}.{number}",
                        at=SUNDAY + timedelta(seconds=10 * step + luck.random()),
                        caller=f"{luck.randrange(12):064x}",
                        agent=f"PJSIP/{luck.randrange(4)}",
                        queue=f"queue-{luck.randrange(3)}",
                        reason=f"reason-{luck.randrange(3)}",
                    )
                    for number in range(8)
                )
            )
    offered = await rows(desk.database, Survey)
    assert len(offered) > 8
    for same, (limit, seconds) in limits.items():
        column = "caller_digest" if same == "caller" else same
        for last in offered:
            begins = last["offered_at"] - timedelta(seconds=seconds)
            window = [
                row
                for row in offered
                if row[column] == last[column] and begins < row["offered_at"] <= last["offered_at"]
            ]
            assert len(window) <= limit, (same, window)
    assert await verify(desk.database) == []


NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
CALLS = f"""
INSERT INTO call (site_id, linkedid, uniqueid, queue, reason, caller_digest, caller_mask, abandoned, exclusion)
{NUMBERS} SELECT 'main', 's' || i, 's' || i, '', '', '', '', false, '' FROM n
"""
SURVEYS = f"""
INSERT INTO survey (site_id, survey, linkedid, day, flow, flow_version, language, agent, queue, reason, caller_digest,
 trial, status, offered_at)
{NUMBERS} SELECT 'main', 's' || i, 's' || i, {{day}}, 'csat', 'aa', 'en', 'agent-' || (i % 50), 'queue-' || (i % 40),
 'reason-' || (i % 30), 'caller-' || (i % 2000), false, 'offered', {{at}} FROM n
"""


async def test_the_look_back_reads_the_indexes_made_for_it(desk: Desk) -> None:
    """However many surveys there are, and on SQLite without a look at the surveys themselves."""
    lite = desk.database.engine.dialect.name == "sqlite"

    async def fill(connection: Any) -> None:
        at = "datetime(1795320000 + i, 'unixepoch')" if lite else "to_timestamp(1795320000 + i)"
        day = "'2026-11-22'" if lite else "date '2026-11-22'"
        await connection.exec_driver_sql(CALLS)
        await connection.exec_driver_sql(SURVEYS.format(at=at, day=day))
        await connection.exec_driver_sql("ANALYZE survey")

    await desk.database.write(fill)
    for same in ("caller", "agent", "queue", "reason", "site"):
        index = "ix_survey_offered" if same == "site" else f"ix_survey_{same}"
        asked = SurveysSince(same=same, value=f"{same}-1", since=SUNDAY, up_to=5)  # type: ignore[arg-type]
        plan = await plan_of(desk.database, Lookup(site="main", surveys=(asked,)))
        if lite:
            assert f"USING COVERING INDEX {index} (" in plan
        else:
            assert re.search(rf"Index (Only )?Scan using {index} ", plan), plan


async def plan_of(database: Database, lookup: Lookup) -> str:
    """How the database would carry out the statement if the table were big."""
    sent: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    await look_back(database, lookup)
    event.remove(database.engine, "before_cursor_execute", note)
    ((statement, parameters),) = [one for one in sent if "survey" in one[0]]

    async def explain(connection: Any) -> str:
        lite = database.engine.dialect.name == "sqlite"
        if not lite:
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        prefix = "EXPLAIN QUERY PLAN" if lite else "EXPLAIN"
        return "\n".join(str(row[-1]) for row in await connection.exec_driver_sql(f"{prefix} {statement}", parameters))

    return await database.read(explain)
