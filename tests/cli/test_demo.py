"""`postcall demo`: what a newcomer sees first."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE

import aiohttp
import pytest

from ivr.web.score_models import AgentsScores
from tests.waiting import until

LIMIT = 90.0


async def demo(*arguments: str) -> asyncio.subprocess.Process:
    """Begin `postcall demo`."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.cli.main", "demo", *arguments, stdout=PIPE, stderr=PIPE
    )


async def curl(line: str) -> AgentsScores:
    """Do what the printed curl command does."""
    found = re.fullmatch(r'  curl -H "(Authorization): (Bearer [\w-]+)" (http://127\.0\.0\.1:\d+/\S+)\n', line)
    assert found, line
    async with aiohttp.ClientSession() as client, client.get(found[3], headers={found[1]: found[2]}) as response:
        return AgentsScores.model_validate_json(await response.read())


async def rated(line: str) -> AgentsScores | None:
    """What curl says, once there is a rating."""
    scores = await curl(line)
    return scores if any(agent.n for agent in scores.agents) else None


def table_rows(text: str) -> list[list[str]]:
    """The cells of the agents' rows of the last table in `text`."""
    last = text[text.rindex("At the end") :]
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in last.splitlines() if "│ PJSIP/" in line]


async def test_ratings_come_in_the_url_says_the_same_and_it_ends_by_itself() -> None:
    process = await demo("--duration", "15")
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LIMIT):
            await process.stdout.readline()
            printed = (await process.stdout.readline()).decode()
            during = await until(lambda: rated(printed), LIMIT)
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert err == b""
    text = out.decode()
    assert "Every tally is what the answers say." in text
    rows = table_rows(text)
    at_the_end = {row[0]: int(row[2]) for row in rows}
    assert all(at_the_end[agent.agent or "not known"] >= agent.n for agent in during.agents)
    assert sum(at_the_end.values()) >= sum(agent.n for agent in during.agents) > 0


@pytest.mark.parametrize("duration", ["0", "-1", "soon"])
async def test_a_wrong_duration_is_refused_in_words(duration: str) -> None:
    process = await demo(f"--duration={duration}")
    _, err = await asyncio.wait_for(process.communicate(), LIMIT)
    assert process.returncode == 2
    assert b"Invalid value for '--duration'" in err
    assert b"Traceback" not in err
