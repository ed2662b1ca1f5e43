"""The link to one Asterisk: keeps an AMI session up, and tells its calls, in order, to one consumer."""

import asyncio
import contextlib
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import structlog
from structlog.contextvars import bound_contextvars

from ivr.asterisk.actions import AmiAction, Headers, Reply
from ivr.asterisk.ami import AmiAccess, AmiManager, AmiTiming
from ivr.asterisk.delivery import Consumer, Delivery
from ivr.asterisk.events import TYPED, AgentConnect, EventMalformed, FullyBooted, Shutdown, typed
from ivr.asterisk.extension import ExtensionPlan, SurveyExtension
from ivr.asterisk.messages import Message
from ivr.asterisk.originate import OUTCOME, Originator, Placed
from ivr.asterisk.reconcile import reconcile
from ivr.asterisk.sending import Sender
from ivr.asterisk.state import AmiState
from ivr.asterisk.translate import Translator
from ivr.asterisk.trigger import Trigger
from ivr.calls import Call, Gap, LegConnected
from ivr.errors import PbxError, PbxRefused

_log = structlog.get_logger()


class AmiLink:
    """Connects, and connects again until stopped; then it may be started anew. Each session begins with a `Gap`, which
    says what was not heard.

    `on_event` gets the events of all calls one after another, from one task; it may be a coroutine function. Reading
    never waits for it: at most `queue_limit` events wait, and what comes on top is dropped, and asked for again as
    after a lost connection. An exception in it is logged and counted.

    `survey_goto` is the dialplan place ``context,exten,priority`` where callers go on when their agent hangs up; None
    leaves that to the dialplan. `send_goto` is where `send_to_survey` and `place` bring people. `extension` is what to
    create when the dialplan has no such place.

    Raises `SettingsError` when the CA file cannot be read.
    """

    def __init__(
        self,
        *,
        site: str,
        access: AmiAccess,
        on_event: Consumer,
        survey_goto: str | None = None,
        send_goto: str = "postcall-survey,s,1",
        extension: ExtensionPlan | None = None,
        timing: AmiTiming | None = None,
        queue_limit: int = 10_000,
    ) -> None:
        self._site = site
        self._timing = timing or AmiTiming()
        self._manager = AmiManager(
            access, self._timing, on_event=self._heard, on_skipped=self._count_skipped, wanted=(*TYPED, OUTCOME)
        )
        self._trigger = Trigger(self._manager.submit, survey_goto)
        self._extension = extension and SurveyExtension(
            self._manager.submit, extension, lambda: self._manager.local_host
        )
        self._translator = Translator(site)
        self._sender = Sender(self._manager.submit, self._translator, send_goto)
        self._originator = Originator(self._manager.submit, send_goto)
        self._reconcile_due = asyncio.Event()
        self._delivery = Delivery(on_event, queue_limit, self._reconcile_due.set)
        self._deaf_since: datetime | None = None
        """From when on events may have been missed; None when none were."""
        self._tasks: list[asyncio.Task[None]] = []
        self._up = False
        self._since = _now()
        self._problem = "not started"
        self._refused = False
        self._sessions = 0
        self._skipped = 0
        self._events = 0
        self._lag = timedelta()
        """How late the last event was heard."""

    @property
    def state(self) -> AmiState:
        """How the link is doing now."""
        return AmiState(
            connected=self._up,
            since=self._since,
            problem=self._problem,
            version=self._manager.version,
            reconnects=max(0, self._sessions - 1),
            skipped_messages=self._skipped,
            dropped_events=self._delivery.dropped,
            consumer_errors=self._delivery.errors,
            unattributable=self._translator.unattributable,
            armed=self._trigger.armed,
            not_armed=self._trigger.failed,
            events=self._events,
            lag_seconds=self._lag.total_seconds(),
            waiting_events=self._delivery.waiting,
            extension_problem=self._extension.problem if self._extension else "",
        )

    async def start(self, heard_until: datetime | None = None, calls: Iterable[Call] = ()) -> None:
        """Try once to connect, for 5 s at most; if Asterisk cannot be reached, go on trying in the background.

        `heard_until` is when this Asterisk was heard last, and `calls` those that were not over then. Raises
        `PbxRefused` when Asterisk does not accept the user.
        """
        self._translator.begin(calls)
        self._deaf_since = min(heard_until or _now(), _now())
        # Tasks and connections take this along: whatever is logged in them says which site it is about.
        with bound_contextvars(site=self._site):
            await self._try_to_connect(refusal_is_final=True)
            self._tasks = [asyncio.create_task(self._delivery.run()), asyncio.create_task(self._stay_connected())]

    async def stop(self) -> None:
        """End the session for good, and give the events already heard a short time to be handled."""
        tasks, self._tasks = self._tasks, []
        with bound_contextvars(site=self._site):
            for task in tasks[1:]:
                await _cancelled(task)
            self._manager.close()
            self._set(up=False, problem="stopped")
            for task in tasks[:1]:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._delivery.drained(), self._timing.stop)
                await _cancelled(task)

    async def action(self, name: str, headers: Headers | None = None, *, timeout_seconds: float | None = None) -> Reply:
        """Ask Asterisk to do something and wait for the answer, for 5 s unless said otherwise.

        When the connection is lost meanwhile, an action that only reads, or sets a plain variable, is sent again in the
        next session within the same time; every other fails.

        Raises `PbxRefused` when Asterisk says no, `PbxError` when no answer comes, and `ValueError`, which names the
        header, for a line break, a NUL, or too long a line.
        """
        return await self._manager.request(AmiAction(name, headers), timeout_seconds)

    async def send_to_survey(self, linkedid: str) -> None:
        """End the caller's talk with the agent, and have the caller asked; returns when the caller is on the way.

        Raises `NoSuchCall`, `NotTalking`, and `PbxError` when Asterisk cannot be asked.
        """
        with bound_contextvars(site=self._site):
            await self._sender.send(linkedid)

    async def place(self, *, channel: str, caller_id: str, ring_seconds: int, about: str) -> Placed:
        """Call `channel`, and have whoever takes it brought to the survey, about the call with the linkedid `about`.

        Raises `PbxRefused` when no telephone rang, and `PbxError` when the outcome is not known.
        """
        return await self._originator.place(
            channel=channel, caller_id=caller_id, ring_seconds=ring_seconds, about=about
        )

    async def _stay_connected(self) -> None:
        tries = 0
        while True:
            try:
                if self._up:
                    lasted = await self._serve()
                    # A session that ends at once counts as a failed try, or both sides would spin.
                    tries = 0 if lasted > self._timing.longest_pause else tries
                await asyncio.sleep(self._timing.refused_pause if self._refused else self._pause(tries))
                tries += 1
                await self._try_to_connect()
            except Exception:
                _log.exception("the AMI link failed", site=self._site)
                self._manager.close()
                self._set(up=False, problem="an error of the link itself; see the log")

    def _pause(self, tries: int) -> float:
        # Spread over half the time, so that several services do not come back to a restarted Asterisk all at once.
        longest = min(self._timing.longest_pause, self._timing.first_pause * 2.0 ** min(tries, 20))
        return random.uniform(0.5, 1) * longest

    async def _try_to_connect(self, *, refusal_is_final: bool = False) -> None:
        try:
            await self._manager.connect()
        except PbxError as error:
            self._refused = isinstance(error, PbxRefused)
            if self._refused and refusal_is_final:
                raise
            # One line an outage, and one more when its cause changes: not one a try.
            if str(error) != self._problem:
                _log.error(
                    "AMI refuses us" if self._refused else "AMI cannot be reached", site=self._site, reason=str(error)
                )
            self._set(up=False, problem=str(error))
        else:
            self._refused = False
            self._sessions += 1
            self._set(up=True, problem="")
            _log.info("AMI is connected", site=self._site, version=self._manager.version)

    def _set(self, *, up: bool, problem: str) -> None:
        if up != self._up:
            self._since = _now()
        self._up, self._problem = up, problem

    async def _serve(self) -> float:
        """Look after a session until it is over; returns the seconds that it lasted."""
        protocol = self._manager.protocol
        if protocol is None:
            return 0.0
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._manager.send_awaiting_actions()
        self._reconcile_due.set()
        helpers = [asyncio.create_task(self._ping()), asyncio.create_task(self._keep_reconciled())]
        if self._extension:
            helpers.append(asyncio.create_task(self._extension.keep()))
        try:
            await asyncio.wait((protocol.lost, *helpers), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for helper in helpers:
                await _cancelled(helper)
            # What came after the last bytes heard is lost, however late that was noticed.
            self._deaf_since = self._deaf_since or _now() - timedelta(seconds=loop.time() - protocol.heard_at)
            self._manager.connection_lost(None)
        self._set(up=False, problem="the connection was lost")
        _log.warning("AMI is lost", site=self._site)
        return loop.time() - began

    async def _ping(self) -> None:
        """Returns once a ping was not answered: the connection is dead."""
        while True:
            await asyncio.sleep(self._timing.ping_every)
            try:
                await self._manager.request(AmiAction("Ping"), self._timing.ping_answer)
            except PbxRefused:
                continue
            except PbxError as error:
                _log.warning("AMI does not answer any more", site=self._site, reason=str(error))
                return

    async def _keep_reconciled(self) -> None:
        while True:
            await self._reconcile_due.wait()
            self._reconcile_due.clear()
            self._delivery.accept()
            try:
                await self._reconcile()
            except PbxRefused as error:
                # Without the right to ask, no call is declared over: those known go on until their hang-up is heard.
                _log.warning("calls are not reconciled", site=self._site, reason=str(error))
                self._delivery.put_always(
                    Gap(site=self._site, since=self._take_deaf_since(), until=_now(), live=self._translator.live)
                )
            except PbxError as error:
                _log.warning("calls are not reconciled", site=self._site, reason=str(error))
                await asyncio.sleep(self._timing.answer)
                self._reconcile_due.set()

    async def _reconcile(self) -> None:
        try:
            queues = (await self.action("QueueStatus")).items
        except PbxRefused:
            # No queues are loaded: there is nobody in one.
            queues = ()
        try:
            await self._ask_for_channels("CoreShowChannels", queues)
        except PbxRefused:
            # It needs the class `system` or `reporting`; `Status` tells the same to users with the class `call`.
            await self._ask_for_channels("Status", queues)

    async def _ask_for_channels(self, name: str, queues: tuple[Message, ...]) -> None:
        def answered(reply: Reply) -> None:
            if reply.refusal is not None:
                return
            snapshot = reconcile(queues, reply.items, at=_now())
            for event in self._translator.resume(snapshot, self._take_deaf_since()):
                if isinstance(event, LegConnected):
                    self._trigger.arm(event.channel, event.uniqueid)
                self._delivery.put_always(event)

        action = AmiAction(name)
        # Between the events before the answer and those after it: a call that ends right then must not come back.
        action.on_reply = answered
        await self._manager.request(action)

    def _take_deaf_since(self) -> datetime:
        since, self._deaf_since = self._deaf_since or _now(), None
        return since

    def _heard(self, message: Message, arrived: datetime) -> None:
        try:
            event = typed(message, arrived)
        except EventMalformed as error:
            self._skipped += 1
            _log.warning("an AMI event lacks a header", site=self._site, kind=message.event, missing=str(error))
            return
        if event is None:
            if message.event == OUTCOME:
                self._originator.heard(message)
            return
        self._events += 1
        self._lag = arrived - event.at
        if isinstance(event, AgentConnect):
            # Before anything else is done with it: the agent may hang up at once.
            self._trigger.arm(event.channel, event.uniqueid)
        elif isinstance(event, (FullyBooted, Shutdown)):
            _log.info("Asterisk has booted" if isinstance(event, FullyBooted) else "Asterisk ends", site=self._site)
        for told in self._translator.feed(event):
            if isinstance(told, LegConnected) and not isinstance(event, AgentConnect):
                self._trigger.arm(told.channel, told.uniqueid)
            if not self._delivery.put(told):
                self._deaf_since = self._deaf_since or _now()

    def _count_skipped(self, messages: int) -> None:
        self._skipped += messages
        _log.warning("AMI messages were skipped", site=self._site, messages=messages)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled() and (error := task.exception()):
        _log.error("an AMI task failed", task=repr(task.get_coro()), exc_info=error)


def _now() -> datetime:
    return datetime.now(UTC)
