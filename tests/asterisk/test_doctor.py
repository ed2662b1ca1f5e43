"""The doctor at a real Asterisk: one that is as it should be, and one with a fault each."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ivr.asterisk.ami import AmiAccess
from ivr.asterisk.dialplan import DialplanSite, extensions_conf
from ivr.asterisk.extension import ExtensionPlan
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from ivr.doctor.findings import Finding
from ivr.doctor.pbx import look_at_pbx

pytestmark = pytest.mark.asyncio(loop_scope="module")
SITE = DialplanSite(
    site="main",
    username="whole",
    trigger="ami",
    survey_goto="pasted-survey,s,1",
    create_extension=False,
    agi_host="127.0.0.1",
    agi_port=4573,
)
PLAN = ExtensionPlan(site="main", goto=SITE.survey_goto, agi_host="127.0.0.1", agi_port=4573)
USERS = [
    AmiUser(name="whole", read="call,agent,system,config,reporting", write="call,system,config,reporting", secret="s1"),
    AmiUser(name="least", read="call,agent", write="call", secret="s2"),
    AmiUser(name="poor", read="call,agent", write="agent", secret="s3"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx(asterisk_server: AsteriskServer) -> AsyncIterator[AsteriskServer]:
    async with AsteriskServer(asterisk_server.root, users=USERS, extra_dialplan=extensions_conf(SITE)) as server:
        yield server


async def looked(
    pbx: AsteriskServer, user: str, secret: str, site: DialplanSite = SITE, plan: ExtensionPlan = PLAN
) -> list[Finding]:
    return await look_at_pbx(AmiAccess(port=pbx.ami_port, username=user, secret=secret), site, plan)


def faults(findings: list[Finding]) -> list[str]:
    return [one.said for one in findings if one.level == "fault"]


async def test_where_nothing_is_wrong_nothing_is_found(pbx: AsteriskServer) -> None:
    found = await looked(pbx, "whole", "s1")
    assert {one.level for one in found} == {"ok"}, found
    assert len(found) == 6
    assert found[0].said.startswith(f"{pbx.version.split('+')[0]}"), found[0]


async def test_with_the_least_rights_nothing_is_wrong_and_three_things_are_not_seen(pbx: AsteriskServer) -> None:
    found = await looked(pbx, "least", "s2")
    assert [one.level for one in found] == ["ok", "ok", "ok", "note", "note", "note"], found


async def test_a_wrong_secret(pbx: AsteriskServer) -> None:
    [said] = faults(await looked(pbx, "whole", "a guess"))
    assert "Authentication failed" in said


async def test_a_right_that_is_missing(pbx: AsteriskServer) -> None:
    assert faults(await looked(pbx, "poor", "s3")) == ["the user lacks write = call"]


async def test_an_extension_that_is_missing_or_leads_elsewhere(pbx: AsteriskServer) -> None:
    absent = DialplanSite(
        site="main", username="whole", trigger="ami", survey_goto="nowhere,s,1", create_extension=False,
        agi_host="127.0.0.1", agi_port=4573,
    )  # fmt: skip
    [said] = faults(await looked(pbx, "whole", "s1", absent))
    assert said.startswith("the survey's extension s@nowhere is not there")
    elsewhere = ExtensionPlan(site="main", goto=SITE.survey_goto, agi_host="127.0.0.1", agi_port=4999)
    [said] = faults(await looked(pbx, "whole", "s1", plan=elsewhere))
    assert said.endswith("leads elsewhere than to agi://127.0.0.1:4999/survey?site=main")


async def test_a_module_that_is_not_loaded(pbx: AsteriskServer) -> None:
    await pbx.cli("module unload func_uri")
    try:
        found = await looked(pbx, "whole", "s1")
    finally:
        await pbx.cli("module load func_uri")
    assert faults(found) == ["func_uri is not loaded: URIENCODE, by which names and numbers come over whole"]
    assert [one.fix for one in found if one.level == "fault"] == [
        "no `noload` for func_uri.so in modules.conf; then `module load func_uri`"
    ]


async def test_queues_without_the_lines_by_which_a_caller_brings_the_agent(asterisk_server: AsteriskServer) -> None:
    server = AsteriskServer(asterisk_server.root, users=USERS, extra_dialplan=extensions_conf(SITE))
    queues = server.base / "etc/queues.conf"
    support, billing = queues.read_text("utf-8").split("[billing]")
    queues.write_text(f"{support}[billing]{billing.replace('setinterfacevar=yes', 'setinterfacevar=no')}", "utf-8")
    async with server:
        [warning] = [one for one in await looked(server, "whole", "s1") if one.level != "ok"]
    assert warning.level == "warning"
    assert warning.said == "while the link is down, nobody knows whom callers of billing rate: setinterfacevar"
    assert warning.fix == "in queues.conf, for each queue: setinterfacevar = yes; `queue reload all`"
