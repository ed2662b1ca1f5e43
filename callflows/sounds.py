"""Which sounds a flow is made of, how they are called, and what is spoken in each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from callflows.model import Flow, Prompt, Question

FlowPart = Literal["welcome", "wrong_key", "no_input", "thanks", "goodbye"]
QuestionPart = Literal["ask", "wrong_key", "no_input"]

KEY = "{key}"
"""Stands in the text of a confirmation for the key that was pressed."""

_FLOW_PARTS: tuple[FlowPart, ...] = ("welcome", "wrong_key", "no_input", "thanks", "goodbye")
_QUESTION_PARTS: tuple[QuestionPart, ...] = ("ask", "wrong_key", "no_input")
_SPELLED = str.maketrans({"*": "star", "#": "hash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One recording, made once in each language of its flow."""

    name: str
    """Such as ``csat-satisfaction-ask``; the file is ``language/name.wav``."""
    texts: Mapping[str, str]
    """What is spoken, by language."""
    prompt: tuple[str | int, ...]
    """Where the flow has it, such as ``("questions", 0, "ask")``."""


def flow_sound(flow: Flow, part: FlowPart) -> Sound | None:
    """The sound of a prompt of the flow itself; None when the flow leaves that prompt out."""
    prompt: Prompt | None = getattr(flow, part)
    return _sound(prompt, (part,), flow.flow, part) if prompt else None


def question_sound(flow: Flow, question: Question, part: QuestionPart) -> Sound | None:
    """The sound of a prompt of the question itself; None when the question has none of its own."""
    prompt: Prompt | None = getattr(question, part)
    path = ("questions", flow.questions.index(question), part)
    return _sound(prompt, path, flow.flow, question.question, part) if prompt else None


def confirm_sound(flow: Flow, question: Question, key: str) -> Sound | None:
    """What confirms that `key` was pressed: one sound for each key where the text names the key, else one for all."""
    if question.confirm is None:
        return None
    path = ("questions", flow.questions.index(question), "confirm")
    sound = _sound(question.confirm, path, flow.flow, question.question, "confirm")
    if not any(KEY in text for text in sound.texts.values()):
        return sound
    texts = {language: text.replace(KEY, key) for language, text in sound.texts.items()}
    return Sound(name=f"{sound.name}-{key.translate(_SPELLED)}", texts=texts, prompt=path)


def all_sounds(flow: Flow) -> Iterator[Sound]:
    """Every sound of the flow, in the order of the file's parts; one that serves two prompts comes twice."""
    found = [flow_sound(flow, part) for part in _FLOW_PARTS]
    for question in flow.questions:
        found += [question_sound(flow, question, part) for part in _QUESTION_PARTS]
        found += [confirm_sound(flow, question, key) for key in question.keys]
    yield from filter(None, found)


def spoken(flow: Flow) -> dict[str, str]:
    """What is spoken in each sound of the flow, by `language/name` as the steps of an interview name it."""
    return {f"{language}/{sound.name}": text for sound in all_sounds(flow) for language, text in sound.texts.items()}


def _sound(prompt: Prompt, path: tuple[str | int, ...], *parts: str) -> Sound:
    name = prompt.sound or "-".join(parts).replace("_", "-")
    return Sound(name=name, texts=prompt.texts, prompt=path)
