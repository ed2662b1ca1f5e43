"""Trends, callers who leave first, and who answered."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.scores.coverage import Called, plain, weighted
from ivr.scores.drivers import correlation, drivers
from ivr.scores.starvation import starvation
from ivr.scores.trend import p_chart


def test_a_bad_tuesday_is_a_signal_and_a_small_one_is_not() -> None:
    # 80 % of 100 a day: three standard errors are 12 points.
    chart = p_chart([(80, 100)] * 6 + [(60, 100)] + [(83, 100)] * 6)
    assert chart.centre == pytest.approx((480 + 60 + 498) / 1300)
    assert [point.signal for point in chart.points][6] == "below"
    assert sum(point.signal is not None for point in chart.points) == 1
    few = p_chart([(80, 100)] * 6 + [(3, 5)] + [(83, 100)] * 6)
    assert few.points[6].signal is None


def test_limits_are_three_standard_errors_of_each_days_own_n() -> None:
    chart = p_chart([(50, 100), (200, 400)])
    assert (chart.points[0].lower, chart.points[0].upper) == pytest.approx((0.35, 0.65))
    assert (chart.points[1].lower, chart.points[1].upper) == pytest.approx((0.425, 0.575))


def test_nine_days_on_one_side_are_a_signal_though_each_is_within_the_limits() -> None:
    chart = p_chart([(50, 100)] * 9 + [(56, 100)] * 9)
    assert [point.signal for point in chart.points] == [None] * 8 + ["run"] + [None] * 8 + ["run"]


def test_days_without_ratings_are_shown_and_say_nothing() -> None:
    chart = p_chart([(8, 10), (0, 0), (8, 10)])
    assert (chart.points[1].share, chart.points[1].upper, chart.points[1].signal) == (None, None, None)
    empty = p_chart([(0, 0)] * 3)
    assert (empty.centre, len(empty.points)) == (None, 3)


@given(st.lists(st.integers(0, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=40))
def test_a_chart_has_a_point_for_each_count_within_its_scale(counts: list[tuple[int, int]]) -> None:
    chart = p_chart(counts)
    assert len(chart.points) == len(counts)
    for point in chart.points:
        if point.share is not None and point.lower is not None and point.upper is not None:
            assert 0 <= point.lower <= point.upper <= 1
            assert (point.signal == "above") == (point.share > point.upper and point.upper < 1)


def test_an_agent_whose_callers_leave_first_is_flagged_and_others_are_not() -> None:
    found = starvation({"Alice": (45, 100), "Bo": (21, 100), "Chen": (19, 100), "Dora": (10, 10)})
    assert [agent for agent, one in found.items() if one.flagged] == ["Alice"]
    assert found["Alice"].caller_first.share == 0.45
    assert (found["Alice"].peers.count, found["Alice"].peers.n) == (50, 210)
    # Ten talks are too few, whatever they say.
    assert found["Dora"].excess.low > 0


def test_agents_who_do_nothing_wrong_are_rarely_flagged() -> None:
    rng, flags = random.Random(5), 0
    for _ in range(10):
        talks = {str(number): (sum(rng.random() < 0.2 for _ in range(120)), 120) for number in range(100)}
        flags += sum(one.flagged for one in starvation(talks).values())
    assert flags <= 3


def test_an_agent_without_others_is_not_compared() -> None:
    assert starvation({"Alice": (4, 10), "Bo": (0, 0)}) == {}


def test_kinds_of_calls_that_rarely_answer_get_their_weight_back() -> None:
    kinds = {
        "order": Called(calls=100, rated=50, satisfied=45),
        "complaint": Called(calls=100, rated=10, satisfied=4),
        "other": Called(calls=50, rated=0, satisfied=0),
    }
    raw, found = plain(kinds), weighted(kinds)
    assert raw
    assert found
    assert raw.share == pytest.approx(49 / 60)
    assert found.share == pytest.approx((0.9 + 0.4) / 2)
    assert found.covered == pytest.approx(0.8)
    assert found.low < found.share < found.high


def test_the_weighted_score_is_the_plain_one_when_everybody_answers_alike() -> None:
    kinds = {
        "order": Called(calls=100, rated=50, satisfied=45),
        "complaint": Called(calls=20, rated=10, satisfied=4),
    }
    raw, found = plain(kinds), weighted(kinds)
    assert raw
    assert found
    assert found.share == pytest.approx(raw.share)
    assert weighted({}) is None
    assert weighted({"order": Called(calls=9, rated=0, satisfied=0)}) is None


def test_answers_that_go_together() -> None:
    assert correlation({(1, 1): 5, (2, 2): 5, (3, 3): 5}) == pytest.approx(1)
    assert correlation({(1, 3): 5, (2, 2): 5, (3, 1): 5}) == pytest.approx(-1)
    assert correlation({(1, 1): 5, (1, 2): 5, (2, 1): 5, (2, 2): 5}) == pytest.approx(0)
    assert correlation({(1, 1): 5, (1, 2): 5}) is None
    assert correlation({}) is None


def test_what_is_important_and_poor_is_to_be_improved() -> None:
    found = drivers({"wait": (50, 0.7, 0.4), "tone": (50, 0.8, 0.9), "menu": (50, 0.1, 0.3), "music": (50, 0.2, 0.8)})
    assert {name: driver.quadrant for name, driver in found.items()} == {
        "wait": "fix_first",
        "tone": "keep",
        "menu": "watch",
        "music": "nice",
    }
    assert drivers({}) == {}
