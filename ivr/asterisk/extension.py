"""Keeps the survey's extension in a dialplan that nobody wrote it into, over AMI.

`DialplanExtensionAdd` (class `system`) adds to Asterisk's memory only: a ``dialplan reload`` and a restart take it away
again. Of the reloads only those of the module send an event (``module reload pbx_config``, ``core reload``), the usual
``dialplan reload`` none, so `ShowDialPlan` (class `reporting` or `config`) is asked every few seconds. Measured on
Asterisk 22.10. Adding what is there already would be refused too, but with a warning in Asterisk's log each time.
"""

import asyncio
import re
from asyncio import Future
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

import structlog

from ivr.asterisk.actions import AmiAction, Reply, is_denied
from ivr.asterisk.messages import Message
from ivr.errors import PbxError

_log = structlog.get_logger()

CHECK_SECONDS = 2.0
"""How long an extension that a reload took away may be missing."""
_OURS = re.compile(r"agi://[^/]+/survey\?site=([a-z0-9-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionPlan:
    """The extension to keep."""

    goto: str
    """Context, extension and priority."""
    agi_host: str
    """Where the service listens for `AGI`."""
    agi_port: int
    site: str

    def url(self, local_host: str) -> str:
        """The address for `AGI`. `local_host` is our end of the AMI connection: there Asterisk reaches a service that
        listens on every address."""
        host = local_host if is_any_address(self.agi_host) else self.agi_host
        return f"agi://{f'[{host}]' if ':' in host else host}:{self.agi_port}/survey?site={self.site}"


class SurveyExtension:
    """One extension: `AGI` to the service, then `Hangup`. It never raises: calls are armed all the same."""

    def __init__(
        self, submit: "Callable[[AmiAction], Future[Reply]]", plan: ExtensionPlan, local_host: Callable[[], str]
    ) -> None:
        self.problem = ""
        """Why the extension may be missing, in one line; empty while it is there."""
        self.created = 0
        """How many times it was missing, or led to an old address, and was created."""
        self._submit = submit
        self._site = plan.site
        self._context, self._extension, priority = plan.goto.split(",")
        self._priority = int(priority)
        self._plan = plan
        self._local_host = local_host

    @property
    def _url(self) -> str:
        return self._plan.url(self._local_host())

    async def keep(self) -> None:
        """Look every `CHECK_SECONDS`, and create what is missing, until cancelled."""
        while True:
            await self.mend()
            await asyncio.sleep(CHECK_SECONDS)

    async def mend(self) -> None:
        """Look once."""
        try:
            if await self._is_there():
                self._found("")
                return
            for priority, application, data in self._wanted():
                await self._add(priority, application, data)
        except (PbxError, ValueError) as error:
            self._found(str(error))
            return
        self.created += 1
        self._found("")
        _log.info("the survey's extension is created", site=self._site, context=self._context, exten=self._extension)

    def _wanted(self) -> list[tuple[int, str, str]]:
        return [(self._priority, "AGI", self._url), (self._priority + 1, "Hangup", "")]

    async def _is_there(self) -> bool:
        where = {"Context": self._context, "Extension": self._extension}
        reply = await self._submit(AmiAction("ShowDialPlan", where))
        if reply.refusal is not None:
            self._check_right("ShowDialPlan", reply.refusal)
            return False  # "Did not find context …", "Did not find extension …"
        return not is_missing(reply.items, self._priority, site=self._site, url=self._url)

    async def _add(self, priority: int, application: str, data: str) -> None:
        headers = {
            "Context": self._context,
            "Extension": self._extension,
            "Priority": str(priority),
            "Application": application,
            "ApplicationData": data,
            "Replace": "yes",
        }
        reply = await self._submit(AmiAction("DialplanExtensionAdd", headers))
        if reply.refusal is not None:
            self._check_right("DialplanExtensionAdd", reply.refusal)
            raise PbxError(f"Asterisk refused DialplanExtensionAdd: {reply.refusal}")

    def _check_right(self, action: str, refusal: str) -> None:
        if is_denied(refusal):
            raise PbxError(
                f"Asterisk refused {action}: the AMI user needs write = call,reporting,system in manager.conf,"
                " or create_extension = false and the extension in extensions.conf"
            )

    def _found(self, problem: str) -> None:
        # One line when it changes, not one every few seconds.
        if problem and problem != self.problem:
            _log.error("the survey's extension cannot be created", site=self._site, reason=problem)
        self.problem = problem


def is_any_address(host: str) -> bool:
    """Whether `host` means every address of this machine, as ``0.0.0.0`` does."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def is_missing(shown: Iterable[Message], priority: int, *, site: str, url: str) -> bool:
    """Whether `ShowDialPlan` shows no such priority, or our own line of the same site with an address of before.

    What an admin wrote there is left alone, whatever it does.
    """
    for message in shown:
        if message.event == "ListDialplan" and message.get("Priority") == str(priority):
            data = message.get("AppData")
            ours = _OURS.fullmatch(data) if message.get("Application") == "AGI" else None
            return ours is not None and ours[1] == site and data != url
    return True
