"""The JSON Schema for editors: it takes every good flow, and underlines what the types alone show to be wrong."""

import re

import pytest
from jsonschema import Draft202012Validator

from callflows import yamltree
from callflows.loader import LIBRARY
from callflows.schema import flow_schema
from tests.callflows.rich_flow import RICH
from tests.callflows.test_sound_files import FLOWS

CHECK = Draft202012Validator(flow_schema())


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(flow_schema())


@pytest.mark.parametrize("file", [*sorted(LIBRARY.glob("*.yaml")), *sorted(FLOWS.glob("*.yaml"))], ids=lambda f: f.stem)
def test_it_takes_every_flow_that_is_here(file: object) -> None:
    text = file.read_text("utf-8")  # type: ignore[attr-defined]
    assert [error.message for error in CHECK.iter_errors(yamltree.read(text).data)] == []


def test_it_takes_a_flow_with_one_of_everything() -> None:
    assert [error.message for error in CHECK.iter_errors(yamltree.read(RICH).data)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tries: 2", "tires: 2"),
        ("tries: 2", "tries: 9"),
        ("tries: 2", "tries: two"),
        ("tries: 2", "tries:"),
        ("flow: after-support", "flow: After Support"),
        ("languages: [en, zh]", "languages: []"),
        ("title: After a support call\n", ""),
        ("  - say: welcome", "  - play: welcome"),
        ("{queue: [vip, gold], language: en, go: solved}", "{queue: [vip, gold], language: en}"),
        ("{queue: [vip, gold], language: en, go: solved}", "{quue: vip, go: solved}"),
        ("reasons: {1: billing, ", "reasons: {x: billing, "),
        ("reasons: {1: billing, ", "reasons: {1: Billing, "),
        ("go: bank", "go: The Bank"),
        ("count: 1", "count: 0"),
        ("incentive: {digits: 6, ", "incentive: {digits: 60, "),
        ("headline: true", "headline: maybe"),
    ],
)
def test_it_underlines_what_is_wrong(old: str, new: str) -> None:
    assert old in RICH
    broken = yamltree.read(RICH.replace(old, new, 1)).data
    assert list(CHECK.iter_errors(broken)), new


def test_its_patterns_are_those_of_every_editor() -> None:
    text = str(flow_schema())
    assert "\\z" not in text
    assert not re.search(r"\(\?P", text)


def test_it_says_what_is_allowed_in_the_words_of_the_checks() -> None:
    properties = flow_schema()["properties"]
    assert properties["tries"]["description"] == "a whole number from 1 to 5"
    assert "null" not in str(flow_schema())
