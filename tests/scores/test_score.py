"""What is said of an agent, from counted ratings."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.scores.intervals import wilson
from ivr.scores.score import Response, score


@dataclass(frozen=True)
class Row:
    value: int
    ratings: int


FIVE = range(1, 6)
TOP_TWO = (4, 5)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3 (score): four published examples.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_wilson_interval_is_the_published_one(count: int, n: int, low: float, high: float) -> None:
    found = wilson(count, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_mirrors(case: tuple[int, int]) -> None:
    count, n = case
    found, mirrored = wilson(count, n), wilson(n - count, n)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert found.low == pytest.approx(1 - mirrored.high)
    assert found.high == pytest.approx(1 - mirrored.low)


@pytest.mark.parametrize(("count", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_an_impossible_share_is_refused(count: int, n: int) -> None:
    with pytest.raises(ValueError, match="0 <= count <= n"):
        wilson(count, n)


def test_two_agents_days_become_one_score() -> None:
    found = score([Row(5, 3), Row(1, 1), Row(5, 1), Row(4, 5)], values=FIVE, satisfied=TOP_TWO)
    assert found.n == 10
    assert found.mean
    assert found.mean.value == pytest.approx((5 * 4 + 4 * 5 + 1) / 10)
    assert found.satisfied is not None
    assert found.satisfied.count == 9
    assert list(found.distribution.items()) == [(1, 1), (2, 0), (3, 0), (4, 5), (5, 4)]


def test_without_ratings_there_is_no_number_to_show() -> None:
    found = score([], values=FIVE, satisfied=TOP_TWO)
    assert (found.n, found.mean, found.satisfied) == (0, None, None)
    assert list(found.distribution.values()) == [0] * 5


def test_a_value_of_an_earlier_flow_version_still_counts() -> None:
    found = score([Row(7, 2)], values=FIVE, satisfied=TOP_TWO)
    assert found.n == 2
    assert found.distribution[7] == 2


def test_a_rating_of_zero_is_a_rating() -> None:
    found = score([Row(0, 4)], values=range(11), satisfied=(9, 10))
    assert found.mean
    assert (found.n, found.mean.value) == (4, 0)


def test_the_response_rate_has_one_denominator() -> None:
    assert Response(offered=8, answered=2).rate == 0.25
    assert Response(offered=0, answered=0).rate is None
