"""What is read for scores, and the recount that proves it."""

from datetime import date, timedelta

import pytest

from ivr.errors import DatabaseError
from storage.queries import flow_source, funnel, tallies
from storage.records import CountFilter
from storage.verify import verify
from tests.storage.samples import ANA, BOB, DAY, NOON, SITE, at, offer, rated, version


@pytest.fixture
async def busy_week(recorder):
    """Seven days, one survey a day, value 1 to 5 and again 1, 2; Ana on even days, Bob on odd ones."""
    reasons = ["billing", "billing/refund", "billing/late", "Billing/x", "bill_ng", "", "billing/refund"]
    for number in range(7):
        survey = f"1.{number}"
        day = NOON + timedelta(days=number)
        agent = BOB if number % 2 else ANA
        queue = "support" if number < 4 else "sales"
        await recorder.offer(offer(survey, offered_at=day, agent=agent, queue=queue, reason=reasons[number]))
        await recorder.record_answer(SITE, survey, rated(number % 5 + 1))


async def values(database, narrowed):
    return {row.value: row.ratings for row in await tallies(database, narrowed, by=[])}


@pytest.mark.usefixtures("busy_week")
@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        (CountFilter(), {1: 2, 2: 2, 3: 1, 4: 1, 5: 1}),
        (CountFilter(site="elsewhere"), {}),
        (CountFilter(agent=ANA), {1: 1, 2: 1, 3: 1, 5: 1}),
        (CountFilter(queue="sales"), {1: 1, 2: 1, 5: 1}),
        (CountFilter(agent=ANA, queue="sales"), {2: 1, 5: 1}),
        (CountFilter(reason="billing"), {1: 1, 2: 2, 3: 1}),
        (CountFilter(reason="billing/refund"), {2: 2}),
        (CountFilter(reason=""), {1: 1}),
        (CountFilter(flow="nps"), {}),
        (CountFilter(from_day=DAY, to_day=DAY), {1: 1}),
        (CountFilter(from_day=date(2026, 3, 4), to_day=date(2026, 3, 5)), {3: 1, 4: 1}),
        (CountFilter(from_day=date(2026, 3, 9)), {}),
    ],
)
async def test_tallies_are_narrowed_as_asked_with_the_last_day_included(database, narrowed, expected):
    assert await values(database, narrowed) == expected
    answered = {row.step: row.surveys for row in await funnel(database, narrowed, by=[])}.get("answered", 0)
    assert answered == sum(expected.values())


@pytest.mark.usefixtures("busy_week")
async def test_tallies_are_told_apart_by_what_is_asked_and_summed_over_the_rest(database):
    half = CountFilter(to_day=DAY + timedelta(days=3))
    told_apart = await tallies(database, half, by=["agent", "queue"])
    found = [(row.agent, row.queue, row.value, row.ratings, row.day, row.site) for row in told_apart]
    assert found == [
        (ANA, "support", 1, 1, None, None),
        (ANA, "support", 3, 1, None, None),
        (BOB, "support", 2, 1, None, None),
        (BOB, "support", 4, 1, None, None),
    ]


async def test_the_version_published_last_is_a_flows_source_even_when_it_is_an_older_one_again(recorder, database):
    assert await flow_source(database, "unheard-of") is None
    await recorder.publish(version("bb", source="second", published_at=at(60)))
    assert await flow_source(database, "csat") == version("bb", source="second", published_at=at(60))
    await recorder.publish(version("aa", source="tampered", published_at=at(120)))
    assert await flow_source(database, "csat") == version("aa", published_at=at(120))
    await recorder.publish(version("bb", published_at=at(90)))
    assert (await flow_source(database, "csat")).digest == "aa"


async def test_a_survey_needs_a_version_that_was_published(recorder, database):
    with pytest.raises(DatabaseError):
        await recorder.offer(offer(flow_version="never"))
    assert await verify(database) == []


@pytest.mark.usefixtures("busy_week")
@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        (
            "UPDATE tally SET ratings = 7000 WHERE value = 3",
            (
                "tally holds 7, counted are 1: site 'main', day 2026-03-04, agent 'PJSIP/1001', queue 'support', "
                "reason 'billing/late', flow 'csat', question 'rating', is_rating True, value 3"
            ),
        ),
        (
            "DELETE FROM tally WHERE value = 4",
            (
                "tally holds 0, counted are 1: site 'main', day 2026-03-05, agent 'PJSIP/1002', queue 'support', "
                "reason 'Billing/x', flow 'csat', question 'rating', is_rating True, value 4"
            ),
        ),
        (
            "UPDATE answer SET value = NULL, ended = 'failed' WHERE value = 5",
            (
                "tally holds 1, counted are 0: site 'main', day 2026-03-06, agent 'PJSIP/1001', queue 'sales', "
                "reason 'bill_ng', flow 'csat', question 'rating', is_rating True, value 5\n"
                "funnel holds 1, counted are 0: site 'main', day 2026-03-06, agent 'PJSIP/1001', queue 'sales', "
                "reason 'bill_ng', flow 'csat', step 'answered'"
            ),
        ),
        (
            "UPDATE funnel SET offered = 3000 WHERE day = '2026-03-07'",
            (
                "funnel holds 3, counted are 1: site 'main', day 2026-03-07, agent 'PJSIP/1002', queue 'sales', "
                "reason '', flow 'csat', step 'offered'"
            ),
        ),
    ],
)
async def test_a_count_that_was_tampered_with_is_named(database, tampering, said):
    assert await verify(database) == []

    async def tamper(connection):
        await connection.exec_driver_sql(tampering)

    await database.write(tamper)
    assert "\n".join(str(difference) for difference in await verify(database)) == said
