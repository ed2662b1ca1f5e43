"""Two years of a call centre that never was: what `postcall demo-data` fills a database with. Pure and seeded.

What is true of it is said in docs/demo-data.md, so that what the pages show can be held against it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FIRST_NAMES = (
    "Alice",
    "Bo",
    "Chen",
    "Dora",
    "Emil",
    "Fatima",
    "Goran",
    "Hana",
    "Ivo",
    "Jun",
    "李",
    "王",
    "Mei",
    "Nora",
)
LAST_NAMES = ("Moreau", "Berg", "Doe", "O'Neil", "Novák", "雷", "芳", "Silva", "Sato", "Weiss", "Ito", "Rossi", "Kaya")
TEAMS = ("north", "south", "east", "west", "night", "back office", "new", "senior", "sales", "care")
REASONS = (
    ("billing", "Billing", "billing", 0.80),
    ("billing/refund", "Refund", "billing", 0.58),
    ("billing/invoice", "Invoice", "billing", 0.82),
    ("complaint", "Complaint", "care", 0.45),
    ("complaint/delay", "Delay", "care", 0.42),
    ("delivery", "Delivery", "care", 0.74),
    ("order", "Order", "sales", 0.90),
    ("order/change", "Change of an order", "sales", 0.84),
    ("tech", "Technical question", "tech", 0.76),
    ("tech/router", "Router", "tech", 0.70),
    ("contract", "Contract", "sales", 0.79),
    ("other", "Something else", "care", 0.78),
)
"""Code, label, queue, and how many callers are satisfied."""
COMPLAINTS = ("complaint", "complaint/delay", "billing/refund")
ANSWERS = 0.62
"""How many of those who are asked give a rating; the satisfied a little more often."""
BAD_TUESDAY_DAYS_AGO = 40
"""The Tuesday on or before so many days before the last one: a third fewer are satisfied."""
LATE_HOUR, LATE_LOSS = 18, 0.08
"""From that hour on, so much less."""
SHARED_EVERY = 200
"""One call in so many is transferred, and two agents share its rating."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAgent:
    """One agent."""

    agent: str
    name: str
    team: str
    skill: float
    """How much more or less satisfied callers are than usual."""
    takes_complaints: bool
    leaving_first: float
    """The share of callers who hang up first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCall:
    """One call."""

    number: int
    agent: str
    """``""`` for a caller who left the queue."""
    second: str
    """The agent to whom it was transferred; ``""`` for most."""
    queue: str
    reason: str
    caller: str
    """64 hexadecimal digits."""
    started_at: datetime
    talk_seconds: int
    exclusion: str
    """``""`` for a call that was asked."""
    value: int | None
    """The rating, from 1 to 5; None without one."""
    ended_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """How much is made."""

    ratings: int
    agents: int
    reasons: int
    """1 to 12."""
    last: date
    days: int
    zone: ZoneInfo
    seed: int

    @property
    def bad_tuesday(self) -> date:
        """The day on which something went wrong."""
        day = self.last - timedelta(days=min(BAD_TUESDAY_DAYS_AGO, self.days - 1))
        return day - timedelta(days=(day.weekday() - 1) % 7)


LUCKY, STARVING = 0, 1
"""The places of two agents: one with four ratings, all of the best, and one whose callers hang up first."""


def demo_agents(plan: DemoPlan) -> list[DemoAgent]:
    """The agents of a plan; every twentieth takes complaints alone."""
    rng = random.Random(f"agents {plan.seed}")
    return [
        DemoAgent(
            agent=f"PJSIP/{1000 + number}",
            name=f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}",
            team=TEAMS[number % len(TEAMS)],
            skill=0.0 if number in (LUCKY, STARVING) else rng.gauss(0, 0.05),
            takes_complaints=number % 20 == 10,
            leaving_first=0.45 if number == STARVING else 0.09,
        )
        for number in range(plan.agents)
    ]


def demo_calls(plan: DemoPlan, agents: Sequence[DemoAgent]) -> Iterator[DemoCall]:
    """All calls in the order of their days, with `plan.ratings` ratings among them."""
    rng = random.Random(f"calls {plan.seed}")
    reasons = REASONS[: plan.reasons]
    complaints = [reason for reason in reasons if reason[0] in COMPLAINTS] or list(reasons)
    # The lucky one has no other calls than those four.
    usual = [agent for number, agent in enumerate(agents) if number != LUCKY] or list(agents)
    days = [plan.last - timedelta(days=back) for back in range(plan.days - 1, -1, -1)]
    weights = [0.4 if day.weekday() >= 5 else 1.0 for day in days]
    lucky = min(4, plan.ratings) if len(agents) > 1 else 0
    left, weight_left, number = plan.ratings - lucky, sum(weights), 0
    for day, weight in zip(days, weights, strict=True):
        wanted = round(left * weight / weight_left) if weight_left > 0 else left
        left, weight_left = left - wanted, weight_left - weight
        while wanted > 0:
            agent = rng.choice(usual)
            code, _, queue, pleased = rng.choice(complaints if agent.takes_complaints else reasons)
            call = _call(plan, rng, number, day, agent, (code, queue, pleased), usual)
            number += 1
            wanted -= call.value is not None
            yield call
    for back in range(lucky):
        code, _, queue, _ = reasons[0]
        day = plan.last - timedelta(days=back % plan.days)
        call = _call(plan, rng, number, day, agents[LUCKY], (code, queue, 1.0), usual, value=5)
        number += 1
        yield call


def _call(
    plan: DemoPlan,
    rng: random.Random,
    number: int,
    day: date,
    agent: DemoAgent,
    kind: tuple[str, str, float],
    others: Sequence[DemoAgent],
    value: int | None = None,
) -> DemoCall:
    code, queue, pleased = kind
    hour = min(19, max(8, round(rng.gauss(13, 3))))
    at = datetime.combine(day, time(hour, rng.randrange(60), rng.randrange(60)), plan.zone).astimezone(UTC)
    exclusion, ended_by, rated = "", "agent", value
    if value is None:
        draw = rng.random()
        if draw < 0.04:
            exclusion, ended_by = "abandoned", "caller"
        elif draw < 0.04 + agent.leaving_first:
            exclusion, ended_by = "caller_hung_up", "caller"
        elif draw < 0.07 + agent.leaving_first:
            exclusion = "sampled_out"
        else:
            share = pleased + agent.skill - (LATE_LOSS if hour >= LATE_HOUR else 0)
            share -= 0.33 if day == plan.bad_tuesday else 0
            is_pleased = rng.random() < share
            if rng.random() < ANSWERS + (0.03 if is_pleased else -0.03):
                rated = rng.choice((4, 5, 5)) if is_pleased else rng.choice((1, 2, 3, 3))
    abandoned = exclusion == "abandoned"
    # A rating that is given is the agent's alone.
    is_shared = number % SHARED_EVERY == 7 and not exclusion and value is None and len(others) > 1
    second = rng.choice(others).agent if is_shared else ""
    return DemoCall(
        number=number,
        agent="" if abandoned else agent.agent,
        second="" if second == agent.agent else second,
        queue=queue,
        reason="" if abandoned else code,
        caller=f"{rng.getrandbits(64):064x}",
        started_at=at,
        talk_seconds=0 if abandoned else int(rng.lognormvariate(5, 0.7)) + 5,
        exclusion=exclusion,
        value=rated,
        ended_by=ended_by,
    )
