"""The part of Asterisk's dialplan expressions that a survey reads: ``${NAME}`` and a few functions, nested."""

from urllib.parse import quote

from ivr.demo.channels import STATE_NAMES, Channel

# As Asterisk's URIENCODE leaves them: RFC 3986 without the reserved characters, plus the old "mark" set.
_URI_SAFE = "-_.!~*'()"


def expand(text: str, channel: Channel) -> str:
    """`text` with every ``${…}`` replaced, innermost first, as GET FULL VARIABLE does."""
    out, rest = "", text
    while (start := rest.find("${")) >= 0:
        end = _closing_brace(rest, start + 2)
        if end < 0:
            break
        out += rest[:start] + read(expand(rest[start + 2 : end], channel), channel)
        rest = rest[end + 1 :]
    return out + rest


def read(name: str, channel: Channel) -> str:
    """The value of a variable, or of a function such as ``CHANNEL(linkedid)``; empty when it has none."""
    if name.endswith(")") and "(" in name:
        function, _, argument = name[:-1].partition("(")
        return _call_function(function, argument, channel)
    return channel.variables.get(name) or _built_in(name, channel)


def _closing_brace(text: str, start: int) -> int:
    depth = 1
    for at in range(start, len(text)):
        if text.startswith("${", at):
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if not depth:
                return at
    return -1


def _built_in(name: str, channel: Channel) -> str:
    values = {
        "CHANNEL": channel.name,
        "CONTEXT": channel.context,
        "EXTEN": channel.exten,
        "PRIORITY": str(channel.priority),
        "UNIQUEID": channel.uniqueid,
    }
    return values.get(name, "")


def _call_function(function: str, argument: str, channel: Channel) -> str:
    match function, argument:
        case "URIENCODE", text:
            return quote(text.encode("utf-8", "surrogateescape"), safe=_URI_SAFE)
        case "CHANNEL", item:
            return _channel_item(item, channel)
        case "CALLERID", "num":
            return channel.caller_number
        case "CALLERID", "name":
            return channel.caller_name
        case "CONNECTEDLINE", "num":
            return channel.connected_number
        case "CONNECTEDLINE", "name":
            return channel.connected_name
        case "CDR", "billsec":
            return "0"
        case _:
            return ""


def _channel_item(item: str, channel: Channel) -> str:
    values = {
        "name": channel.name,
        "uniqueid": channel.uniqueid,
        "linkedid": channel.linkedid,
        "state": STATE_NAMES[channel.state],
        "language": channel.language,
        "hangupsource": channel.hangup_source,
        "channeltype": channel.name.partition("/")[0],
    }
    return values.get(item, "")
