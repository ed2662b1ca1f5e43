"""The telephones of the measurement beside a real Asterisk tell how much sound has come through it to the agents."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from bench.pbx_callers import Callers
from ivr.demo.pbx.sip_message import Media, Message

SENT = 50
KEPT = 5
"""What a buffer of the least size holds at most: 2304 bytes, of which a packet takes more than 500 with its headers."""
_SOUND = bytes(172)


@pytest.fixture
def pbx() -> Iterator[socket.socket]:
    """What the telephones take for Asterisk."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.setblocking(False)
        yield opened


async def told(pbx: socket.socket, method: str) -> Media:
    """Where the telephone that sends or answers an INVITE wants to hear something."""
    message = Message.parse(await asyncio.get_running_loop().sock_recv(pbx, 4096))
    assert message.method == method
    return Media.parse(message.body)


def invite(pbx: socket.socket, telephones: int) -> bytes:
    ours = f"<sip:00000001@127.0.0.1:{pbx.getsockname()[1]}>"
    headers = [("Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1"), ("From", f"{ours};tag=1"), ("Contact", ours)]
    headers += [("To", f"<sip:2001@127.0.0.1:{telephones}>"), ("Call-ID", "one"), ("CSeq", "1 INVITE")]
    body = Media(host="127.0.0.1", port=9, keys_type=None).describe()
    return Message(start="INVITE sip:2001@127.0.0.1 SIP/2.0", headers=headers, body=body).encode()


async def test_what_an_agent_is_sent_is_counted_and_what_a_caller_is_sent_is_not(pbx: socket.socket) -> None:
    async with Callers(key="5", key_after_seconds=60.0) as callers:
        port = pbx.getsockname()[1]
        dialling = asyncio.create_task(callers.call(port, "8002", calls=1, a_second=1.0, talk_seconds=60.0, limit=60.0))
        caller = await told(pbx, "INVITE")
        for _ in range(SENT):
            pbx.sendto(_SOUND, (caller.host, caller.port))
        assert callers.agents_heard == 0

        pbx.sendto(invite(pbx, callers.port), ("127.0.0.1", callers.port))
        agent = await told(pbx, "INVITE")
        for _ in range(SENT):
            pbx.sendto(_SOUND, (agent.host, agent.port))
        assert SENT - KEPT <= callers.agents_heard <= SENT
        dialling.cancel()
