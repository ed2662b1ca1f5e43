"""The doctor's test call at a real Asterisk, beside a service that runs; each fault is planted, found and explained."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner

from callflows.loader import LIBRARY
from ivr.asterisk.ami import AmiAccess
from ivr.asterisk.dialplan import EVENTS, READ, DialplanSite
from ivr.cli.main import main
from ivr.demo.choices import free_port
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from ivr.doctor.findings import Finding
from ivr.doctor.test_call import call_for_test
from storage.tables import Call, Survey
from tests.asterisk.service import TOKEN, Beside, beside

pytestmark = pytest.mark.asyncio(loop_scope="module")
FILTERS = [f"Event: {name}" for name in EVENTS]
USERS = [
    AmiUser(name="postcall", read=READ, write="call,originate", event_filters=FILTERS),
    AmiUser(name="survey", read=READ, write="call", event_filters=FILTERS),
    AmiUser(name="unfiltered", read=READ, write="call,originate"),
    AmiUser(name="deaf", read=READ, write="call,originate", event_filters=["Event: AgentConnect"]),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx(asterisk_server: AsteriskServer) -> AsyncIterator[AsteriskServer]:
    async with AsteriskServer(asterisk_server.root, users=USERS) as server:
        shutil.copytree(LIBRARY / "sounds", server.base / "data/sounds/postcall")
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def postcall(
    pbx: AsteriskServer, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Beside]:
    """The service, with the least rights."""
    database = shutil.copy(migrated_file, tmp_path_factory.mktemp("doctor") / "postcall.db")
    async with beside(pbx, f"sqlite:///{database}") as service:
        yield service


async def called(pbx: AsteriskServer, user: str = "postcall", goto: str = "postcall-survey,s,1") -> list[Finding]:
    site = DialplanSite(
        site="main", username=user, trigger="ami", survey_goto=goto, create_extension=False,
        agi_host="127.0.0.1", agi_port=4573,
    )  # fmt: skip
    return await call_for_test(AmiAccess(port=pbx.ami_port, username=user, secret=pbx.users[user].secret), site)


async def test_a_good_call_is_taken_hears_a_prompt_and_is_counted_nowhere(
    pbx: AsteriskServer, postcall: Beside
) -> None:
    since = pbx.log.read_text(errors="replace")
    call, events = await called(pbx)
    assert (call.level, events.level) == ("ok", "ok"), (call, events)
    # The default flow csat, in its two languages.
    names = [path.stem for path in (LIBRARY / "sounds/en").glob("csat-*.wav") if "with-comment" not in path.stem]
    assert f"all {2 * len(names)} prompts are there" in call.said
    assert "Playing 'postcall/en/" in pbx.log.read_text(errors="replace").removeprefix(since)
    await postcall.service.facts.all_written()
    assert await postcall.rows(Survey) == await postcall.rows(Call) == []
    assert "Local/" not in await pbx.cli("core show channels concise")


async def test_the_command_beside_the_service_finds_nothing_wrong(
    pbx: AsteriskServer, postcall: Beside, tmp_path: Path
) -> None:
    config = tmp_path / "postcall.toml"
    config.write_text(
        f'[database]\nurl = "sqlite:///{postcall.database.url.database}"\n'
        f'[web]\nport = {postcall.service.url.rpartition(":")[2]}\ntoken = "{TOKEN}"\n'
        f'[fastagi]\nport = {postcall.service.agi_port}\n[privacy]\ncaller_key = "a caller key of these tests"\n'
        f'[sites.main.ami]\nport = {pbx.ami_port}\nsecret = "{pbx.users["postcall"].secret}"\n'
    )
    done = await asyncio.to_thread(CliRunner().invoke, main, ["doctor", "--test-call", "-c", str(config)])
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "Nothing is wrong."), done.output
    assert "FAULT" not in done.output
    for part in ("database: SQLite answers", "fastagi: 127.0.0.1:", "service: pbx main: works", "the test call to"):
        assert f"ok        {part}" in done.output or f"ok        pbx main: {part}" in done.output, done.output
    assert pbx.users["postcall"].secret not in done.output


async def test_a_prompt_that_the_pbx_does_not_have(pbx: AsteriskServer, postcall: Beside) -> None:
    sound = pbx.base / "data/sounds/postcall/zh/csat-thanks.wav"
    content = sound.read_bytes()
    sound.unlink()
    try:
        fault, _ = await called(pbx)
    finally:
        sound.write_bytes(content)
    assert fault.level == "fault"
    assert fault.said == "flow csat is not spoken in zh: 1 prompts cannot be played, such as zh/csat-thanks"
    assert fault.fix.startswith("`postcall prompts build`")
    assert (await called(pbx))[0].level == "ok"  # what was seen before does not hide what was mended


@pytest.mark.parametrize("goto", ["postcall-survey,nobody,1", "no-such-context,s,1"])
async def test_an_extension_that_is_not_there(pbx: AsteriskServer, postcall: Beside, goto: str) -> None:
    fault, _ = await called(pbx, goto=goto)
    said = f"the test call to {goto} did not reach the service (Originate failed)"
    assert (fault.level, fault.said) == ("fault", said)
    assert "its AGI() lead to a service that runs" in fault.fix


async def test_a_line_that_leads_to_where_nobody_listens(pbx: AsteriskServer, postcall: Beside) -> None:
    await pbx.send_surveys_to(f"agi://127.0.0.1:{free_port()}/survey?site=main")
    try:
        fault, _ = await called(pbx)
    finally:
        await pbx.send_surveys_to(f"agi://127.0.0.1:{postcall.service.agi_port}/survey?site=main")
    # This dialplan says goodbye behind the AGI() that failed, and so the call is taken all the same.
    said = "the test call to postcall-survey,s,1 did not reach the service (AGISTATUS is FAILURE)"
    assert (fault.level, fault.said) == ("fault", said)


async def test_a_module_without_which_channels_cannot_be_read(pbx: AsteriskServer, postcall: Beside) -> None:
    await pbx.cli("module unload func_uri")
    try:
        fault, _ = await called(pbx)
    finally:
        await pbx.cli("module load func_uri")
    said = "the test call to postcall-survey,s,1 was taken, and ended without a result"
    assert (fault.level, fault.said) == ("fault", said)
    assert fault.fix.startswith("see the service's log")


async def test_a_user_who_may_not_place_calls(pbx: AsteriskServer, postcall: Beside) -> None:
    [note] = await called(pbx, "survey")
    assert (note.level, note.said) == ("note", "no test call: the user lacks write = originate")


async def test_event_filters_that_let_through_too_much(pbx: AsteriskServer, postcall: Beside) -> None:
    call, events = await called(pbx, "unfiltered")
    assert (call.level, events.level) == ("ok", "warning")
    assert events.said == "events come through that nobody needs: DialBegin, DialEnd, LocalBridge, NewCallerid …"
    assert "eventfilter" in events.fix


async def test_event_filters_that_let_through_too_little(pbx: AsteriskServer, postcall: Beside) -> None:
    call, events = await called(pbx, "deaf")
    assert (call.level, events.level) == ("ok", "fault")
    assert events.said.startswith("the event Hangup of the test call did not come through")
