"""The guide for admins says what the program does."""

import re
from pathlib import Path

import pytest

from callflows.conditions import CONDITIONS
from callflows.duration import FREE_REPEATS
from callflows.fields import MAX_TEXT
from callflows.loader import LIBRARY, MAX_BYTES, parse_flow
from callflows.model import KINDS, Case, CommentStep, Flow, Incentive, LanguageChoice
from callflows.questions import Question, ReasonQuestion
from callflows.sounds import spoken
from ivr.errors import FlowError
from tests.callflows.driving import NOTHING, comment, heard, kept, put

GUIDE = (Path(__file__).parents[2] / "docs" / "call-flows.md").read_text(encoding="utf-8")
SHORT, FULL = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
MODELS = (Flow, LanguageChoice, Question, ReasonQuestion, CommentStep, Case, Incentive, *KINDS.values())
SETTINGS = sorted({field.alias or name for model in MODELS for name, field in model.model_fields.items()})


def test_the_shortest_example_is_a_flow_without_mistakes() -> None:
    flow = parse_flow(SHORT, "short.yaml").flow
    assert kept(put(flow, "4")) == {"satisfaction": 4}


def test_the_full_example_is_a_flow_without_mistakes() -> None:
    flow = parse_flow(FULL, "after-support.yaml").flow
    assert [question.code for question in flow.keypad_questions] == [
        "topic",
        "satisfaction",
        "solved",
        "recommend",
        "channel",
    ]
    assert flow.variables == ("CALLER_LANGUAGE", "CUSTOMER_TIER")
    assert "en/custom/solved-ask" in spoken(flow)


def test_the_full_example_asks_what_the_guide_says() -> None:
    flow = parse_flow(FULL, "after-support.yaml").flow
    unhappy = put(flow, "1", "2", "1", NOTHING, comment(8.0))
    assert kept(unhappy) == {"topic": 2, "satisfaction": 1, "comment": "recorded"}
    happy = kept(put(flow, "2", "3", "5", "2"))
    assert set(happy) in ({"topic", "satisfaction", "recommend"}, {"topic", "satisfaction", "channel"})
    assert "support-thanks" in heard(unhappy)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_full_example_shows_every_setting(setting: str) -> None:
    assert re.search(rf"(^|[-{{ ]) *{setting}: *", FULL, re.MULTILINE)


def test_every_step_and_condition_is_explained() -> None:
    for kind in KINDS:
        assert re.search(rf"^\| `{kind}` \|", GUIDE, re.MULTILINE)
    for condition in CONDITIONS:
        assert re.search(rf"^\| .*`{condition}\b.* \| ", GUIDE, re.MULTILINE)


def test_every_shipped_flow_is_named() -> None:
    for path in LIBRARY.glob("*.yaml"):
        assert f"`{path.stem}`" in GUIDE


def test_the_mistakes_that_are_shown_are_told_like_that() -> None:
    broken = FULL.replace("tries: 2 ", "tires: 2 ").replace("satisfied: [4, 5]", "satisfied: [4, 6]")
    broken = broken.replace("  zh: 没有收到您的评价，再见。\n", "").replace("otherwise: more ", "otherwise: moer ")
    with pytest.raises(FlowError) as caught:
        parse_flow(broken, "after-support.yaml")
    assert f"```\n{caught.value}\n```" in GUIDE


def test_the_limits_are_those_of_the_program() -> None:
    assert f"at most {MAX_BYTES // 1024} KiB" in GUIDE
    assert f"at most {MAX_TEXT} characters" in GUIDE
    assert FREE_REPEATS == 2
    assert "Two repeats of a\n  question are free" in GUIDE
    defaults = [(Flow, "tries"), (Flow, "timeout"), (Flow, "key_timeout"), (Flow, "barge_in"), (Flow, "max_seconds")]
    defaults += [(CommentStep, "max_seconds"), (CommentStep, "silence"), (Incentive, "digits")]
    for model, setting in defaults:
        default = model.model_fields[setting].default
        written = str(default).lower() if isinstance(default, bool) else f"{default:.0f}"
        assert re.search(rf"^ *{setting}: .*# .*\({written} if left out\)", FULL, re.MULTILINE), setting
