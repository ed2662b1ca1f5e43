"""What is said to a caller, and the questions that are answered on the keypad."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from callflows import fields
from callflows.fields import YES_NO, Code, Text


class Record(BaseModel):
    """Part of a flow."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Prompt(BaseModel):
    """What the caller hears. Every setting but `sound` is a language with the text in it."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Text]

    sound: fields.Sound | None = Field(
        default=None, description="a sound's name without its ending: letters, digits, - and _, with / between folders"
    )

    @property
    def texts(self) -> Mapping[str, str]:
        """The text by language; in a flow that was loaded, of exactly the flow's languages."""
        return self.__pydantic_extra__


class Put(Record):
    """What all questions on the keypad have. A setting that is None is as the flow has it."""

    text: Prompt = Field(description=fields.A_PROMPT)
    confirm: Prompt | None = Field(default=None, description=fields.A_PROMPT)
    tries: fields.Tries | None = Field(default=None, description=fields.A_TRIES)
    timeout: fields.Timeout | None = Field(default=None, description=fields.A_TIMEOUT)
    key_timeout: fields.KeyTimeout | None = Field(default=None, description=fields.A_KEY_TIMEOUT)
    barge_in: fields.Switch | None = Field(default=None, description=fields.A_SWITCH)
    wrong_key: Prompt | None = Field(default=None, description=fields.A_PROMPT)
    no_input: Prompt | None = Field(default=None, description=fields.A_PROMPT)
    go: Code | None = Field(default=None, description=fields.A_STEP)

    @property
    def meaning(self) -> Mapping[str, int]:
        """The value of each key, or of two keys together."""
        raise NotImplementedError

    @property
    def labels(self) -> Mapping[int, str]:
        """What values are called; those without a name are missing."""
        raise NotImplementedError

    @property
    def values(self) -> tuple[int, ...]:
        """All values that the question can give, in order."""
        return tuple(sorted(set(self.meaning.values())))

    @property
    def max_keys(self) -> int:
        """How many keys the longest answer has: 1 or 2."""
        return max(len(key) for key in self.meaning)

    def meant(self, wanted: int | str) -> frozenset[int | None]:
        """The values that a value, label or range stands for, None for no answer; empty when there is none such."""
        if wanted == fields.NO_ANSWER:
            return frozenset({None})
        labelled = {value for value, label in self.labels.items() if label.casefold() == str(wanted).casefold()}
        if labelled:
            return frozenset(labelled)
        first, dash, last = str(wanted).partition("-")
        if not {first, last if dash else first} <= {str(value) for value in self.values}:
            return frozenset()
        return frozenset(value for value in self.values if int(first) <= value <= int(last or first))


class Question(Put):
    """A question that the caller answers on the keypad."""

    code: Code = Field(alias="ask", description=fields.A_CODE)
    headline: fields.Switch = Field(default=False, description=fields.A_SWITCH)
    keys: fields.Keys | None = Field(
        default=None, description=f"a scale such as 1-5, yes/no, or for each key {fields.A_VALUE}"
    )
    choices: dict[fields.NumberKey, fields.Label] | None = Field(
        default=None, min_length=2, max_length=20, description="2 to 20 keys, numbers from 0 to 99, each with its label"
    )
    satisfied: fields.Satisfied = Field(default=(), description="a list of values such as [4, 5]")

    @property
    def meaning(self) -> Mapping[str, int]:
        """The value of each key, or of two keys together."""
        return self.keys if self.keys is not None else {key: int(key) for key in self.choices or ()}

    @property
    def labels(self) -> Mapping[int, str]:
        """What values are called; those without a name are missing."""
        if self.keys == YES_NO:
            return {1: "yes", 0: "no"}
        return {int(key): label for key, label in (self.choices or {}).items()}

    @property
    def satisfied_values(self) -> tuple[int, ...]:
        """The values that count as satisfied, in order."""
        return tuple(sorted({v for wanted in self.satisfied for v in self.meant(wanted) if v is not None}))


class ReasonQuestion(Put):
    """Asks why the customer called, unless the PBX knows it."""

    code: Code = Field(alias="ask-reason", description=fields.A_CODE)
    reasons: dict[fields.NumberKey, fields.Reason] = Field(
        min_length=2,
        max_length=20,
        description="2 to 20 keys, numbers from 0 to 99, each with a reason such as billing/refund",
    )

    @property
    def meaning(self) -> Mapping[str, int]:
        """The value of each key, or of two keys together."""
        return {key: int(key) for key in self.reasons}

    @property
    def labels(self) -> Mapping[int, str]:
        """The reason behind each value."""
        return {int(key): reason for key, reason in self.reasons.items()}


AnyQuestion = Question | ReasonQuestion
"""What is answered on the keypad."""
