"""The service as a process, and what callers' keys became in its database."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from sqlalchemy import select

from storage.engine import open_database
from storage.tables import Answer, Survey
from storage.transaction import Transaction
from storage.verify import verify
from tests.chaos.callers import Callers

START_SECONDS = 30.0
PROGRAM = "ivr.cli.main"
SETTINGS = """
[database]
url = "{url}"
journal = "{folder}/journal.db"
[web]
port = {web}
token = "a token of these tests"
[fastagi]
port = {port}
[privacy]
caller_key = "a caller key of these tests"
[log]
level = "warning"
[sites.main]
trigger = "dialplan"
[sites.main.ami]
port = 1
secret = "nobody listens there"
"""


@asynccontextmanager
async def living(
    settings: Path, port: int, *, through: Sequence[str] = (), log: Path = Path("/dev/null"), program: str = PROGRAM
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`postcall serve`, from the moment at which it takes calls.

    `through` is a command that runs the one behind it; what the service says goes to `log`; `program` is the module
    that is started.
    """
    with log.open("ab") as said:
        process = await asyncio.create_subprocess_exec(
            *through, sys.executable, "-m", program, "serve", "-c", str(settings),
            stdout=asyncio.subprocess.DEVNULL, stderr=said,
        )  # fmt: skip
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                assert process.returncode is None, "postcall serve ended by itself"
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def readiness(web: int) -> tuple[int, dict[str, str]]:
    """What `/readyz` says: its status, and each part."""
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{web}/readyz") as answer:
        return answer.status, (await answer.json())["parts"]


def waiting_entries(journal: Path) -> int:
    """How much waits in a journal."""
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as file:
        return int(file.execute("SELECT count(*) FROM entry").fetchone()[0])


async def wrong_keys(url: str, callers: Callers) -> dict[tuple[str, int], tuple[str, list[str]]]:
    """The keys that callers were thanked for and that are not there just once, with what is there of their survey.

    The counts are compared with the answers, too.
    """
    async with await open_database(url) as database:
        assert await verify(database) == []
        kept = await database.read(_answers)
    return {
        (survey, number): (key, kept.get(survey, []))
        for (survey, number), key in callers.thanked.items()
        if kept.get(survey, [])[number : number + 1] != [key]
    }


async def _answers(connection: Transaction) -> dict[str, list[str]]:
    """The keys of each survey, in the order in which they were pressed."""
    statement = (
        select(Survey.survey, Answer.keys)
        .join(Answer, (Answer.site_id == Survey.site_id) & (Answer.survey == Survey.survey))
        .order_by(Survey.survey, Answer.answered_at)
    )
    found: dict[str, list[str]] = {}
    for survey, keys in (await connection.execute(statement)).all():
        found.setdefault(survey, []).append(keys)
    return found
