"""What the PBX says when it hands a caller over to be asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.calls import AgentRef
from storage.records import REASON_CODE, ReasonSource

_REASON = re.compile(REASON_CODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRequest:
    """One caller on the line, ready to be asked. All texts are hostile."""

    site: str
    linkedid: str
    """The call that has just ended."""
    survey: str
    """Names the survey: the uniqueid of the channel that is asked."""
    caller_number: str = ""
    language: str = ""
    """The language of the caller's channel, such as ``en`` or ``zh_CN``; empty when not known."""
    flow: str = ""
    """The flow that the dialplan asks for; empty for the site's own."""
    queue: str = ""
    agent: AgentRef | None = None
    """The agent whom the queue connected, as the channel's own variables tell, which cut a name at its first comma. A
    transfer leaves it as it was."""
    transferred_to: AgentRef | None = None
    """Who talked with the caller after a transfer, where the channel tells."""
    callback_of: str = ""
    """The linkedid of the call that this one, which we placed, is about; empty for a caller who called."""
    caller_digest: str = ""
    """The caller as the database knows one, where the number is no longer known: at a call-back."""
    sent_by: AgentRef | None = None
    """The agent who sent the caller here while they talked, where the channel tells; nobody talked with the caller
    afterwards."""
    handed_over_by: str = ""
    """The device of the agent who made an attended transfer, where the channel tells."""
    reason: str = ""
    """The call reason as the dialplan set it, or for a call-back as the call of before has it."""
    reason_source: ReasonSource = "channel"
    variables: Mapping[str, str] = field(default_factory=dict)
    """The channel variables that flows ask for."""
    talk_seconds: int | None = None
    """How long the caller talked with an agent, as the channel tells; after a transfer, with the last one."""
    marked_internal: bool = False
    """The channel says that one of our own people calls."""


def reason_code(text: str) -> str:
    """The reason that `text` names, such as ``billing/refund``, or ``""`` when it is no code.

    A code has one or two parts of at most 32 small letters, digits, ``-`` and ``_``; capitals and outer blanks are
    forgiven.
    """
    code = text.strip(" ").lower()
    return code if _REASON.fullmatch(code) else ""
