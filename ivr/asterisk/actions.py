"""Actions sent to Asterisk, and when they are answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from panoramisk import actions

from ivr.asterisk.messages import Message

Headers = Mapping[str, str | Sequence[str]]
"""Names and values of an action; a sequence repeats the header, as several `Variable` do."""

_LINE_LIMIT = 1000
"""Asterisk's buffer for one line holds 1,024 bytes; the rest of a longer one would be read as a line of its own."""
_FORBIDDEN = "\r\n\0"
_READ_ONLY = frozenset(
    {"coresettings", "coreshowchannels", "corestatus", "getvar", "queuestatus", "queuesummary", "status"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to an action."""

    response: Message
    items: tuple[Message, ...] = ()
    """The events of a list, in order, without the one that ends it."""

    @property
    def refusal(self) -> str | None:
        """What Asterisk said against it; None when it did as it was asked."""
        if self.response.response.lower() not in ("error", "fail", "failure"):
            return None
        return self.response.get("Message") or "no reason given"


def is_denied(refusal: str | None) -> bool:
    """Whether an action was refused because the user has no right to it."""
    return refusal is not None and "permission" in refusal.lower()


class AmiAction(actions.Action):  # type: ignore[misc]
    """An action under way.

    Raises `ValueError`, which names the header, for a line break or NUL in a name or value (it would start a second
    action) and for a line that Asterisk could not read whole.
    """

    def __init__(self, name: str, headers: Headers | None = None) -> None:
        super().__init__({"Action": name, **(headers or {})})
        self.on_reply: Callable[[Reply], None] | None = None
        """Called with the answer before the next message is read, for what must stay in step with the events."""
        for key, value in self.items():
            _check(name, key, [value] if isinstance(value, str) else value)

    @property
    def name(self) -> str:
        """The action's name as it was given."""
        return str(self["action"])

    @property
    def may_be_sent_again(self) -> bool:
        """Whether a second time, after a lost connection, does no more than the first.

        Only reading, and setting a plain variable of a channel, are sure to be so. `Ping` asks about a connection that
        is gone; a function in `Setvar` (``CHANNEL(after_bridge_goto)``) may act on a call that has moved on; anything
        else, above all `Originate` and `Redirect`, happens to a person a second time.
        """
        if self.name.lower() == "setvar":
            return bool(self["channel"]) and "(" not in self["variable"] if "channel" in self else False
        return self.name.lower() in _READ_ONLY

    @property
    def multi(self) -> bool:
        """Whether a list follows. Asterisk says so itself; the words of `Message` are no sign ("Added … to queue")."""
        return bool(self.responses) and self.responses[0].get("EventList").lower() == "start"

    @property
    def completed(self) -> bool:
        """Whether the last message that was added is the last one to come."""
        ended = self.responses[-1].get("EventList").lower() in ("complete", "cancelled")
        return not self.multi or (len(self.responses) > 1 and ended)

    def add_message(self, message: Message) -> bool:
        """Take a message with this action's id; True when the answer is whole."""
        self.responses.append(message)
        if not self.completed:
            return False
        reply = Reply(response=self.responses[0], items=tuple(self.responses[1:-1]))
        if not self.future.done():
            self.future.set_result(reply)
            if self.on_reply:
                self.on_reply(reply)
        return True

    def encode(self) -> bytes:
        """The bytes to send."""
        return str(self).encode("utf-8", errors="replace")

    def __repr__(self) -> str:
        # Values hold secrets (Login) and callers' numbers (Originate).
        return f"<AmiAction {self.name} {self.id}>"


def _check(action: str, key: object, values: Sequence[object]) -> None:
    if not isinstance(key, str) or not key or any(c in key for c in _FORBIDDEN + ":"):
        raise ValueError(
            f"AMI action {action!r}: {key!r} is no name for a header; line breaks, NUL and ':' are not allowed"
        )
    for value in values:
        if not isinstance(value, str):
            raise ValueError(f"AMI action {action!r}: header {key!r} must be text, not {type(value).__name__}")
        if any(c in value for c in _FORBIDDEN):
            raise ValueError(f"AMI action {action!r}: header {key!r} holds a line break or NUL, which is not allowed")
        if len(f"{key}: {value}".encode(errors="replace")) > _LINE_LIMIT:
            raise ValueError(f"AMI action {action!r}: header {key!r} is longer than {_LINE_LIMIT} bytes")
