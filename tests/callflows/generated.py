"""Call flows made at random, each by way of its file, so that the loader takes part."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from callflows.loader import parse_flow
from callflows.model import Flow
from callflows.steps import Context, Failed, HungUp, Input, Keys

LANGUAGES = ("en", "zh", "pt_BR")
QUEUES = ("", "support", "vip")
REASONS = ("billing", "billing/refund", "sales")

_keys = st.sampled_from(["0", "1", "2", "3", "5", "9", "*", "#", "10", "12", "*1"])
_texts = st.sampled_from(["Hello.", "您好。", "Please press a key."])
_switch = st.booleans()


class _Maker:
    """Makes the parts of one flow. Steps lead downward only, so no flow has a loop."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.languages = draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=3, unique=True))
        self.asked: list[tuple[str, list[int]]] = []
        self.codes = 0

    def prompt(self, text: str | None = None) -> dict[str, str]:
        return {language: text or self.draw(_texts) for language in self.languages}

    def some(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if self.draw(_switch)}

    def code(self) -> str:
        self.codes += 1
        return f"s{self.codes}"

    def put(self) -> dict[str, Any]:
        return {"text": self.prompt()} | self.some(
            {
                "tries": self.draw(st.integers(1, 3)),
                "timeout": self.draw(st.floats(1, 9)),
                "key_timeout": self.draw(st.floats(1, 4)),
                "barge_in": self.draw(_switch),
                "wrong_key": self.prompt(),
                "no_input": self.prompt(),
                "confirm": self.prompt(self.draw(_texts) + " {key}"),
            }
        )

    def question(self) -> dict[str, Any]:
        code = self.code()
        mapped = self.draw(
            st.one_of(
                st.dictionaries(_keys, st.integers(0, 100), min_size=1, max_size=6),
                st.sampled_from(["1-5", "0-10", "yes/no"]),
            )
        )
        values = {"1-5": [1, 5], "0-10": [0, 10], "yes/no": [0, 1]}
        self.asked.append((code, values[mapped] if isinstance(mapped, str) else sorted(mapped.values())))
        return {"ask": code, "keys": mapped} | self.put()

    def step(self) -> dict[str, Any]:
        match self.draw(st.sampled_from(["say", "ask", "ask", "comment", "draw", "ask-reason", "branch"])):
            case "say":
                return {"say": self.code(), "text": self.prompt()} | self.some({"barge_in": self.draw(_switch)})
            case "comment":
                said = {"comment": self.code(), "text": self.prompt(), "consent": self.prompt()}
                return said | self.some({"max_seconds": 10, "silence": 5, "stop_key": "1", "barge_in": False})
            case "draw":
                code = self.code()
                bank = [self.question() for _ in range(self.draw(st.integers(1, 3)))]
                return {"draw": code, "count": self.draw(st.integers(1, len(bank))), "questions": bank}
            case "ask-reason":
                return {"ask-reason": self.code(), "reasons": {"1": "billing", "2": "sales"}} | self.put()
            case "branch" if self.asked:
                return {"branch": self.code(), "cases": [self.case() for _ in range(self.draw(st.integers(1, 3)))]}
            case _:
                return self.question()

    def case(self) -> dict[str, Any]:
        code, values = self.draw(st.sampled_from(self.asked))
        conditions: dict[str, Any] = {
            "answer": {code: self.draw(st.sampled_from([*values, "none"]))},
            "queue": self.draw(st.sampled_from(["support", ["vip", "Support"]])),
            "reason": self.draw(st.sampled_from(REASONS)),
            "language": self.draw(st.sampled_from(self.languages)),
            "time": "08:00-18:00",
            "weekday": "mon-fri",
            "variable": {"TIER": "gold"},
        }
        name = self.draw(st.sampled_from(sorted(conditions)))
        return {name: conditions[name]}


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """A flow of up to eight steps, an end or two, and any settings."""
    make = _Maker(draw)
    steps = [make.step() for _ in range(draw(st.integers(0, 4)))]
    headline = make.question() | {"headline": True}
    headline["satisfied"] = [draw(st.sampled_from(make.asked[-1][1]))]
    steps.append(headline)
    steps += [make.step() for _ in range(draw(st.integers(0, 2)))]
    ends = [{"end": make.code(), "text": make.prompt()} for _ in range(draw(st.integers(1, 2)))]
    if draw(_switch):
        ends[-1]["incentive"] = {"digits": draw(st.integers(4, 10)), "text": make.prompt()}
    steps += ends
    names = [next(step[kind] for kind in step if kind in _KINDS) for step in steps]
    for i, step in enumerate(steps):
        for case in step.get("cases", ()):
            case["go"] = draw(st.sampled_from(names[i + 1 :]))
    if len(ends) == 2:
        # Else nobody would come to the last one.
        steps.insert(0, {"branch": "first", "cases": [{"queue": "nobody", "go": names[-1]}]})
    flow = {
        "flow": "generated",
        "title": "A flow",
        "languages": make.languages,
        "max_seconds": 600,
        "steps": steps,
        "wrong_key": make.prompt(),
        "no_input": make.prompt(),
        "goodbye": make.prompt(),
    } | make.some({"tries": draw(st.integers(1, 2)), "barge_in": draw(_switch), "confirm": make.prompt("{key}")})
    if draw(_switch):
        by_key = {str(i): language for i, language in enumerate(make.languages, 1)}
        flow["language"] = make.some({"variable": "SPOKEN", "queues": {"vip": make.languages[-1]}}) | {
            "ask": make.prompt(),
            "keys": by_key,
        }
    return flow_from(flow)


_KINDS = ("say", "ask", "comment", "draw", "ask-reason", "branch", "end")


def flow_from(said: dict[str, Any]) -> Flow:
    """The flow that a file with these settings is; JSON is YAML."""
    return parse_flow(json.dumps(said, ensure_ascii=False), "generated.yaml").flow


contexts = st.builds(
    Context,
    at=st.integers(0, 7 * 24 * 60).map(lambda minutes: datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minutes)),
    queue=st.sampled_from(QUEUES),
    reason=st.sampled_from(["", *REASONS]),
    variables=st.fixed_dictionaries(
        {}, optional={"TIER": st.sampled_from(["", "gold"]), "SPOKEN": st.sampled_from(["zh", "xx", "pt-BR"])}
    ),
    seed=st.integers(0, 2**64),
)
pressed = st.builds(Keys, pressed=st.one_of(_keys, st.text("0123456789*#ABCD", max_size=25)), timed_out=st.booleans())
faults: st.SearchStrategy[Input | None] = st.sampled_from([None] * 12 + [HungUp(), Failed()])
"""None for a step that goes well."""
