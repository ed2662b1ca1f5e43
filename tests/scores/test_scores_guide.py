"""The numbers that docs/scores.md gives as examples."""

from pathlib import Path

import pytest

from ivr.scores.fair import FEWEST_RATINGS
from ivr.scores.intervals import wilson
from ivr.scores.shrinkage import MOST_STRENGTH
from ivr.scores.starvation import FEWEST_TALKS
from ivr.scores.trend import RUN

GUIDE = " ".join((Path(__file__).parents[2] / "docs/scores.md").read_text("utf-8").split())


@pytest.mark.parametrize(
    ("count", "n", "said"),
    [
        (4, 4, "Four ratings of which all are good give 100 %, from {low} % to {high} %"),
        (32, 40, "Forty of which 32 are good give 80 %, from {low} % to {high} %"),
    ],
)
def test_its_intervals_are_those_that_the_service_computes(count: int, n: int, said: str) -> None:
    found = wilson(count, n)
    assert said.format(low=round(100 * found.low), high=round(100 * found.high)) in GUIDE


def test_its_limits_are_those_of_the_code() -> None:
    assert (FEWEST_RATINGS, MOST_STRENGTH, FEWEST_TALKS, RUN) == (10, 50, 30, 9)
    for words in ("fewer than ten ratings", "the weight of fifty ratings", "from 30 talks on", "nine days in a row"):
        assert words in GUIDE
