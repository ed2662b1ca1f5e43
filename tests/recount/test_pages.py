"""The numbers in the pages' tables, against a recount from the facts."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.recount.conftest import Get
from tests.recount.facts import Facts, between
from tests.recount.test_api import GOOD, PERIODS, days

pytestmark = pytest.mark.asyncio(loop_scope="session")
PERIOD = PERIODS["a broken spring"]


class Tables(HTMLParser):
    """The rows of all tables: the text of each cell by its label, the row's own heading under ``""``.

    The agent to whom a heading leads is under ``agent``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, str]] = []
        self._label: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "tr":
            self.rows.append({})
        elif tag == "td" and self.rows:
            self._label = given.get("data-label")
        elif tag == "th" and given.get("scope") == "row":
            self._label = ""
        elif tag == "a" and self._label == "":
            self.rows[-1]["agent"] = unquote(urlsplit(given.get("href") or "").path.removeprefix("/agents/"))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._label = None

    def handle_data(self, data: str) -> None:
        if self._label is not None and self.rows:
            self.rows[-1][self._label] = f"{self.rows[-1].get(self._label, '')} {data.strip()}".strip()


def rows(page: str, label: str) -> Iterator[dict[str, str]]:
    """The rows that have a cell so labelled."""
    found = Tables()
    found.feed(page)
    return (row for row in found.rows if label in row)


def number(told: str) -> float:
    """The first number of a cell."""
    return float(told.split()[0].replace(",", "").rstrip("%"))


def whole(told: float) -> Any:
    """What is shown without decimals, or of several who share a survey with one."""
    return pytest.approx(told, abs=0.501 if told == int(told) else 0.0501)


async def test_the_fair_table(facts: Facts, get: Get) -> None:
    where = between(*PERIOD)
    ratings, steps = facts.ratings(["agent"], where), facts.steps(["agent"], where)
    told = {row["agent"]: row for row in rows(await get("/agents", **days(PERIOD)), "Fair share")}
    assert {(code,) for code in told} == ratings.keys() | set(facts.rows("SELECT agent FROM agent"))
    for code, row in told.items():
        values = ratings.get((code,), {})
        n = sum(values.values())
        assert number(row["Ratings"]) == whole(n)
        if n:
            good = sum(some for value, some in values.items() if value in GOOD)
            assert number(row["As rated"]) == pytest.approx(100 * good / n, abs=0.501)
            reached = steps[code,]
            assert number(row["Response rate"]) == pytest.approx(
                100 * reached["answered"] / reached["offered"], abs=0.501
            )


async def test_reasons(facts: Facts, get: Get) -> None:
    ratings = facts.ratings(["reason"], between(*PERIOD))
    labels = dict(facts.rows("SELECT label, reason FROM reason"))
    shown = 0
    for row in rows(await get("/reasons", **days(PERIOD)), "Ratings"):
        code = next((code for label, code in labels.items() if row[""] in (label, f"{label} {code}")), None)
        if code is not None:
            values = ratings[code,]
            n, good = sum(values.values()), sum(some for value, some in values.items() if value in GOOD)
            assert number(row["Ratings"]) == whole(n)
            assert number(row["Satisfied"]) == pytest.approx(100 * good / n, abs=0.501)
            shown += 1
    assert shown == len(ratings)


@pytest.mark.parametrize("by", ["queue", "reason", "agent"])
async def test_the_funnel(facts: Facts, get: Get, by: str) -> None:
    where = between(*PERIOD)
    calls, steps = facts.calls([by], where), facts.steps([by], where)
    excluded = facts.calls([by], f"{where} AND exclusion <> ''")
    codes = dict(facts.rows("SELECT label, reason FROM reason")) if by == "reason" else {}
    shown = 0
    for row in rows(await get("/funnel", by=by, **days(PERIOD)), "Asked"):
        code = row.get("agent") or codes.get(row[""]) or row[""].replace("not known", "")
        assert number(row["Calls"]) == whole(calls[code,])
        assert number(row["Asked"]) == whole(steps.get((code,), {}).get("offered", 0))
        assert number(row["Answered"]) == whole(steps.get((code,), {}).get("answered", 0))
        assert number(row["Not asked"]) == whole(excluded.get((code,), 0))
        shown += 1
    assert shown == len(calls)


async def test_one_agent(facts: Facts, get: Get) -> None:
    where = f"{between(*PERIOD)} AND agent = 'PJSIP/1007'"
    ratings = facts.ratings(["reason"], where)
    labels = dict(facts.rows("SELECT label, reason FROM reason"))
    page = await get("/agents/PJSIP/1007", **days(PERIOD))
    shown = [row for row in rows(page, "Ratings") if row[""] in labels]
    assert {(labels[row[""]],) for row in shown} == facts.steps(["reason"], where).keys()
    for row in shown:
        assert number(row["Ratings"]) == whole(sum(ratings.get((labels[row[""]],), {}).values()))
