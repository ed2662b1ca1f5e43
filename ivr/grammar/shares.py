"""Shares as an admin writes them: ``25 %`` or ``1 in 4``."""

import re

ALLOWED = 'should be a percentage such as "25 %", or "1 in 4"'
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)\s*%")
_ONE_IN = re.compile(r"1\s+in\s+([1-9][0-9]{0,5})")


def parse_share(text: object) -> float:
    """Read a share of 0 to 1. Raises `ValueError`: what is wrong, and what is allowed."""
    if isinstance(text, str):
        if match := _PERCENT.fullmatch(text.strip()):
            percent = float(match.group(1))
            if percent > 100:
                raise ValueError(f"is more than 100 %; {ALLOWED}")
            return percent / 100
        if match := _ONE_IN.fullmatch(text.strip().lower()):
            return 1 / int(match.group(1))
    raise ValueError(ALLOWED)
