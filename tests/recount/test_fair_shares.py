"""How agents, periods and kinds of calls compare: the figures of the API and the pages, worked out a second time."""

from collections import defaultdict
from datetime import date, timedelta

import pytest
from scipy import stats

from tests.recount.conftest import FIRST, LAST, Get
from tests.recount.facts import Facts, between
from tests.recount.formulas import (
    Had,
    Place,
    bounds,
    mean_interval,
    newcombe,
    p_value,
    places,
    signals,
    weighted,
)
from tests.recount.test_api import GOOD, PERIOD, PERIODS, Period, days, near
from tests.recount.test_pages import rows

pytestmark = pytest.mark.asyncio(loop_scope="session")
NARROWED = pytest.mark.parametrize(
    ("query", "where"),
    [
        ({}, "1"),
        ({"team": "north"}, "team = 'north'"),
        ({"reason": "billing"}, "(reason = 'billing' OR reason GLOB 'billing/*')"),
        ({"queue": "care"}, "queue = 'care'"),
    ],
    ids=["all", "team", "reason", "queue"],
)


def had(facts: Facts, by: list[str], where: str) -> dict[tuple[str, ...], Had]:
    """Ratings and those satisfied, by group."""
    return {
        key: (sum(values.values()), sum(some for value, some in values.items() if value in GOOD))
        for key, values in facts.ratings(by, where).items()
    }


def all_places(facts: Facts, where: str) -> dict[str, Place]:
    agents: dict[str, dict[tuple[str, str], Had]] = defaultdict(dict)
    for (agent, queue, reason), some in had(facts, ["agent", "queue", "reason"], where).items():
        agents[agent][queue, reason] = some
    return places(agents)


@PERIOD
@NARROWED
async def test_fair_shares_and_places(
    facts: Facts, get: Get, period: Period, query: dict[str, str], where: str
) -> None:
    told = await get("/api/v1/agents/scores", **query, **days(period))
    wanted = all_places(facts, f"{between(*period)} AND {where}")
    compared = {one["agent"]: one["compared"] for one in told["agents"] if one["compared"]}
    assert compared.keys() == wanted.keys() != set()
    for agent, one in wanted.items():
        mine = compared[agent]
        assert (mine["fair"], mine["low"], mine["high"]) == (
            near(100 * one.fair),
            near(100 * one.low),
            near(100 * one.high),
        )
        assert (mine["first_place"], mine["last_place"], mine["standing"]) == (one.first, one.last, one.standing)
    assert told["ranked"] == sum(1 for one in wanted.values() if one.first)
    for scored in told["agents"]:
        ratings = {int(value): some for value, some in scored["distribution"].items()}
        if interval := mean_interval(ratings, 1, 5):
            assert (scored["mean_low"], scored["mean_high"]) == pytest.approx(interval, abs=0.000051)
        else:
            assert (scored["mean_low"], scored["mean_high"]) == (None, None)


async def test_some_are_told_apart_and_some_are_too_few(facts: Facts) -> None:
    # Or else the test above would compare what is the same for all.
    found = all_places(facts, between(FIRST, LAST)).values()
    assert {one.standing for one in found} == {"above", "near", "below", None}
    assert len({(one.first, one.last) for one in found}) > 10


async def test_the_fair_table_shows_them(facts: Facts, get: Get) -> None:
    wanted = all_places(facts, between(FIRST, LAST))
    told = {row["agent"]: row for row in rows(await get("/agents", **days((FIRST, LAST))), "Fair share")}
    assert told.keys() == wanted.keys()
    for agent, one in wanted.items():
        place = "too few" if one.first is None else span(one.first, one.last)
        assert told[agent]["Place"] == place
        shown = [float(word.rstrip("%")) for word in told[agent]["Fair share"].split() if word != "to"]
        assert shown == pytest.approx([100 * one.fair, 100 * one.low, 100 * one.high], abs=0.501)


def span(first: int | None, last: int | None) -> str:
    return str(first) if first == last else f"{first} to {last}"


@PERIOD
@NARROWED
async def test_whose_callers_leave_first(
    facts: Facts, get: Get, period: Period, query: dict[str, str], where: str
) -> None:
    told = await get("/api/v1/funnel", by="agent", **query, **days(period))
    ended = facts.calls(["agent", "ended_by"], f"{between(*period)} AND {where} AND agent <> ''")
    agents = {agent for agent, _ in ended}
    talks = {
        agent: (ended.get((agent, "caller"), 0) + ended.get((agent, "agent"), 0), ended.get((agent, "caller"), 0))
        for agent in agents
    }
    n_of_all, left_of_all = (sum(one[place] for one in talks.values()) for place in (0, 1))
    z = float(stats.norm.ppf(0.9995))
    for one in told["groups"]:
        leaving = one["callers_leave_first"]
        n, left = talks.get(one["key"], (0, 0))
        if not n or n == n_of_all:
            assert leaving is None
            continue
        others = (n_of_all - n, left_of_all - left)
        low, high = bounds(left, n)
        assert leaving == {
            "percent": near(100 * left / n),
            "low": near(100 * max(0, low)),
            "high": near(100 * min(1, high)),
            "others": near(100 * others[1] / others[0]),
            "flagged": n >= 30 and newcombe(others, (n, left), z)[0] > 0,
        }
    if period == (FIRST, LAST) and not query:
        assert [one["key"] for one in told["groups"] if (one["callers_leave_first"] or {}).get("flagged")] == [
            "PJSIP/1001"
        ]


@PERIOD
@NARROWED
@pytest.mark.parametrize("step", ["day", "week", "month"])
async def test_what_is_more_than_chance_over_time(
    facts: Facts, get: Get, period: Period, step: str, query: dict[str, str], where: str
) -> None:
    told = await get("/api/v1/trend", step=step, **query, **days(period))
    found = had(facts, [step], f"{between(*period)} AND {where}")
    points = [found.get((one["day"],), (0, 0)) for one in told["points"]]
    n, good = (sum(one[place] for one in points) for place in (0, 1))
    assert told["centre"] == near(100 * good / n)
    assert [one["n"] for one in told["points"]] == pytest.approx([some for some, _ in points])
    assert [one["signal"] for one in told["points"]] == signals(points, good / n)
    length = period[1] - period[0] + timedelta(days=1)
    earlier = had(facts, ["1"], f"{between(period[0] - length, period[1] - length)} AND {where}").get((1,))
    if earlier is None:
        assert told["against_before"] is None
    else:
        check_comparison(told["against_before"], earlier, (n, good))


@NARROWED
async def test_two_periods_with_filters(facts: Facts, get: Get, query: dict[str, str], where: str) -> None:
    before, now = PERIODS["whole months"], (date(2026, 7, 3), date(2026, 9, 17))
    names = {"before_from": before[0].isoformat(), "before_to": before[1].isoformat()}
    told = (await get("/api/v1/comparison", **names, **query, **days(now)))["compared"]
    first, second = (had(facts, ["1"], f"{between(*period)} AND {where}")[1,] for period in (before, now))
    check_comparison(told, first, second)


def check_comparison(told: dict[str, float], first: Had, second: Had) -> None:
    low, high = newcombe(first, second)
    assert told["change"] == near(100 * (second[1] / second[0] - first[1] / first[0]))
    assert (told["low"], told["high"]) == (near(100 * low), near(100 * high))
    assert told["p_value"] == pytest.approx(p_value(first, second), abs=6e-7)


@PERIOD
@NARROWED
async def test_the_weighted_share(facts: Facts, get: Get, period: Period, query: dict[str, str], where: str) -> None:
    told = await get("/api/v1/coverage", **query, **days(period))
    where = f"{between(*period)} AND {where}"
    calls, rated = facts.calls(["queue", "reason"], where), had(facts, ["queue", "reason"], where)
    share, low, high = weighted({(q, r): (calls[q, r], *rated.get((q, r), (0, 0))) for q, r in calls})
    covered = sum(calls[kind] for kind in rated) / sum(calls.values())
    assert told["weighted"] == {
        "percent": near(100 * share),
        "low": near(100 * low),
        "high": near(100 * high),
        "covered": near(100 * covered),
    }
    agents = facts.calls(["agent"], where)
    assert {(one["key"] or "",): one["calls"] for one in told["by_agent"]} == pytest.approx(agents)
    hours = {} if "team" in query else facts.calls(["hour"], where)
    # Counts by hour are not told apart by agent, so not by team.
    assert {(one["key"],): one["calls"] for one in told["by_hour"]} == pytest.approx(hours)
