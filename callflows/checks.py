"""What the types of the model cannot say about a flow: what must fit together.

The checks run over the file's plain data, whatever else is wrong with it, so that an admin sees all mistakes at once.
What is of the wrong type is passed over here: the model complains about it.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from callflows.model import whole_scale
from callflows.sounds import KEY
from callflows.yamltree import Document, Mistake, SettingPath, short

_PROMPTS = ("welcome", "ask", "wrong_key", "no_input", "confirm", "thanks", "goodbye")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def misfits(document: Document) -> Iterator[Mistake]:
    """All mistakes of a flow file that its model does not see, in no certain order."""
    flow = document.data if isinstance(document.data, dict) else {}
    listed = flow.get("questions")
    questions = {i: q for i, q in enumerate(listed if isinstance(listed, list) else []) if isinstance(q, dict)}
    languages = flow.get("languages")
    for path, block in [((), flow), *((("questions", i), q) for i, q in questions.items())]:
        for name in _PROMPTS:
            if isinstance(block.get(name), dict):
                yield from _prompt(document, (*path, name), block[name], languages)
    yield from _languages(document, languages)
    yield from _codes(document, questions)
    yield from _headline(document, questions)
    for i, question in questions.items():
        yield from _satisfied(document, ("questions", i), question)


def unknown(what: str, given: str, allowed: Iterable[str]) -> str:
    """The message about a name that is not one of those allowed, with the one that was probably meant."""
    given, allowed = short(given), list(allowed)
    near = difflib.get_close_matches(given, allowed, n=1)
    return f'unknown {what} "{given}"; ' + (f'did you mean "{near[0]}"?' if near else f"allowed: {', '.join(allowed)}")


def _prompt(document: Document, path: SettingPath, prompt: dict[str, Any], languages: Any) -> Iterator[Mistake]:
    name = path[-1]
    if isinstance(languages, list) and languages and all(isinstance(language, str) for language in languages):
        for given in prompt:
            if given not in (*languages, "sound"):
                text = unknown("language", given, (*languages, "sound"))
                yield document.mistake((*path, given), text, at_key=True)
        for language in dict.fromkeys(languages):
            if language not in prompt:
                text = f'"{name}" has no text in "{language}"; required: {", ".join(languages)}'
                yield document.mistake(path, text, at_key=True)
    for language, spoken in prompt.items():
        for found in _PLACEHOLDER.findall(spoken) if isinstance(spoken, str) else ():
            if name != "confirm" or found != KEY:
                text = f'placeholder "{short(found)}" in "{name}"; allowed: {KEY}, and that in "confirm" only'
                yield document.mistake((*path, language), text)


def _languages(document: Document, languages: Any) -> Iterator[Mistake]:
    for i, language in enumerate(languages if isinstance(languages, list) else []):
        if language in languages[:i]:
            yield document.mistake(("languages", i), f'language "{language}" is there twice; allowed: once')


def _codes(document: Document, questions: dict[int, dict[str, Any]]) -> Iterator[Mistake]:
    seen: dict[str, int] = {}
    for i, question in questions.items():
        code = question.get("question")
        if not isinstance(code, str):
            continue
        if code in seen:
            line = document.mistake(("questions", seen[code], "question"), "").line
            text = f'question "{short(code)}" is there twice; allowed: once, and line {line} has it already'
            yield document.mistake(("questions", i, "question"), text)
        seen.setdefault(code, i)


def _headline(document: Document, questions: dict[int, dict[str, Any]]) -> Iterator[Mistake]:
    headlines = [i for i, question in questions.items() if question.get("headline") is True]
    for i in headlines[1:]:
        text = 'a second headline question; allowed: "headline: true" at exactly one question'
        yield document.mistake(("questions", i, "headline"), text, at_key=True)
    if questions and not headlines:
        text = 'no headline question; required: "headline: true" at exactly one question'
        yield document.mistake(("questions",), text, at_key=True)


def _satisfied(document: Document, path: SettingPath, question: dict[str, Any]) -> Iterator[Mistake]:
    if question.get("headline") is True and question.get("satisfied", []) == []:
        text = 'the headline question has no "satisfied"; required: the values that count as satisfied, such as [4, 5]'
        yield document.mistake((*path, "headline"), text, at_key=True)
    keys, satisfied = whole_scale(question.get("keys")), question.get("satisfied")
    if not isinstance(keys, dict) or not isinstance(satisfied, list):
        return
    values = sorted({value for value in keys.values() if type(value) is int})
    for i, value in enumerate(satisfied):
        if type(value) is int and value not in values:
            text = f"no key gives the satisfied value {value}; allowed: {', '.join(map(str, values))}"
            yield document.mistake((*path, "satisfied", i), text)
