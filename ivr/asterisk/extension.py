"""Keeps the survey's extension in a dialplan that nobody wrote it into, over AMI.

`DialplanExtensionAdd` (class `system`) adds to Asterisk's memory only: a ``dialplan reload`` and a restart take it away
again. Of the reloads only those of the module send an event (``module reload pbx_config``, ``core reload``), the usual
``dialplan reload`` none, so `ShowDialPlan` (class `reporting` or `config`) is asked every few seconds. Measured on
Asterisk 22.10. Adding what is there already would be refused too, but with a warning in Asterisk's log each time.
"""

import asyncio
import re
from asyncio import Future
from collections.abc import Callable, Iterable, Sequence
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
_NEXT = '$["${{AGISTATUS}}" = "FAILURE"]?AGI({url})'
"""`AGISTATUS` is FAILURE where nobody listened, and SUCCESS where a replica broke off: then nobody is asked twice."""
_OUR_NEXT = re.compile(re.escape(_NEXT.format(url="@")).replace("@", _OURS.pattern))

Step = tuple[int, str, str]
"""One line of an extension: priority, application, data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionPlan:
    """The extension to keep."""

    goto: str
    """Context, extension and priority."""
    agi_host: str
    """Where the service listens for `AGI`."""
    agi_port: int
    site: str
    replicas: Sequence[str] = ()
    """Where all replicas of the service listen, ``host:port``; empty for this one alone."""

    def urls(self, local_host: str) -> list[str]:
        """The addresses for `AGI`. `local_host` is our end of the AMI connection: there Asterisk reaches a service that
        listens on every address."""
        host = local_host if is_any_address(self.agi_host) else self.agi_host
        places = self.replicas or (f"{f'[{host}]' if ':' in host else host}:{self.agi_port}",)
        return [f"agi://{place}/survey?site={self.site}" for place in places]

    def steps(self, local_host: str) -> list[Step]:
        """The lines of the extension."""
        priority = int(self.goto.split(",")[2])
        calls = [*survey_calls(self.urls(local_host)), ("Hangup", "")]
        return [(priority + number, *call) for number, call in enumerate(calls)]


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
        self._context, self._extension, _ = plan.goto.split(",")
        self._plan = plan
        self._local_host = local_host

    @property
    def _wanted(self) -> list[Step]:
        return self._plan.steps(self._local_host())

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
            for priority, application, data in self._wanted:
                await self._add(priority, application, data)
        except (PbxError, ValueError) as error:
            self._found(str(error))
            return
        self.created += 1
        self._found("")
        _log.info("the survey's extension is created", site=self._site, context=self._context, exten=self._extension)

    async def _is_there(self) -> bool:
        where = {"Context": self._context, "Extension": self._extension}
        reply = await self._submit(AmiAction("ShowDialPlan", where))
        if reply.refusal is not None:
            self._check_right("ShowDialPlan", reply.refusal)
            return False  # "Did not find context …", "Did not find extension …"
        return not is_missing(reply.items, self._wanted, site=self._site)

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


def survey_calls(urls: Sequence[str]) -> list[tuple[str, str]]:
    """Application and data of each line that brings a caller to the survey: the next address is called where the one
    before it cannot be reached."""
    first, *others = urls
    return [("AGI", first), *(("ExecIf", _NEXT.format(url=url)) for url in others)]


def is_missing(shown: Iterable[Message], wanted: Sequence[Step], *, site: str) -> bool:
    """Whether `ShowDialPlan` shows no such extension, or our own lines of the same site as they were before.

    What an admin wrote there is left alone, whatever it does.
    """
    lines = {
        message.get("Priority"): (message.get("Application"), message.get("AppData"))
        for message in shown
        if message.event == "ListDialplan"
    }
    for number, (priority, *line) in enumerate(wanted):
        there = lines.get(str(priority))
        if there is None:
            return number == 0 or line[0] != "Hangup"
        if list(there) != line:
            return _is_ours(*there, site) or (number > 0 and there[0] == "Hangup")
    return False


def _is_ours(application: str, data: str, site: str) -> bool:
    found = _OURS.fullmatch(data) if application == "AGI" else None
    found = _OUR_NEXT.fullmatch(data) if application == "ExecIf" else found
    return found is not None and found[1] == site
