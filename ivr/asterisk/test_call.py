"""Places a test call: a Local channel goes into the survey as a caller does, and nobody's telephone rings.

Measured on Asterisk 22.10. `Originate` without `Async` answers once the far end of the Local channel is answered: by
the service, or by a dialplan that goes on behind an `AGI` that failed, which ``AGISTATUS`` tells. The class `originate`
is needed, and no event. `OtherChannelId` becomes the ``agi_uniqueid``: by it the service knows a test call, and no
telephone can choose it. Asterisk refuses a `ChannelId` of which the other one is the beginning.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ivr.asterisk.actions import AmiAction, Headers, Reply
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.errors import PbxRefused

_MARK = "postcall-test-"
_ANSWER_SECONDS = 4
"""`AGI` waits for the network and the channel's first audio; a caller would not wait longer either."""
_RESULT_SECONDS = 15.0
"""A round trip for each prompt of each flow, and one prompt in full."""
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedTestCall:
    """How a test call went."""

    uniqueid: str
    """Of the channel that was in the survey."""
    refusal: str = ""
    """What Asterisk said when nobody took the call; empty when it was taken."""
    result: str = ""
    """What the service left on the channel; empty when it ended before it said anything."""
    agi_status: str = ""
    """How `AGI` ended when there is no result, such as ``FAILURE``; empty when that is not known."""


def is_test_call(request: AgiRequest) -> bool:
    """Whether this caller is a test call."""
    return request.uniqueid.startswith(_MARK)


async def place_test_call(
    submit: "Callable[[AmiAction, float | None], asyncio.Future[Reply]]", goto: str, variable: str
) -> PlacedTestCall:
    """Call ``context,exten,1`` of `goto`, wait until the channel's `variable` has a value, and hang up.

    Raises `PbxError` when Asterisk does not answer, and `ValueError` for another priority: a Local channel begins at 1.
    """
    context, extension, priority = goto.split(",")
    if priority != "1":
        raise ValueError("a test call begins at priority 1")
    uniqueid = _MARK + secrets.token_hex(8)

    async def ask(name: str, headers: Headers, seconds: float | None = None) -> Reply:
        return await submit(AmiAction(name, headers), seconds)

    headers = {
        "Channel": f"Local/{extension}@{context}/n",
        "Application": "Wait",
        "Data": str(int(_RESULT_SECONDS) + 1),
        "Timeout": str(_ANSWER_SECONDS * 1000),
        "CallerID": "Postcall test call <>",
        "ChannelId": f"placed-{uniqueid}",
        "OtherChannelId": uniqueid,
    }
    reply = await ask("Originate", headers, _ANSWER_SECONDS + 5.0)
    if reply.refusal is not None:
        return PlacedTestCall(uniqueid=uniqueid, refusal=reply.refusal)
    result = agi_status = ""
    try:
        async with asyncio.timeout(_RESULT_SECONDS):
            while not result and not agi_status:
                await asyncio.sleep(_PAUSE_SECONDS)
                # In this order: what the service says last is seen, also when it ends in between.
                agi_status = await _value(ask, uniqueid, "AGISTATUS")
                result = await _value(ask, uniqueid, variable)
    except (TimeoutError, PbxRefused):  # the channel is gone
        pass
    finally:
        await ask("Hangup", {"Channel": f"placed-{uniqueid}"})
    return PlacedTestCall(uniqueid=uniqueid, result=result, agi_status=agi_status)


async def _value(ask: "Callable[..., Awaitable[Reply]]", uniqueid: str, variable: str) -> str:
    reply = await ask("Getvar", {"Channel": uniqueid, "Variable": variable})
    if reply.refusal is not None:
        raise PbxRefused(reply.refusal)
    return reply.response.get("Value")
