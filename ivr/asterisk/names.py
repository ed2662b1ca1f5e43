"""Names and numbers as Asterisk writes them: channels, interfaces, callers."""

import re

_CHANNEL = re.compile(r"([^/]+/.+)-[0-9a-fA-F]+(?:;[12])?", re.DOTALL)
_ESCAPE = re.compile(r"\\([abfnrtv\\'\"?])")


def interface_of(channel: str) -> str:
    """The interface of a channel's name: ``PJSIP/1001-0000000f`` is ``PJSIP/1001``, and ``Local/7@agents-00000003;1``
    is ``Local/7@agents``; empty when the name does not have that form.
    """
    match = _CHANNEL.fullmatch(channel)
    return match[1] if match else ""


def plain_text(value: str) -> str:
    """Undo the C escapes that Asterisk puts into callers' names in channel events; control characters become spaces."""
    return _ESCAPE.sub(lambda match: match[1] if match[1] in "\\'\"?" else " ", value)


def known(value: str) -> str:
    """Asterisk writes ``<unknown>`` for a number or name that it does not have."""
    return "" if value == "<unknown>" else value
