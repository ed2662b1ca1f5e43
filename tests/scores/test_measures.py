"""Means and Net Promoter Scores."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ivr.scores.measures import is_nps, mean, nps, student_quantile

ONE_TO_FIVE = range(1, 6)


def test_ten_answers_say_little() -> None:
    # 1 1 2 3 3 4 4 4 5 5: mean 3.2, standard deviation 1.476, t(9) = 2.262, half the interval 1.056.
    found = mean({1: 2, 2: 1, 3: 2, 4: 3, 5: 2}, ONE_TO_FIVE)
    assert found
    assert (found.value, found.low, found.high) == pytest.approx((3.2, 2.144, 4.256), abs=0.001)


def test_an_interval_ends_where_the_scale_ends() -> None:
    found = mean({5: 4, 4: 1}, ONE_TO_FIVE)
    assert found
    assert found.high == 5


def test_four_times_the_best_rating_is_no_certainty() -> None:
    # Wilson for 4 of 4: from 0.5101; on a scale from 1 to 5 that is 3.04.
    found = mean({5: 4}, ONE_TO_FIVE)
    assert found
    assert (found.value, found.low, found.high) == pytest.approx((5, 3.0404, 5), abs=0.0005)


def test_one_rating_has_no_interval_and_none_has_no_mean() -> None:
    found = mean({4: 1}, ONE_TO_FIVE)
    assert found
    assert (found.value, found.low, found.high) == (4, None, None)
    assert mean({}, ONE_TO_FIVE) is None
    assert nps({}) is None


@given(st.integers(1, 400))
def test_students_quantile_is_that_of_scipy(degrees: int) -> None:
    assert student_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-7)


def test_the_net_promoter_score() -> None:
    # 5 promoters, 3 passive, 2 detractors: 50 - 20 = 30.
    found = nps({10: 3, 9: 2, 8: 2, 7: 1, 6: 1, 0: 1})
    assert found
    assert (found.n, found.promoters, found.detractors, found.score) == (10, 5, 2, 30.0)
    # (5+1)/12 = 0.5 and (2+1)/12 = 0.25: 0.25 ± 1.96 * sqrt((0.75 - 0.0625) / 12) = 0.25 ± 0.4691
    assert (found.low, found.high) == pytest.approx((-21.91, 71.91), abs=0.01)


@given(st.dictionaries(st.integers(0, 10), st.integers(1, 300), min_size=1))
def test_the_net_promoter_score_keeps_its_bounds(distribution: dict[int, int]) -> None:
    found = nps(distribution)
    assert found
    assert -100 <= found.low < found.high <= 100
    assert -100 <= found.score <= 100


def test_the_interval_of_the_net_promoter_score_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(7)
    for up, down, n in ((0.5, 0.2, 20), (0.8, 0.05, 50), (0.3, 0.4, 200)):
        covered = 0
        for _ in range(2000):
            draws = rng.choices([10, 8, 0], [up, 1 - up - down, down], k=n)
            found = nps({value: draws.count(value) for value in (10, 8, 0)})
            assert found
            covered += found.low <= 100 * (up - down) <= found.high
        assert 0.935 <= covered / 2000 <= 0.985


def test_which_questions_are_for_the_net_promoter_score() -> None:
    assert is_nps(range(11))
    assert not is_nps(range(1, 11))
    assert not is_nps(ONE_TO_FIVE)
