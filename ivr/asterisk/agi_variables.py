"""Reading channel variables over AGI so that no value can break the reply.

A value with a line break comes raw over several lines, so each is asked for percent-encoded, by the dialplan function
URIENCODE (module func_uri), many in one ``GET FULL VARIABLE``. Measured on Asterisk 22.10: URIENCODE leaves as they are
only letters, digits and ``-_.!~*'()``.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from ivr.asterisk.agi_protocol import COMMAND_BYTES
from ivr.errors import PhoneError

_NAMES_PER_READ: Final = 15  # URIENCODE gives at most 4,096 bytes: 15 values always fit into LINE_BYTES
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}(?:\([A-Za-z0-9_]{1,80}\))?")


def check_variable_name(name: str) -> None:
    """Raise `PhoneError` unless `name` is a variable (``MEMBERNAME``) or a function (``CHANNEL(state)``)."""
    if not _VARIABLE.fullmatch(name):
        raise PhoneError(
            f"{name[:100]!r} is no channel variable: allowed are letters, digits and _, as in MEMBERNAME, "
            "and one such word in parentheses, as in CONNECTEDLINE(num)"
        )


@lru_cache
def read_expressions(names: tuple[str, ...]) -> Sequence[tuple[Sequence[str], str]]:
    """Return names and, for each group of them, the argument of ``GET FULL VARIABLE`` that reads it in one round trip.

    Each value is percent-encoded by Asterisk's URIENCODE, so that no line break or ``|`` in it can break the reply.
    Raises `PhoneError` for a name that is neither a variable nor a function.
    """
    for name in names:
        check_variable_name(name)
    groups: list[tuple[Sequence[str], str]] = []
    for first in range(0, len(names), _NAMES_PER_READ):
        group = names[first : first + _NAMES_PER_READ]
        half = len(group) // 2
        expression = _expression(group)
        # 15 of the longest names do not fit into one command; halves of them do.
        if len(expression) > COMMAND_BYTES - 100 and half:
            groups += [(group[:half], _expression(group[:half])), (group[half:], _expression(group[half:]))]
        else:
            groups.append((group, expression))
    return groups


def _expression(names: Sequence[str]) -> str:
    return "|".join("${URIENCODE(${" + name + "})}" for name in names)


def decode_values(names: Sequence[str], value: str) -> dict[str, str]:
    """Return the values that a group of `read_expressions` gave. Raises `PhoneError` when their number is not right.

    Asterisk itself cuts a value that has more closing than opening parentheses before a colon, as in ``x): y``.
    """
    encoded = value.split("|")
    if len(encoded) != len(names):
        raise PhoneError(f"the PBX sent {len(encoded)} values for {len(names)} variables")
    return {name: unquote(text, errors="replace") for name, text in zip(names, encoded, strict=True)}
