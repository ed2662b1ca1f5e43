"""Calls such as generated ones never are, each written and put right one by one, against a recount from the facts."""

import shutil
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import pytest_asyncio
from scipy import stats

from ivr.app import running
from ivr.settings import build_settings
from storage.publication_queries import publications
from tests.recount.conftest import TOKEN, ZONE
from tests.recount.facts import Facts, between, spelled, wilson
from tests.recount.formulas import Had, mean_interval, nps, places
from tests.recount.odd_calls import DIMENSIONS, OTHER_SITE, QUESTIONS, Office
from tests.recount.test_api import days, near

pytestmark = pytest.mark.asyncio(loop_scope="session")
BY = ("agent", "team", "queue", "reason", "flow", "question", "day", "week", "month")
SATISFIED = {"csat": (4, 5), "csat-with-comment": (4, 5), "nps": (9, 10), "servqual": (4, 5)}
TOLD_APART = [
    (by, flow)
    for by in [*((name,) for name in BY), *combinations(BY, 2)]
    # By flow all flows are told, whichever is asked.
    for flow in (["csat"] if "flow" in by else QUESTIONS)
]
PERIODS = {
    "all": (date(2026, 10, 1), date(2026, 11, 30)),
    "the night in which Madrid's clocks change": (date(2026, 10, 25), date(2026, 10, 25)),
    "over the end of a month and New York's change": (date(2026, 10, 31), date(2026, 11, 1)),
}
PERIOD = pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
NARROWED = pytest.mark.parametrize(
    ("query", "where"),
    [
        ({}, "site = 'main'"),
        ({"reason": "billing"}, "site = 'main' AND (reason = 'billing' OR reason GLOB 'billing/*')"),
        (
            {"reason": "billing/refund"},
            "site = 'main' AND (reason = 'billing/refund' OR reason GLOB 'billing/refund/*')",
        ),
        ({"reason": ""}, "site = 'main' AND reason = ''"),
        ({"queue": ""}, "site = 'main' AND queue = ''"),
        ({"queue": "tech"}, "site = 'main' AND queue = 'tech'"),
        ({"team": "north"}, "site = 'main' AND team = 'north'"),
    ],
    ids=lambda given: "-".join(given.values()) or "empty" if isinstance(given, dict) else "",
)
Period = tuple[date, date]


@dataclass
class Both:
    """The service, and the facts behind it."""

    url: str
    client: aiohttp.ClientSession
    facts: Facts

    async def get(self, path: str, **query: str) -> Any:
        named = {name.rstrip("_"): value for name, value in query.items()}
        async with self.client.get(f"{self.url}/api/v1/{path}", params=named) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    path = tmp_path_factory.mktemp("odd") / "postcall.db"
    shutil.copy(migrated_file, path)
    ami = {"port": 9, "secret": "none"}  # nothing listens there
    settings = build_settings(
        {
            "database": {"url": f"sqlite:///{path}"},
            "web": {"port": 0, "token": TOKEN},
            "fastagi": {"port": 0},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {
                "main": {"zone": ZONE, "ami": ami},
                OTHER_SITE.site: {"zone": OTHER_SITE.zone, "ami": ami},
            },
        },
        source="test",
    )
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with running(settings) as service, aiohttp.ClientSession(headers=headers) as client:
        versions = {flow: (await publications(service.database, flow))[-1].digest for flow in QUESTIONS}
        await Office(service.database, versions).fill()
        facts = Facts(path, {"main": ZoneInfo(ZONE), OTHER_SITE.site: ZoneInfo(OTHER_SITE.zone)})
        yield Both(service.url, client, facts)
        facts.close()


def questions(by: tuple[str, ...], flow: str) -> str:
    """Whose answers are told: headline questions, or all of the one flow; by both, all of every flow."""
    headlines = " OR ".join(f"(flow = '{code}' AND question = '{one}')" for code, (one, _) in QUESTIONS.items())
    if "question" in by:
        return "1" if "flow" in by else f"flow = '{flow}'"
    return f"is_rating AND ({headlines})" if "flow" in by else f"is_rating AND flow = '{flow}'"


def check(told: dict[str, Any], ratings: dict[int, float], steps: tuple[float, float], flow: str) -> None:
    """All that a score says, of answers by value and of surveys offered and answered."""
    values = QUESTIONS[flow][1]
    n = sum(ratings.values())
    assert {int(value): some for value, some in told["distribution"].items()} == pytest.approx(
        {**dict.fromkeys(values, 0), **ratings}
    )
    assert (told["n"], told["offered"], told["answered"]) == pytest.approx((n, *steps))
    assert told["response_rate"] == (near(100 * steps[1] / steps[0]) if steps[0] else None)
    if not n:
        assert (told["mean"], told["mean_low"], told["csat"], told["nps"]) == (None,) * 4
        return
    assert told["mean"] == pytest.approx(sum(value * some for value, some in ratings.items()) / n, abs=0.000051)
    interval = mean_interval(ratings, min(values), max(values))
    assert (told["mean_low"], told["mean_high"]) == (
        pytest.approx(interval, abs=0.000051) if interval else (None, None)
    )
    # The questions beside the headline of `servqual` call nothing satisfied.
    good_values = () if told["question"] in DIMENSIONS else SATISFIED[flow]
    good = sum(some for value, some in ratings.items() if value in good_values)
    low, high = wilson(good, n)
    shown = (told["csat"]["percent"], told["csat"]["low"], told["csat"]["high"])
    assert shown == (near(100 * good / n), near(100 * max(0, low)), near(100 * min(1, high)))
    assert told["csat"]["satisfied"] == pytest.approx(good)
    if flow == "nps":
        score = told["nps"]
        assert (score["score"], score["low"], score["high"]) == tuple(map(near, nps(ratings)))
    else:
        assert told["nps"] is None


@PERIOD
@pytest.mark.parametrize(
    ("by", "flow"), TOLD_APART, ids=lambda given: given if isinstance(given, str) else "-".join(given)
)
async def test_scores_of_every_flow_and_question(both: Both, period: Period, flow: str, by: tuple[str, ...]) -> None:
    told = (await both.get("scores", by=",".join(by), flow=flow, **days(period)))["groups"]
    where = f"site = 'main' AND {between(*period)}"
    keys = ", ".join(map(spelled, by))
    said: dict[tuple[str, ...], dict[int, float]] = {}
    for *key, value, parts in both.facts.rows(
        f"SELECT {keys}, value, SUM(parts) FROM said WHERE {where} AND {questions(by, flow)} GROUP BY {keys}, value"
    ):
        said.setdefault(tuple(key), {})[value] = parts / 1000
    # Told apart by question, each question is told the surveys that its group has without it.
    without = [name for name in by if name != "question"]
    columns = ", ".join([*map(spelled, without), "flow"])
    of_flow = "1" if "flow" in by else f"flow = '{flow}'"
    surveys = {
        tuple(key): (offered / 1000, answered / 1000)
        for *key, offered, answered in both.facts.rows(
            f"SELECT {columns}, SUM(parts), SUM(parts * answered) FROM asked"
            f" WHERE {where} AND {of_flow} GROUP BY {columns}"
        )
    }
    wanted: dict[tuple[str, ...], str] = {}
    asked_of = {code: [one, *(DIMENSIONS if code == "servqual" else ())] for code, (one, _) in QUESTIONS.items()}
    if "question" in by:
        for *key, code in surveys:
            for question in asked_of[code]:
                group = dict(zip(without, key, strict=True)) | {"question": question}
                wanted[tuple(group[name] for name in by)] = code
    else:
        wanted = {tuple(key): code for *key, code in surveys}
    assert {tuple(one["keys"][name] or "" for name in by) for one in told} == wanted.keys() | said.keys()
    for one in told:
        key = tuple(one["keys"][name] or "" for name in by)
        place = tuple(part for name, part in zip(by, key, strict=True) if name != "question")
        check(one, said.get(key, {}), surveys.get((*place, wanted[key]), (0, 0)), wanted[key])


@PERIOD
@NARROWED
@pytest.mark.parametrize("by", ["agent", "team", "queue", "reason"])
async def test_the_funnel(both: Both, period: Period, by: str, query: dict[str, str], where: str) -> None:
    told = await both.get("funnel", by=by, **query, **days(period))
    where = f"{where} AND {between(*period)}"
    calls, steps = both.facts.calls([by], where), both.facts.steps([by], where)
    more = {name: both.facts.calls([by, name], where) for name in ("exclusion", "ended_by")}
    assert {(one["key"] or "",) for one in told["groups"]} == calls.keys() | steps.keys()
    for one in told["groups"]:
        key = one["key"] or ""
        assert one["eligible"] == pytest.approx(calls.get((key,), 0))
        assert one["steps"] == pytest.approx({**dict.fromkeys(one["steps"], 0), **steps.get((key,), {})})
        for name, shown in (("exclusion", one["excluded"]), ("ended_by", one["ended_by"])):
            assert shown == pytest.approx({code: n for (group, code), n in more[name].items() if group == key and code})


@PERIOD
@NARROWED
@pytest.mark.parametrize("rated", [None, "true", "false"])
async def test_every_survey_is_listed_once(
    both: Both, period: Period, rated: str | None, query: dict[str, str], where: str
) -> None:
    listed: list[tuple[str, int | None, str, str, str]] = []
    after = ""
    narrowed = {**query, **({"rated": rated} if rated else {})}
    while True:
        page = await both.get("surveys", limit="7", after=after, **narrowed, **days(period))
        listed += [
            (one["survey"], one["rating"], *(one[name] or "" for name in ("queue", "reason", "status")))
            for one in page["surveys"]
        ]
        after = page["older"]
        if not after:
            break
    kept = {None: "1", "true": "rating IS NOT NULL", "false": "rating IS NULL"}[rated]
    found = both.facts.rows(
        "SELECT DISTINCT survey, rating, queue, reason, status FROM asked"
        f" WHERE {where} AND {between(*period)} AND flow = 'csat' AND {kept}"
    )
    assert sorted(listed, key=str) == sorted(found, key=str)


@PERIOD
@NARROWED
async def test_agents_and_their_places(both: Both, period: Period, query: dict[str, str], where: str) -> None:
    told = await both.get("agents/scores", **query, **days(period))
    where = f"{where} AND {between(*period)} AND flow = 'csat'"
    ratings, steps = both.facts.ratings(["agent"], where), both.facts.steps(["agent"], where)
    kinds: dict[str, dict[tuple[str, str], Had]] = defaultdict(dict)
    for (agent, queue, reason), values in both.facts.ratings(["agent", "queue", "reason"], where).items():
        if agent:
            kinds[agent][queue, reason] = sum(values.values()), values.get(4, 0) + values.get(5, 0)
    wanted = places(kinds) if kinds else {}
    assert {(one["agent"] or "",) for one in told["agents"]} >= ratings.keys() | steps.keys()
    for one in told["agents"]:
        code = one["agent"] or ""
        reached = steps.get((code,), {"offered": 0, "answered": 0})
        check(one | {"question": ""}, ratings.get((code,), {}), (reached["offered"], reached["answered"]), "csat")
        place = wanted.get(code)
        if place is None:
            assert one["compared"] is None
            continue
        mine = one["compared"]
        assert (mine["fair"], mine["low"], mine["high"]) == tuple(
            near(100 * share) for share in (place.fair, place.low, place.high)
        )
        assert (mine["first_place"], mine["last_place"]) == (place.first, place.last)
    assert told["everybody"]["n"] == pytest.approx(sum(sum(values.values()) for values in ratings.values()))


@PERIOD
async def test_who_answered(both: Both, period: Period) -> None:
    told = await both.get("coverage", **days(period))
    where = f"site = 'main' AND {between(*period)}"
    for name, dimension in (("by_hour", "hour"), ("by_reason", "reason"), ("by_agent", "agent")):
        calls = both.facts.calls([dimension], where)
        if name == "by_hour":
            rated = both.facts.calls([dimension], f"{where} AND rating IS NOT NULL")
        else:
            # With those of callers who still talk: their calls are not counted yet.
            rated = {key: sum(some.values()) for key, some in both.facts.ratings([dimension], where).items()}
        found = {("" if one["key"] is None else one["key"],): one for one in told[name]}
        assert found.keys() == calls.keys() | rated.keys()
        for key, one in found.items():
            given = rated.get(key, 0)
            assert (one["calls"], one["rated"]) == pytest.approx((max(calls.get(key, 0), given), given))


@pytest.mark.parametrize("query", [{}, {"reason": "billing"}, {"queue": "care"}])
async def test_what_drives_satisfaction_question_by_question(both: Both, query: dict[str, str]) -> None:
    told = {
        one["code"]: one
        for one in (await both.get("drivers", flow="servqual", **query, **days(PERIODS["all"])))["questions"]
    }
    narrowed = {
        "reason": "AND (asked.reason = 'billing' OR asked.reason GLOB 'billing/*')",
        "queue": "AND asked.queue = 'care'",
    }
    where = " ".join(narrowed[name] for name in query)
    for question in DIMENSIONS:
        pairs = both.facts.rows(
            "SELECT DISTINCT mine.survey, mine.value, asked.rating FROM said AS mine"
            " JOIN asked USING (site, survey) WHERE asked.site = 'main' AND asked.flow = 'servqual'"
            f" AND mine.question = '{question}' AND asked.rating IS NOT NULL"
            f" {where}"
        )
        mine, ratings = [value for _, value, _ in pairs], [rating for _, _, rating in pairs]
        if len({*mine}) < 2 or len({*ratings}) < 2:
            assert question not in told
            continue
        assert told[question]["n"] == len(pairs)
        assert told[question]["importance"] == pytest.approx(stats.pearsonr(mine, ratings).statistic, abs=0.000051)
        mean = sum(mine) / len(mine)
        assert told[question]["performance"] == pytest.approx((mean - 1) / 4, abs=0.000051)
    assert told or query


async def test_the_other_site_has_its_own_days_and_agents(both: Both) -> None:
    first, last = (date(2026, 10, 1), date(2026, 11, 30))
    for flow in QUESTIONS:
        told = (await both.get("scores", by="day,agent", site=OTHER_SITE.site, flow=flow, **days((first, last))))[
            "groups"
        ]
        found = both.facts.rows(
            "SELECT day, agent, SUM(parts) FROM asked WHERE site = 'lima' AND flow = ? GROUP BY day, agent", flow
        )
        assert {(one["keys"]["day"], one["keys"]["agent"] or ""): one["offered"] for one in told} == pytest.approx(
            {(day, agent): parts / 1000 for day, agent, parts in found}
        )


async def test_the_calls_are_as_odd_as_promised(both: Both) -> None:
    # Or else the tests above would hold nothing against nothing.
    def count(of: str) -> int:
        return int(both.facts.rows(f"SELECT COUNT(*) FROM {of}")[0][0])

    assert count("(SELECT 1 FROM asked GROUP BY survey HAVING COUNT(*) = 3)") > 5
    assert count("asked WHERE agent = ''") > 5
    assert count("asked JOIN survey USING (survey) WHERE asked.day <> substr(survey.offered_at, 1, 10)") > 10
    assert count("asked WHERE day = '2026-10-25'") > 10
    assert count("asked WHERE site = 'lima'") > 10
    assert count("survey WHERE trial") == 1
    assert count("asked WHERE survey = 'trial-1'") == 0
    assert count("(SELECT DISTINCT status FROM asked)") == 7
