"""The people of the demonstration: a team, its queues, and callers who like some agents better than others.

How much an agent is liked is the team's secret; the scores are there to find it out. A caller's rating is drawn from
a binomial distribution over 1 to 5 whose mean is 1 + 4 · (liking + the reason's mood): who takes complaints is rated
lower for the same work.
"""

import random
from dataclasses import dataclass
from math import comb

from ivr.demo.behaviour import Behaviour, CallEnd
from ivr.demo.queues import Member, Queue
from ivr.demo.simulator import SimulatedPbx


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Somebody of the team."""

    interface: str
    name: str
    queues: tuple[str, ...]
    liking: float
    """From 0, nobody likes them, to 1, everybody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why people call a queue."""

    code: str
    queue: str
    mood: float
    """What it adds to an agent's liking."""
    weight: float
    """How many of the calls have this reason, against the others."""


AGENTS = (
    Agent(interface="PJSIP/1001", name="Sara Lindqvist", queues=("support", "billing"), liking=0.90),
    Agent(interface="PJSIP/1002", name="Doe, John", queues=("support",), liking=0.72),
    Agent(interface="PJSIP/1003", name="王芳", queues=("support", "sales"), liking=0.86),
    Agent(interface="PJSIP/1004", name="Tomás Herrera", queues=("billing",), liking=0.64),
    Agent(interface="PJSIP/1005", name="Priya Nair", queues=("billing", "sales"), liking=0.80),
    Agent(interface="PJSIP/1006", name="Anna O'Neil", queues=("sales",), liking=0.76),
    Agent(interface="PJSIP/1007", name="Kwame Mensah", queues=("support", "billing", "sales"), liking=0.55),
)

QUEUES = {"support": "8001", "billing": "8002", "sales": "8003"}
"""Each queue's number."""

REASONS = (
    Reason(code="support/technical", queue="support", mood=0.0, weight=4),
    Reason(code="support/complaint", queue="support", mood=-0.25, weight=2),
    Reason(code="billing/invoice", queue="billing", mood=0.0, weight=3),
    Reason(code="billing/refund", queue="billing", mood=-0.15, weight=2),
    Reason(code="sales/order", queue="sales", mood=0.05, weight=3),
    Reason(code="sales/offer", queue="sales", mood=0.02, weight=1),
)

_FIRST_NAMES = ("Mia", "Noah", "Lena", "Omar", "Ines", "Karl", "Анна", "李雷", "Zoë", "Raj")
_LAST_NAMES = ("Berg", "Okafor", "Silva", "Novák", "Haddad", "Petrova", "Tanaka", "O'Brien", "Meyer", "Costa")

_ENDS: tuple[tuple[CallEnd, float], ...] = (
    ("agent", 0.80),
    ("caller", 0.12),
    ("blind_transfer", 0.05),
    ("attended_transfer", 0.03),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One call that somebody is going to make."""

    queue: str
    number: str
    name: str
    reason: str
    behaviour: Behaviour


def team() -> tuple[list[Queue], list[Member]]:
    """The queues and the agents of the team, as a PBX takes them."""
    queues = [Queue(name=name, exten=exten) for name, exten in QUEUES.items()]
    members = [Member(interface=agent.interface, name=agent.name, queues=agent.queues) for agent in AGENTS]
    return queues, members


def rating_chances(liking: float, mood: float) -> tuple[float, float, float, float, float]:
    """The chances of the ratings 1 to 5, which add up to 1."""
    p = min(0.97, max(0.03, liking + mood))
    one, two, three, four, five = (comb(4, k) * p**k * (1 - p) ** (4 - k) for k in range(5))
    return one, two, three, four, five


def rating(interface: str, reason: Reason, luck: float) -> int:
    """The rating of an agent by a caller whose `luck` lies from 0 to 1: the same luck, a better agent, no worse a
    rating."""
    liking = next((agent.liking for agent in AGENTS if agent.interface == interface), 0.5)
    reached = 0.0
    for value, chance in enumerate(rating_chances(liking, reason.mood), start=1):
        reached += chance
        if luck < reached:
            return value
    return 5


def draw_visit(rng: random.Random) -> Visit:
    """The next caller, with everything that caller will do."""
    reason = rng.choices(REASONS, weights=[reason.weight for reason in REASONS])[0]
    return Visit(
        queue=reason.queue,
        number=f"+1202555{rng.randrange(100, 200):04d}",
        name=f"{rng.choice(_FIRST_NAMES)} {rng.choice(_LAST_NAMES)}",
        reason=reason.code,
        behaviour=_draw_behaviour(reason, rng),
    )


def _draw_behaviour(reason: Reason, rng: random.Random) -> Behaviour:
    luck, manner = rng.random(), rng.random()
    leaves_survey_after = rng.uniform(1.0, 6.0)
    wrong_key = rng.choice("06789")
    ends = rng.choices([end for end, _ in _ENDS], weights=[weight for _, weight in _ENDS])[0]

    def keys(interface: str) -> tuple[str, ...]:
        key = str(rating(interface, reason, luck))
        if manner < 0.08:
            return ()
        return (wrong_key, key) if manner < 0.16 else (key,)

    return Behaviour(
        ring_seconds=rng.uniform(2.0, 8.0),
        patience_seconds=rng.uniform(40.0, 240.0),
        talk_seconds=rng.uniform(20.0, 120.0),
        ends=ends,
        consult_seconds=rng.uniform(5.0, 15.0),
        keys=keys,
        think_seconds=rng.uniform(1.5, 5.0),
        hangs_up_in_survey_after=leaves_survey_after if manner > 0.94 else None,
    )


async def traffic(pbx: SimulatedPbx, rate_per_minute: float) -> None:
    """Let callers come at random (Poisson), `rate_per_minute` a minute of PBX time on average, until cancelled.

    Raises ValueError when the rate is not above 0.
    """
    if rate_per_minute <= 0:
        raise ValueError(f"rate_per_minute must be above 0, got {rate_per_minute}")
    # Arrivals are counted from the start, so that many calls a second do not come late by each wait's inaccuracy.
    due = pbx.clock.now()
    while True:
        due += pbx.rng.expovariate(rate_per_minute / 60)
        await pbx.clock.sleep(max(0.0, due - pbx.clock.now()))
        visit = draw_visit(pbx.rng)
        pbx.place_call(visit.queue, visit.number, visit.name, visit.behaviour, reason=visit.reason)
