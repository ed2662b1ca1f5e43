"""What is different between two flows, in words: what a caller would notice, and what a score would."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from callflows.fields import WEEKDAYS
from callflows.model import KINDS, Branch, Case, Draw, EndStep, Flow, FlowStep, Incentive
from callflows.questions import Prompt, Put, Question, ReasonQuestion

_INHERITED = ("tries", "timeout", "key_timeout", "barge_in")
"""Settings that a question takes from the flow when it has none of its own."""
_OWN_WORDS = ("code", "steps", "questions", "cases", "flow", "languages", "keys", "choices", "reasons", "satisfied")
"""Fields that are not compared one by one, but as what they mean."""


def differences(before: Flow, after: Flow) -> list[str]:
    """One line for each difference, in the order of the new flow; none when the flows say the same."""
    return [*_flow(before, after), *_steps(before, after)]


def _flow(before: Flow, after: Flow) -> Iterator[str]:
    if before.flow != after.flow:
        yield f"flow: {before.flow} → {after.flow}"
    for language in before.languages:
        if language not in after.languages:
            yield f"language removed: {language}"
    for language in after.languages:
        if language not in before.languages:
            yield f"language added: {language}"
    kept = [language for language in before.languages if language in after.languages]
    if kept != [language for language in after.languages if language in before.languages]:
        yield f"languages: {', '.join(before.languages)} → {', '.join(after.languages)}"
    elif before.languages[0] != after.languages[0]:
        yield f"first language: {before.languages[0]} → {after.languages[0]}"
    yield from _record("", before, after, before, after)
    yield from _record("choice of language", before.language, after.language, before, after)


def _steps(before: Flow, after: Flow) -> Iterator[str]:
    old, new = {step.code: step for step in before.steps}, {step.code: step for step in after.steps}
    for code, step in old.items():
        if code not in new:
            yield f"step removed: {_name(step)}"
    kept = [code for code in old if code in new]
    moved = _moved(kept, [code for code in new if code in old])
    for i, (code, step) in enumerate(new.items()):
        place = f"after {_name(after.steps[i - 1])}" if i else "as the first step"
        if code not in old:
            yield f"step added: {_name(step)}, {place}{_said(step, after)}"
            continue
        if code in moved:
            yield f"{_name(step)}: now {place}"
        yield from _step(old[code], step, before, after)


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """The fewest of the codes that must have been moved: all but those of the longest common order."""
    best: list[list[str]] = [[]]
    for code in new:
        earlier = [order for order in best if not order or old.index(order[-1]) < old.index(code)]
        best.append([*sorted(earlier, key=len)[-1], code])
    return set(new) - set(sorted(best, key=len)[-1])


def _step(old: FlowStep, new: FlowStep, before: Flow, after: Flow) -> Iterator[str]:
    if type(old) is not type(new):
        yield f"{_name(old)}: is now {_name(new)}{_said(new, after)}"
        return
    name = _name(new)
    yield from _record(name, old, new, before, after)
    match old, new:
        case (Put(), Put()):
            yield from _question(name, old, new)
        case (Draw(), Draw()):
            yield from _bank(old, new, before, after)
        case (Branch(), Branch()):
            yield from _branch(name, old, new)
        case (EndStep(), EndStep()):
            if old.incentive and new.incentive:
                yield from _record(f"{name}, incentive", old.incentive, new.incentive, before, after)


def _record(name: str, old: BaseModel, new: BaseModel, before: Flow, after: Flow) -> Iterator[str]:
    """The settings that two records of the same kind have of their own."""
    for field in type(new).model_fields:
        if field in _OWN_WORDS and not (field == "keys" and not isinstance(new, Put)):
            continue
        was, now = getattr(old, field), getattr(new, field)
        if isinstance(was, Prompt) or isinstance(now, Prompt):
            yield from _prompt(name, field, was, now, after)
        elif isinstance(now, BaseModel) and isinstance(was, BaseModel):
            continue
        elif field in _INHERITED and old is not before:
            was, now = _own(old, field, before), _own(new, field, after)
            if was != now and getattr(old, field) != getattr(new, field):
                yield f"{_led(name)}{_words(field)} {_value(field, was)} → {_value(field, now)}"
        elif was != now:
            yield f"{_led(name)}{_words(field)} {_value(field, was)} → {_value(field, now)}"


def _own(part: BaseModel, field: str, flow: Flow) -> Any:
    """A setting's value where it counts: the part's own, or else the flow's."""
    own = getattr(part, field)
    return getattr(flow, field) if own is None else own


def _prompt(name: str, field: str, was: Prompt | None, now: Prompt | None, after: Flow) -> Iterator[str]:
    what = f"{_led(name)}{'' if field == 'text' else field.replace('_', ' ')}".rstrip(": ") or field
    if was is None or now is None:
        prompt = now or was
        assert prompt
        said = prompt.texts.get(after.languages[0]) or next(iter(prompt.texts.values()))
        yield f'{what}: prompt {"added" if now else "removed"}: "{said}"'
        return
    for language, text in now.texts.items():
        old = was.texts.get(language)
        if old is not None and old != text:
            yield f'{what} ({language}): text changed from "{old}" to "{text}"'
    if was.sound != now.sound:
        yield f"{what}: sound {was.sound or 'named after the flow'} → {now.sound or 'named after the flow'}"


def _question(name: str, old: Put, new: Put) -> Iterator[str]:
    for key in {**old.meaning, **new.meaning}:
        was, now = _answer(old, key), _answer(new, key)
        if was != now and now is None:
            yield f"{name}: key {key} ({was}) is now a wrong key"
        elif was != now:
            yield f"{name}: key {key} {'is new' if was is None else f'was {was}'}, now {now}"
    if isinstance(old, Question) and isinstance(new, Question) and old.satisfied_values != new.satisfied_values:
        yield f"{name}: satisfied {_list(old.satisfied_values)} → {_list(new.satisfied_values)}"


def _answer(question: Put, key: str) -> str | None:
    """What a key means, with its label."""
    value = question.meaning.get(key)
    if value is None:
        return None
    label = question.labels.get(value)
    return f"{value} ({label})" if label else str(value)


def _bank(old: Draw, new: Draw, before: Flow, after: Flow) -> Iterator[str]:
    was, now = {one.code: one for one in old.questions}, {one.code: one for one in new.questions}
    for code, question in was.items():
        if code not in now:
            yield f"{_name(new)}: {_name(question)} removed from the bank"
    for code, question in now.items():
        if code in was:
            yield from _step(was[code], question, before, after)
        else:
            yield f"{_name(new)}: {_name(question)} added to the bank{_said(question, after)}"


def _branch(name: str, old: Branch, new: Branch) -> Iterator[str]:
    was, now = [case_words(case) for case in old.cases], [case_words(case) for case in new.cases]
    if was == now:
        return
    if len(was) == len(now):
        pairs = enumerate(zip(was, now, strict=True), 1)
        yield from (f"{name}: case {i}: {one} → {other}" for i, (one, other) in pairs if one != other)
        return
    yield from (f"{name}: case removed: {case}" for case in was if case not in now)
    yield from (f"{name}: case added: {case}" for case in now if case not in was)
    if [case for case in was if case in now] != [case for case in now if case in was]:
        yield f"{name}: the cases stand in another order"


def case_words(case: Case) -> str:
    """A case in a line, such as ``satisfaction 1 or 2: goes to why``."""
    return f"{condition_words(case)}: goes to {case.go}"


def condition_words(case: Case) -> str:
    """What a case asks for, such as ``satisfaction 1 or 2, queue vip``."""
    words = [f"{code} {_or(wanted)}" for code, wanted in case.answer.items()]
    words += [
        f"{name} {_or(wanted)}" for name in ("queue", "team", "reason", "language") if (wanted := getattr(case, name))
    ]
    if case.time:
        words.append(_value("time", case.time))
    if case.weekday:
        words.append(_value("weekday", case.weekday))
    words += [f"{name} {_or(wanted)}" for name, wanted in case.variable.items()]
    return ", ".join(words)


def _name(step: FlowStep) -> str:
    match step:
        case ReasonQuestion():
            return f"question {step.code} (reason)"
        case Question():
            return f"question {step.code}"
        case _:
            kind = next(word for word, model in KINDS.items() if isinstance(step, model))
            return f"{kind} {step.code}"


def _said(step: FlowStep, flow: Flow) -> str:
    prompt: Prompt | None = getattr(step, "text", None)
    return f': "{prompt.texts[flow.languages[0]]}"' if prompt else ""


def _words(field: str) -> str:
    return {"go": "goes on to", "otherwise": "otherwise goes to"}.get(field, field.replace("_", " "))


def _led(name: str) -> str:
    return f"{name}: " if name else ""


def _list(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values)) or "none"


def _or(values: Sequence[Any]) -> str:
    return " or ".join(map(str, values))


def _value(field: str, value: Any) -> str:
    match field, value:
        case _, None:
            return (
                "as the flow" if field in _INHERITED else "the step below" if field in ("go", "otherwise") else "none"
            )
        case "time", (int(start), int(end)):
            return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
        case "weekday", tuple():
            return _or([WEEKDAYS[day] for day in value])
        case _, bool():
            return "on" if value else "off"
        case _, float():
            return f"{value:g} s"
        case _, Mapping():
            return _list([f"{key} {item}" for key, item in value.items()])
        case _, tuple():
            return _list(value)
        case _, Incentive():
            return f"a code of {value.digits} digits"
        case _:
            return str(value)
