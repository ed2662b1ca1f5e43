"""One replica at a time has a job, and nobody has to wait long for one that is gone."""

from collections.abc import AsyncIterator

import pytest

from storage.engine import Database, open_database
from storage.leases import LEASE_SECONDS, LeaseRecorder
from tests.postgres import Postgres

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        yield opened


@pytest.fixture
def leases(database: Database) -> LeaseRecorder:
    return LeaseRecorder(database)


def move(postgres: Postgres, name: str, seconds: float) -> None:
    """Have all leases renewed so much later, or earlier for less than 0."""
    postgres.sql(name, f"UPDATE lease SET renewed_at = renewed_at + interval '{seconds} s'")


async def test_whoever_comes_second_gets_what_is_left(leases: LeaseRecorder) -> None:
    assert (await leases.claim("a", ["pbx one"])).keys() == {"pbx one"}
    assert (await leases.claim("b", ["pbx one", "pbx two"])).keys() == {"pbx two"}
    assert (await leases.claim("a", ["pbx one", "pbx two"])).keys() == {"pbx one"}


async def test_a_job_is_free_when_its_holder_is_silent_for_three_seconds(
    leases: LeaseRecorder, postgres: Postgres, migrated_name: str
) -> None:
    await leases.claim("a", ["pbx one"])
    move(postgres, migrated_name, 0.5 - LEASE_SECONDS)
    assert not await leases.claim("b", ["pbx one"])
    move(postgres, migrated_name, -0.5)
    taken = await leases.claim("b", ["pbx one"])
    heard_until = taken["pbx one"].heard_until
    assert heard_until is not None
    assert not await leases.claim("a", ["pbx one"]), "the first one must find that it has lost it"
    again = (await leases.claim("b", ["pbx one"]))["pbx one"].heard_until
    assert again is not None
    assert (again - heard_until).total_seconds() >= LEASE_SECONDS


async def test_a_job_renewed_in_the_future_is_of_a_clock_that_was_set_back(
    leases: LeaseRecorder, postgres: Postgres, migrated_name: str
) -> None:
    await leases.claim("a", ["pbx one"])
    move(postgres, migrated_name, 3600)
    assert (await leases.claim("b", ["pbx one"])).keys() == {"pbx one"}


async def test_what_is_given_back_is_free_at_once(leases: LeaseRecorder) -> None:
    await leases.claim("a", ["pbx one", "pbx two"])
    await leases.give_back("a")
    taken = await leases.claim("b", ["pbx one", "pbx two"])
    assert [lease.heard_until for lease in taken.values()] == [None, None]
