"""The service beside the real Asterisk, and what can be seen of it: in the database, over the API, by a recount."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import select

from ivr.app import Service, running
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.settings import Settings, build_settings
from storage.engine import Database
from storage.tables import Answer, Base, Call, Leg, Survey
from storage.verify import verify
from tests.databases import database_settings
from tests.waiting import until

TOKEN = "a token of these tests"


def settings_for(
    server: AsteriskServer,
    url: str,
    *,
    agi_port: int = 0,
    replicas: Sequence[str] = (),
    trigger: str = "ami",
    prompt_prefix: str = "postcall",
    folder: Path | None = None,
    flows: Mapping[str, str] | None = None,
    user: str = "survey",
    ami_port: int | None = None,
    **site: Any,
) -> Settings:
    """Settings of a service beside `server`, on the database at `url`; `site` adds to those of the one site."""
    return build_settings(
        {
            "database": database_settings(url),
            "web": {"port": 0, "token": TOKEN},
            "fastagi": {"port": agi_port, "replicas": replicas},
            "flows": {"prompt_prefix": prompt_prefix, "folder": folder, **(flows or {})},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {
                "main": {
                    "zone": "Asia/Taipei",
                    "trigger": trigger,
                    "ami": {
                        "port": ami_port or server.ami_port,
                        "username": user,
                        "secret": server.users[user].secret,
                    },
                    **site,
                }
            },
        },
        source="test",
    )


@dataclass(frozen=True)
class Beside:
    """A service that runs, and questions about it."""

    service: Service

    async def rows(self, table: type[Base], **wanted: Any) -> list[Any]:
        """The rows of a table with these values, as they stand."""

        async def work(connection: Any) -> list[Any]:
            found = await connection.execute(select(table.__table__).filter_by(**wanted))
            return list(found.all())

        return await self.database.read(work)

    async def finished_survey(self, linkedid: str) -> Any:
        """The survey of a call, as soon as it has ended."""

        async def look() -> Any:
            return next((row for row in await self.rows(Survey, linkedid=linkedid) if row.ended_at), None)

        return await until(look)

    async def ended_call(self, linkedid: str) -> Any:
        """The call, as soon as its end is written, and with it why it was not asked."""

        async def look() -> Any:
            await self.service.facts.all_written()
            return next((row for row in await self.rows(Call, linkedid=linkedid) if row.ended_at), None)

        return await until(look)

    async def armed(self, callers: int, site: str = "main") -> None:
        """Wait until so many callers in all will be sent into the survey when their agent hangs up.

        An agent who hangs up within the milliseconds before that was no agent.
        """

        async def look() -> bool:
            return self.service.links[site].state.armed >= callers

        await until(look)

    async def answers(self, survey: str) -> list[tuple[str, int | None, int, str]]:
        """What was answered: keys, value, tries, how it ended."""
        return [(row.keys, row.value, row.tries, row.ended) for row in await self.rows(Answer, survey=survey)]

    async def legs(self, linkedid: str) -> list[tuple[str, str]]:
        """Who talked with the caller, and who ended it."""
        return [(row.agent, row.ended_by) for row in await self.rows(Leg, linkedid=linkedid)]

    async def get(self, path: str) -> Any:
        """What the API answers."""
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client,
            client.get(self.service.url + path) as response,
        ):
            assert response.status == 200, await response.text()
            return await response.json()

    async def agent(self, agent: str) -> dict[str, Any]:
        """An agent's score over the API."""
        found: dict[str, Any] = await self.get(f"/api/v1/agents/{agent}/scores")
        return found

    async def exact(self) -> bool:
        """Whether every tally is what a recount says."""
        differences = await verify(self.database)
        assert not differences, [str(difference) for difference in differences]
        return True

    @property
    def database(self) -> Database:
        """The service's own."""
        return self.service.database


@asynccontextmanager
async def beside(server: AsteriskServer, url: str, trigger: str = "ami", **more: Any) -> AsyncIterator[Beside]:
    """Run the service beside `server`, which then sends its surveys to it; `more` goes into its settings."""
    async with running(settings_for(server, url, trigger=trigger, **more)) as service:
        await server.send_surveys_to(f"agi://127.0.0.1:{service.agi_port}/survey?site=main")
        yield Beside(service)
