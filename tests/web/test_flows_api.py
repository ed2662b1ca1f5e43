"""What a program, or the page, reads of the flows: what is in force, what is planned, what is refused."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from callflows.loader import load_flow
from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import Publishing, version_record
from ivr.web import flows
from ivr.web.flows import FLOWS, FlowSource
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import PublicationRecord, SiteRecord, SurveyOffer
from tests.shelves import SHIPPED
from tests.surveys.flow_files import source, write
from tests.web.served import api

TOKEN = "a token of these tests"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Client = TestClient[Request, Application]


@dataclass
class Service:
    """The parts behind the endpoints."""

    client: Client
    database: Database
    folder: Path
    publishing: Publishing

    async def settle(self) -> None:
        for _ in range(2):
            await self.publishing.step()

    async def get(self, path: str, status: int = 200, **query: str) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        response = await self.client.get(path, params=query, headers=headers)
        assert response.status == status, await response.text()
        assert response.content_type == ("application/json" if status == 200 else "application/problem+json")
        return await response.json()

    async def flow(self, code: str = "mine") -> Any:
        return next(flow for flow in (await self.get("/api/v1/flows"))["flows"] if flow["flow"] == code)


@pytest.fixture
async def service(
    aiohttp_client: Callable[[Application], Awaitable[Client]], url: str, tmp_path: Path
) -> AsyncIterator[Service]:
    folder = tmp_path / "flows"
    folder.mkdir()
    write(folder / "mine.yaml", "One")
    async with await open_database(url) as database:
        shelf = FlowShelf(lambda: NOON)
        publishing = Publishing(database=database, shelf=shelf, folder=folder, now=lambda: NOON)
        await publishing.start()
        app = api(TOKEN, flows.OPERATIONS)
        app[FLOWS] = FlowSource(database=database, shelf=shelf, status=publishing.status, now=lambda: NOON)
        yield Service(await aiohttp_client(app), database, folder, publishing)


async def test_every_flow_is_told_with_the_version_in_force(service: Service) -> None:
    answer = await service.get("/api/v1/flows")
    path = service.folder / "mine.yaml"
    assert [flow["flow"] for flow in answer["flows"]] == sorted([*SHIPPED, "mine"])
    assert next(flow for flow in answer["flows"] if flow["flow"] == "mine") == {
        "flow": "mine",
        "title": "One",
        "languages": ["en", "zh"],
        "version": load_flow(path).digest,
        "since": "2026-11-22T12:00:00Z",
        "way": "file",
        "next": None,
        "files": [str(path)],
        "file_gone": False,
        "refusal": None,
        "href": "/api/v1/flows/mine/versions",
    }
    assert (answer["flows"][0]["way"], answer["flows"][0]["files"]) == ("shipped", [])
    assert (answer["refused"], answer["problem"]) == ([], None)


async def test_a_refused_file_is_told_with_the_checkers_lines_beside_what_stays_in_force(service: Service) -> None:
    path = service.folder / "mine.yaml"
    path.write_text(source("Two").replace("tries: 2", "tires: 2"), "utf-8")
    (service.folder / "draft.yaml").write_text("", "utf-8")
    await service.settle()
    flow = await service.flow()
    assert flow["title"] == "One"
    assert flow["refusal"]["messages"] == [
        f'{path}:5:1: unknown setting "tires"; did you mean "tries"?',
    ]
    assert (flow["refusal"]["file"], flow["refusal"]["refused_at"]) == (str(path), "2026-11-22T12:00:00Z")
    refused = (await service.get("/api/v1/flows"))["refused"]
    assert [(one["file"], one["flow"]) for one in refused] == [
        (str(service.folder / "draft.yaml"), None),
        (str(path), "mine"),
    ]
    write(path, "Two")
    await service.settle()
    flow = await service.flow()
    assert (flow["title"], flow["refusal"]) == ("Two", None)


async def test_a_file_that_is_gone_is_told_beside_the_version_that_stays(service: Service) -> None:
    (service.folder / "mine.yaml").unlink()
    await service.settle()
    flow = await service.flow()
    assert (flow["title"], flow["files"], flow["file_gone"]) == ("One", [], True)


async def test_what_is_planned_is_told_and_every_publication_with_its_surveys(service: Service, tmp_path: Path) -> None:
    one, two = await service.flow(), load_flow(write(tmp_path / "two.draft", "Two"))
    recorder = Recorder(service.database)
    await recorder.publish(version_record(two, NOON))
    await recorder.put_in_force(
        PublicationRecord(
            flow="mine",
            digest=two.digest,
            in_force_from=NOON + timedelta(days=1),
            published_at=NOON,
            way="command",
            published_by="ana",
        )
    )
    await recorder.ensure_site(SiteRecord(site="main", name="", zone="UTC"))
    for survey in ("1.1", "1.2"):
        await recorder.offer(
            SurveyOffer(
                site="main",
                survey=survey,
                linkedid=survey,
                flow="mine",
                flow_version=one["version"],
                offered_at=NOON,
            )
        )
    await service.settle()
    assert (await service.flow())["next"] == {"version": two.digest, "in_force_from": "2026-11-23T12:00:00Z"}
    answer = await service.get(one["href"])
    assert answer == {
        "flow": "mine",
        "publications": [
            {
                "version": two.digest,
                "in_force_from": "2026-11-23T12:00:00Z",
                "published_at": "2026-11-22T12:00:00Z",
                "way": "command",
                "by": "ana",
                "in_force": False,
                "surveys": 0,
            },
            {
                "version": one["version"],
                "in_force_from": "2026-11-22T12:00:00Z",
                "published_at": "2026-11-22T12:00:00Z",
                "way": "file",
                "by": "mine.yaml",
                "in_force": True,
                "surveys": 2,
            },
        ],
    }


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_an_unknown_flow_a_wrong_parameter_and_a_missing_token(service: Service) -> None:
    problem = await service.get("/api/v1/flows/yours/versions", 404)
    assert (problem["detail"], problem["parameter"]) == ("flow: no flow 'yours' was ever published", "flow")
    problem = await service.get("/api/v1/flows", 400, site="main")
    assert problem["detail"] == "site: got 'main'; allowed: no such parameter; there are none"
    for path in ("/api/v1/flows", "/api/v1/flows/mine/versions"):
        assert (await service.client.get(path)).status == 401


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_folder_that_cannot_be_looked_at_is_told(service: Service, tmp_path: Path) -> None:
    service.folder.rename(tmp_path / "elsewhere")
    await service.settle()
    answer = await service.get("/api/v1/flows")
    assert answer["problem"] == f"flows.folder: {service.folder} cannot be read: No such file or directory"
    assert [flow["flow"] for flow in answer["flows"]] == sorted([*SHIPPED, "mine"])
