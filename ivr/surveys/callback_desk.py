"""A call-back was taken: is it a person, and does the person want to be asked?

The greeting is a flow of its own, put like any other and kept nowhere: a key that gives 0 means never again, any other
key is a person. An answering machine presses none, so it is neither asked nor counted as an answer; the caller is tried
again. A person who hangs up during the greeting has answered, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from callflows.interview import Interview
from callflows.loader import FlowVersion
from callflows.steps import Context
from ivr.calls import AgentRef
from ivr.phone import Phone
from ivr.surveys.asking import Asking, store_outage
from ivr.surveys.callbacks import Callbacks
from ivr.surveys.conduct import SurveyDesk, spoken
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.request import SurveyRequest
from storage.callback_records import CallbackRecord
from storage.recorder import Recorder
from storage.records import AnswerRecord, Outcome

log = structlog.get_logger()

NEVER_AGAIN = 0


@dataclass(slots=True)
class _Forgetful:
    """A `SurveyBook` in which only the last answer stands, and only until the greeting is over."""

    values: list[int | None] = field(default_factory=list)

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        return True

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        self.values.append(answer.value)
        return True

    async def choose_reason(self, site: str, survey: str, reason: str) -> None:
        pass

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        pass

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        return True


class CallbackDesk:
    """Greets whoever takes a call-back, and has a person asked about the call of before."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        callbacks: Callbacks,
        desk: SurveyDesk,
        greetings: Mapping[str, FlowVersion],
        prompts: PromptCheck,
        now: Callable[[], datetime],
    ) -> None:
        """`greetings` has the flow of each site that calls back."""
        self._recorder = recorder
        self._callbacks = callbacks
        self._desk = desk
        self._greetings = greetings
        self._prompts = prompts
        self._now = now

    async def conduct(self, request: SurveyRequest, language: str, phone: Phone) -> None:
        """Greet, and ask; returns when the call may end. `language` is the site's own.

        Raises `DatabaseError` before anything was said.
        """
        told = log.bind(site=request.site, linkedid=request.callback_of)
        greeting = self._greetings.get(request.site)
        callback = await self._recorder.calling_back(request.site, request.callback_of) if greeting else None
        if callback is None or greeting is None:
            told.warning("a call-back that is not under way")
            return
        outcome, value = await self._greet(callback, request.survey, greeting, language, phone)
        if value is None:
            if outcome == "hung_up":
                await self._callbacks.withdrawn(callback, "hung_up")
            else:
                await self._callbacks.failed(callback, "no_key")
        elif value == NEVER_AGAIN:
            await self._callbacks.withdrawn(callback, "opted_out")
            if callback.caller_digest:
                await self._recorder.opt_out(None, callback.caller_digest, self._now(), "key")
            await self._recorder.withdraw_callbacks_of(callback.site, callback.caller_digest, self._now())
            told.info("a caller never wants to be asked again")
        elif await self._callbacks.answered(callback):
            reason, reason_source = await self._recorder.reason_of(callback.site, callback.linkedid)
            await self._desk.conduct(
                SurveyRequest(
                    site=callback.site,
                    linkedid=callback.linkedid,
                    survey=request.survey,
                    caller_digest=callback.caller_digest,
                    language=request.language,
                    queue=callback.queue,
                    agent=AgentRef(interface=callback.agent) if callback.agent else None,
                    reason=reason,
                    reason_source=reason_source,
                ),
                language,
                phone,
            )

    async def _greet(
        self, callback: CallbackRecord, survey: str, version: FlowVersion, language: str, phone: Phone
    ) -> tuple[Outcome, int | None]:
        """How the greeting ended, and the value of the key that was pressed."""
        speakable = await self._prompts.speakable(callback.site, version, [language], phone)
        if speakable is None:
            return "failed", None
        book = _Forgetful()
        asking = Asking(
            site=callback.site,
            survey=survey,
            headline=version.flow.headline_question.code,
            interview=Interview(speakable, spoken(speakable, language, language), Context(at=self._now())),
            phone=phone,
            book=book,
            recordings="",  # a greeting records nothing
            now=self._now,
            outage=store_outage(),
        )
        outcome = await asking.ask()
        if asking.lacked_prompt:
            self._prompts.forget(callback.site, speakable.flow)
        pressed = [value for value in book.values if value is not None]
        return outcome, pressed[0] if pressed else None
