"""A flow as boxes and arrows, whatever they are drawn with: what stands in each box, and what leads on from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from callflows.differences import condition_words
from callflows.model import Branch, CommentStep, Draw, EndStep, Flow, FlowStep, SayStep
from callflows.questions import AnyQuestion, Put, Question, ReasonQuestion
from callflows.ways import following

Kind = Literal["say", "ask", "comment", "branch", "draw", "end"]

_LANGUAGE = "language"
_GOODBYE = "goodbye"
_SHOWN_QUESTIONS = 12
"""How many questions of a bank a box names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One step, or what is said to a caller who does nothing."""

    kind: Kind
    heading: str
    said: str
    """What the caller hears; empty for a step that says nothing."""
    notes: tuple[str, ...] = ()
    """What else there is to know, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """From one box to another, by their positions."""

    source: int
    target: int
    label: str
    """The keys or conditions that lead this way; empty when everything does."""
    is_exit: bool = False
    """Whether only a caller goes this way who is taken to be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All boxes, each before those that it leads to, and all arrows."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def chart(flow: Flow, language: str) -> Chart:
    """The chart of a flow that was loaded, with its texts in one of its languages."""
    order = _order(flow)
    boxes: list[Box] = []
    if flow.language.ask:
        notes = tuple(f"{key}: {chosen}" for key, chosen in flow.language.keys.items())
        boxes.append(Box(kind="ask", heading=_LANGUAGE, said=flow.language.ask.texts[language], notes=notes))
    first = len(boxes)
    boxes += [_box(flow, flow.steps[position], language) for position in order]
    boxes.append(Box(kind="end", heading=_GOODBYE, said=flow.goodbye.texts[language]))
    place = {position: first + i for i, position in enumerate(order)}
    arrows = [Arrow(source=0, target=first, label=keys_in_short(list(flow.language.keys)))] if first else []
    for position in order:
        ways: dict[int, list[str]] = {}
        for label, target in _ways(flow, position):
            ways.setdefault(target, []).append(label)
        arrows += [
            Arrow(source=place[position], target=place[target], label=" / ".join(filter(None, labels)))
            for target, labels in ways.items()
        ]
    for position in _first_questions(flow):
        arrows.append(Arrow(source=place[position], target=len(boxes) - 1, label="no key at all", is_exit=True))
    return Chart(title=f"{flow.title} ({flow.flow}, {language})", boxes=tuple(boxes), arrows=tuple(arrows))


def keys_in_short(keys: Sequence[str]) -> str:
    """Keys in a few signs, such as ``1–5`` or ``1, 2, *``."""
    numbers = sorted(int(key) for key in keys if key.isdecimal())
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    short = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join([*short, *(key for key in keys if not key.isdecimal())])


def _order(flow: Flow) -> list[int]:
    """The positions of all steps, each before those that may follow it, and otherwise as the file has them."""
    waits = dict.fromkeys(range(len(flow.steps)), 0)
    for position in waits:
        for target in {target for target, _ in following(flow, position)}:
            waits[target] += 1
    order: list[int] = []
    while waits:
        position = next(position for position, count in waits.items() if not count)
        del waits[position]
        order.append(position)
        for target in {target for target, _ in following(flow, position)}:
            waits[target] -= 1
    return order


def _ways(flow: Flow, position: int) -> Iterator[tuple[str, int]]:
    step = flow.steps[position]
    targets = [target for target, _ in following(flow, position)]
    if isinstance(step, Branch):
        labels = [condition_words(case) for case in step.cases] + ["otherwise"]
    elif isinstance(step, Put):
        labels = [keys_in_short(list(step.meaning))]
    elif isinstance(step, Draw):
        labels = [keys_in_short(sorted({key for question in step.questions for key in question.meaning}))]
    else:
        labels = [""]
    yield from zip(labels, targets, strict=False)


def _first_questions(flow: Flow) -> Iterator[int]:
    """The questions before which no other was put to some caller: who does nothing there is taken to be gone."""
    waiting, seen = [0], {0}
    while waiting:
        position = waiting.pop(0)
        if isinstance(flow.steps[position], Put | Draw):
            yield position
            if not isinstance(flow.steps[position], ReasonQuestion):
                continue
        for target, _ in following(flow, position):
            if target not in seen:
                seen.add(target)
                waiting.append(target)


def _box(flow: Flow, step: FlowStep, language: str) -> Box:
    match step:
        case SayStep():
            return Box(kind="say", heading=step.code, said=step.text.texts[language])
        case CommentStep():
            said = f"{step.consent.texts[language]} {step.text.texts[language]}"
            note = f"records up to {step.max_seconds} s, until {step.stop_key} or {step.silence} s of silence"
            return Box(kind="comment", heading=step.code, said=said, notes=(note,))
        case Branch():
            return Box(kind="branch", heading=step.code, said="")
        case Draw():
            shown = [f"{one.code}: {one.text.texts[language]}" for one in step.questions[:_SHOWN_QUESTIONS]]
            more = len(step.questions) - len(shown)
            shown += [f"and {more} more"] if more else []
            heading = f"{step.code}: {step.count} of {len(step.questions)}"
            return Box(kind="draw", heading=heading, said="", notes=tuple(shown))
        case EndStep():
            code = [f"before it a code of {step.incentive.digits} digits, twice"] if step.incentive else []
            return Box(kind="end", heading=step.code, said=step.text.texts[language], notes=tuple(code))
        case _:
            return _question_box(flow, step, language)


def _question_box(flow: Flow, question: AnyQuestion, language: str) -> Box:
    heading = f"{question.code} ★" if isinstance(question, Question) and question.headline else question.code
    notes = [f"{key}: {question.labels[value]}" for key, value in question.meaning.items() if value in question.labels]
    tries, timeout = flow.tries_of(question), flow.timeout_of(question)
    notes.append(f"{tries} {'try' if tries == 1 else 'tries'}, {timeout:g} s each")
    if isinstance(question, ReasonQuestion):
        notes.append("left out when the reason is known")
    return Box(kind="ask", heading=heading, said=question.text.texts[language], notes=tuple(notes))
