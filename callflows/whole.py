"""What is wrong with a flow as a whole, once each part of it is right."""

from collections.abc import Iterator

from callflows.checks import unknown
from callflows.duration import estimate
from callflows.fields import NO_ANSWER
from callflows.model import Branch, EndStep, Flow
from callflows.questions import AnyQuestion, Question
from callflows.sounds import Sound, all_sounds
from callflows.ways import following, loops, put_before, reachable
from callflows.yamltree import Document, Mistake

LONGEST_SECONDS = 840
"""The longest that an interview may be with all its recordings: a session on the PBX is cut off after 900 s."""


def misfits_of(document: Document, flow: Flow) -> Iterator[Mistake]:
    """Steps that lead nowhere, nobody comes to, or lead in a circle; branches on what cannot be; sounds with two texts;
    an interview that may take too long."""
    yield from _shared_sounds(document, flow)
    yield from _satisfied(document, flow)
    found = list(_ways(document, flow))
    yield from found
    for position in range(len(flow.steps)):
        yield from _conditions(document, flow, position)
    if not found:
        yield from _duration(document, flow)


def _shared_sounds(document: Document, flow: Flow) -> Iterator[Mistake]:
    """Two prompts may share a sound only if they say the same, or building the one would overwrite the other."""
    first: dict[str, Sound] = {}
    for sound in all_sounds(flow):
        if first.setdefault(sound.name, sound).texts != sound.texts:
            line = document.mistake(first[sound.name].prompt, "", at_key=True).line
            text = f'sound "{sound.name}" is that of another text on line {line}; allowed: one text for a sound'
            yield document.mistake(sound.prompt, text, at_key=True)


def _satisfied(document: Document, flow: Flow) -> Iterator[Mistake]:
    """Labels, which the file's plain data does not tell from mistakes."""
    for i, step in enumerate(flow.steps):
        if isinstance(step, Question):
            for wanted in step.satisfied:
                if not step.meant(wanted) or None in step.meant(wanted):
                    text = f'no key gives the satisfied value "{wanted}"; allowed: {_allowed(step)}'
                    yield document.mistake(("steps", i, "satisfied"), text)


def _ways(document: Document, flow: Flow) -> Iterator[Mistake]:
    for position, after, place in loops(flow):
        names = f'step "{flow.steps[position].code}" leads back to'
        to = "itself" if position == after else f'"{flow.steps[after].code}"'
        text = f"{names} {to}: a loop without end; allowed: a step that does not lead here again"
        yield document.mistake(place, text)
    found = reachable(flow)
    for position, step in enumerate(flow.steps):
        if position not in found:
            text = f'nobody comes to step "{step.code}"; required: "go: {step.code}" at a step before, or none of it'
            yield document.mistake(("steps", position), text)
        elif any(after == len(flow.steps) for after, _ in following(flow, position)):
            text = f'nothing comes after step "{step.code}"; required: an "end" step, or "go" to one'
            yield document.mistake(("steps", position), text)
    if not any(isinstance(step, EndStep) for step in flow.steps):
        yield document.mistake(("steps",), 'no "end" step; required: at least one', at_key=True)


def _conditions(document: Document, flow: Flow, position: int) -> Iterator[Mistake]:
    step = flow.steps[position]
    if not isinstance(step, Branch):
        return
    before = {question.code: question for question in put_before(flow, position)}
    known = {question.code for question in flow.keypad_questions}
    for i, case in enumerate(step.cases):
        place = ("steps", position, "cases", i)
        for language in case.language:
            if language not in flow.languages:
                yield document.mistake((*place, "language"), unknown("language", language, flow.languages))
        for code, wanted in case.answer.items():
            question = before.get(code)
            if question is not None:
                yield from _answers(document, (*place, "answer", code), question, wanted)
            elif code in known:
                text = f'question "{code}" is not put before this branch; allowed: {", ".join(before) or "none"}'
                yield document.mistake((*place, "answer", code), text, at_key=True)
            else:
                yield document.mistake((*place, "answer", code), unknown("question", code, before), at_key=True)


def _answers(
    document: Document, place: tuple[str | int, ...], question: AnyQuestion, wanted: tuple[int | str, ...]
) -> Iterator[Mistake]:
    for i, item in enumerate(wanted):
        if not question.meant(item):
            text = f'question "{question.code}" has no answer "{item}"; allowed: {_allowed(question)}, {NO_ANSWER}'
            yield document.mistake((*place, i) if (*place, i) in document.values else place, text)


def _duration(document: Document, flow: Flow) -> Iterator[Mistake]:
    for language in flow.languages:
        seconds = estimate(flow, language, recordings=False)
        if seconds > flow.max_seconds:
            text = (
                f'the longest interview in "{language}" takes about {seconds:.0f} s; allowed: {flow.max_seconds} s, by '
                '"max_seconds"'
            )
            yield document.mistake(("max_seconds",), text, at_key=True)
        elif estimate(flow, language) > LONGEST_SECONDS:
            text = (
                f'the longest interview with its recordings is too long in "{language}"; allowed: {LONGEST_SECONDS} s'
            )
            yield document.mistake(("steps",), text, at_key=True)


def _allowed(question: AnyQuestion) -> str:
    labels = [
        f"{value} ({question.labels[value]})" if value in question.labels else str(value) for value in question.values
    ]
    return ", ".join(labels)
