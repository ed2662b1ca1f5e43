"""What a journal kept is carried out in any number of transactions, with the same result."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from storage.carrying_out import carry_out
from storage.counts import Counts, with_counts
from storage.engine import Database
from storage.journal_entries import Answered, Finished, Happened, Noted, Offered, ReasonChosen, Started
from storage.recorder import Recorder
from storage.records import CallRecord, Share, SiteRecord
from storage.tables import MONTHS, Agent, Answer, Base, Call, Credit, Funnel, Queue, Reason, Survey
from storage.transaction import Transaction
from storage.verify import verify
from tests.storage.samples import ANA, BOB, at, offer, rated, rows, silent

ONE_BY_ONE, TOGETHER = "one-by-one", "together"
Told = tuple[str, Happened]
"""A survey, and what happened in it."""


async def keep(database: Database, site: str, told: Sequence[Told]) -> list[bool]:
    async def work(connection: Transaction, counts: Counts) -> list[bool]:
        return [await carry_out(connection, counts, site, survey, happened) for survey, happened in told]

    return await database.write(with_counts(work))


def offered(site: str, survey: str, rng: random.Random) -> Offered:
    shared = (Share(agent=ANA, parts=400), Share(agent=BOB, parts=600))
    kind: dict[str, Any] = rng.choice([{}, {"agent": BOB}, {"shares": shared}, {"queue": "vip", "reason": ""}])
    if survey.startswith("trial-"):
        kind["trial"] = True
    return Offered(offer=offer(survey, site=site, reason_source="queue", **kind))


def happens(rng: random.Random) -> Happened:
    answers = [rated(rng.randint(1, 5)), rated(3, question="clear", is_rating=False), silent("mood")]
    return rng.choice(
        [
            Started(at=at(1)),
            *(Answered(answer=answer) for answer in answers),
            ReasonChosen(reason=rng.choice(["sales", "billing"])),
            Noted(language="es", incentive=None),
            Finished(outcome=rng.choice(["completed", "partial", "hung_up"]), at=at(20)),
        ]
    )


def story(site: str, seed: int) -> list[Told]:
    """Four surveys, and what happens in them by chance: also twice, out of order, and after the end."""
    rng = random.Random(seed)
    surveys = ["1.1", "1.2", "1.3", "trial-1"]
    told: list[Told] = [(survey, offered(site, survey, rng)) for survey in surveys]
    told += [(survey, happens(rng)) for _ in range(8) for survey in rng.sample(surveys, 3)]
    told.append(("1.1", offered(site, "1.1", rng)))
    return told


@pytest.mark.parametrize("seed", range(8))
async def test_together_or_one_by_one_every_table_is_the_same(
    seed: int, recorder: Recorder, database: Database
) -> None:
    for site in (ONE_BY_ONE, TOGETHER):
        await recorder.ensure_site(SiteRecord(site=site, name="", zone="Europe/Madrid"))
        # One call is over and counted before, and its survey takes that back; another has a reason to be trusted more.
        await recorder.record_heard(
            CallRecord(site=site, linkedid="1.2", ended_at=at(0), ended_by="agent"), exclusion="not_reached"
        )
        await recorder.record_heard(CallRecord(site=site, linkedid="1.3", reason="refund", reason_source="wrap_up"))
    singly = [await keep(database, ONE_BY_ONE, [told]) for told in story(ONE_BY_ONE, seed)]
    together = await keep(database, TOGETHER, story(TOGETHER, seed))
    assert together == [result for [result] in singly]
    assert True in together
    assert False in together
    for table in (Agent, Queue, Reason, Call, Survey, Answer, Credit):
        assert await of_site(database, table, ONE_BY_ONE) == await of_site(database, table, TOGETHER)
    for table in (*MONTHS, *MONTHS.values()):
        assert await of_site(database, table, ONE_BY_ONE, counts=True) == await of_site(
            database, table, TOGETHER, counts=True
        )
    assert await verify(database) == []


async def of_site(database: Database, table: type[Base], site: str, *, counts: bool = False) -> list[dict[str, Any]]:
    """The rows of a site, without its name; of `counts` those that are not at 0, where they stay once they were not."""
    found = [row for row in await rows(database, table) if row.pop("site_id") == site]
    keys = {column.name for column in table.__table__.primary_key}
    return [row for row in found if not counts or any(row[name] for name in row.keys() - keys)]


async def test_what_cannot_be_kept_leaves_nothing_of_what_came_with_it(recorder: Recorder, database: Database) -> None:
    told = [("1.1", Offered(offer=offer("1.1"))), ("1.1", Started(at=at(1))), ("never-offered", Started(at=at(1)))]
    with pytest.raises(LookupError, match="never-offered"):
        await keep(database, "main", told)
    for table in (Call, Survey, Funnel):
        assert await rows(database, table) == []
