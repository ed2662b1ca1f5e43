"""The sound of one call over RTP (RFC 3550): sends silence, tones and keys (RFC 4733), and keeps what is heard."""

import asyncio
import math
import random
import struct
from collections import deque
from itertools import pairwise
from typing import Self

from ivr.errors import PbxError

_TICK = 0.02
_SAMPLES = 160
_RATE = 8000
_SILENCE = b"\xff" * _SAMPLES
_KEYS = "0123456789*#ABCD"
_HOLD_TICKS, _END_PACKETS, _GAP_TICKS = 5, 3, 4
_VOLUME = 10  # −10 dBm0


def _magnitude(sample: int) -> int:
    """The size of a µ-law sample (ITU-T G.711), 0 to 250, in units of 1/256 of full scale."""
    sample = ~sample & 0xFF
    return ((((sample & 0x0F) << 3) + 0x84) << ((sample & 0x70) >> 4)) - 0x84 >> 7


def _mu_law(sample: int) -> int:
    """A 16-bit sample as one of µ-law (ITU-T G.711)."""
    size = min(abs(sample), 32635) + 132
    exponent = max(0, size.bit_length() - 8)
    mantissa = (size >> (exponent + 3)) & 0x0F
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF


def tone(seconds: float, hertz: float = 440.0) -> bytes:
    """A tone in µ-law, 10 dB below full scale."""
    samples = range(round(seconds * _RATE))
    return bytes(_mu_law(round(10362 * math.sin(2 * math.pi * hertz * i / _RATE))) for i in samples)


_MAGNITUDES = bytes(_magnitude(sample) for sample in range(256))
_LOUD = 2
"""In units of `_magnitude`: −42 dB of full scale, above the noise of a prompt's pauses and below any speech."""


class Heard:
    """What arrived from the far end, on the clock of the event loop; a stretch without packets is silence."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._finished: float | None = None
        self._audio = bytearray()
        self._loud_at: list[float] = []
        self._sound = asyncio.Event()

    def feed(self, payload: bytes) -> None:
        """Take one packet of µ-law samples that arrived now."""
        now = self._clock()
        missing = int((now - self._began) * _RATE) - len(self._audio) - len(payload)
        if missing > 3 * _SAMPLES:
            self._audio += b"\xff" * missing
        self._audio += payload
        if payload and max(payload.translate(_MAGNITUDES)) >= _LOUD:
            self._loud_at.append(now)
            self._sound.set()

    def finish(self) -> None:
        """The call is over: time stands still."""
        if self._finished is None:
            self._finished = self._clock()
            self._sound.set()

    @property
    def audio(self) -> bytes:
        """All that was heard since the call was answered: µ-law, 8000 samples a second, gaps filled with silence."""
        return bytes(self._audio)

    @property
    def seconds_of_silence(self) -> float:
        """Seconds since the last sound, or since the call was answered."""
        return self._now() - (self._loud_at[-1] if self._loud_at else self._began)

    def silences(self, at_least: float) -> list[tuple[float, float]]:
        """Silences of `at_least` seconds up to now or the call's end, as (begin, length), seconds from the answer."""
        marks = [self._began, *self._loud_at, self._now()]
        return [(begin - self._began, end - begin) for begin, end in pairwise(marks) if end - begin >= at_least]

    async def sound(self, limit: float = 10.0) -> None:
        """Return when something is heard from now on; raises `PbxError` after `limit` s or when the call ends first."""
        if self._finished is None:
            self._sound.clear()
            try:
                await asyncio.wait_for(self._sound.wait(), limit)
            except TimeoutError:
                raise PbxError(f"nothing was heard for {limit:g} s") from None
        if self._finished is not None:
            raise PbxError("nothing was heard before the call ended")

    async def silence(self, seconds: float, limit: float = 30.0) -> None:
        """Return after `seconds` without a sound; raises `PbxError` after `limit` s or when the call ends first."""
        deadline = self._clock() + limit
        while (rest := seconds - self.seconds_of_silence) > 0:
            if self._finished is not None:
                raise PbxError(f"there was no silence of {seconds:g} s before the call ended")
            if self._clock() + rest > deadline:
                raise PbxError(f"there was no silence of {seconds:g} s within {limit:g} s")
            await asyncio.sleep(rest)

    def _now(self) -> float:
        return self._clock() if self._finished is None else self._finished


class RtpStream(asyncio.DatagramProtocol):
    """One end of a call's sound on a loopback port of its own."""

    def __init__(self) -> None:
        self.heard = Heard()
        self._transport: asyncio.DatagramTransport | None = None
        self._sender: asyncio.Task[None] | None = None
        self._keys_type: int | None = None
        self._pressed: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._speech = bytearray()
        self._remote = ("127.0.0.1", 0)
        self._source = random.getrandbits(32)
        self._sequence = random.getrandbits(16)
        self._timestamp = random.getrandbits(32)

    @classmethod
    async def open(cls) -> Self:
        """Bind a free loopback port."""
        _, stream = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        return stream

    @property
    def port(self) -> int:
        """The local port."""
        if self._transport is None:
            raise PbxError("the call's sound is closed")
        return int(self._transport.get_extra_info("sockname")[1])

    def start(self, host: str, port: int, keys_type: int | None) -> None:
        """Send to the far end from now on; `keys_type` is the payload type it takes keys as, if it does."""
        self._remote, self._keys_type = (host, port), keys_type
        if self._sender is None:
            self.heard = Heard()
            self._sender = asyncio.create_task(self._send_forever())

    async def press(self, keys: str) -> None:
        """Press keys one after another, 100 ms each; returns when the last is let go. Keys are ``0-9 * # A-D``."""
        if wrong := sorted(set(keys) - set(_KEYS)):
            raise ValueError(f"not a key of a phone: {', '.join(wrong)}; allowed are {' '.join(_KEYS)}")
        if self._sender is None or self._keys_type is None:
            raise PbxError("keys cannot be pressed: the call is not answered, or the far end takes no telephone events")
        sent = [asyncio.get_running_loop().create_future() for _ in keys]
        self._pressed.extend(zip(keys, sent, strict=True))
        await asyncio.gather(*sent)

    def speak(self, sound: bytes) -> None:
        """Send µ-law samples, 8000 a second, instead of silence, from now on as long as they last."""
        self._speech += sound

    def close(self) -> None:
        """Stop sending and free the port; keys not yet sent are given up."""
        self.heard.finish()
        if self._sender is not None:
            self._sender.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        for _, sent in self._pressed:
            if not sent.done():
                sent.set_exception(PbxError("the call ended before the key was sent"))
        self._pressed.clear()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """See `asyncio.DatagramProtocol`."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        """See `asyncio.DatagramProtocol`."""
        if len(data) < 12 or data[1] & 0x7F != 0:
            return
        begin = 12 + 4 * (data[0] & 0x0F)
        if data[0] & 0x10:
            begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
        self.heard.feed(data[begin:])

    async def _send_forever(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            if self._pressed:
                due = await self._send_key(due)
            else:
                said, self._speech = self._speech[:_SAMPLES], self._speech[_SAMPLES:]
                self._send(0, bytes(said).ljust(_SAMPLES, b"\xff"))
                due = await self._next_tick(due)

    async def _send_key(self, due: float) -> float:
        key, sent = self._pressed[0]
        event, began = _KEYS.index(key), self._timestamp
        for number in range(1, _HOLD_TICKS + _END_PACKETS + 1):
            # RFC 4733, 2.5.1.4: the end is said three times with the same duration, in case one is lost.
            held = min(number, _HOLD_TICKS)
            end = 0x80 if number > _HOLD_TICKS else 0
            payload = struct.pack("!BBH", event, end | _VOLUME, held * _SAMPLES)
            self._send(self._keys_type or 0, payload, timestamp=began, marker=number == 1)
            if end and not sent.done():
                sent.set_result(None)
            due = await self._next_tick(due)
        for _ in range(_GAP_TICKS):
            self._send(0, _SILENCE)
            due = await self._next_tick(due)
        self._pressed.popleft()
        return due

    async def _next_tick(self, due: float) -> float:
        self._timestamp = (self._timestamp + _SAMPLES) & 0xFFFFFFFF
        clock = asyncio.get_running_loop().time
        due = max(due + _TICK, clock() - 1.0)
        await asyncio.sleep(due - clock())
        return due

    def _send(self, kind: int, payload: bytes, *, timestamp: int | None = None, marker: bool = False) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        when = self._timestamp if timestamp is None else timestamp
        header = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), self._sequence, when, self._source)
        if self._transport is not None:
            self._transport.sendto(header + payload, self._remote)
