"""The fair comparison of agents: by hand, by the laws that it keeps, and in simulated call centres."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ivr.scores.adjustment import Rated, adjusted
from ivr.scores.fair import fair_scores
from ivr.scores.shrinkage import MOST_STRENGTH, Prior, prior, shrunk

Agents = dict[str, dict[str, Rated]]
RATED = st.integers(0, 40).flatmap(lambda n: st.integers(0, n).map(lambda satisfied: Rated(n=n, satisfied=satisfied)))
AGENTS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.dictionaries(st.sampled_from("uvwxyz"), RATED, max_size=4), max_size=8
)


def test_an_agent_with_all_the_complaints_is_expected_to_satisfy_fewer() -> None:
    found = adjusted(
        {
            "Alice": {"order": Rated(n=90, satisfied=81), "complaint": Rated(n=10, satisfied=4)},
            "Bo": {"order": Rated(n=10, satisfied=9), "complaint": Rated(n=90, satisfied=36)},
        }
    )
    # Orders: 90 of 100 satisfied, complaints: 40 of 100; all: 130 of 200.
    assert found["Alice"].expected == pytest.approx(90 * 0.9 + 10 * 0.4)
    assert found["Bo"].expected == pytest.approx(10 * 0.9 + 90 * 0.4)
    assert found["Alice"].share == found["Bo"].share == pytest.approx(0.65)
    assert found["Bo"].points == pytest.approx(0)


@given(AGENTS)
def test_the_expected_add_up_to_the_satisfied(agents: Agents) -> None:
    found = adjusted(agents)
    assert sum(one.expected for one in found.values()) == pytest.approx(sum(one.satisfied for one in found.values()))
    assert found.keys() == {agent for agent, had in agents.items() if sum(rated.n for rated in had.values())}
    assert all(0 <= one.share <= 1 for one in found.values())


def test_ratings_that_vary_more_than_usual_count_as_fewer() -> None:
    found = adjusted(
        {"Alice": {"order": Rated(n=180, satisfied=162)}, "Bo": {"complaint": Rated(n=20, satisfied=10)}},
    )
    # All: 172 of 200, variance 0.86 * 0.14 = 0.1204; complaints: 0.25. Orders vary less, and count as what they are.
    assert found["Bo"].weight == pytest.approx(20 * 0.1204 / 0.25)
    assert found["Alice"].weight == 180


def test_the_interval_of_whoever_takes_the_complaints_is_the_wider_one() -> None:
    found = fair_scores(
        {
            "Alice": {"order": Rated(n=20, satisfied=18)},
            "Bo": {"complaint": Rated(n=20, satisfied=10)},
            "Chen": {"order": Rated(n=180, satisfied=162)},
        }
    )
    alice, bo = found["Alice"].fair, found["Bo"].fair
    assert found["Alice"].adjusted == pytest.approx(found["Bo"].adjusted)
    assert bo.low < alice.low < alice.high < bo.high


@given(AGENTS, st.sampled_from([2, 1000, Fraction(1, 3), Fraction(7, 1000)]))
def test_as_many_times_the_ratings_give_the_same_shares(agents: Agents, times: int | Fraction) -> None:
    more = {
        agent: {kind: Rated(n=one.n * times, satisfied=one.satisfied * times) for kind, one in had.items()}
        for agent, had in agents.items()
    }
    found, scaled = adjusted(agents), adjusted(more)
    assert found.keys() == scaled.keys()
    for agent, one in found.items():
        assert (scaled[agent].n, scaled[agent].satisfied) == (one.n * times, one.satisfied * times)
        assert scaled[agent].share == pytest.approx(one.share)
        assert scaled[agent].weight == pytest.approx(one.weight * times)
        assert scaled[agent].expected == pytest.approx(one.expected * times)


@given(AGENTS, st.data())
def test_one_more_satisfied_caller_never_lowers_an_agents_share(agents: Agents, data: st.DataObject) -> None:
    better = [(agent, kind) for agent, had in agents.items() for kind, one in had.items() if one.satisfied < one.n]
    if not better:
        return
    agent, kind = data.draw(st.sampled_from(better))
    one = agents[agent][kind]
    changed = agents | {agent: agents[agent] | {kind: Rated(n=one.n, satisfied=one.satisfied + 1)}}
    assert adjusted(changed)[agent].share >= adjusted(agents)[agent].share - 1e-12


@given(AGENTS, st.randoms(use_true_random=False))
def test_the_order_in_which_agents_are_told_changes_nothing(agents: Agents, rng: random.Random) -> None:
    mixed = list(agents.items())
    rng.shuffle(mixed)
    one, other = fair_scores(agents), fair_scores(dict(mixed))
    assert {agent: (score.band, score.standing) for agent, score in one.items()} == {
        agent: (score.band, score.standing) for agent, score in other.items()
    }


@given(AGENTS, st.integers(1, 30))
def test_every_score_keeps_its_bounds(agents: Agents, fewest: int) -> None:
    found = fair_scores(agents, fewest=fewest)
    ranked = [one.band for one in found.values() if one.band]
    for score in found.values():
        assert 0 <= score.fair.low < score.fair.share < score.fair.high <= 1
        assert (score.band is None) == (score.plain.n < fewest) == (score.standing is None)
        if score.band:
            assert 1 <= score.band.first <= score.band.last <= len(ranked)


def test_shares_of_ratings_count_as_their_parts() -> None:
    found = fair_scores({"Alice": {"": Rated(n=Fraction(21, 2), satisfied=Fraction(21, 4))}})
    assert found["Alice"].plain.share == 0.5
    assert found["Alice"].band is not None


def test_one_agent_alone_is_in_the_only_place() -> None:
    (score,) = fair_scores({"Alice": {"": Rated(n=30, satisfied=30)}}).values()
    assert (score.band.first, score.band.last, score.standing) == (1, 1, "near")  # type: ignore[union-attr]


def test_nobody_has_ratings() -> None:
    assert fair_scores({}) == fair_scores({"Alice": {}}) == fair_scores({"Alice": {"": Rated(n=0, satisfied=0)}}) == {}


@settings(max_examples=100)
@given(st.floats(0, 1), st.integers(0, 500), st.floats(0.05, 0.95), st.floats(1, 500))
def test_a_shrunk_share_is_the_posterior_of_scipy(share: float, n: int, mean: float, strength: float) -> None:
    found = shrunk(share, n, Prior(mean=mean, strength=strength))
    a, b = mean * strength + share * n, (1 - mean) * strength + (1 - share) * n
    assert (found.low, found.high) == pytest.approx(stats.beta.interval(0.95, a, b), abs=1e-9)
    assert min(share, mean) - 1e-9 <= found.share <= max(share, mean) + 1e-9


def test_how_much_agents_differ_is_found_again() -> None:
    rng = random.Random(3)
    for strength in (10.0, 30.0):
        shares = []
        for _ in range(400):
            skill, n = rng.betavariate(0.8 * strength, 0.2 * strength), rng.randint(10, 80)
            shares.append((sum(rng.random() < skill for _ in range(n)) / n, float(n)))
        found = prior(shares)
        assert found.mean == pytest.approx(0.8, abs=0.03)
        assert found.strength == pytest.approx(strength, rel=0.35)


def test_agents_who_differ_only_by_chance_are_drawn_together() -> None:
    rng = random.Random(4)
    shares = [(sum(rng.random() < 0.8 for _ in range(50)) / 50, 50.0) for _ in range(300)]
    assert prior(shares).strength == MOST_STRENGTH


def call_centre(
    rng: random.Random,
    skills: Mapping[str, float],
    ratings: Mapping[str, int],
    mixes: Mapping[str, Sequence[float]],
) -> Agents:
    """Ratings of a simulated month: orders satisfy 85 %, questions 75 %, complaints 35 %; a skill adds to that."""
    usual = {"order": 0.85, "question": 0.75, "complaint": 0.35}
    agents: Agents = {}
    for agent, skill in skills.items():
        counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for kind in rng.choices(list(usual), mixes[agent], k=ratings[agent]):
            counted[kind][0] += 1
            counted[kind][1] += rng.random() < min(1, max(0, usual[kind] + skill))
        agents[agent] = {kind: Rated(n=n, satisfied=satisfied) for kind, (n, satisfied) in counted.items()}
    return agents


def month(rng: random.Random) -> Agents:
    """Forty usual agents, one of them with all the complaints; one lucky one with four ratings; a poor one."""
    names = [f"agent {number}" for number in range(40)]
    skills = dict.fromkeys(names, 0.0) | {"complaints only": 0.0, "poor": -0.25}
    ratings = dict.fromkeys(names, 60) | {"complaints only": 60, "poor": 60}
    mixes = dict.fromkeys(names, (6, 3, 1)) | {"complaints only": (0, 0, 1), "poor": (6, 3, 1)}
    agents = call_centre(rng, skills, ratings, mixes)
    agents["lucky"] = {"order": Rated(n=4, satisfied=4)}
    return agents


def test_above_and_below_mean_that_the_whole_interval_lies_on_one_side_of_the_share_of_all() -> None:
    """Those who take the complaints are the best here: their ratings count as fewer, and still are ratings of all."""
    best, usual = [f"best {number}" for number in range(10)], [f"usual {number}" for number in range(30)]
    skills = dict.fromkeys(best, 0.3) | dict.fromkeys(usual, 0.0)
    mixes = dict.fromkeys(best, (0, 0, 1)) | dict.fromkeys(usual, (6, 3, 1))
    stands = Counter[str | None]()
    for seed in range(20):
        agents = call_centre(random.Random(seed), skills, dict.fromkeys(skills, 60), mixes)
        rated = [one for had in agents.values() for one in had.values()]
        line = (sum(one.satisfied for one in rated) + 0.5) / (sum(one.n for one in rated) + 1)
        for score in fair_scores(agents).values():
            low, high = score.fair.low, score.fair.high
            assert score.standing == ("above" if low > line else "below" if high < line else "near")
            stands[score.standing] += 1
    assert min(stands["above"], stands["below"], stands["near"]) > 0


def test_who_only_takes_complaints_is_not_last_a_lucky_one_not_first_and_a_poor_one_is_found() -> None:
    found_poor = complaints_below = plainly_last = 0
    for seed in range(60):
        found = fair_scores(month(random.Random(seed)))
        shares = {agent: score.plain.share for agent, score in found.items()}
        plainly_last += min(shares, key=lambda agent: shares[agent]) == "complaints only"
        band = found["complaints only"].band
        assert band
        complaints_below += found["complaints only"].standing == "below"
        poor = found["poor"]
        assert poor.band
        found_poor += poor.standing == "below"
        assert found["lucky"].band is None
        # Even without the rule on few ratings, four lucky ones say next to nothing.
        anyway = fair_scores(month(random.Random(seed)), fewest=1)["lucky"]
        assert anyway.band
        assert anyway.standing == "near"
        assert anyway.fair.share < 0.95
    # Ranked by the plain share, the agent with the complaints would be last in nearly every month.
    assert plainly_last > 55
    assert complaints_below <= 3
    assert found_poor > 55


def test_the_fair_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    usual = {"order": 0.85, "complaint": 0.4}
    for each in (20, 60, 200):
        held = agents_seen = 0
        for seed in range(25):
            rng = random.Random(seed)
            # Every second agent has mostly complaints. Skills differ by 6 points either way.
            mixes = [(0.8, 0.2) if number % 2 else (0.3, 0.7) for number in range(40)]
            chances = [
                {kind: min(1, p + skill) for kind, p in usual.items()} for skill in (rng.gauss(0, 0.06) for _ in mixes)
            ]
            calls = [dict(zip(usual, (round(each * part) for part in mix), strict=True)) for mix in mixes]
            agents = {
                str(number): {
                    kind: Rated(n=n, satisfied=sum(rng.random() < chances[number][kind] for _ in range(n)))
                    for kind, n in had.items()
                }
                for number, had in enumerate(calls)
            }
            # The truth is the same standardisation of the chances themselves, without the luck of the draw.
            of_kind = {kind: sum(had[kind] for had in calls) for kind in usual}
            known = {
                kind: sum(had[kind] * mine[kind] for had, mine in zip(calls, chances, strict=True)) / of_kind[kind]
                for kind in usual
            }
            overall = sum(known[kind] * n for kind, n in of_kind.items()) / sum(of_kind.values())
            for agent, score in fair_scores(agents).items():
                had, mine = calls[int(agent)], chances[int(agent)]
                ahead = sum(n * (mine[kind] - known[kind]) for kind, n in had.items()) / sum(had.values())
                held += score.fair.low <= overall + ahead <= score.fair.high
                agents_seen += 1
        assert 0.93 <= held / agents_seen <= 0.995, each


def test_agents_who_are_all_alike_are_rarely_told_apart() -> None:
    apart = pairs = 0
    for seed in range(20):
        names = [f"agent {number}" for number in range(30)]
        agents = call_centre(
            random.Random(seed), dict.fromkeys(names, 0.0), dict.fromkeys(names, 80), dict.fromkeys(names, (6, 3, 1))
        )
        found = list(fair_scores(agents).values())
        for one in found:
            for other in found:
                pairs += one is not other
                apart += one.fair.low > other.fair.high
    assert apart / pairs < 0.01
