"""What the types of the model cannot say about a flow file: what must fit together.

The checks run over the file's plain data, whatever else is wrong with it, so that an admin sees all mistakes at once.
What is of the wrong type is passed over here: the model complains about it. What takes the flow as a whole to see is in
`callflows.whole`.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from callflows.conditions import CONDITIONS
from callflows.fields import written_out
from callflows.model import kind_of
from callflows.sounds import KEY
from callflows.yamltree import Document, Mistake, SettingPath, short

_PROMPTS = ("text", "wrong_key", "no_input", "goodbye", "confirm", "consent")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_ONE_HEADLINE = '"headline: true" at exactly one "ask" step'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A step of the file, or a question of a bank."""

    path: SettingPath
    kind: str | None
    said: dict[str, Any]

    @property
    def code(self) -> Any:
        return self.said.get(self.kind) if self.kind else None

    @property
    def in_bank(self) -> bool:
        return len(self.path) > 2


def misfits(document: Document) -> Iterator[Mistake]:
    """All mistakes of a flow file that its model does not see, in no certain order."""
    flow = document.data if isinstance(document.data, dict) else {}
    languages = flow.get("languages")
    parts = list(_parts(flow))
    for path, prompt in _prompts(flow, parts):
        yield from _prompt(document, path, prompt, languages)
    yield from _languages(document, languages)
    yield from _language_choice(document, flow)
    yield from _codes(document, parts)
    yield from _headline(document, parts)
    targets = [part.code for part in parts if not part.in_bank and isinstance(part.code, str)]
    for part in parts:
        yield from _targets(document, part, targets)
        match part.kind:
            case "ask":
                yield from _question(document, part)
            case "branch":
                yield from _cases(document, part)
            case "draw":
                yield from _draw(document, part)


def unknown(what: str, given: str, allowed: Iterable[str]) -> str:
    """The message about a name that is not one of those allowed, with the one that was probably meant."""
    given, allowed = short(given), list(allowed)
    near = difflib.get_close_matches(given, allowed, n=1)
    return f'unknown {what} "{given}"; ' + (f'did you mean "{near[0]}"?' if near else f"allowed: {', '.join(allowed)}")


def _listed(block: dict[str, Any], setting: str) -> Iterator[tuple[int, dict[str, Any]]]:
    listed = block.get(setting)
    for i, item in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(item, dict):
            yield i, item


def _parts(flow: dict[str, Any]) -> Iterator[_Part]:
    for i, step in _listed(flow, "steps"):
        kind = kind_of(step)
        yield _Part(path=("steps", i), kind=kind, said=step)
        if kind == "draw":
            for j, question in _listed(step, "questions"):
                yield _Part(path=("steps", i, "questions", j), kind="ask", said=question)


def _prompts(flow: dict[str, Any], parts: list[_Part]) -> Iterator[tuple[SettingPath, dict[str, Any]]]:
    blocks: list[tuple[SettingPath, Any]] = [((), flow), *((part.path, part.said) for part in parts)]
    blocks += [((*part.path, "incentive"), part.said.get("incentive")) for part in parts if part.kind == "end"]
    for path, block in blocks:
        for name in _PROMPTS if isinstance(block, dict) else ():
            if isinstance(block.get(name), dict):
                yield (*path, name), block[name]
    choice = flow.get("language")
    if isinstance(choice, dict) and isinstance(choice.get("ask"), dict):
        yield ("language", "ask"), choice["ask"]


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


def _language_choice(document: Document, flow: dict[str, Any]) -> Iterator[Mistake]:
    choice, languages = flow.get("language"), flow.get("languages")
    if not isinstance(choice, dict):
        return
    for setting, other in (("ask", "keys"), ("keys", "ask")):
        if setting in choice and other not in choice:
            yield document.mistake(("language", setting), f'"{setting}" without "{other}"; required: both', at_key=True)
    if not isinstance(languages, list) or not all(isinstance(language, str) for language in languages):
        return
    for setting in ("queues", "keys"):
        named = choice.get(setting)
        for key, language in named.items() if isinstance(named, dict) else ():
            if isinstance(language, str) and language not in languages:
                yield document.mistake(("language", setting, key), unknown("language", language, languages))


def _codes(document: Document, parts: list[_Part]) -> Iterator[Mistake]:
    seen: dict[str, SettingPath] = {}
    for part in parts:
        if part.kind is None or not isinstance(part.code, str):
            continue
        path = (*part.path, part.kind)
        if part.code in seen:
            line = document.mistake(seen[part.code], "").line
            text = f'step "{short(part.code)}" is there twice; allowed: once, and line {line} has it already'
            yield document.mistake(path, text)
        seen.setdefault(part.code, path)


def _headline(document: Document, parts: list[_Part]) -> Iterator[Mistake]:
    headlines = [part for part in parts if part.said.get("headline") is True and part.kind == "ask"]
    for part in headlines:
        place = (*part.path, "headline")
        if part.in_bank:
            text = f"a headline question in a bank, which not every caller is asked; required: {_ONE_HEADLINE}"
            yield document.mistake(place, text, at_key=True)
        elif part is not next(headline for headline in headlines if not headline.in_bank):
            yield document.mistake(place, f"a second headline question; allowed: {_ONE_HEADLINE}", at_key=True)
        if part.said.get("satisfied", []) == []:
            text = (
                'the headline question has no "satisfied"; required: the values that count as satisfied, such as [4, 5]'
            )
            yield document.mistake(place, text, at_key=True)
    if parts and not headlines:
        yield document.mistake(("steps",), f"no headline question; required: {_ONE_HEADLINE}", at_key=True)


def _targets(document: Document, part: _Part, targets: list[str]) -> Iterator[Mistake]:
    named = [((*part.path, setting), part.said.get(setting)) for setting in ("go", "otherwise")]
    if part.kind == "branch":
        named += [((*part.path, "cases", i, "go"), case.get("go")) for i, case in _listed(part.said, "cases")]
    for path, target in named:
        if part.in_bank and target is not None:
            text = '"go" at a question of a bank; allowed: "go" at the "draw" step itself'
            yield document.mistake(path, text, at_key=True)
        elif isinstance(target, str) and target not in targets:
            yield document.mistake(path, unknown("step", target, targets))


def _question(document: Document, part: _Part) -> Iterator[Mistake]:
    given = [setting for setting in ("keys", "choices") if part.said.get(setting) is not None]
    if len(given) == 2:
        text = '"choices" beside "keys"; allowed: one of the two'
        yield document.mistake((*part.path, "choices"), text, at_key=True)
    elif not given:
        text = '"keys" is missing; required: "keys", such as 1-5, or "choices" with a label for each key'
        yield document.mistake(part.path, text)
    keys, satisfied = written_out(part.said.get("keys")), part.said.get("satisfied")
    if not isinstance(keys, dict) or not isinstance(satisfied, list):
        return
    values = sorted({value for value in keys.values() if type(value) is int})
    for i, value in enumerate(satisfied):
        if type(value) is int and value not in values:
            text = f"no key gives the satisfied value {value}; allowed: {', '.join(map(str, values))}"
            yield document.mistake((*part.path, "satisfied", i), text)


def _cases(document: Document, part: _Part) -> Iterator[Mistake]:
    for i, case in _listed(part.said, "cases"):
        if not any(condition in case for condition in CONDITIONS):
            text = f"a case without a condition; required: one of {', '.join(CONDITIONS)}"
            yield document.mistake((*part.path, "cases", i), text)


def _draw(document: Document, part: _Part) -> Iterator[Mistake]:
    bank, count = part.said.get("questions"), part.said.get("count", 1)
    if isinstance(bank, list) and type(count) is int and 0 < len(bank) < count <= 10:
        text = f'"count" is {count}, but the bank has {len(bank)}; allowed: 1 to {len(bank)}'
        yield document.mistake((*part.path, "count"), text)
