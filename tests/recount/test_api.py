"""Every number of the API, against a recount from the facts."""

import math
from collections import defaultdict
from datetime import date
from itertools import combinations
from typing import Any

import pytest

from tests.recount.conftest import FIRST, LAST, Get
from tests.recount.facts import Facts, between, wilson

pytestmark = pytest.mark.asyncio(loop_scope="session")
PERIODS = {
    "everything": (FIRST, LAST),
    "a broken spring": (date(2026, 3, 17), date(2026, 7, 9)),
    "whole months": (date(2026, 4, 1), date(2026, 6, 30)),
    "a week with a change of the clock": (date(2026, 3, 25), date(2026, 3, 31)),
}
PERIOD = pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
SINGLE = ("agent", "team", "queue", "reason", "day", "week", "month")
GOOD = (4, 5)
BANDS = (30, 60, 120, 300, 600)
Period = tuple[date, date]


def days(period: Period) -> dict[str, str]:
    return {"from_": period[0].isoformat(), "to": period[1].isoformat()}


def near(value: float) -> Any:
    """What is told in per cent with two decimals."""
    return pytest.approx(value, abs=0.00501)


def check_score(told: dict[str, Any], ratings: dict[int, float], steps: dict[str, float]) -> None:
    """All that a score says of so many ratings by value, and surveys by step."""
    n = sum(ratings.values())
    assert told["n"] == pytest.approx(n)
    assert {int(value): some for value, some in told["distribution"].items() if some} == pytest.approx(ratings)
    assert told["offered"] == pytest.approx(steps.get("offered", 0))
    assert told["answered"] == pytest.approx(steps.get("answered", 0))
    if steps.get("offered"):
        assert told["response_rate"] == near(100 * steps["answered"] / steps["offered"])
    if not n:
        assert (told["mean"], told["csat"]) == (None, None)
        return
    mean = sum(value * some for value, some in ratings.items()) / n
    assert told["mean"] == pytest.approx(mean, abs=0.000051)
    good = sum(some for value, some in ratings.items() if value in GOOD)
    low, high = wilson(good, n)
    assert told["csat"] == {
        "percent": near(100 * good / n),
        "low": near(100 * low),
        "high": near(100 * high),
        "satisfied": pytest.approx(good),
    }


@PERIOD
@pytest.mark.parametrize("by", [(name,) for name in SINGLE] + list(combinations(SINGLE, 2)), ids="-".join)
async def test_scores_by_one_or_two_dimensions(facts: Facts, get: Get, period: Period, by: tuple[str, ...]) -> None:
    groups = (await get("/api/v1/scores", by=",".join(by), **days(period)))["groups"]
    told = {tuple(one["keys"][name] or "" for name in by): one for one in groups}
    ratings, steps = facts.ratings(by, between(*period)), facts.steps(by, between(*period))
    assert told.keys() == ratings.keys() | steps.keys()
    for key, one in told.items():
        check_score(one, ratings.get(key, {}), steps.get(key, {}))


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"queue": "billing"}, "queue = 'billing'"),
        ({"team": "north"}, "team = 'north'"),
        ({"reason": "billing"}, "(reason = 'billing' OR reason LIKE 'billing/%')"),
        ({"queue": "sales", "reason": "order"}, "queue = 'sales' AND (reason = 'order' OR reason LIKE 'order/%')"),
    ],
)
async def test_scores_are_narrowed(facts: Facts, get: Get, query: dict[str, str], where: str) -> None:
    period = PERIODS["a broken spring"]
    where = f"{between(*period)} AND {where}"
    told = (await get("/api/v1/scores", by="agent", **query, **days(period)))["groups"]
    ratings, steps = facts.ratings(["agent"], where), facts.steps(["agent"], where)
    assert {(one["keys"]["agent"] or "",) for one in told} == ratings.keys() | steps.keys() != set()
    for one in told:
        key = (one["keys"]["agent"] or "",)
        check_score(one, ratings.get(key, {}), steps.get(key, {}))


@PERIOD
async def test_agents_and_what_was_to_be_expected_of_their_calls(facts: Facts, get: Get, period: Period) -> None:
    told = await get("/api/v1/agents/scores", **days(period))
    where = between(*period)
    check_score(told["everybody"], facts.ratings(["1"], where)[1,], facts.steps(["1"], where)[1,])
    ratings, steps = facts.ratings(["agent"], where), facts.steps(["agent"], where)
    kinds: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0])
    of_agent: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for (agent, queue, reason), values in facts.ratings(["agent", "queue", "reason"], where).items():
        for value, some in values.items():
            for place in (kinds[queue, reason], of_agent[agent][queue, reason]):
                place[0] += some
                place[1] += some * (value in GOOD)
    every = sum(good for _, good in kinds.values()) / sum(n for n, _ in kinds.values())
    assert len(told["agents"]) == 60
    for one in told["agents"]:
        code = one["agent"]
        check_score(one, ratings.get((code,), {}), steps.get((code,), {}))
        alone = await get(f"/api/v1/agents/{code}/scores", **days(period)) if code.endswith("7") else one
        check_score(alone, ratings.get((code,), {}), steps.get((code,), {}))
        if code not in of_agent:
            assert one["compared"] is None
            continue
        n = sum(some for some, _ in of_agent[code].values())
        expected = sum(some * kinds[kind][1] / kinds[kind][0] for kind, (some, _) in of_agent[code].items()) / n
        plain = sum(good for _, good in of_agent[code].values()) / n
        assert one["compared"]["expected"] == near(100 * expected)
        assert one["compared"]["adjusted"] == near(100 * min(1, max(0, every + plain - expected)))
        assert (one["compared"]["first_place"] is None) == (n < told["fewest_ratings"])


@PERIOD
@pytest.mark.parametrize("step", ["day", "week", "month"])
async def test_a_trend_and_its_limits(facts: Facts, get: Get, period: Period, step: str) -> None:
    told = await get("/api/v1/trend", step=step, **days(period))
    ratings = facts.ratings([step], between(*period))
    every = facts.ratings(["1"], between(*period))[1,]
    centre = sum(some for value, some in every.items() if value in GOOD) / sum(every.values())
    assert told["centre"] == near(100 * centre)
    assert {(one["day"],) for one in told["points"]} >= ratings.keys()
    for one in told["points"]:
        values = ratings.get((one["day"],), {})
        n = sum(values.values())
        assert one["n"] == pytest.approx(n)
        if n:
            error = 3 * math.sqrt(centre * (1 - centre) / n)
            good = sum(some for value, some in values.items() if value in GOOD)
            assert one["percent"] == near(100 * good / n)
            assert one["lower"] == near(100 * max(0, centre - error))
            assert one["upper"] == near(100 * min(1, centre + error))


async def test_two_periods(facts: Facts, get: Get) -> None:
    before, now = PERIODS["whole months"], (date(2026, 7, 3), date(2026, 9, 17))
    names = {"before_from": before[0].isoformat(), "before_to": before[1].isoformat()}
    told = (await get("/api/v1/comparison", **names, **days(now)))["compared"]
    shares, spans = [], []
    for period, name in ((before, "before"), (now, "now")):
        values = facts.ratings(["1"], between(*period))[1,]
        good, n = sum(some for value, some in values.items() if value in GOOD), sum(values.values())
        shares.append(good / n)
        spans.append(wilson(good, n))
        assert told[name]["percent"] == near(100 * good / n)
    assert told["change"] == near(100 * (shares[1] - shares[0]))
    # Newcombe's interval: the distances of each share from its own bounds, added as squares.
    down = math.hypot(shares[1] - spans[1][0], spans[0][1] - shares[0])
    up = math.hypot(spans[1][1] - shares[1], shares[0] - spans[0][0])
    assert told["low"] == near(100 * (shares[1] - shares[0] - down))
    assert told["high"] == near(100 * (shares[1] - shares[0] + up))


@PERIOD
@pytest.mark.parametrize("by", ["agent", "team", "queue", "reason"])
async def test_the_funnel(facts: Facts, get: Get, period: Period, by: str) -> None:
    told = await get("/api/v1/funnel", by=by, **days(period))
    where = between(*period)
    calls, steps = facts.calls([by], where), facts.steps([by], where)
    excluded = facts.calls([by, "exclusion"], f"{where} AND exclusion <> ''")
    ended = facts.calls([by, "ended_by"], where)
    assert {(one["key"] or "",) for one in told["groups"]} == calls.keys() | steps.keys()
    for one in told["groups"]:
        key = one["key"] or ""
        assert one["eligible"] == pytest.approx(calls.get((key,), 0))
        assert one["steps"] == pytest.approx({**dict.fromkeys(one["steps"], 0), **steps.get((key,), {})})
        assert one["excluded"] == pytest.approx(
            {code: some for (group, code), some in excluded.items() if group == key}
        )
        assert one["ended_by"] == pytest.approx({who: some for (group, who), some in ended.items() if group == key})
    everything = told["everything"]
    assert everything["eligible"] == pytest.approx(sum(calls.values()))
    assert everything["steps"]["offered"] + sum(everything["excluded"].values()) == pytest.approx(
        everything["eligible"]
    )


@PERIOD
async def test_who_answered_against_all_who_called(facts: Facts, get: Get, period: Period) -> None:
    told = await get("/api/v1/coverage", **days(period))
    where = between(*period)
    talk = " ".join(f"WHEN talk < {seconds} THEN {band}" for band, seconds in enumerate(BANDS))
    band = f"CASE WHEN talk IS NULL THEN NULL {talk} ELSE {len(BANDS)} END"
    for name, dimension in (("by_hour", "hour"), ("by_talk", band), ("by_reason", "reason"), ("by_agent", "agent")):
        calls = facts.calls([dimension], where)
        rated = facts.calls([dimension], f"{where} AND rating IS NOT NULL")
        found = {((one["key"] if one["key"] is not None else "" if name in ("by_reason", "by_agent") else None),): one
                 for one in told[name]}  # fmt: skip
        assert found.keys() == calls.keys()
        for key, one in found.items():
            low, high = wilson(rated.get(key, 0), calls[key])
            assert one["calls"] == pytest.approx(calls[key])
            assert one["rated"] == pytest.approx(rated.get(key, 0))
            assert (one["percent"], one["low"], one["high"]) == (
                near(100 * rated.get(key, 0) / calls[key]),
                near(100 * max(0, low)),
                near(100 * min(1, high)),
            )
    calls = facts.calls(["queue", "reason"], where)
    kinds = facts.ratings(["queue", "reason"], where)
    shares = {
        kind: sum(n for value, n in some.items() if value in GOOD) / sum(some.values()) for kind, some in kinds.items()
    }
    weight = sum(calls[kind] for kind in kinds)
    assert told["weighted"]["percent"] == near(100 * sum(calls[kind] * shares[kind] for kind in kinds) / weight)
    assert told["weighted"]["covered"] == near(100 * weight / sum(calls.values()))
    n = sum(sum(some.values()) for some in kinds.values())
    good = sum(some for values in kinds.values() for value, some in values.items() if value in GOOD)
    assert told["plain"]["percent"] == near(100 * good / n)


@PERIOD
async def test_what_drives_satisfaction(facts: Facts, get: Get, period: Period) -> None:
    told = {one["code"] or "": one for one in (await get("/api/v1/drivers", **days(period)))["reasons"]}
    ratings = facts.ratings(["reason"], between(*period))
    every = sum(sum(some.values()) for some in ratings.values())
    assert {(code,) for code in told} == ratings.keys()
    for (code,), values in ratings.items():
        n, good = sum(values.values()), sum(some for value, some in values.items() if value in GOOD)
        assert told[code]["n"] == pytest.approx(n)
        assert told[code]["importance"] == pytest.approx(n / every, abs=0.000051)
        assert told[code]["performance"] == pytest.approx(good / n, abs=0.000051)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({}, "1"),
        ({"rated": "false"}, "rating IS NULL"),
        ({"agent": "PJSIP/1007"}, "agent = 'PJSIP/1007'"),
        (
            {"reason": "billing", "rated": "true"},
            "(reason = 'billing' OR reason LIKE 'billing/%') AND rating IS NOT NULL",
        ),
    ],
)
async def test_every_survey_is_listed_once(facts: Facts, get: Get, query: dict[str, str], where: str) -> None:
    period = PERIODS["a broken spring"]
    told = await all_pages(get, "surveys", **query, **days(period))
    found = facts.rows(f"SELECT DISTINCT survey, rating FROM asked WHERE {between(*period)} AND {where}")
    assert sorted((one["survey"], one["rating"]) for one in told) == sorted(found) != []


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"asked": "false"}, "exclusion <> ''"),
        ({"reason_code": "caller_hung_up"}, "exclusion = 'caller_hung_up'"),
        ({"ended_by": "transfer"}, "ended_by = 'transfer'"),
        ({"asked": "true", "queue": "sales"}, "exclusion = '' AND queue = 'sales'"),
        ({"team": "back office", "asked": "false"}, "team = 'back office' AND exclusion <> ''"),
    ],
)
async def test_every_call_is_listed_once(facts: Facts, get: Get, query: dict[str, str], where: str) -> None:
    period = PERIODS["whole months"]
    told = await all_pages(get, "calls", **query, **days(period))
    first, last = (day.isoformat() for day in period)
    # The list is by when a call ended.
    ended_at = "(SELECT ended_at FROM call WHERE call.site_id = 'main' AND call.linkedid = counted.linkedid)"
    by_end = f"local_day('main', {ended_at}) BETWEEN '{first}' AND '{last}'"
    found = facts.rows(
        f"SELECT DISTINCT linkedid, NULLIF(exclusion, ''), talk, rating FROM counted WHERE {by_end} AND {where}"
    )
    assert sorted((one["call"], one["reason_code"], one["talk_seconds"], one["rating"]) for one in told) == sorted(
        found
    )


async def all_pages(get: Get, name: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await get(f"/api/v1/{name}", limit="500", after=after, **query)
        found += page[name]
        if page["older"] is None:
            return found
        after = page["older"]
