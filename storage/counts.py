"""Changes to all counts that belong to one transaction: tallies, funnel, calls, coverage."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import NamedTuple

from storage.count_tables import AgentTally, CallCount, Coverage
from storage.counted_calls import BUCKET, STRATUM
from storage.moves import Key, move_all
from storage.records import PARTS, STEPS, Share, Step
from storage.tables import Funnel, Tally
from storage.transaction import Result, Transaction, Work


class Bucket(NamedTuple):
    """What a survey's counts are kept by."""

    site_id: str
    day: date
    agent: str
    queue: str
    reason: str
    flow: str


Buckets = Sequence[tuple[Bucket, int]]
"""The buckets in which one survey counts, and how much of it in each; together `PARTS`."""


def spread(whole: Bucket, shares: Sequence[Share]) -> Buckets:
    """The buckets of those who share a survey; `whole` is that of its only agent."""
    return [(whole._replace(agent=share.agent), share.parts) for share in shares] or [(whole, PARTS)]


class _TallyKey(NamedTuple):
    bucket: Bucket
    question: str
    is_rating: bool
    value: int

    @property
    def by_agent(self) -> Key:
        """The key of the count of all queues and reasons together."""
        bucket = self.bucket
        return (bucket.site_id, bucket.day, bucket.agent, bucket.flow, self.question, self.is_rating, self.value)


_OF_AGENT = ("site_id", "day", "agent", "flow", "question", "is_rating", "value")


class Counted(NamedTuple):
    """What one call counts at some moment."""

    calls: Counter[Key]
    """Parts by `storage.counted_calls.BUCKET`."""
    talk: Counter[Key]
    """Seconds times parts by `BUCKET`."""
    strata: Counter[Key]
    """Parts by `STRATUM`."""


class Counts:
    """Changes to all counts, collected in a transaction and written at its end."""

    def __init__(self) -> None:
        self._ratings: Counter[_TallyKey] = Counter()
        self._surveys: dict[Bucket, Counter[Step]] = defaultdict(Counter)
        self._calls: Counter[Key] = Counter()
        self._talk: Counter[Key] = Counter()
        self._strata: Counter[Key] = Counter()

    def rate(self, buckets: Buckets, question: str, is_rating: bool, value: int, by: int = 1) -> None:
        """`by` more answers to `question` have `value`."""
        for bucket, parts in buckets:
            self._ratings[_TallyKey(bucket, question, is_rating, value)] += by * parts

    def step(self, buckets: Buckets, step: Step, by: int = 1) -> None:
        """`by` more surveys have reached `step`."""
        for bucket, parts in buckets:
            self._surveys[bucket][step] += by * parts

    def move_call(self, before: Counted, after: Counted) -> None:
        """A call that counted `before` counts `after` now."""
        for sums, old, new in zip((self._calls, self._talk, self._strata), before, after, strict=True):
            sums.update(new)
            sums.subtract(old)

    async def write(self, connection: Transaction) -> None:
        """Apply all changes: the last thing that a transaction does, and in one order, against deadlocks.

        Raises `DatabaseError` when a count would fall below 0; then the transaction must fail.
        """
        ratings: dict[Key, dict[str, int]] = {
            (*key.bucket, key.question, key.is_rating, key.value): {"ratings": by} for key, by in self._ratings.items()
        }
        await move_all(connection, Tally, (*Bucket._fields, *_TallyKey._fields[1:]), ratings)
        by_agent: Counter[Key] = Counter()
        for key, by in self._ratings.items():
            by_agent[key.by_agent] += by
        await move_all(connection, AgentTally, _OF_AGENT, {key: {"ratings": by} for key, by in by_agent.items()})
        surveys: dict[Key, dict[str, int]] = {
            bucket: {step: steps[step] for step in STEPS} for bucket, steps in self._surveys.items()
        }
        await move_all(connection, Funnel, Bucket._fields, surveys)
        calls = {key: {"calls": self._calls[key], "talk": self._talk[key]} for key in {*self._calls, *self._talk}}
        await move_all(connection, CallCount, BUCKET, calls)
        await move_all(connection, Coverage, STRATUM, {key: {"calls": by} for key, by in self._strata.items()})


Counting = Callable[[Transaction, Counts], Awaitable[Result]]
"""What is done in one transaction, with the changes of counts that follow from it."""


def with_counts(work: Counting[Result]) -> Work[Result]:
    """`work`, and after it the counts, as one transaction's work."""

    async def both(connection: Transaction) -> Result:
        counts = Counts()
        result = await work(connection, counts)
        await counts.write(connection)
        return result

    return both
