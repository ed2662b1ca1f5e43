"""A test call into the survey, and what is heard of it: FastAGI, prompts, event filters, times."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ivr.asterisk.actions import is_denied
from ivr.asterisk.ami import AmiAccess, AmiManager, AmiTiming
from ivr.asterisk.dialplan import DialplanSite
from ivr.asterisk.events import TYPED
from ivr.asterisk.messages import Message
from ivr.asterisk.originate import OUTCOME
from ivr.asterisk.test_call import PlacedTestCall, place_test_call
from ivr.doctor.findings import Finding
from ivr.errors import PbxError
from ivr.surveys.test_call import RESULT, FoundByTestCall

LAST_EVENT_SECONDS = 2.0
"""How long the last event of the test call may take."""
_MANAGER = "in manager.conf: read, write and eventfilter as `postcall asterisk dialplan` prints them; `manager reload`"
_NAMED = 4


@dataclass(slots=True)
class Overheard:
    """The events that came during a test call, those of others' calls too."""

    names: Counter[str] = field(default_factory=Counter)
    ended: set[str] = field(default_factory=set)
    """The uniqueids of channels that are gone."""
    without_time: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, message: Message, _: datetime) -> None:
        """Take an event."""
        self.names[message.event] += 1
        self.without_time += not message.get("Timestamp")
        if message.event == "Hangup":
            self.ended.add(message.get("Uniqueid"))
            self.news.set()

    async def heard_end_of(self, uniqueid: str) -> bool:
        """Whether the end of that channel was heard in time."""
        try:
            async with asyncio.timeout(LAST_EVENT_SECONDS):
                while uniqueid not in self.ended:
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            return False
        return True


async def call_for_test(access: AmiAccess, site: DialplanSite) -> list[Finding]:
    """Place a test call at one site, in an AMI session of its own. The service counts and keeps nothing of it."""
    about = f"pbx {site.site}"
    overheard = Overheard()
    manager = AmiManager(access, AmiTiming(), on_event=overheard.hear, on_skipped=lambda _: None, wanted=None)
    try:
        await manager.connect()
        placed = await place_test_call(manager.submit, site.survey_goto, RESULT)
        if is_denied(placed.refusal):
            fix = "give the user write = originate for the look, and take it away again"
            return [Finding(level="note", about=about, said="no test call: the user lacks write = originate", fix=fix)]
        heard = await overheard.heard_end_of(placed.uniqueid)
    except ValueError as error:
        return [Finding(level="note", about=about, said=f"no test call: {error}")]
    except PbxError as error:
        return [Finding(level="fault", about=about, said=f"no test call: {error}", fix="see Asterisk's own log")]
    finally:
        manager.close()
    return [*of_call(about, site, placed), *of_events(about, site, overheard, heard=heard)]


def of_call(about: str, site: DialplanSite, placed: PlacedTestCall) -> Iterator[Finding]:
    """What became of the call."""
    where = f"the test call to {site.survey_goto}"
    if placed.refusal or (placed.agi_status == "FAILURE" and not placed.result):
        yield Finding(
            level="fault",
            about=about,
            said=f"{where} did not reach the service ({placed.refusal or 'AGISTATUS is FAILURE'})",
            fix="the extension must be there, and its AGI() lead to a service that runs; Asterisk's log says which",
        )
        return
    try:
        found = FoundByTestCall.read(placed.result)
    except ValueError:
        yield Finding(
            level="fault",
            about=about,
            said=f"{where} was taken, and ended without a result",
            fix="see the service's log; after an upgrade restart the service",
        )
        return
    for one in found.lacking:
        what = f"{one.missing} prompts cannot be played, such as {one.first}"
        yield Finding(
            level="fault",
            about=about,
            said=f"flow {one.flow} is not spoken in {one.language}: {what}",
            fix="`postcall prompts build`, and copy the folder of sounds to the PBX (docs/prompts.md)",
        )
    if not found.lacking:
        said = f"{where} was taken, heard {found.begun}, and all {found.prompts} prompts are there"
        yield Finding(level="ok", about=about, said=said)


def of_events(about: str, site: DialplanSite, overheard: Overheard, *, heard: bool) -> Iterator[Finding]:
    """What the event filters let through. `heard` says whether the end of the call was."""
    if not heard:
        yield Finding(
            level="fault",
            about=about,
            said="the event Hangup of the test call did not come through: calls are not followed to their end",
            fix=_MANAGER,
        )
    if extra := unneeded(overheard.names):
        names = ", ".join(extra[:_NAMED]) + (" …" if len(extra) > _NAMED else "")
        yield Finding(
            level="warning", about=about, said=f"events come through that nobody needs: {names}", fix=_MANAGER
        )
    if overheard.without_time:
        yield Finding(
            level="warning",
            about=about,
            said="its events tell no time, so a delayed one counts as late",
            fix="in [general] of manager.conf: timestampevents = yes; then `manager reload`",
        )
    elif heard and not extra:
        yield Finding(level="ok", about=about, said="its event filters let through what is needed, and times are told")


def unneeded(names: Iterable[str]) -> list[str]:
    """Those events that no part of the service listens to, in order."""
    return sorted(set(names) - {*TYPED, OUTCOME})
