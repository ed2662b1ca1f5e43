"""Three ways to read an Asterisk's events: the service's link, panoramisk as it is, and code written for this alone.

Each connects to the port of a `bench.ami_peer`, takes in a whole stream, and returns the seconds of processor time that
took. The link and the code written by hand come to the same call events; panoramisk only calls back, with messages.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from panoramisk import Manager

from ivr.asterisk import events as ami
from ivr.asterisk.ami import AmiAccess
from ivr.asterisk.link import AmiLink
from ivr.asterisk.translate import Translator
from ivr.calls import CallEvent, Gap

_SECONDS = 60
_USER = {"host": "127.0.0.1", "username": "postcall", "secret": "any"}


async def by_link(port: int, expected: int, told: list[CallEvent]) -> float:
    """The service: connects, reconciles, and tells `expected` call events."""
    ready, done = asyncio.Event(), asyncio.Event()

    def consume(event: CallEvent | Gap) -> None:
        if isinstance(event, Gap):
            ready.set()
            return
        told.append(event)
        if len(told) == expected:
            done.set()

    access = AmiAccess(port=port, username=_USER["username"], secret=_USER["secret"])
    link = AmiLink(site="main", access=access, on_event=consume)
    await link.start()
    try:
        async with asyncio.timeout(_SECONDS):
            await ready.wait()
            began = time.process_time()
            await link.action("Ping")
            await done.wait()
            return time.process_time() - began
    finally:
        assert link.state.dropped_events == 0
        await link.stop()


async def by_panoramisk(port: int, expected: int, told: list[object]) -> float:
    """Panoramisk with a callback for every kind of event that the link hears; it keeps the `expected` messages."""
    done = asyncio.Event()

    def heard(_: Manager, message: object) -> None:
        told.append(message)
        if len(told) == expected:
            done.set()

    manager = Manager(port=port, **_USER, ping_delay=_SECONDS)
    for name in (*ami.WANTED, "UserEvent"):
        manager.register_event(name, heard)
    await manager.connect()
    try:
        async with asyncio.timeout(_SECONDS):
            await asyncio.sleep(0)
            await manager.authenticated_future
            began = time.process_time()
            manager.send_action({"Action": "Ping"})
            await done.wait()
            return time.process_time() - began
    finally:
        manager.close()


async def by_hand(port: int, expected: int, told: list[CallEvent]) -> float:
    """The limit: nothing but what these events need, and no care for anything else that may come."""
    done = asyncio.Event()
    transport, _ = await asyncio.get_running_loop().create_connection(
        lambda: _Reader(told, lambda: len(told) >= expected and done.set()), "127.0.0.1", port
    )
    try:
        async with asyncio.timeout(_SECONDS):
            began = time.process_time()
            transport.write(b"Action: Ping\r\n\r\n")
            await done.wait()
            return time.process_time() - began
    finally:
        transport.close()


class _Reader(asyncio.Protocol):
    def __init__(self, told: list[CallEvent], changed: Callable[[], object]) -> None:
        self._rest = b""
        self._told = told
        self._changed = changed
        self._feed = Translator("main").feed

    def data_received(self, data: bytes) -> None:
        *blocks, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for block in blocks:
            read = _READERS.get(block[7 : block.find(b"\r\n")])
            if read is not None:
                self._told += self._feed(read(block, _time(block)))
        self._changed()


def _value(block: bytes, mark: bytes) -> str:
    begin = block.find(mark)
    if begin < 0:
        return ""
    begin += len(mark)
    end = block.find(b"\r\n", begin)
    return (block[begin:end] if end >= 0 else block[begin:]).decode()


def _seconds(block: bytes, mark: bytes) -> int | None:
    value = _value(block, mark)
    return int(value) if value else None


def _time(block: bytes) -> datetime:
    return datetime.fromtimestamp(float(_value(block, b"\r\nTimestamp: ")), UTC)


_UNIQUEID, _LINKEDID, _CHANNEL = b"\r\nUniqueid: ", b"\r\nLinkedid: ", b"\r\nChannel: "
_BRIDGE, _QUEUE, _INTERFACE = b"\r\nBridgeUniqueid: ", b"\r\nQueue: ", b"\r\nInterface: "


def _known(value: str) -> str:
    return "" if value == "<unknown>" else value


_READERS: dict[bytes, Callable[[bytes, datetime], ami.AmiEvent]] = {
    b"QueueCallerJoin": lambda b, at: ami.QueueCallerJoin(
        at=at,
        channel=_value(b, _CHANNEL),
        uniqueid=_value(b, _UNIQUEID),
        linkedid=_value(b, _LINKEDID),
        queue=_value(b, _QUEUE),
        caller_number=_known(_value(b, b"\r\nCallerIDNum: ")),
        caller_name=_known(_value(b, b"\r\nCallerIDName: ")),
    ),
    b"QueueCallerAbandon": lambda b, at: ami.QueueCallerAbandon(at=at, uniqueid=_value(b, _UNIQUEID)),
    b"AgentConnect": lambda b, at: ami.AgentConnect(
        at=at,
        channel=_value(b, _CHANNEL),
        uniqueid=_value(b, _UNIQUEID),
        linkedid=_value(b, _LINKEDID),
        queue=_value(b, _QUEUE),
        interface=_value(b, _INTERFACE),
        member_name=_value(b, b"\r\nMemberName: "),
        agent_uniqueid=_value(b, b"\r\nDestUniqueid: "),
        agent_channel=_value(b, b"\r\nDestChannel: "),
        hold_seconds=_seconds(b, b"\r\nHoldTime: "),
        ring_seconds=_seconds(b, b"\r\nRingTime: "),
    ),
    b"AgentComplete": lambda b, at: ami.AgentComplete(
        at=at,
        queue=_value(b, _QUEUE),
        interface=_value(b, _INTERFACE),
        member_name=_value(b, b"\r\nMemberName: "),
        uniqueid=_value(b, _UNIQUEID),
        linkedid=_value(b, _LINKEDID),
        agent_uniqueid=_value(b, b"\r\nDestUniqueid: "),
        ended_by=_value(b, b"\r\nReason: "),  # type: ignore[arg-type]
        talk_seconds=_seconds(b, b"\r\nTalkTime: "),
        hold_seconds=_seconds(b, b"\r\nHoldTime: "),
    ),
    b"BlindTransfer": lambda b, at: ami.BlindTransfer(
        at=at, transferer_uniqueids=frozenset([_value(b, b"\r\nTransfererUniqueid: ")])
    ),
    b"AttendedTransfer": lambda b, at: ami.AttendedTransfer(
        at=at,
        transferer_uniqueids=frozenset(
            [_value(b, b"\r\nOrigTransfererUniqueid: "), _value(b, b"\r\nSecondTransfererUniqueid: ")]
        ),
    ),
    b"BridgeEnter": lambda b, at: ami.BridgeEnter(
        at=at,
        bridge=_value(b, _BRIDGE),
        bridge_type=_value(b, b"\r\nBridgeType: "),
        channel=_value(b, _CHANNEL),
        uniqueid=_value(b, _UNIQUEID),
    ),
    b"BridgeLeave": lambda b, at: ami.BridgeLeave(at=at, bridge=_value(b, _BRIDGE), uniqueid=_value(b, _UNIQUEID)),
    b"HangupRequest": lambda b, at: ami.HangupRequest(at=at, uniqueid=_value(b, _UNIQUEID)),
    b"Hangup": lambda b, at: ami.Hangup(at=at, uniqueid=_value(b, _UNIQUEID)),
}
