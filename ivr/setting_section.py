"""What the sections of the settings have in common: nothing unknown, and secrets that may stand in files."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from ivr.grammar.hours import Hours, parse_hours

Port = Annotated[int, Field(ge=0, le=65535)]


def wrong(text: str) -> PydanticCustomError:
    """A mistake in a setting, whose message is `text` as it stands."""
    return PydanticCustomError("wrong", "{text}", {"text": text})


def _long(secret: SecretStr) -> SecretStr:
    if len(secret) < 16:
        raise wrong(f"should have at least 16 characters, not {len(secret)}")
    return secret


LongSecret = Annotated[SecretStr, AfterValidator(_long)]


def read(parse: Callable[[object], object]) -> BeforeValidator:
    """A validator whose message is the text of the `ValueError` that `parse` raises."""

    def validate(given: object) -> object:
        try:
            return parse(given)
        except ValueError as error:
            raise wrong(str(error)) from None

    return BeforeValidator(validate)


def shaped(pattern: str, wanted: str) -> AfterValidator:
    """A validator of texts that match `pattern` as a whole; others are told to be `wanted`, in words."""
    shape = re.compile(pattern)

    def validate(given: str) -> str:
        if not shape.fullmatch(given):
            raise wrong(f"should be {wanted}")
        return given

    return AfterValidator(validate)


VARIABLE = "the name of a channel variable: letters, digits and _"
Variable = Annotated[str, shaped(r"[A-Za-z_][A-Za-z0-9_]*", VARIABLE)]


def listed(value: object) -> object:
    """One text is a list of one."""
    return [value] if isinstance(value, str) else value


ManyHours = Annotated[tuple[Annotated[Hours, read(parse_hours)], ...], BeforeValidator(listed)]
"""Hours of the week, once or several times."""


class Section(BaseModel):
    """A part of the settings; unknown names are refused, and no value is shown in a message."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SectionWithSecret(Section):
    """A section in which one value may be given straight, or as the first line of the file named `…_file`."""

    hidden: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, given: object) -> object:
        name, file_name = cls.hidden, f"{cls.hidden}_file"
        if not isinstance(given, dict):
            return given
        if name in given and file_name in given:
            raise wrong(f"{name} and {file_name} are both given; give one")
        if name not in given and file_name not in given:
            raise wrong(f"{name} or {file_name} is needed")
        if file_name not in given:
            return given
        file = Path(str(given[file_name]))
        try:
            first = next(iter(file.read_text("utf-8").splitlines()), "").strip()
        except OSError as error:
            raise wrong(f"{file_name} {file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise wrong(f"{file_name} {file} is not UTF-8 text") from None
        if not first:
            raise wrong(f"{file_name} {file} is empty")
        return {**given, name: first}
