"""The guide for admins says what the program does."""

import re
from pathlib import Path

import pytest

from callflows.loader import MAX_BYTES, parse_flow
from callflows.model import MAX_TEXT, Flow, Question
from callflows.sounds import spoken
from ivr.errors import FlowError

GUIDE = (Path(__file__).parents[2] / "docs" / "call-flows.md").read_text(encoding="utf-8")


def example() -> str:
    found = re.search(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert found
    return found[1]


def test_the_example_is_a_flow_without_mistakes() -> None:
    flow = parse_flow(example(), "after-support.yaml").flow
    assert [question.question for question in flow.questions] == ["satisfaction", "solved"]
    assert flow.questions[1].keys == {"1": 1, "*": 0}
    assert "en/custom/solved-ask" in spoken(flow)


@pytest.mark.parametrize("setting", sorted({*Flow.model_fields, *Question.model_fields}))
def test_the_example_shows_every_setting_or_names_it(setting: str) -> None:
    named = re.search(rf"for this question only; so with .*\b{setting}\b", example())
    assert named or re.search(rf"^(  [- ] )?{setting}:", example(), re.MULTILINE)


def test_the_mistakes_that_are_shown_are_told_like_that() -> None:
    broken = example().replace("tries: 2 ", "tires: 2 ").replace("satisfied: [4, 5]", "satisfied: [4, 6]")
    broken = broken.replace("  zh: 没有收到您的评价，再见。\n", "")
    with pytest.raises(FlowError) as caught:
        parse_flow(broken, "after-support.yaml")
    assert f"```\n{caught.value}\n```" in GUIDE


def test_the_limits_are_those_of_the_program() -> None:
    assert f"at most {MAX_BYTES // 1024} KiB" in GUIDE
    assert f"at most {MAX_TEXT} characters" in GUIDE
    flow = parse_flow(example().replace("tries: 2 ", "#").replace("timeout: 5 ", "#"), "after-support.yaml").flow
    assert f"({flow.tries} if left out)" in GUIDE
    assert f"({flow.timeout:.0f} if left out)" in GUIDE
