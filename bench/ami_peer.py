"""An Asterisk for measurements, in a process of its own: answers what a client asks at first, then sends a long stream.

The streams are recordings of Asterisk 22, over and over, each time as other calls.
"""

import multiprocessing
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Literal

from ivr.asterisk.events import WANTED
from tests import recordings

Filter = Literal["none", "classes", "names"]
"""What Asterisk leaves out: nothing, classes of events that were not asked for, or all but the events named."""

_CLASSES = {"agent", "call", "system", "user"}
_EPOCH = b"1795324"
"""The first digits of every timestamp and uniqueid in the recordings."""
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
_LISTS = {b"QueueStatus", b"CoreShowChannels"}


def messages(kept: Filter) -> list[bytes]:
    """The messages of one round: every recorded call once."""
    sort: dict[Filter, Callable[[bytes], bool]] = {
        "none": lambda _: True,
        "classes": _asked_for,
        "names": lambda message: event_of(message) in WANTED,
    }
    names = [name for name in recordings.names() if name.startswith("ast22/")]
    return [message for name in names for _, message in recordings.timed_messages(name) if sort[kept](message)]


def stream(kept: Filter, rounds: int) -> bytes:
    """The bytes of that many rounds."""
    once = b"".join(messages(kept))
    return b"".join(once.replace(_EPOCH, b"%07d" % (int(_EPOCH) + number)) for number in range(rounds))


def event_of(message: bytes) -> str:
    """The event's name."""
    return message.split(b"\r\n", 1)[0].decode().removeprefix("Event: ")


@contextmanager
def peer(kept: Filter, rounds: int) -> Iterator[int]:
    """The port of an Asterisk that sends such a stream to whoever logs in and sends a `Ping`."""
    context = multiprocessing.get_context("spawn")
    told, telling = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(kept, rounds, telling), daemon=True)
    process.start()
    telling.close()
    try:
        yield told.recv()
    finally:
        process.terminate()
        process.join()


def _asked_for(message: bytes) -> bool:
    privilege = message.partition(b"Privilege: ")[2].partition(b"\r\n")[0].decode()
    return not privilege or bool(_CLASSES & set(privilege.split(",")))


def _serve(kept: Filter, rounds: int, telling: Connection) -> None:
    sent = stream(kept, rounds)
    with socket.create_server(("127.0.0.1", 0)) as server:
        telling.send(server.getsockname()[1])
        while True:
            client, _ = server.accept()
            with client:
                try:
                    _talk(client, sent)
                except ConnectionError:
                    continue


def _talk(client: socket.socket, sent: bytes) -> None:
    client.sendall(GREETING)
    buffer = b""
    while data := client.recv(65536):
        *actions, buffer = (buffer + data).split(b"\r\n\r\n")
        for action in actions:
            name, answer = answer_to(action)
            client.sendall(answer)
            if name == b"Ping":
                client.sendall(sent)


def answer_to(action: bytes) -> tuple[bytes, bytes]:
    """The name of an action, and what an Asterisk answers on which nothing is going on."""
    headers = dict(line.split(b": ", 1) for line in action.split(b"\r\n"))
    # Panoramisk writes names in its own way.
    named = {name.lower(): value for name, value in headers.items()}
    name, action_id = named[b"action"], named.get(b"actionid", b"")
    begins = b"EventList: start\r\n" if name in _LISTS else b""
    answer = b"Response: Success\r\nActionID: %b\r\n%b\r\n" % (action_id, begins)
    if begins:
        answer += b"Event: %bComplete\r\nActionID: %b\r\nEventList: Complete\r\n\r\n" % (name, action_id)
    return name, answer
