"""Why an address cannot be reached: in few words, and without the address once more."""

import asyncio
import errno
import socket

import pytest

from ivr.demo.choices import free_port
from ivr.network import network_reason


async def refused(host: str) -> OSError:
    with pytest.raises(OSError) as caught:
        await asyncio.open_connection(host, free_port())
    return caught.value


async def test_a_port_where_nobody_listens_refuses() -> None:
    assert network_reason(await refused("127.0.0.1")) == "connection refused"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(
                "Multiple exceptions: [Errno 111] Connect call failed ('::1', 5038, 0, 0), "
                "[Errno 111] Connect call failed ('127.0.0.1', 5038)"
            ),
            "connection refused",
        ),
        (
            OSError("Multiple exceptions: [Errno 101] Connect call failed ('::1', 1), [Errno 113] Connect call failed"),
            "network is unreachable, no route to host",
        ),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (OSError(errno.EADDRINUSE, "error while attempting to bind on address"), "address already in use"),
        (OSError("the peer says no"), "the peer says no"),
        (ConnectionResetError(), "ConnectionResetError"),
        (UnicodeError("label too long"), "label too long"),
    ],
)
def test_the_systems_own_words(error: OSError | UnicodeError, said: str) -> None:
    assert network_reason(error) == said
