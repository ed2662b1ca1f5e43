"""One real Asterisk for all tests of this folder."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import callflows
from ivr.asterisk.dialplan import EVENTS, READ, WRITE
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from ivr.demo.pbx.download import find_asterisk_root
from ivr.demo.pbx.sip import SipPhone
from ivr.errors import PbxError
from tests.asterisk.raw_ami import RawAmi
from tests.surroundings import Surroundings

DOWNLOAD_SECONDS = 600

KEYS_READ = """
[from-caller]
exten => 9999,1,Answer()
 same => n,Read(KEYS,,12,,1,5)
 same => n,UserEvent(KeysRead,Keys: ${KEYS},Status: ${READSTATUS})
 same => n,Hangup()
exten => 9997,1,Ringing()
 same => n,Wait(0.2)
 same => n,UserEvent(NobodyAnswers)
 same => n,Wait(30)
exten => 9998,1,GoSub(arrive,s,1)
 same => n,Playback(postcall/en/csat-thanks)
 same => n,Wait(1.5)
 same => n,Playback(postcall/zh/csat-thanks)
 same => n,UserEvent(Played,Status: ${PLAYBACKSTATUS},Language: ${CHANNEL(language)})
 same => n,Hangup()
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first waits for Asterisk to be fetched."""
    here = Path(__file__).parent
    first = next((item for item in items if here in item.path.parents), None)
    if first is not None:
        first.add_marker(pytest.mark.timeout(DOWNLOAD_SECONDS))


@pytest.fixture(scope="session")
def asterisk_server(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskServer]:
    """A running Asterisk, with the AMI users `everything` (all there is) and `survey` (the least that works)."""
    try:
        root = find_asterisk_root()
    except PbxError as error:
        surroundings.leave_out("a real Asterisk", error)
    server = AsteriskServer(
        root,
        users=[
            AmiUser(name="everything", read="all", write="all"),
            AmiUser(name="survey", read=READ, write=WRITE, event_filters=[f"Event: {name}" for name in EVENTS]),
        ],
        prompts=Path(callflows.__file__).parent / "library/sounds",
        base=tmp_path_factory.mktemp("pbx"),
        extra_dialplan=KEYS_READ,
    )
    surroundings.versions["Asterisk"] = server.version.removeprefix("Asterisk ")
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
async def watcher(asterisk_server: AsteriskServer) -> AsyncIterator[RawAmi]:
    """An AMI session that sees every event."""
    async with RawAmi(asterisk_server.ami_port, asterisk_server.users["everything"]) as ami:
        yield ami


@pytest.fixture
async def caller(asterisk_server: AsteriskServer) -> AsyncIterator[SipPhone]:
    """A telephone to call the queues from."""
    async with SipPhone("caller", sip_port=asterisk_server.sip_port) as phone:
        yield phone


@pytest.fixture
async def alice(asterisk_server: AsteriskServer) -> AsyncIterator[SipPhone]:
    """The telephone of the agent Alice Moreau, ready to be rung."""
    async with SipPhone("1001", sip_port=asterisk_server.sip_port) as phone:
        await phone.register()
        yield phone
