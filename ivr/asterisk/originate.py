"""Places calls: `Originate`, and how it ended. Measured on Asterisk 22.10.

The action must have ``Async: true``: without it the AMI session answers nothing else until somebody takes the call. Its
first answer only says that it is under way; the outcome is the event `OriginateResponse` with the same ActionID. Of the
`Reason` in it only 3 (nobody answered in time) and 5 (busy) are sure to be what they say: a phone that is busy, or not
registered, often gives 0. The action needs the class `originate`, the event `call`.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

from ivr.asterisk.actions import AmiAction, Reply
from ivr.asterisk.messages import Message
from ivr.asterisk.survey_route import CALLBACK_OF
from ivr.errors import PbxError, PbxRefused

Placed = Literal["taken", "no_answer", "busy", "failed"]
"""How a call that was placed began: `taken` somebody, or something, answered."""

OUTCOME = "OriginateResponse"
_REASONS: dict[str, Placed] = {"3": "no_answer", "5": "busy"}
_OWN_SECONDS = 10.0
"""How long after the ringing must be over the outcome may come."""


class Originator:
    """Places calls, any number at once."""

    def __init__(self, submit: "Callable[[AmiAction], Future[Reply]]", goto: str) -> None:
        """`goto` is ``context,exten,priority``: where the call goes on when it is taken."""
        self._submit = submit
        self._goto = goto
        self._waiting: dict[str, Future[Placed]] = {}

    async def place(self, *, channel: str, caller_id: str, ring_seconds: int, about: str) -> Placed:
        """Call `channel`, and have whoever takes the call asked about the call with the linkedid `about`.

        Raises `PbxRefused` when Asterisk does not place calls for us (nobody's telephone rang), `PbxError` when the
        outcome is not known, and `ValueError` for a line break.
        """
        context, extension, priority = self._goto.split(",")
        action = AmiAction(
            "Originate",
            {
                "Channel": channel,
                "Context": context,
                "Exten": extension,
                "Priority": priority,
                "Timeout": str(ring_seconds * 1000),
                "CallerID": caller_id,
                "Variable": f"{CALLBACK_OF}={quote(about, safe='')}",
                "Async": "true",
            },
        )
        outcome: Future[Placed] = asyncio.get_running_loop().create_future()
        self._waiting[action.id] = outcome
        try:
            reply = await self._submit(action)
            if reply.refusal is not None:
                raise PbxRefused(f"AMI refused Originate: {reply.refusal}")
            async with asyncio.timeout(ring_seconds + _OWN_SECONDS):
                return await outcome
        except TimeoutError:
            raise PbxError("how a call that was placed began was not told") from None
        finally:
            del self._waiting[action.id]

    def heard(self, message: Message) -> None:
        """An event `OriginateResponse`."""
        outcome = self._waiting.get(message.action_id)
        if outcome is not None and not outcome.done():
            taken = message.response.lower() == "success"
            outcome.set_result("taken" if taken else _REASONS.get(message.get("Reason"), "failed"))
