"""Sends a caller who still talks into the survey, because the agent wants it so.

Not by `Redirect` of the caller: between the agent's hang-up and its event a Redirect would take the caller out of the
survey that has just begun. Instead the caller's channel is told where to go after the talk, as at every `AgentConnect`,
and then the agent's channel is hung up. Whoever hangs up in between, no step undoes another.

Measured on Asterisk 22.10: either way the queue counts talk time on through the survey and says that the caller ended
the talk; the translator knows better. Both actions need the class `call`, and take a uniqueid for the channel.
"""

from asyncio import Future
from collections.abc import Callable

import structlog

from ivr.asterisk.actions import AmiAction, Reply
from ivr.asterisk.translate import Translator
from ivr.errors import NoSuchCall, NotTalking

_log = structlog.get_logger()


class Sender:
    """Ends talks, so that callers can be asked."""

    def __init__(self, submit: "Callable[[AmiAction], Future[Reply]]", translator: Translator, goto: str) -> None:
        """`goto` is ``context,exten,priority`` of the survey."""
        self._submit = submit
        self._translator = translator
        self._goto = goto

    async def send(self, linkedid: str) -> None:
        """Returns when the caller is on the way.

        Raises `NoSuchCall`, `NotTalking`, or another `PbxError` when Asterisk does not answer; then nothing was done,
        or the caller will be asked when the agent hangs up.
        """
        call = self._translator.call(linkedid)
        if call is None:
            raise NoSuchCall("no such call is up")
        leg = call.talk
        if leg is None or not leg.agent_uniqueid:
            raise NotTalking("the caller does not talk with an agent")
        goto = {"Channel": call.channel, "Variable": "CHANNEL(after_bridge_goto)", "Value": self._goto}
        armed = await self._submit(AmiAction("Setvar", goto))
        if armed.refusal is not None:
            raise NotTalking("the caller has just left")
        if leg.ended_by == "agent":
            return  # hung up meanwhile, and the caller goes where we wanted
        if leg.ended_by is not None or leg.ended_at is not None:
            raise NotTalking("the talk has just ended")
        leg.sent, leg.ended_by = True, "agent"
        hung_up = await self._submit(AmiAction("Hangup", {"Channel": leg.agent_uniqueid}))
        if hung_up.refusal is not None:
            _log.info("the agent was gone before being hung up", linkedid=linkedid, reason=hung_up.refusal)
