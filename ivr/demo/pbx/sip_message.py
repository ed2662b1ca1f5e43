"""SIP requests and responses as text (RFC 3261) and the little of SDP that a plain voice call needs (RFC 8866)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

_COMPACT = {
    "c": "content-type",
    "f": "from",
    "i": "call-id",
    "l": "content-length",
    "m": "contact",
    "t": "to",
    "v": "via",
}
_USER_SAFE = "-_.!~*'()&=+$,;?/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request or response. Names of headers compare without regard to case; the length is computed, not kept."""

    start: str
    headers: Sequence[tuple[str, str]]
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Raises `ValueError` for what is no SIP message."""
        head, blank, body = data.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
        start, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
        if not blank or "SIP/2.0" not in start:
            raise ValueError("not a SIP message")
        headers = []
        for line in lines:
            name, _, value = line.partition(":")
            name = name.strip()
            headers.append((_COMPACT.get(name.lower(), name), value.strip()))
        return cls(start=start, headers=[pair for pair in headers if pair[0].lower() != "content-length"], body=body)

    def encode(self) -> bytes:
        """Raises `ValueError` when a header holds a line break, which would begin another header."""
        for name, value in self.headers:
            if re.search(r"[\r\n]", name + value):
                raise ValueError(f"the SIP header {name!r} must not hold a line break")
        body = self.body.encode("utf-8", "surrogateescape")
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        text = f"{self.start}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
        return text.encode("utf-8", "surrogateescape") + body

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str:
        """The first value of a header, or an empty text."""
        return next(iter(self.all(name)), "")

    @property
    def status(self) -> int:
        """The code of a response, 0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def phrase(self) -> str:
        """``404 Not Found``: the start line of a response without the protocol."""
        return self.start.removeprefix("SIP/2.0 ")

    @property
    def method(self) -> str:
        """The method of a request, or of the request that a response answers."""
        return self.header("CSeq").split()[-1] if self.status else self.start.split(" ")[0]

    @property
    def transaction(self) -> tuple[str, str]:
        """What a response and its request, or a request and its repetition, have in common."""
        branch = re.search(r";\s*branch=([^;,\s]+)", self.header("Via"))
        return (branch[1] if branch else "", self.method)

    def reply(
        self, status: int, phrase: str, *, tag: str, more: Sequence[tuple[str, str]] = (), body: str = ""
    ) -> "Message":
        """The response to this request; `tag` names our end of the dialog."""
        to = self.header("To")
        if "tag=" not in to and status > 100:
            to += f";tag={tag}"
        headers = [("Via", via) for via in self.all("Via")]
        headers += [("From", self.header("From")), ("To", to)]
        headers += [(name, self.header(name)) for name in ("Call-ID", "CSeq")]
        return Message(start=f"SIP/2.0 {status} {phrase}", headers=[*headers, *more], body=body)


def address_uri(value: str) -> str:
    """Return the URI in a ``Contact``, ``From`` or ``To`` header."""
    found = re.search(r"<([^>]*)>", value)
    return found[1] if found else value.split(";")[0].strip()


def tag_of(value: str) -> str:
    """Return the tag of a ``From`` or ``To`` header, or ``""``."""
    found = re.search(r";tag=([^;>\s]+)", value)
    return found[1] if found else ""


def named_address(name: str, user: str, host: str) -> str:
    """Return ``"name" <sip:user@host>`` with the name quoted and the user escaped as RFC 3261, section 25, asks."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return (f'"{quoted}" ' if name else "") + f"<sip:{quote(user, safe=_USER_SAFE)}@{host}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Where one end of a call receives sound, and as which RTP payload type it knows keys."""

    host: str
    port: int
    keys_type: int | None

    @classmethod
    def parse(cls, body: str) -> Self:
        """Raises `ValueError` when the description has no audio."""
        host = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
        audio = re.search(r"^m=audio (\d+) ", body, re.MULTILINE)
        keys = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", body, re.MULTILINE)
        if host is None or audio is None:
            raise ValueError("the session description has no audio")
        return cls(host=host[1], port=int(audio[1]), keys_type=int(keys[1]) if keys else None)

    def describe(self) -> str:
        """The session description that offers µ-law and keys."""
        keys_type = 101 if self.keys_type is None else self.keys_type
        return "\r\n".join(
            (
                "v=0",
                f"o=- {self.port} 1 IN IP4 {self.host}",
                "s=-",
                f"c=IN IP4 {self.host}",
                "t=0 0",
                f"m=audio {self.port} RTP/AVP 0 {keys_type}",
                "a=rtpmap:0 PCMU/8000",
                f"a=rtpmap:{keys_type} telephone-event/8000",
                f"a=fmtp:{keys_type} 0-16",
                "a=ptime:20",
                "a=sendrecv",
                "",
            )
        )
