"""`postcall db recredit`: another credit policy, another list of agents, and every rating moves to where it belongs."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli.main import main
from storage.engine import open_database
from storage.queries import tallies
from storage.recorder import Recorder
from storage.records import AnswerRecord, CountFilter, FlowVersionRecord, LegRecord, SiteRecord, SurveyOffer
from storage.schema import upgrade
from tests.heard import hear_leg

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = """
[database]
url = "{url}"
[web]
token = "a token of these tests"
[privacy]
caller_key = "a key of these tests"
[sites.main]
{more}
[sites.main.credit]
{credit}
[sites.main.ami]
secret = "s3cret of the tests"
"""


class Folder:
    """Settings, and a database with two rated calls: Alice talked for 20 s, and Bob for 60 after a transfer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path / 'postcall.db'}"

    def settings(self, credit: str = "", more: str = "") -> None:
        text = SETTINGS.format(url=self.url, credit=credit, more=more)
        (self.path / "postcall.toml").write_text(text, "utf-8")

    async def fill(self) -> None:
        await upgrade(self.url)
        async with await open_database(self.url) as database:
            recorder = Recorder(database)
            await recorder.ensure_site(SiteRecord(site="main", name="", zone="UTC"))
            await recorder.publish(FlowVersionRecord(digest="aa", flow="csat", source="", published_at=NOON))
            for day, value in ((0, 5), (1, 1)):
                await self.call(recorder, f"{day}.1", NOON + timedelta(days=day), value)

    async def call(self, recorder: Recorder, linkedid: str, at: datetime, value: int) -> None:
        for agent, since, until, by in (("PJSIP/1001", 0, 20, "transfer"), ("PJSIP/1002", 20, 80, "agent")):
            await hear_leg(
                recorder,
                LegRecord(
                    site="main",
                    linkedid=linkedid,
                    leg=agent,
                    agent=agent,
                    interface=agent,
                    queue="support",
                    connected_at=at + timedelta(seconds=since),
                    ended_at=at + timedelta(seconds=until),
                    ended_by=by,  # type: ignore[arg-type]
                    talk_seconds=until - since,
                ),
            )
        asked_at = at + timedelta(seconds=80)
        await recorder.offer(
            SurveyOffer(
                site="main", survey=linkedid, linkedid=linkedid, flow="csat", flow_version="aa", offered_at=asked_at,
                agent="PJSIP/1002", queue="support",
            )
        )  # fmt: skip
        answer = AnswerRecord(
            question="satisfaction", is_rating=True, keys=str(value), value=value, tries=1, ended="answered",
            answered_at=asked_at,
        )  # fmt: skip
        await recorder.record_answer("main", linkedid, answer)

    def run(self, *arguments: str) -> str:
        result = CliRunner().invoke(main, ["db", *arguments, "-c", str(self.path / "postcall.toml")])
        return f"{result.exit_code}: {result.output.strip()}"

    async def ratings(self, reason: bool = False) -> dict[str, str]:
        async with await open_database(self.url) as database:
            rows = await tallies(database, CountFilter(), by=["reason" if reason else "agent"])
        found: dict[str, str] = {}
        for row in rows:
            name = row.reason if reason else row.agent
            found[name or ""] = f"{found.get(name or '', '')} {row.value}x{float(row.ratings):g}".strip()
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.settings()
    return folder


async def run(folder: Folder, *arguments: str) -> str:
    return await asyncio.to_thread(folder.run, *arguments)


@pytest.mark.parametrize(
    ("credit", "said", "ratings"),
    [
        ('default = "last"', "0 of 2", {"PJSIP/1002": "1x1 5x1"}),
        ('default = "first"', "2 of 2", {"PJSIP/1001": "1x1 5x1"}),
        ('default = "longest"', "0 of 2", {"PJSIP/1002": "1x1 5x1"}),
        ('default = "split"', "2 of 2", {"PJSIP/1001": "1x0.25 5x0.25", "PJSIP/1002": "1x0.75 5x0.75"}),
        ('queues = { support = "first" }', "2 of 2", {"PJSIP/1001": "1x1 5x1"}),
        ('queues = { billing = "first" }', "0 of 2", {"PJSIP/1002": "1x1 5x1"}),
    ],
)
async def test_another_policy_moves_the_ratings_and_the_recount_agrees(
    folder: Folder, credit: str, said: str, ratings: dict[str, str]
) -> None:
    await folder.fill()
    folder.settings(credit)
    assert await run(folder, "verify") == "0: every tally is what the answers say"
    assert await run(folder, "recredit", "--site", "main") == f"0: {said} surveys are credited elsewhere now"
    assert await folder.ratings() == ratings
    assert await run(folder, "verify") == "0: every tally is what the answers say"
    assert await run(folder, "recredit", "--site", "main") == "0: 0 of 2 surveys are credited elsewhere now"

    folder.settings()
    await run(folder, "recredit", "--site", "main")
    assert await folder.ratings() == {"PJSIP/1002": "1x1 5x1"}
    assert await run(folder, "verify") == "0: every tally is what the answers say"


async def test_only_the_days_asked_for_are_credited_again(folder: Folder) -> None:
    await folder.fill()
    folder.settings('default = "first"')
    said = await run(folder, "recredit", "--site", "main", "--from", "2026-11-23", "--to", "2026-11-23")
    assert said == "0: 1 of 1 surveys are credited elsewhere now"
    assert await folder.ratings() == {"PJSIP/1001": "1x1", "PJSIP/1002": "5x1"}


async def test_a_list_of_agents_written_later_names_those_who_were_there(folder: Folder) -> None:
    await folder.fill()
    (folder.path / "agents.csv").write_text(
        "agent,name,interface,from,to\nA7,Ana,PJSIP/1002,,2026-11-22\nB9,Bo,PJSIP/1002,2026-11-23,\n", "utf-8"
    )
    folder.settings(more='agents_file = "agents.csv"')
    await run(folder, "recredit", "--site", "main")
    assert await folder.ratings() == {"A7": "5x1", "B9": "1x1"}
    assert await run(folder, "verify") == "0: every tally is what the answers say"


async def test_a_queue_s_default_reason_fills_in_for_calls_without_one(folder: Folder) -> None:
    await folder.fill()
    folder.settings(more='queue_reasons = { support = "tech/other" }')
    await run(folder, "recredit", "--site", "main")
    assert await folder.ratings(reason=True) == {"tech/other": "1x1 5x1"}
    folder.settings()
    await run(folder, "recredit", "--site", "main")
    assert await folder.ratings(reason=True) == {"": "1x1 5x1"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--site", "mian"], "postcall: --site: got 'mian'; allowed: main"),
        (
            ["--site", "main", "--from", "2026-11-23", "--to", "2026-11-22"],
            "postcall: --from: got 2026-11-23; allowed: a day not after --to, 2026-11-22",
        ),
    ],
)
async def test_a_mistake_is_one_line(folder: Folder, arguments: list[str], line: str) -> None:
    await folder.fill()
    assert await run(folder, "recredit", *arguments) == f"2: {line}"


async def test_a_list_of_agents_with_mistakes_is_told_line_by_line(folder: Folder) -> None:
    await folder.fill()
    path = folder.path / "agents.csv"
    path.write_text("agent,interface,from\nA7,PJSIP/1001,yesterday\n,PJSIP/1002,\n", "utf-8")
    folder.settings(more='agents_file = "agents.csv"')
    assert await run(folder, "recredit", "--site", "main") == (
        f"2: postcall: {path}:2: from: got 'yesterday'; allowed is a day such as 2026-11-22, or 2026-11-22 14:30, "
        f"in the site's zone\npostcall: {path}:3: agent: is needed"
    )
