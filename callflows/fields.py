"""What may stand in one setting of a flow, and how that is said to an admin."""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

MAX_TEXT = 500
"""The longest text of a prompt and of a title, in characters."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NO_ANSWER = "none"
"""Stands in a branch for a question that has no answer."""
YES_NO = {"1": 1, "2": 0}
"""What ``yes/no`` is short for."""

_SCALE = re.compile(r"([0-9]{1,2})-([0-9]{1,2})")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")

A_CODE = "a small letter, then up to 31 small letters, digits and -"
A_TEXT = f"text of 1 to {MAX_TEXT} characters"
A_PROMPT = 'a text for each language, such as "en: Hello"'
A_TRIES = "a whole number from 1 to 5"
A_TIMEOUT = "seconds from 1 to 30"
A_KEY_TIMEOUT = "seconds from 1 to 10"
A_KEY = "one or two of 0-9 and *, or # alone"
A_NUMBER_KEY = "a number from 0 to 99"
A_VALUE = "a whole number from 0 to 100"
A_LABEL = "a label of 1 to 60 characters"
A_REASON = "a reason such as billing or billing/refund"
A_LANGUAGE = "a language such as en or pt_BR"
A_SWITCH = "true or false"
A_STEP = "the code of a step"
A_VARIABLE = "a channel variable: letters, digits and _"
AN_ANSWER = f"a value, a label, a range such as 1-2, or {NO_ANSWER}, or a list of them"
WORDS = "one text or a list of texts"
HOURS = "hours such as 08:00-18:00"
DAYS = "days such as mon-fri or [sat, sun]"


def one_line(text: str) -> str:
    """A text is the same text over however many lines it was written."""
    text = " ".join(text.split())
    # Control characters would reach a terminal, and half a surrogate pair no encoding can write.
    if not 1 <= len(text) <= MAX_TEXT or any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError
    return text


def written_out(keys: Any) -> Any:
    """``1-5`` and ``yes/no`` as the mappings that they are short for. Anything else is left as it is."""
    if keys == "yes/no":
        return YES_NO
    if isinstance(keys, str) and (ends := _SCALE.fullmatch(keys)) and int(ends[1]) < int(ends[2]):
        return {str(value): value for value in range(int(ends[1]), int(ends[2]) + 1)}
    return keys


def _some(given: Any) -> tuple[Any, ...]:
    """One or several of something."""
    some = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not 1 <= len(some) <= 50:
        raise ValueError
    return some


def _words(given: Any) -> tuple[str, ...]:
    words = _some(given)
    if not all(isinstance(word, str | int) and not isinstance(word, bool) for word in words):
        raise ValueError
    return tuple(one_line(str(word)) for word in words)


def _wanted(given: Any) -> tuple[int | str, ...]:
    # 1 and "1" are one value, written in two ways.
    return tuple(int(word) if word.isdecimal() and len(word) < 4 else word for word in _words(given))


def _distinct(given: Any) -> tuple[int | str, ...]:
    return tuple(sorted(set(_wanted(given)), key=str)) if given not in ([], ()) else ()


def _range(given: Any) -> tuple[int, int]:
    if isinstance(given, list | tuple) and len(given) == 2 and all(isinstance(minute, int) for minute in given):
        return given[0], given[1]
    hours = _HOURS.fullmatch(given) if isinstance(given, str) else None
    if not hours:
        raise ValueError
    start = int(hours[1]) * 60 + int(hours[2])
    end = int(hours[3]) * 60 + int(hours[4]) if hours[3] else 24 * 60
    if start == end:
        raise ValueError
    return start, end


def _days(given: Any) -> tuple[int, ...]:
    days: set[int] = set()
    for word in _some(given):
        if isinstance(word, int) and not isinstance(word, bool) and 0 <= word < 7:
            days.add(word)
            continue
        first, _, last = word.partition("-") if isinstance(word, str) else ("", "", "")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise ValueError
        start = WEEKDAYS.index(first)
        days |= {(start + i) % 7 for i in range((WEEKDAYS.index(last or first) - start) % 7 + 1)}
    return tuple(sorted(days))


_ONE_OR_MORE = {"anyOf": [{"type": ["string", "integer"]}, {"type": "array", "items": {"type": ["string", "integer"]}}]}

Code = Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9-]{0,31}\z")]
Language = Annotated[str, Field(strict=True, pattern=r"^[a-z]{2,3}(_[A-Z]{2})?\z")]
Text = Annotated[str, Field(strict=True), AfterValidator(one_line)]
Label = Annotated[str, Field(strict=True, max_length=60), AfterValidator(one_line)]
Sound = Annotated[
    str, Field(strict=True, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*\z")
]
Key = Annotated[str, Field(strict=True, pattern=r"^([0-9*]{1,2}|#)\z")]
NumberKey = Annotated[str, Field(strict=True, pattern=r"^(0|[1-9][0-9]?)\z")]
Value = Annotated[int, Field(strict=True, ge=0, le=100)]
Keys = Annotated[
    dict[Key, Value],
    BeforeValidator(written_out, json_schema_input_type=str | dict[str, int]),
    Field(min_length=1),
]
Reason = Annotated[str, Field(strict=True, pattern=r"^[a-z0-9][a-z0-9_-]{0,31}(/[a-z0-9][a-z0-9_-]{0,31})?\z")]
Variable = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,79}\z")]
Switch = Annotated[bool, Field(strict=True)]
Tries = Annotated[int, Field(strict=True, ge=1, le=5)]
Timeout = Annotated[float, Field(strict=True, ge=1, le=30)]
KeyTimeout = Annotated[float, Field(strict=True, ge=1, le=10)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words), WithJsonSchema(_ONE_OR_MORE)]
Wanted = Annotated[tuple[int | str, ...], BeforeValidator(_wanted), WithJsonSchema(_ONE_OR_MORE)]
Satisfied = Annotated[tuple[int | str, ...], BeforeValidator(_distinct), WithJsonSchema(_ONE_OR_MORE)]
Hours = Annotated[tuple[int, int], BeforeValidator(_range), WithJsonSchema({"type": "string"})]
"""First minute of the day, and the one that is no longer in it."""
Days = Annotated[tuple[int, ...], BeforeValidator(_days), WithJsonSchema(_ONE_OR_MORE)]
"""Days of the week, Monday 0, in order."""
