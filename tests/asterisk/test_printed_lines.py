"""What `postcall asterisk dialplan` prints works as it stands, with the rights that it names and no others."""

import asyncio
import shutil
from pathlib import Path

import pytest

import callflows
from ivr.app import running
from ivr.asterisk.dialplan import extensions_conf, manager_conf
from ivr.cli.asterisk import dialplan_site
from ivr.demo.choices import free_port
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from ivr.demo.pbx.sip import SipPhone
from ivr.settings import build_settings
from tests.asterisk.service import TOKEN, Beside

SECRET = "the secret of these tests"


def printed_user(lines: str) -> AmiUser:
    """The user as manager.conf would have it, line by line."""
    pairs = [tuple(part.strip() for part in line.split("=", 1)) for line in lines.splitlines() if " = " in line]
    values = dict(pairs)
    return AmiUser(
        name="postcall",
        secret=SECRET,
        read=values["read"],
        write=values["write"],
        event_filters=[value for name, value in pairs if name == "eventfilter"],
    )


@pytest.mark.parametrize(
    ("trigger", "replicas"),
    [("ami", []), ("dialplan", []), ("dialplan", [f"127.0.0.1:{free_port()}"])],
    ids=["ami", "dialplan", "the first of two replicas is gone"],
)
async def test_an_admin_pastes_the_lines_and_a_caller_is_asked(
    asterisk_server: AsteriskServer, migrated_file: Path, tmp_path: Path, trigger: str, replicas: list[str]
) -> None:
    agi_port = free_port()
    replicas = [*replicas, f"127.0.0.1:{agi_port}"] if replicas else []
    database = shutil.copy(migrated_file, tmp_path / "postcall.db")

    def settings(ami_port: int) -> dict[str, object]:
        return {
            "database": {"url": f"sqlite:///{database}"},
            "web": {"port": 0, "token": TOKEN},
            "fastagi": {"port": agi_port, "replicas": replicas},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {
                trigger: {
                    "trigger": trigger,
                    "survey_goto": "pasted-survey,s,1",
                    "ami": {"port": ami_port, "secret": SECRET},
                }
            },
        }

    site = dialplan_site(build_settings(settings(0), source="test"), trigger)
    own_lines = "\n[from-caller]\nexten => 7000,1,Answer()\n same => n,Queue(support{option})\n same => n,{then}\n"
    if trigger == "ami":
        pasted = extensions_conf(site) + own_lines.format(option="", then="Hangup()")
    else:
        assert "Goto(pasted-survey,s,1)" in extensions_conf(site)
        pasted = extensions_conf(site) + own_lines.format(option=",c", then="Goto(pasted-survey,s,1)")
    async with (
        AsteriskServer(
            asterisk_server.root,
            users=[printed_user(manager_conf(site))],
            prompts=Path(callflows.__file__).parent / "library/sounds",
            extra_dialplan=pasted,
        ) as server,
        running(build_settings(settings(server.ami_port), source="test")) as service,
        SipPhone("1001", sip_port=server.sip_port) as alice,
        SipPhone("caller", sip_port=server.sip_port) as caller,
    ):
        postcall = Beside(service)
        await alice.register()
        here = await caller.dial("7000")
        there = await alice.incoming()
        await there.answer()
        await here.wait_answered()
        if trigger == "ami":
            await postcall.armed(1, site=trigger)
        await there.hang_up()
        await here.heard.sound()
        await here.press("4")
        await here.wait_ended(15)
        await postcall.service.facts.all_written()
        score = await postcall.get(f"/api/v1/agents/PJSIP/1001/scores?site={trigger}")
        assert (score["name"], score["n"], score["mean"]) == ("Alice Moreau", 1, 4.0)
        # Not asked for: AgentComplete events that fit no talk. Asterisk sends one when the agent hangs up at once.
        assert service.links[trigger].state.skipped_messages == 0


async def test_with_less_than_the_printed_rights_no_caller_is_sent_into_the_survey(
    asterisk_server: AsteriskServer,
) -> None:
    """The rights are the least: take one away, and Asterisk refuses."""
    poor = AmiUser(name="poor", secret=SECRET, read="agent,call", write="reporting")
    async with AsteriskServer(asterisk_server.root, users=[poor]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ami_port)
        await reader.readline()
        for action in (
            f"Action: Login\r\nUsername: poor\r\nSecret: {SECRET}\r\n\r\n",
            "Action: Setvar\r\nChannel: PJSIP/nobody\r\nVariable: X\r\nValue: 1\r\n\r\n",
        ):
            writer.write(action.encode())
            said = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        writer.close()
        assert b"Permission denied" in said
