"""Intervals against an independent library, and by the laws that any interval keeps."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ivr.scores.beta import beta_cdf, beta_quantile
from ivr.scores.comparison import compare
from ivr.scores.intervals import difference, exact, wilson

COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SHAPES = st.floats(0.5, 3000)


@settings(max_examples=300)
@given(x=st.floats(0.0001, 0.9999), a=SHAPES, b=SHAPES)
def test_the_beta_distribution_is_that_of_scipy(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-10)


@settings(max_examples=300)
@given(probability=st.sampled_from([0.005, 0.025, 0.5, 0.975, 0.995]), a=SHAPES, b=SHAPES)
def test_its_quantiles_are_those_of_scipy(probability: float, a: float, b: float) -> None:
    found = beta_quantile(probability, a, b)
    # By its distribution, and not by its own quantile, which of Beta(0.78, 0.78) is wrong in the eighth decimal.
    allowed = 1e-9 * max(1.0, stats.beta.pdf(found, a, b))
    assert stats.beta.cdf(found, a, b) == pytest.approx(probability, abs=allowed)


@settings(max_examples=200)
@given(COUNTS)
def test_the_exact_interval_is_that_of_scipy(counted: tuple[int, int]) -> None:
    count, n = counted
    found = exact(count, n)
    theirs = stats.binomtest(count, n).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@settings(max_examples=200)
@given(COUNTS)
def test_wilsons_interval_is_that_of_scipy_and_lies_around_the_share(counted: tuple[int, int]) -> None:
    count, n = counted
    found = wilson(count, n)
    theirs = stats.binomtest(count, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert 0 <= found.low <= found.share <= found.high <= 1


@settings(max_examples=200)
@given(COUNTS, COUNTS)
def test_a_difference_lies_in_its_interval_and_turns_round(first: tuple[int, int], second: tuple[int, int]) -> None:
    there, back = difference(wilson(*first), wilson(*second)), difference(wilson(*second), wilson(*first))
    assert -1 <= there.low <= there.value <= there.high <= 1
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))


def test_newcombes_own_example() -> None:
    # Table II (a) of the paper: 56/70 against 48/80, method 10: 0.0524 to 0.3339.
    found = difference(wilson(56, 70), wilson(48, 80))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=0.00005)


@settings(max_examples=200)
@given(COUNTS, COUNTS)
def test_two_periods_are_tested_as_scipy_does(first: tuple[int, int], second: tuple[int, int]) -> None:
    found = compare(first, second)
    assert found
    table = [[first[0], first[1] - first[0]], [second[0], second[1] - second[0]]]
    if 0 in (first[0] + second[0], first[1] + second[1] - first[0] - second[0]):
        assert found.p_value == 1
    else:
        theirs = stats.chi2_contingency(table, correction=False).pvalue
        assert found.p_value == pytest.approx(theirs, abs=1e-9)


def test_a_period_without_ratings_is_not_compared() -> None:
    assert compare((0, 0), (3, 5)) is None
    assert compare((3, 5), (0, 0)) is None


@pytest.mark.parametrize(("count", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_what_is_no_share_is_refused(count: int, n: int) -> None:
    for interval in (wilson, exact):
        with pytest.raises(ValueError, match="a proportion needs"):
            interval(count, n)


def test_shared_ratings_count_as_their_parts() -> None:
    assert exact(Fraction(5, 2), Fraction(5, 2)).high == 1
    assert exact(Fraction(5, 2), 5).low == pytest.approx(stats.beta.ppf(0.025, 2.5, 3.5), abs=1e-9)
