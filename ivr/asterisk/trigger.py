"""Sends callers into the survey when their agent hangs up, with the queue's dialplan untouched.

`CHANNEL(after_bridge_goto)` on the caller's channel makes Asterisk go on there once the bridge with the agent is over.
It is set while they talk; every way to move the caller afterwards is a race against the hang-up.
"""

from asyncio import Future
from collections.abc import Callable

import structlog

from ivr.asterisk.actions import AmiAction, Reply
from ivr.errors import PbxError

_log = structlog.get_logger()


class Trigger:
    """Arms callers' channels. It never waits and never raises: a caller without a survey is still a caller served."""

    def __init__(self, submit: "Callable[[AmiAction], Future[Reply]]", goto: str | None) -> None:
        """`goto` is ``context,exten,priority``; with None nothing is ever armed."""
        self.armed = 0
        """How many channels Asterisk accepted."""
        self.failed = 0
        """How many it did not, mostly because the caller was gone already."""
        self._submit = submit
        self._goto = goto

    def arm(self, channel: str, uniqueid: str) -> None:
        """Send the caller on `channel` into the survey at the end of the talk; `uniqueid` is for the log only."""
        if self._goto is None:
            return
        headers = {"Channel": channel, "Variable": "CHANNEL(after_bridge_goto)", "Value": self._goto}
        try:
            answer = self._submit(AmiAction("Setvar", headers))
        except (PbxError, ValueError) as error:
            self._count_failure(uniqueid, str(error))
        else:
            answer.add_done_callback(lambda done: self._answered(uniqueid, done))

    def _answered(self, uniqueid: str, answer: "Future[Reply]") -> None:
        if answer.cancelled():
            return
        if error := answer.exception():
            self._count_failure(uniqueid, str(error))
        elif (refusal := answer.result().refusal) is not None:
            self._count_failure(uniqueid, refusal)
        else:
            self.armed += 1

    def _count_failure(self, uniqueid: str, reason: str) -> None:
        self.failed += 1
        _log.warning("a caller is not armed for the survey", uniqueid=uniqueid, reason=reason)
