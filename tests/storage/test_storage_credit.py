"""A survey that is credited elsewhere when more becomes known, and one that several agents share."""

from dataclasses import replace
from fractions import Fraction

import pytest
from sqlalchemy import Connection

from storage import queries, schema
from storage.engine import open_database
from storage.queries import asked_calls, funnel, last_call_of, tallies
from storage.recorder import Recorder
from storage.records import PARTS, AskedCall, CountFilter, CreditRecord, LegRecord, Share
from storage.tables import Call, Credit, Survey
from storage.verify import verify
from tests.heard import hear_leg
from tests.storage.samples import ANA, BOB, DAY, MADRID, NOON, SITE, at, offer, rated, rows, take_back, version

CHEN = "PJSIP/1003"
THIRDS = (Share(agent=ANA, parts=333), Share(agent=BOB, parts=333), Share(agent=CHEN, parts=334))
EVERYTHING = CountFilter()


async def ratings(database) -> dict[str, Fraction]:
    return {row.agent: row.ratings for row in await tallies(database, EVERYTHING)}


async def reached(database, step: str) -> dict[str, Fraction]:
    return {row.agent: row.surveys for row in await funnel(database, EVERYTHING) if row.step == step}


def to(*shares: Share, queue: str = "support", reason: str = "billing/refund", source: str = "channel"):
    """A decision that is always the same."""
    return lambda _: CreditRecord(shares=shares, queue=queue, reason=reason, reason_source=source)


async def test_the_shares_of_a_survey_add_up_to_one_rating_exactly(recorder, database):
    await recorder.offer(offer(shares=THIRDS))
    await recorder.start(SITE, "1.1", at(1))
    await recorder.record_answer(SITE, "1.1", rated(5))
    await recorder.finish(SITE, "1.1", "completed", at(20))

    shared = {ANA: Fraction(333, 1000), BOB: Fraction(333, 1000), CHEN: Fraction(334, 1000)}
    assert await ratings(database) == shared
    assert sum(shared.values()) == 1
    for step in ("offered", "started", "answered", "completed"):
        assert await reached(database, step) == shared
    [survey] = await rows(database, Survey)
    assert (survey["agent"], survey["shared"]) == (CHEN, True)
    assert await verify(database) == []


async def test_ten_thousand_shared_ratings_lose_nothing_to_rounding(recorder, database):
    # Ten surveys stand for ten thousand: what is added are whole numbers.
    for number in range(10):
        await recorder.offer(offer(f"1.{number}", shares=THIRDS))
        await recorder.record_answer(SITE, f"1.{number}", rated(4))
    assert sum((await ratings(database)).values()) == 10
    assert await verify(database) == []


async def test_a_survey_moves_from_one_agent_to_several_and_back(recorder, database):
    await recorder.offer(offer())
    await recorder.record_answer(SITE, "1.1", rated(5))
    assert await recorder.recredit(SITE, "1.1", shares=THIRDS)
    assert not await recorder.recredit(SITE, "1.1", shares=THIRDS)
    assert await ratings(database) == {ANA: Fraction(333, 1000), BOB: Fraction(333, 1000), CHEN: Fraction(334, 1000)}
    assert await recorder.recredit(SITE, "1.1", queue="vip")
    assert {row.queue for row in await tallies(database, EVERYTHING, by=["queue"])} == {"vip"}
    assert await verify(database) == []

    await recorder.finish(SITE, "1.1", "completed", at(20))
    assert await recorder.recredit(SITE, "1.1", agent=BOB)
    assert await ratings(database) == await reached(database, "completed") == {BOB: 1}
    assert await rows(database, Credit) == []
    assert await verify(database) == []


async def test_two_codes_that_are_stored_alike_are_one_agent(recorder, database):
    long = "x" * 80
    await recorder.offer(offer(shares=(Share(agent=long + "1", parts=400), Share(agent=long + "2", parts=600))))
    await recorder.record_answer(SITE, "1.1", rated(5))
    assert await ratings(database) == {long: 1}
    assert await verify(database) == []


@pytest.mark.parametrize(
    "shares",
    [
        (Share(agent=ANA, parts=999),),
        (Share(agent=ANA, parts=500), Share(agent=ANA, parts=500)),
        (Share(agent=ANA, parts=PARTS), Share(agent=BOB, parts=0)),
        (Share(agent=ANA, parts=1200), Share(agent=BOB, parts=-200)),
    ],
)
def test_shares_that_are_not_a_whole_survey_are_refused(shares):
    with pytest.raises(ValueError, match="add up to 1000"):
        offer(shares=shares)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE credit SET parts = 400 WHERE agent = 'PJSIP/1001'", "credit holds 1.067, counted are 1: site 'main'"),
        ("DELETE FROM credit", "credit holds 0, counted are 1: site 'main', survey '1.1'"),
        ("UPDATE survey SET shared = NOT shared", "credit holds 1, counted are 0: site 'main', survey '1.1'"),
    ],
)
async def test_shares_that_were_tampered_with_are_named(recorder, database, tampering, said):
    await recorder.offer(offer(shares=THIRDS))

    async def tamper(connection):
        await connection.exec_driver_sql(tampering)

    await database.write(tamper)
    assert any(str(difference).startswith(said) for difference in await verify(database))


async def test_what_is_stored_of_a_call_decides_its_credit(recorder, database):
    given: list[AskedCall] = []

    def decide(call: AskedCall) -> CreditRecord:
        given.append(call)
        return to(Share(agent=BOB, parts=PARTS), queue="vip")(call)

    await recorder.offer(offer(member=ANA, member_name="Doe", transferred_to=BOB, reason_source="channel"))
    await recorder.record_answer(SITE, "1.1", rated(2))
    leg = LegRecord(
        site=SITE, linkedid="1.1", leg="1.2", agent=ANA, interface=ANA, member="Doe, A.", queue="support",
        connected_at=NOON, ended_at=at(30), ended_by="transfer", ring_seconds=1, hold_seconds=2, talk_seconds=30,
    )  # fmt: skip
    await hear_leg(recorder, leg)
    assert await recorder.recredit_call(SITE, "1.1", decide)
    assert given[0] == AskedCall(
        site=SITE, linkedid="1.1", survey="1.1", offered_at=NOON, queue="support", reason="billing/refund",
        reason_source="channel", member=ANA, member_name="Doe", transferred_to=BOB, legs=(leg,),
    )  # fmt: skip
    assert await ratings(database) == {BOB: 1}
    assert not await recorder.recredit_call(SITE, "1.1", decide)
    assert await verify(database) == []


async def test_a_call_that_was_not_asked_has_nothing_to_credit(recorder):
    await recorder.exclude(SITE, "1.1", "sampled_out")
    assert not await recorder.recredit_call(SITE, "1.1", to(Share(agent=BOB, parts=PARTS)))
    assert not await recorder.recredit_call(SITE, "9.9", to(Share(agent=BOB, parts=PARTS)))


async def test_two_sites_with_the_same_ids_are_credited_apart(recorder, database):
    await recorder.ensure_site(replace(MADRID, site="lima"))
    for site in (SITE, "lima"):
        await recorder.offer(offer(site=site))
        await recorder.record_answer(site, "1.1", rated(5))
    assert await recorder.recredit_call("lima", "1.1", to(Share(agent=BOB, parts=PARTS)))
    found = {(row.site, row.agent): row.ratings for row in await tallies(database, EVERYTHING)}
    assert found == {(SITE, ANA): 1, ("lima", BOB): 1}


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        (("a", "wrap_up"), ("b", "channel"), ("a", "wrap_up")),
        (("a", "channel"), ("b", "caller"), ("a", "channel")),
        (("a", "caller"), ("b", "queue"), ("a", "caller")),
        (("a", "queue"), ("b", "caller"), ("b", "caller")),
        (("a", "channel"), ("b", "wrap_up"), ("b", "wrap_up")),
        (("a", "wrap_up"), ("b", "wrap_up"), ("b", "wrap_up")),
    ],
)
async def test_a_reason_gives_way_to_one_from_a_source_as_trusted_or_more(recorder, database, first, then, kept):
    await recorder.offer(offer(reason=first[0], reason_source=first[1]))
    await recorder.record_answer(SITE, "1.1", rated(3))
    now = await recorder.set_reason(SITE, "1.1", *then)
    assert (now.reason, now.source) == kept
    [survey], [call] = await rows(database, Survey), await rows(database, Call)
    assert (survey["reason"], survey["reason_source"]) == (call["reason"], call["reason_source"]) == kept
    assert [row.reason for row in await tallies(database, EVERYTHING, by=["reason"])] == [kept[0]]
    assert await verify(database) == []


async def test_a_wrap_up_that_comes_before_the_survey_is_the_surveys_reason(recorder, database):
    await hear_leg(recorder, LegRecord(site=SITE, linkedid="1.1", leg="1.2", agent=ANA))
    await recorder.set_reason(SITE, "1.1", "billing/refund", "wrap_up")
    await recorder.offer(offer(reason="sales", reason_source="channel"))
    [survey] = await rows(database, Survey)
    assert (survey["reason"], survey["reason_source"]) == ("billing/refund", "wrap_up")
    assert await verify(database) == []


@pytest.mark.parametrize(("known", "kept"), [("queue", ("sales", "caller")), ("channel", ("billing", "channel"))])
async def test_what_the_caller_chooses_goes_before_the_queues_default_alone(recorder, database, known, kept):
    await recorder.offer(offer(reason="billing", reason_source=known))
    await recorder.choose_reason(SITE, "1.1", "sales")
    [survey], [call] = await rows(database, Survey), await rows(database, Call)
    assert (survey["reason"], survey["reason_source"]) == (call["reason"], call["reason_source"]) == kept
    assert await verify(database) == []


async def test_a_choice_in_a_survey_that_was_never_offered_is_refused(recorder):
    with pytest.raises(LookupError, match=r"'9\.9'"):
        await recorder.choose_reason(SITE, "9.9", "billing")


async def test_a_reason_for_a_call_that_nobody_heard_of_is_refused(recorder):
    with pytest.raises(LookupError, match=r"no call '9\.9'"):
        await recorder.set_reason(SITE, "9.9", "billing", "wrap_up")


async def test_an_agents_last_call_is_the_one_that_began_last(recorder, database):
    for linkedid, agent, second in (("1.1", ANA, 0), ("2.1", ANA, 60), ("3.1", BOB, 90)):
        await hear_leg(recorder, LegRecord(site=SITE, linkedid=linkedid, leg="x", agent=agent, connected_at=at(second)))
    assert await last_call_of(database, SITE, ANA, NOON, at(600)) == "2.1"
    assert await last_call_of(database, SITE, ANA, at(61), at(600)) is None
    assert await last_call_of(database, "lima", ANA, NOON, at(600)) is None


async def test_the_calls_of_a_period_are_found_by_the_day_of_their_survey(recorder, database, monkeypatch):
    for number in range(3):
        await recorder.offer(offer(f"{number}.1", offered_at=at(number * 86400)))
    await recorder.offer(offer("trial-1", trial=True))
    first, second, third = DAY, DAY.replace(day=3), DAY.replace(day=4)

    async def found(site=SITE, **narrowed):
        return [call async for call in asked_calls(database, site, **narrowed)]

    for page in (1, 2, 1000):
        monkeypatch.setattr(queries, "PAGE", page)
        assert await found() == ["0.1", "1.1", "2.1"]
    assert await found(from_day=second, to_day=third) == ["1.1", "2.1"]
    assert await found(to_day=first) == ["0.1"]
    assert await found("lima") == []


def take_back_credit(connection: Connection) -> None:
    """Go back to the schema as it was before a survey could be shared."""
    take_back(connection, "0007")


async def test_counts_of_before_and_after_the_migration_are_the_same_and_it_can_be_taken_back(empty_url):
    moment = "'2026-03-02 12:00:00+00'"
    bucket = "'main', '2026-03-02', 'PJSIP/1001', 'support', 'billing', 'csat'"
    before = {
        "site": "'main', '', 'UTC'",
        "call (site_id, linkedid, uniqueid, queue, reason, caller_digest, caller_mask, abandoned, exclusion)": (
            "'main', '1.1', '1.1', 'support', '', '', '', false, ''"
        ),
        "leg (site_id, linkedid, leg, agent, queue)": "'main', '1.1', '1.2', 'PJSIP/1001', 'support'",
        "flow_version": f"'aa', 'csat', '', '', {moment}",
        "survey (site_id, day, agent, queue, reason, flow, survey, linkedid, flow_version, language, status,"
        " offered_at, started_at, ended_at)": (
            f"{bucket}, '1.1', '1.1', 'aa', 'en', 'completed', {moment}, {moment}, {moment}"
        ),
        "answer (site_id, survey, question, is_rating, keys, value, tries, ended, answered_at)": (
            f"'main', '1.1', 'rating', true, '5', 5, 1, 'answered', {moment}"
        ),
        "tally": f"{bucket}, 'rating', true, 5, 1",
        "funnel": "), (".join(f"{bucket}, '{step}', 1" for step in ("offered", "started", "answered", "completed")),
    }
    await schema.upgrade(empty_url)
    async with await open_database(empty_url) as database:

        async def go_back_and_fill(connection):
            await connection.run_sync(take_back_credit)
            for table, values in before.items():
                await connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({values})")

        await database.write(go_back_and_fill)
    await schema.upgrade(empty_url)
    async with await open_database(empty_url) as database:
        assert await verify(database) == []
        assert await ratings(database) == {ANA: 1}
        [call] = await rows(database, Call)
        assert (call["reason"], call["reason_source"]) == ("billing", "channel")

        recorder = Recorder(database)
        await recorder.publish(version())
        await recorder.offer(offer("2.1", shares=THIRDS, reason=""))
        await recorder.record_answer(SITE, "2.1", rated(4))

        async def go_back(connection):
            await connection.run_sync(take_back_credit)
            found = await connection.exec_driver_sql("SELECT agent, value, ratings FROM tally ORDER BY value")
            steps = await connection.exec_driver_sql("SELECT agent, step, surveys FROM funnel ORDER BY agent, step")
            return [tuple(row) for row in found], [tuple(row) for row in steps]

        counted, steps = await database.write(go_back)
        assert counted == [(CHEN, 4, 1), (ANA, 5, 1)]
        assert steps == [
            *((ANA, step, 1) for step in ("answered", "completed", "offered", "started")),
            *((CHEN, step, 1) for step in ("answered", "offered", "started")),
        ]
