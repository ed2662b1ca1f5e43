"""Chance that is no chance: the same call draws the same, many calls draw evenly, and agents get near their number."""

import math
import random
from collections import Counter, deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.surveys.rules import decide
from ivr.surveys.sampling import chance, draw
from tests.rules.kit import call, past, rules

KEY = b"a key of these tests"
CALLS = 20_000
SIGMAS = 5
"""A fair draw is further off than this once in 1.7 million times; and these draws are always the same."""


RARE = 1e-6
"""The same for a tail of the binomial distribution, which is summed up and not approximated."""


def at_most(hits: int, tries: int, share: float) -> float:
    """The probability of so many hits or fewer."""
    ways = (math.lgamma(tries + 1) - math.lgamma(n + 1) - math.lgamma(tries - n + 1) for n in range(hits + 1))
    return math.fsum(
        math.exp(way + n * math.log(share) + (tries - n) * math.log1p(-share)) for n, way in enumerate(ways)
    )


def at_least(hits: int, tries: int, share: float) -> float:
    """The probability of so many hits or more."""
    return at_most(tries - hits, tries, 1 - share)


def draws(site: str = "main", key: bytes = KEY) -> list[float]:
    # Linkedids as Asterisk makes them: seconds of the epoch and a counter.
    return [draw(key, site, f"{1795320000 + number // 3}.{number}") for number in range(CALLS)]


def test_the_same_call_always_draws_the_same() -> None:
    assert draws() == draws()


def test_another_call_site_or_key_draws_something_else() -> None:
    first = draw(KEY, "main", "1.1")
    assert len({first, draw(KEY, "main", "1.2"), draw(KEY, "north", "1.1"), draw(b"another key", "main", "1.1")}) == 4
    # "a" of site "b" is not "" of site "ba".
    assert draw(KEY, "b", "a") != draw(KEY, "ba", "")


def test_hostile_linkedids_draw_too() -> None:
    assert 0 <= draw(KEY, "main", "\x00\udcff李" * 50) < 1


def test_draws_are_even() -> None:
    """Chi-square over 20 bins with 19 degrees of freedom: its mean is 19, its deviation the root of 38."""
    bins = Counter(int(20 * drawn) for drawn in draws())
    expected = CALLS / 20
    square = sum((bins[number] - expected) ** 2 / expected for number in range(20))
    assert abs(square - 19) < SIGMAS * math.sqrt(38)


def test_calls_one_after_another_do_not_hang_together() -> None:
    drawn = draws()
    mean = sum((one - 0.5) * (two - 0.5) for one, two in pairwise(drawn)) / (CALLS - 1)
    assert abs(mean) < SIGMAS * (1 / 12) / math.sqrt(CALLS)


@pytest.mark.parametrize("share", ["1 %", "10 %", "1 in 4", "1 in 3", "50 %", "99 %"])
def test_the_share_that_is_asked_is_the_share_that_is_set(share: str) -> None:
    known, facts = rules(sampling=share), call()
    nothing = past(known, facts)
    asked = sum(decide(known, facts, nothing, drawn).asked for drawn in draws())
    assert at_most(asked, CALLS, known.given.sampling) > RARE
    assert at_least(asked, CALLS, known.given.sampling) > RARE


def test_nobody_at_0_and_everybody_at_100_percent() -> None:
    for share, asked in (("0 %", False), ("100 %", True)):
        known, facts = rules(sampling=share), call()
        assert {decide(known, facts, past(known, facts), drawn).asked for drawn in draws()[:1000]} == {asked}


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 100), st.integers(0, 100))
def test_who_is_asked_at_one_percentage_is_asked_at_every_higher_one(drawn: float, one: int, other: int) -> None:
    low, high = sorted((one, other))
    asked = []
    for percent in (low, high):
        known, facts = rules(sampling=f"{percent} %"), call()
        asked.append(decide(known, facts, past(known, facts), drawn).asked)
    assert asked[0] <= asked[1]


@given(st.floats(0, 1), st.integers(1, 1000), st.integers(0, 1000))
def test_the_chance_rises_for_agents_behind_and_never_leaves_its_bounds(
    share: float, wanted: int, ratings: int
) -> None:
    found = chance(share, wanted=wanted, ratings=ratings)
    assert share - 1e-9 <= found <= 1 + 1e-9
    assert chance(share, wanted=wanted, ratings=ratings + 1) <= found
    if ratings >= wanted:
        assert found == share
    if ratings <= 0.75 * wanted:
        assert found == pytest.approx(1)


def test_an_agent_behind_is_asked_more_and_one_with_enough_by_the_share() -> None:
    known, facts = rules(sampling="10 %", weekly_ratings=20), call()
    for ratings, line in (
        (0, "0 of 20 weekly ratings make the chance 100 %"),
        (15, "15 of 20 weekly ratings make the chance 100 %"),
        (18, "18 of 20 weekly ratings make the chance 46 %"),
        (20, "20 of 20 weekly ratings make the chance 10 %"),
        (90, "90 of 20 weekly ratings make the chance 10 %"),
    ):
        decision = decide(known, facts, past(known, facts, ratings=ratings), 0.3)
        assert line in decision.lines[-1].why
        assert decision.asked is (ratings <= 18)


@pytest.mark.parametrize("calls_a_day", [8, 20, 60, 200])
def test_busy_and_idle_agents_come_near_the_same_number_of_ratings_a_week(calls_a_day: int) -> None:
    """Eight weeks of an agent of whose callers three in ten answer; all but the first week count."""
    wanted, answers = 10, 0.3
    luck = random.Random(calls_a_day)
    known, facts = rules(sampling="0 %", weekly_ratings=wanted), call()
    days: deque[int] = deque([0] * 7, maxlen=7)
    weeks: list[int] = []
    for day in range(8 * 7):
        days.append(0)
        for _ in range(calls_a_day):
            decision = decide(known, facts, past(known, facts, ratings=sum(days)), luck.random())
            days[-1] += decision.asked and luck.random() < answers
        if day >= 7:
            weeks.append(sum(days))
    mean = sum(weeks) / len(weeks)
    assert 0.8 * wanted <= mean <= 1.0 * wanted
    assert max(weeks) <= wanted
