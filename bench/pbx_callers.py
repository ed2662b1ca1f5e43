"""Many SIP telephones in one process, as cheap as can be, for as many calls a second as Asterisk takes.

All of them share one SIP socket, and two RTP sockets, the callers' and the agents', whose incoming sound is counted and
not read. They send what a telephone sends: a packet of silence every 20 ms from both ends of a talk, and keys as RFC
4733 has them. All of it goes to where Asterisk said at first that it takes it. What SIP repeats is answered again;
nothing of ours is repeated, so a packet that Asterisk loses shows up as a call that fails.
"""

import asyncio
import secrets
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Self

from ivr.demo.pbx.sip_message import Media, Message, address_uri, tag_of

_HOST = "127.0.0.1"
_TICK = 0.02
_SAMPLES = 160
_SILENCE = b"\xff" * _SAMPLES
_KEY_PACKETS, _KEY_HELD = 8, 5
_VOLUME = 10  # −10 dBm0
_SDP = ("Content-Type", "application/sdp")


@dataclass(kw_only=True, slots=True, eq=False)
class Line:
    """One end of a call: a caller's or an agent's telephone."""

    call_id: str
    local: str
    """Our ``From`` or ``To`` with its tag."""
    remote: str
    target: str
    sound: socket.socket
    """Where our sound comes from, and Asterisk's goes to."""
    media: tuple[str, int] | None = None
    """Where Asterisk takes our sound."""
    keys_type: int = 101
    began: float = field(default_factory=time.perf_counter)
    ended: float | None = None
    """When Asterisk hung up."""
    last: Message | None = None
    """What is sent again when Asterisk repeats itself: the answer to its INVITE, or the ACK of its answer."""
    caller: "Line | None" = None
    """Of an agent's telephone: who is talked with."""
    talked: bool = False
    """Of a caller's: whether an agent did, to the end."""
    key: int = 0
    key_packets: int = 0
    """How many are still to be sent of the key."""
    source: int = field(default_factory=lambda: secrets.randbits(32))
    sequence: int = 0

    @property
    def seconds(self) -> float:
        """How long it lasted, for a caller whom Asterisk hung up on."""
        return (self.ended or time.perf_counter()) - self.began


class Callers(asyncio.DatagramProtocol):
    """Telephones that dial an extension, and those of the agents who answer, talk and hang up.

    The caller presses `key` a while after the agent is gone, and then waits until Asterisk hangs up.
    """

    def __init__(self, *, key: str, key_after_seconds: float) -> None:
        self._talk_seconds = 0.0
        self._key = int(key)
        self._key_after = key_after_seconds
        self._lines: dict[str, Line] = {}
        self._dialled: dict[str, Line] = {}
        """By the number that is shown."""
        self._numbers = count(1)
        self._pbx = (_HOST, 0)
        self._callers_sound, self._agents_sound = _sound(), _sound()
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(_HOST, 0))
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        self._speaking = asyncio.create_task(self._speak())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._speaking.cancel()
        if self._transport is not None:
            self._transport.close()
        self._callers_sound.close()
        self._agents_sound.close()

    @property
    def port(self) -> int:
        """Where Asterisk reaches the agents' telephones."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    @property
    def agents_heard(self) -> int:
        """Packets of sound so far that Asterisk has sent to the agents' telephones, but for the first few."""
        return _dropped(self._agents_sound)

    async def call(
        self, sip_port: int, extension: str, *, calls: int, a_second: float, talk_seconds: float, limit: float
    ) -> Sequence[Line]:
        """Dial so many times, evenly, and have agents who talk so long; return all callers when the last has ended, or
        `limit` seconds after the last was dialled and talked with."""
        self._pbx, self._talk_seconds = (_HOST, sip_port), talk_seconds
        began = time.perf_counter()
        dialled: deque[Line] = deque()
        for number in range(calls):
            if (wait := began + number / a_second - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            dialled.append(self._dial(extension))
        until = time.perf_counter() + talk_seconds + limit
        # Looked at now and then, because to be told by each call would be a cost of each call.
        while any(line.ended is None for line in dialled) and time.perf_counter() < until:  # noqa: ASYNC110
            await asyncio.sleep(_TICK)
        self._dialled.clear()
        for line in list(self._lines.values()):
            self._hang_up(line)
        return dialled

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.DatagramProtocol`."""

    def datagram_received(self, data: bytes, addr: object) -> None:
        """See `asyncio.DatagramProtocol`."""
        message = Message.parse(data)
        line = self._lines.get(message.header("Call-ID"))
        if message.status:
            if line is not None and message.method == "INVITE" and message.status >= 200:
                self._answered(line, message)
        elif message.method == "INVITE":
            self._take(message, line)
        elif message.method == "BYE":
            self._send(message.reply(200, "OK", tag=""))
            if line is not None:
                line.ended = time.perf_counter()
                del self._lines[line.call_id]

    def _dial(self, extension: str) -> Line:
        number = f"0{next(self._numbers):07}"
        line = Line(
            call_id=secrets.token_hex(8),
            local=f"<sip:{number}@{_HOST}>;tag={secrets.token_hex(4)}",
            remote=f"<sip:{extension}@{_HOST}:{self._pbx[1]}>",
            target=f"sip:{extension}@{_HOST}:{self._pbx[1]}",
            sound=self._callers_sound,
        )
        self._lines[line.call_id] = self._dialled[number] = line
        self._send(self._request(line, "INVITE", 1, more=[self._contact, _SDP], body=_described(self._callers_sound)))
        return line

    def _answered(self, line: Line, response: Message) -> None:
        """Asterisk has answered a caller, or refused one."""
        if line.last is None:
            line.remote = response.header("To")
            if response.status < 300:
                line.target = address_uri(response.header("Contact"))
                self._hear(line, response)
            line.last = self._request(line, "ACK", 1)
        self._send(line.last)

    def _take(self, invite: Message, line: Line | None) -> None:
        """An agent's telephone rings, and is answered at once."""
        if line is None:
            line = Line(
                call_id=invite.header("Call-ID"),
                local=f"{invite.header('To')};tag={secrets.token_hex(4)}",
                remote=invite.header("From"),
                target=address_uri(invite.header("Contact")),
                sound=self._agents_sound,
                caller=self._dialled.get(address_uri(invite.header("From")).partition("@")[0].removeprefix("sip:")),
            )
            self._hear(line, invite)
            self._lines[line.call_id] = line
            line.last = invite.reply(
                200, "OK", tag=tag_of(line.local), more=[self._contact, _SDP], body=_described(self._agents_sound)
            )
            asyncio.get_running_loop().call_later(self._talk_seconds, self._leave, line)
        if line.last is not None:
            self._send(line.last)

    def _leave(self, line: Line) -> None:
        """The agent hangs up."""
        if line.call_id in self._lines:
            self._hang_up(line)
            if line.caller is not None:
                line.caller.talked = True
                asyncio.get_running_loop().call_later(self._key_after, self._press, line.caller)

    def _press(self, line: Line) -> None:
        line.key, line.key_packets = self._key, _KEY_PACKETS

    def _hang_up(self, line: Line) -> None:
        self._send(self._request(line, "BYE", 2))
        self._lines.pop(line.call_id, None)

    def _hear(self, line: Line, described: Message) -> None:
        media = Media.parse(described.body)
        line.media = (media.host, media.port)
        line.keys_type = media.keys_type or line.keys_type

    async def _speak(self) -> None:
        due = time.perf_counter()
        while True:
            for line in self._lines.values():
                if line.media is not None:
                    line.sound.sendto(_packet(line), line.media)
            due = max(due + _TICK, time.perf_counter() - _TICK)
            await asyncio.sleep(due - time.perf_counter())

    def _send(self, message: Message) -> None:
        assert self._transport is not None
        self._transport.sendto(message.encode(), self._pbx)

    def _request(
        self, line: Line, method: str, number: int, *, more: Sequence[tuple[str, str]] = (), body: str = ""
    ) -> Message:
        headers = [
            ("Via", f"SIP/2.0/UDP {_HOST}:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport"),
            ("Max-Forwards", "70"),
            ("From", line.local),
            ("To", line.remote),
            ("Call-ID", line.call_id),
            ("CSeq", f"{number} {method}"),
            *more,
        ]
        return Message(start=f"{method} {line.target} SIP/2.0", headers=headers, body=body)

    @property
    def _contact(self) -> tuple[str, str]:
        return "Contact", f"<sip:telephone@{_HOST}:{self.port}>"


def _sound() -> socket.socket:
    """A socket whose buffer is as small as can be: what is not read of its sound is counted, see `_dropped`."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    opened.bind((_HOST, 0))
    opened.setblocking(False)
    return opened


def _dropped(sound: socket.socket) -> int:
    """How many packets have come to a socket and found its buffer full, as the kernel counts them (proc_net_udp)."""
    local = f"0100007F:{sound.getsockname()[1]:04X}"
    lines = Path("/proc/net/udp").read_text("utf-8").splitlines()[1:]
    return next(int(fields[-1]) for fields in map(str.split, lines) if fields[1] == local)


def _described(sound: socket.socket) -> str:
    return Media(host=_HOST, port=int(sound.getsockname()[1]), keys_type=None).describe()


def _packet(line: Line) -> bytes:
    """The next of a line: silence, or a part of the key."""
    line.sequence += 1
    at = line.sequence * _SAMPLES
    kind, payload = 0, _SILENCE
    if line.key_packets:
        # RFC 4733, 2.5.1.3: the packets of a key bear the time at which it was pressed, and how long it is held.
        sent = _KEY_PACKETS - line.key_packets + 1
        held = min(sent, _KEY_HELD)
        at -= (sent - 1) * _SAMPLES
        kind = line.keys_type | (0x80 if sent == 1 else 0)
        payload = struct.pack("!BBH", line.key, (0x80 if sent > _KEY_HELD else 0) | _VOLUME, held * _SAMPLES)
        line.key_packets -= 1
    return struct.pack("!BBHII", 0x80, kind, line.sequence & 0xFFFF, at & 0xFFFFFFFF, line.source) + payload
