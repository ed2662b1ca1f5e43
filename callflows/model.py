"""What an admin writes: a call flow. A field's description is what a message about a mistake in it says is allowed.

A default must never change once a flow was used with it: the digest of a flow leaves out what was not written.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_TEXT = 500
"""The longest text of a prompt and of a title, in characters."""

_SCALE = re.compile(r"([0-9]{1,2})-([0-9]{1,2})")


def _one_line(text: str) -> str:
    """A text is the same text over however many lines it was written."""
    text = " ".join(text.split())
    # Control characters would reach a terminal, and half a surrogate pair no encoding can write.
    if not 1 <= len(text) <= MAX_TEXT or any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError
    return text


def whole_scale(keys: Any) -> Any:
    """``1-5`` as the mapping it is short for: each key gives its own number. Anything else is left as it is."""
    if isinstance(keys, str) and (ends := _SCALE.fullmatch(keys)) and int(ends[1]) < int(ends[2]):
        return {str(value): value for value in range(int(ends[1]), int(ends[2]) + 1)}
    return keys


def _distinct(values: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(values)))


Code = Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9-]{0,31}\z")]
Language = Annotated[str, Field(strict=True, pattern=r"^[a-z]{2,3}(_[A-Z]{2})?\z")]
Text = Annotated[str, Field(strict=True), AfterValidator(_one_line)]
Sound = Annotated[
    str, Field(strict=True, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*\z")
]
Key = Annotated[str, Field(strict=True, pattern=r"^([0-9*]{1,2}|#)\z")]
Value = Annotated[int, Field(strict=True, ge=0, le=100)]
Tries = Annotated[int, Field(strict=True, ge=1, le=5)]
Timeout = Annotated[float, Field(strict=True, ge=1, le=30)]

A_CODE = "a small letter, then up to 31 small letters, digits and -"
A_TEXT = f"text of 1 to {MAX_TEXT} characters"
A_PROMPT = 'a text for each language, such as "en: Hello"'
A_TRIES = "a whole number from 1 to 5"
A_TIMEOUT = "seconds from 1 to 30"
A_KEY = "one or two of 0-9 and *, or # alone"
A_VALUE = "a whole number from 0 to 100"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Prompt(BaseModel):
    """What the caller hears. Every setting but `sound` is a language with the text in it."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Text]

    sound: Sound | None = Field(
        default=None, description="a sound's name without its ending: letters, digits, - and _, with / between folders"
    )

    @property
    def texts(self) -> Mapping[str, str]:
        """The text by language; in a flow that was loaded, of exactly the flow's languages."""
        return self.__pydantic_extra__


class Question(_Record):
    """A question that the caller answers on the keypad."""

    question: Code = Field(description=A_CODE)
    headline: bool = Field(default=False, strict=True, description="true or false")
    ask: Prompt = Field(description=A_PROMPT)
    keys: Annotated[dict[Key, Value], BeforeValidator(whole_scale)] = Field(
        min_length=1, description=f"a scale such as 1-5, or for each key {A_VALUE}"
    )
    satisfied: Annotated[tuple[Value, ...], AfterValidator(_distinct)] = Field(
        default=(), description="a list of values such as [4, 5]"
    )
    confirm: Prompt | None = Field(default=None, description=A_PROMPT)
    tries: Tries | None = Field(default=None, description=A_TRIES)
    timeout: Timeout | None = Field(default=None, description=A_TIMEOUT)
    wrong_key: Prompt | None = Field(default=None, description=A_PROMPT)
    no_input: Prompt | None = Field(default=None, description=A_PROMPT)

    @property
    def max_keys(self) -> int:
        """How many keys the longest answer has: 1 or 2."""
        return max(len(key) for key in self.keys)


class Flow(_Record):
    """One survey as it is put to callers. `callflows.loader` makes sure of what types alone cannot say."""

    flow: Code = Field(description=A_CODE)
    title: Text = Field(description=A_TEXT)
    languages: tuple[Language, ...] = Field(
        min_length=1, max_length=20, description="a list of 1 to 20 languages such as [en, zh, pt_BR]"
    )
    tries: Tries = Field(default=2, description=A_TRIES)
    timeout: Timeout = Field(default=5.0, description=A_TIMEOUT)
    welcome: Prompt | None = Field(default=None, description=A_PROMPT)
    wrong_key: Prompt = Field(description=A_PROMPT)
    no_input: Prompt = Field(description=A_PROMPT)
    thanks: Prompt = Field(description=A_PROMPT)
    goodbye: Prompt | None = Field(default=None, description=A_PROMPT)
    questions: tuple[Question, ...] = Field(
        min_length=1, max_length=20, description='a list of 1 to 20 questions, each starting with "- question: code"'
    )

    @property
    def headline_question(self) -> Question:
        """The one question whose answers are ratings."""
        return next(question for question in self.questions if question.headline)

    def tries_of(self, question: Question) -> int:
        """How often the question is put at most."""
        return question.tries or self.tries

    def timeout_of(self, question: Question) -> float:
        """The longest silence in seconds, after the prompts or after a key, before the wait ends."""
        return question.timeout or self.timeout
