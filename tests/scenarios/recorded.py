"""A recorded call, as the service would have taken it: its events, the database, and a survey at any moment of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from callflows.interview import Keys
from ivr.asterisk.events import AgentConnect, AmiEvent, typed
from ivr.asterisk.messages import Framer
from ivr.asterisk.translate import Translator
from ivr.calls import AgentRef
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution, CreditRules
from ivr.surveys.conduct import SurveyDesk
from ivr.surveys.facts import FactWriter
from ivr.surveys.known_calls import KnownCalls
from ivr.surveys.privacy import CallerKey
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.request import SurveyRequest
from ivr.surveys.site_flows import SiteFlows
from ivr.surveys.tracker import CallTracker
from storage.engine import Database
from storage.recorder import Recorder
from storage.records import FlowVersionRecord, SiteRecord
from storage.tables import Base
from tests import recordings
from tests.shelves import shelf_of, shipped

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
FLOWS = shipped()


class Keypad:
    """A caller's telephone: the keys, question by question, and then nothing more."""

    def __init__(self, *keys: str) -> None:
        self._keys = list(keys)

    async def answer(self) -> None:
        return

    async def play(self, prompts: object) -> None:
        return

    async def collect(
        self,
        prompts: object,
        *,
        max_keys: int,
        timeout_seconds: float,
        key_timeout_seconds: float,
        barge_in: bool = True,
    ) -> Keys:
        pressed = self._keys.pop(0) if self._keys else ""
        return Keys(pressed=pressed, timed_out=not pressed)

    async def unplayable(self, prompts: object) -> list[str]:
        return []


class Heard:
    """One site that hears a recorded call."""

    def __init__(self, database: Database, site: str, rules: CreditRules) -> None:
        self.database = database
        self.site = site
        self.recorder = Recorder(database)
        self.now = EPOCH
        agents = AgentDirectory()
        attribution = Attribution({site: rules}, agents.identify)
        callers = CallerKey(b"a key of these tests")
        self.facts = FactWriter(self.recorder, callers, agents, attribution)
        self.calls = CallTracker(self.facts.call_changed)
        self.translator = Translator(site)
        self.desk = SurveyDesk(
            recorder=self.recorder,
            calls=self.calls,
            known=KnownCalls(self.calls, database, lambda _site: True),
            flows=shelf_of(FLOWS),
            callers=callers,
            prompts=PromptCheck(now=lambda: self.now),
            attribution=attribution,
            agents=agents,
            now=lambda: self.now,
            sites={site: SiteFlows(flow="csat", rules=(), team_of=lambda *_: "", zone=ZoneInfo("UTC"))},
            recordings="",
        )

    def feed(self, event: AmiEvent) -> None:
        """Take in one event."""
        self.now = max(self.now, event.at)
        for told in self.translator.feed(event):
            self.calls.handle(told)

    async def ask(self, request: SurveyRequest, *keys: str) -> None:
        """The dialplan brings the caller."""
        await self.desk.conduct(request, "en", Keypad(*keys))  # type: ignore[arg-type]

    async def rows(self, table: type[Base], **wanted: Any) -> list[Any]:
        async def work(connection: Any) -> list[Any]:
            statement = select(table.__table__).filter_by(site_id=self.site, **wanted)
            return list((await connection.execute(statement)).all())

        return await self.database.read(work)


@asynccontextmanager
async def hearing(database: Database, site: str, rules: CreditRules | None = None) -> AsyncIterator[Heard]:
    """A site of that code in the database, whose facts are written while the block runs."""
    heard = Heard(database, site, rules or CreditRules())
    await heard.recorder.ensure_site(SiteRecord(site=site, name="", zone="UTC"))
    for version in FLOWS:
        flow = version.flow
        await heard.recorder.publish(
            FlowVersionRecord(digest=version.digest, flow=flow.flow, source=version.source, published_at=EPOCH)
        )
    writing = asyncio.create_task(heard.facts.run())
    try:
        yield heard
        await heard.facts.all_written()
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


def events_of(name: str) -> list[AmiEvent]:
    """The events of a recording that the service takes notice of, in order."""
    messages = Framer().feed(recordings.stream(name))
    return [event for event in (typed(message, EPOCH) for message in messages) if event]


def request_of(name: str, site: str) -> SurveyRequest:
    """What the caller's channel said when the dialplan brought the caller in a recording."""
    connect = next(event for event in events_of(name) if isinstance(event, AgentConnect))
    return SurveyRequest(
        site=site,
        linkedid=connect.linkedid,
        survey=connect.uniqueid,
        language="en",
        queue=connect.queue,
        agent=AgentRef(interface=connect.interface, name=connect.member_name, name_is_cut=True),
        transferred_to=AgentRef(interface="PJSIP/1002") if "blind" in name else None,
        handed_over_by="PJSIP/1001" if "attended" in name else "",
    )


def heard_caller(name: str) -> str:
    """The uniqueid of the caller in a recording."""
    joined = next(event for event in events_of(name) if hasattr(event, "caller_number"))
    return str(joined.uniqueid)  # type: ignore[attr-defined]
