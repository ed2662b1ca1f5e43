"""Several replicas of this service on one PostgreSQL: who does what, and what they tell each other."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Annotated, Literal

import structlog
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ivr.errors import NoSuchCall, NotTalking, PbxError
from ivr.live import LiveFeed, SurveyNews
from ivr.parts.background import Background
from ivr.parts.jobs import Jobs, claimed, pbx_job
from storage.address import parse_url
from storage.engine import Database, open_database
from storage.leases import LeaseRecorder
from storage.notices import Notices
from storage.schema import require_schema

log = structlog.get_logger()

ERRAND_SECONDS = 5.0
"""How long the replica that follows a PBX may take: as long as Asterisk may."""
Send = Callable[[str], Awaitable[None]]
"""Sends the caller of a linkedid into the survey; raises as `AmiLink.send_to_survey` does."""


class News(BaseModel):
    """Something happened to a survey."""

    kind: Literal["news"] = "news"
    news: SurveyNews


class Errand(BaseModel):
    """Whoever follows the PBX of `site` is to send a caller into the survey."""

    kind: Literal["errand"] = "errand"
    errand: str
    """A number for this one errand."""
    site: str
    linkedid: str


class Outcome(BaseModel):
    """What became of an errand."""

    kind: Literal["outcome"] = "outcome"
    errand: str
    outcome: Literal["sent", "no_such_call", "not_talking", "failed"]
    why: str = ""


_SAID: TypeAdapter[News | Errand | Outcome] = TypeAdapter(
    Annotated[News | Errand | Outcome, Field(discriminator="kind")]
)
_ERRORS: Mapping[str, type[PbxError]] = {"no_such_call": NoSuchCall, "not_talking": NotTalking}


class Others:
    """The other replicas; `jobs` says what is ours."""

    def __init__(self, jobs: Jobs, live: LiveFeed) -> None:
        self.say: Callable[[str], None] = lambda _text: None
        """Tells them a text."""
        self.senders: Mapping[str, Send] = {}
        """How we send callers into the survey ourselves, by site."""
        self.heard = asyncio.Event()
        """Set while they are heard."""
        self._jobs = jobs
        self._live = live
        self._asked: dict[str, asyncio.Future[Outcome]] = {}
        self._doing: set[asyncio.Task[None]] = set()

    def tell(self, news: SurveyNews) -> None:
        """Tell them our own news."""
        self.say(News(news=news).model_dump_json())

    async def send_to_survey(self, site: str, linkedid: str) -> None:
        """Have whichever of them follows the PBX of `site` send a caller into the survey.

        Raises `NoSuchCall`, `NotTalking`, and `PbxError` when none of them does it.
        """
        number = secrets.token_hex(8)
        self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self.say(Errand(errand=number, site=site, linkedid=linkedid).model_dump_json())
            async with asyncio.timeout(ERRAND_SECONDS):
                done = await self._asked[number]
        except TimeoutError:
            raise PbxError("no other replica that follows this PBX answers") from None
        finally:
            del self._asked[number]
        if done.outcome != "sent":
            raise _ERRORS.get(done.outcome, PbxError)(done.why)

    def hear(self, text: str) -> None:
        """Take in what another replica says."""
        try:
            said = _SAID.validate_json(text)
        except ValidationError:
            # It is of another version, which says something else.
            log.debug("another replica is not understood")
            return
        match said:
            case News():
                self._live.tell(said.news)
            case Errand() if self._jobs.has(pbx_job(said.site)) and said.site in self.senders:
                task = asyncio.create_task(self._do(said), name="errand")
                self._doing.add(task)
                task.add_done_callback(self._doing.discard)
            case Outcome():
                asked = self._asked.get(said.errand)
                if asked and not asked.done():
                    asked.set_result(said)

    async def _do(self, errand: Errand) -> None:
        outcome = Outcome(errand=errand.errand, outcome="sent")
        try:
            await self.senders[errand.site](errand.linkedid)
        except PbxError as error:
            kinds = {kind: name for name, kind in _ERRORS.items()}
            name = kinds.get(type(error), "failed")
            outcome = outcome.model_copy(update={"outcome": name, "why": str(error)})
        self.say(outcome.model_dump_json())


@asynccontextmanager
async def among_replicas(
    url: str, name: str, jobs: Jobs, live: LiveFeed, background: Background
) -> AsyncIterator[Others]:
    """Be one of several replicas on the PostgreSQL at `url` while the block runs, under a `name` that no other has.

    `jobs` are claimed; what the others tell goes to whoever follows `live` here. Raises `DatabaseError`, but not for a
    database that is only away.
    """
    async with AsyncExitStack() as stack:
        # With connections of its own: a pool that is busy with callers must not cost us our leases.
        first = partial(require_schema, url=parse_url(url))
        database: Database = await stack.enter_async_context(
            await open_database(url, first=first, may_be_away=True),
        )
        await stack.enter_async_context(claimed(jobs, LeaseRecorder(database), name, background))
        others = Others(jobs, live)
        notices = Notices(database.url, name, heard=others.hear, missed=live.break_off)
        others.say, others.heard = notices.tell, notices.listening
        async with background.works(notices.run(), "notices"):
            yield others
