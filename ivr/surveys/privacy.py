"""Callers' numbers are never stored in clear: a keyed hash recognises a caller again, a mask shows a person enough."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

_SEPARATORS = re.compile(r"[\s().\-/]")
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
VISIBLE = 3
"""Digits of a number that its mask leaves readable, at the end; shorter numbers show none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A caller as the database knows one."""

    digest: str
    """64 hexadecimal digits, the same for the same number under the same key; empty when the number was withheld."""
    mask: str
    """Such as ``•••••••000``; empty when the number was withheld."""


def plain_number(text: str) -> str:
    """The number in a hostile text, without its separators; ``""`` for what is not a number."""
    plain = _SEPARATORS.sub("", text)
    return plain if _NUMBER.fullmatch(plain) else ""


@dataclass(frozen=True, slots=True)
class CallerKey:
    """Hashes numbers with HMAC-SHA-256 (RFC 2104), so that a stolen database alone cannot be searched by number."""

    key: bytes = field(repr=False)

    def caller(self, number: str) -> Caller:
        """The digest and mask of `number`, which is hostile text: what is not a number counts as withheld."""
        plain = plain_number(number)
        if not plain:
            return Caller(digest="", mask="")
        digest = hmac.new(self.key, plain.encode("ascii"), hashlib.sha256).hexdigest()
        shown = plain[-VISIBLE:] if len(plain) > 2 * VISIBLE else ""
        return Caller(digest=digest, mask="•" * (len(plain) - len(shown)) + shown)
