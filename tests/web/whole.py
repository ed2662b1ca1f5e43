"""The whole service, with a month of calls, accounts of every role, and no PBX."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from ivr.app import running
from ivr.settings import build_settings
from ivr.web.auth import fingerprint
from storage.accounts import AccountRecord, Accounts, Role
from storage.engine import Database
from storage.publication_queries import publications
from tests.databases import database_settings
from tests.pages.seed import RECORDED, SITE, seed

TOKEN = "a token of these tests"
SOUND = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00 what the caller said"


@dataclass
class Whole:
    """The service, and how somebody asks it."""

    url: str
    database: Database
    accounts: Accounts
    client: aiohttp.ClientSession
    flow_version: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    """By login."""

    async def add(self, login: str, role: Role, **reach: Any) -> None:
        """Make an account with a token."""
        now = datetime.now(UTC)
        self.tokens[login] = secrets.token_hex(16)
        await self.accounts.add(AccountRecord(login=login, role=role, created_at=now, **reach))
        await self.accounts.add_token(login, fingerprint(self.tokens[login]), "", now)

    def header(self, login: str | None) -> dict[str, str]:
        """With which that account asks; nobody does so with none."""
        return {} if login is None else {"Authorization": f"Bearer {self.tokens[login]}"}


@asynccontextmanager
async def whole(url: str, recordings: Path, *, calls: int) -> AsyncIterator[Whole]:
    """Run the service on a database with the newest schema, with so many calls of the last month and a few of today."""
    (recordings / f"{SITE}-{RECORDED}-comment.wav").write_bytes(SOUND)
    settings = build_settings(
        {
            "database": database_settings(url),
            "web": {"port": 0, "token": TOKEN},
            "fastagi": {"port": 0},
            "privacy": {"caller_key": "a key of these tests"},
            "flows": {"recordings_here": str(recordings)},
            # Nothing listens there: the service starts all the same.
            "sites": {SITE: {"name": "Head office", "ami": {"port": 9, "secret": "a secret of these tests"}}},
        },
        source="test",
    )
    async with running(settings) as service, aiohttp.ClientSession() as client:
        here = Whole(url=service.url, database=service.database, accounts=Accounts(service.database), client=client)
        version = (await publications(service.database, "csat"))[-1].digest
        await seed(service.database, datetime.now(UTC), zone="UTC", flow_version=version, calls=calls)
        here.flow_version = version
        yield here
