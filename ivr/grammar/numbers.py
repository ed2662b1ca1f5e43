"""Numbers as a dialplan writes them: ``_1XXX`` is a pattern, ``100`` the number itself.

The letters are Asterisk's own (https://docs.asterisk.org/Configuration/Dialplan/Pattern-Matching/): X is 0-9, Z 1-9,
N 2-9, ``[15-7]`` one of these digits, ``.`` one key or more at the end, ``!`` none or more at the end.
"""

import re
from dataclasses import dataclass

ALLOWED = "should be a number such as 100, or a pattern such as _1XXX, _[1-4]XX or _00. as in a dialplan"
_LONGEST = 40
_PART = re.compile(r"[XZN0-9*#+]|\[[0-9*#-]{1,20}\]", re.IGNORECASE)
_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}
_ENDS = {".": "[0-9*#+]+", "!": "[0-9*#+]*"}


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """Numbers that look alike."""

    text: str
    """As it was written."""
    expression: re.Pattern[str]
    """Of classes only, with a repetition at the very end at most: no number takes it long."""

    def fits(self, number: str) -> bool:
        """Whether a number, without its separators, is one of these."""
        return self.expression.fullmatch(number) is not None


def parse_number_pattern(text: object) -> NumberPattern:
    """Read a pattern or a number. Raises `ValueError`: what is wrong, and what is allowed."""
    if not isinstance(text, str) or not 1 <= len(text) <= _LONGEST:
        raise ValueError(ALLOWED)
    if not text.startswith("_"):
        if not re.fullmatch(r"\+?[0-9*#]+", text):
            raise ValueError(ALLOWED)
        return NumberPattern(text, re.compile(re.escape(text)))
    body, end = (text[1:-1], _ENDS[text[-1]]) if text[-1] in _ENDS else (text[1:], "")
    parts: list[str] = []
    place = 0
    while place < len(body):
        part = _PART.match(body, place)
        if part is None:
            raise ValueError(f"{body[place]!r} means nothing in a pattern; {ALLOWED}")
        parts.append(_one_key(part.group()))
        place = part.end()
    if not parts and not end:
        raise ValueError(ALLOWED)
    return NumberPattern(text, re.compile("".join(parts) + end))


def _one_key(part: str) -> str:
    if not part.startswith("["):
        return _CLASSES.get(part.upper()) or re.escape(part)
    try:
        re.compile(part)
    except re.error:
        raise ValueError(f"{part} is no range of digits; {ALLOWED}") from None
    return part
