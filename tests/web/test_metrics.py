"""What Prometheus is told, as its own reader understands it, while callers rate and things go wrong."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ivr.app import Service, running
from ivr.demo.choices import free_port
from ivr.settings import build_settings
from storage.schema import upgrade
from tests import postgres as servers
from tests.chaos.callers import Callers
from tests.postgres import Postgres
from tests.waiting import until

TOKEN = "a token of these tests"
Figures = dict[tuple[str, ...], float]


@asynccontextmanager
async def serving(url: str, folder: Path, port: int = 0) -> AsyncIterator[Service]:
    await upgrade(url)
    settings = build_settings(
        {
            "database": {"url": url, "journal": str(folder / "journal.db")},
            "web": {"port": 0, "token": TOKEN},
            "fastagi": {"port": port},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {"main": {"trigger": "dialplan", "ami": {"port": 9, "secret": "a secret of these tests"}}},
        },
        source="test",
    )
    async with running(settings) as service:
        yield service


async def scrape(service: Service, token: str = TOKEN) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(service.url) as client, client.get("/metrics", headers=headers) as answer:
        return answer.status, await answer.text()


async def figures(service: Service) -> Figures:
    """Each figure by its name and the values of its labels, those in the order of the labels' names."""
    status, text = await scrape(service)
    assert status == 200
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def call(port: int, surveys: int) -> Callers:
    """So many callers, one after the other, each to the end of the survey."""
    callers = Callers(ports=[port], lines=0, rng=random.Random(1))
    for number in range(surveys):
        await callers.one(f"179540000{number}.1", "csat")
    return callers


async def test_what_callers_do_is_counted(tmp_path: Path) -> None:
    port = free_port()
    async with serving(f"sqlite:///{tmp_path}/postcall.db", tmp_path, port) as service:
        before = await figures(service)
        assert ("postcall_surveys_offered_total", "csat", "main") not in before
        await call(port, 3)

        async def all_ended() -> bool:
            return (await figures(service)).get(("postcall_surveys_ended_total", "csat", "completed", "main")) == 3

        await until(all_ended, 10)
        found = await figures(service)
        assert found["postcall_surveys_offered_total", "csat", "main"] == 3
        assert found["postcall_answers_total", "csat", "main"] == 3
        assert found["postcall_survey_begin_seconds_count", "request", "main"] == 3
        assert 0 < found["postcall_survey_begin_seconds_sum", "request", "main"] < 30
        assert found["postcall_fastagi_accepted_total",] == 3
        assert found["postcall_fastagi_open",] == 0
        assert found["postcall_database_up",] == 1
        written = "postcall_database_seconds_count", "write"
        assert found[written] >= before[written] + 4 * 3
        # Nobody listens where the PBX should be.
        assert found["postcall_ami_connected", "main"] == 0


async def test_two_services_in_one_process_count_apart(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "other").mkdir()
    async with (
        serving(f"sqlite:///{tmp_path}/postcall.db", tmp_path, port) as service,
        serving(f"sqlite:///{tmp_path}/other/postcall.db", tmp_path / "other") as other,
    ):
        await call(port, 1)
        assert (await figures(service))["postcall_fastagi_accepted_total",] == 1
        assert (await figures(other))["postcall_fastagi_accepted_total",] == 0


@pytest.fixture
def server() -> Iterator[Postgres]:
    own = servers.start_another()
    yield own
    own.stop()


async def test_a_database_that_is_away_is_seen_and_what_waits_for_it(server: Postgres, tmp_path: Path) -> None:
    port = free_port()
    async with serving(server.url(server.create_database()), tmp_path, port) as service:
        assert (await figures(service))["postcall_journal_entries",] == 0
        server.crash()
        await call(port, 2)
        found = await figures(service)
        assert found["postcall_database_up",] == 0
        assert found["postcall_journal_entries",] >= 2 * 3
        assert found["postcall_journal_age_seconds",] > 0
        assert found["postcall_database_failures_total", "write"] >= 1
        server.restart()

        async def is_through() -> bool:
            now = await figures(service)
            return now["postcall_journal_entries",] == 0 and now["postcall_database_up",] == 1

        await until(is_through, 30)


async def test_every_figure_is_named_and_explained_as_prometheus_wants_it(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/postcall.db", tmp_path) as service:
        _, text = await scrape(service)
    families = list(text_string_to_metric_families(text))
    assert len(families) > 20
    for family in families:
        assert family.name.startswith("postcall_")
        assert family.documentation.endswith("."), family.name
        assert family.type in ("counter", "gauge", "histogram"), family.name
        if family.type == "counter":
            assert all(sample.name.endswith(("_total", "_created")) for sample in family.samples), family.name
        if "seconds" in family.name:
            assert family.name.removesuffix("_created").endswith("_seconds")


async def test_nobody_without_a_token_is_told_anything(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/postcall.db", tmp_path) as service:
        assert (await scrape(service, token=""))[0] == 401
        assert (await scrape(service, token="a guess"))[0] == 401
