"""Which sounds a flow is made of, how they are called, and what is spoken in each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from callflows.model import CommentStep, Draw, EndStep, Flow, FlowStep
from callflows.questions import AnyQuestion, Prompt, Put

KEY = "{key}"
"""Stands in the text of a confirmation for the key that was pressed."""

_SPELLED = str.maketrans({"*": "star", "#": "hash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One recording, made once in each language of its flow."""

    name: str
    """Such as ``csat-satisfaction-ask``; the file is ``language/name.wav``."""
    texts: Mapping[str, str]
    """What is spoken, by language."""
    prompt: tuple[str | int, ...]
    """Where the flow has it, such as ``("steps", 0, "text")``."""


def flow_sound(flow: Flow, part: str) -> str:
    """The name of a prompt of the flow itself: ``wrong_key``, ``no_input`` or ``goodbye``."""
    prompt: Prompt = getattr(flow, part)
    return _name(prompt, flow.flow, part)


def language_sound(flow: Flow) -> str:
    """The name of the prompt that asks for the language."""
    assert flow.language.ask
    return _name(flow.language.ask, flow.flow, "language-ask")


def step_sound(flow: Flow, step: FlowStep, part: str = "text") -> str | None:
    """The name of a prompt of the step itself; None when the step has none of its own."""
    holder: Any = step.incentive if part == "incentive" and isinstance(step, EndStep) else step
    prompt: Prompt | None = getattr(holder, "text" if part == "incentive" else part)
    if prompt is None:
        return None
    if part != "text":
        return _name(prompt, flow.flow, step.code, part)
    return _name(prompt, flow.flow, step.code, *(["ask"] if isinstance(step, Put | CommentStep) else []))


def confirm_sound(flow: Flow, question: AnyQuestion, key: str) -> str | None:
    """What confirms that `key` was pressed: one sound for each key where the text names the key, else one for all."""
    prompt = flow.confirm_of(question)
    if prompt is None:
        return None
    name = _name(prompt, flow.flow, *([question.code] if question.confirm else []), "confirm")
    return f"{name}-{key.translate(_SPELLED)}" if _names_key(prompt) else name


def digit_sound(digit: str) -> str:
    """The name of a spoken digit, the same for all flows."""
    return f"digit-{digit}"


def all_sounds(flow: Flow) -> Iterator[Sound]:
    """Every sound of the flow; one that serves two prompts comes twice."""
    for part in ("wrong_key", "no_input", "goodbye"):
        yield _sound(flow_sound(flow, part), getattr(flow, part), (part,))
    if flow.language.ask:
        yield _sound(language_sound(flow), flow.language.ask, ("language", "ask"))
    for i, step in enumerate(flow.steps):
        yield from _step_sounds(flow, step, ("steps", i))
        if isinstance(step, Draw):
            for j, question in enumerate(step.questions):
                yield from _step_sounds(flow, question, ("steps", i, "questions", j))


def spoken(flow: Flow) -> dict[str, str]:
    """What is spoken in each sound of the flow, by `language/name` as the steps of an interview name it."""
    return {f"{language}/{sound.name}": text for sound in all_sounds(flow) for language, text in sound.texts.items()}


def _step_sounds(flow: Flow, step: FlowStep, path: tuple[str | int, ...]) -> Iterator[Sound]:
    for part in ("consent", "text", "wrong_key", "no_input"):
        prompt = getattr(step, part, None)
        name = step_sound(flow, step, part) if prompt else None
        if prompt and name:
            yield _sound(name, prompt, (*path, part))
    if isinstance(step, Put):
        yield from _confirmations(flow, step, path)
    if isinstance(step, EndStep) and step.incentive:
        name = step_sound(flow, step, "incentive")
        assert name
        yield _sound(name, step.incentive.text, (*path, "incentive", "text"))
        for digit in "0123456789":
            texts = dict.fromkeys(flow.languages, digit)
            yield Sound(name=digit_sound(digit), texts=texts, prompt=(*path, "incentive"))


def _confirmations(flow: Flow, question: AnyQuestion, path: tuple[str | int, ...]) -> Iterator[Sound]:
    prompt = flow.confirm_of(question)
    place = (*path, "confirm") if question.confirm else ("confirm",)
    for key in question.meaning:
        name = confirm_sound(flow, question, key)
        if prompt and name:
            texts = {language: text.replace(KEY, key) for language, text in prompt.texts.items()}
            yield Sound(name=name, texts=texts, prompt=place)


def _names_key(prompt: Prompt) -> bool:
    return any(KEY in text for text in prompt.texts.values())


def _name(prompt: Prompt, *parts: str) -> str:
    return prompt.sound or "-".join(parts).replace("_", "-")


def _sound(name: str, prompt: Prompt, path: tuple[str | int, ...]) -> Sound:
    return Sound(name=name, texts=prompt.texts, prompt=path)
