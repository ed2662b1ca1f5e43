"""docs/rules.md and the glossary say what the rules do."""

import re
import tomllib
from pathlib import Path

from ivr.settings import build_settings
from ivr.surveys import rules as module
from tests.rules.test_rule_table import TROUBLES

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "rules.md").read_text("utf-8")
CODES = [code for code, _ in TROUBLES]
NEEDED = {
    "web": {"token": "a token of these tests"},
    "privacy": {"caller_key": "a caller key of these tests"},
}


def test_the_example_is_good_and_a_site_s_own_rules_stand_in_place_of_those_for_all() -> None:
    given = tomllib.loads(re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[0])
    for site in ("main", "north"):
        given["sites"].setdefault(site, {})["ami"] = {"secret": "x"}
    settings = build_settings({**NEEDED, **given}, source="docs/rules.md")
    main, north = settings.rules_of("main"), settings.rules_of("north")
    assert [hours.text for hours in main.hours] == ["mon-fri 09:00-18:00", "sat 10:00-14:00"]
    assert [hours.text for hours in north.hours] == ["mon-sun 00:00-24:00"]
    assert north.quarantine == main.quarantine
    assert (north.minimum_talk, north.sampling, north.weekly_ratings) == (20, 0.25, 10)


def test_a_site_may_take_a_rule_back() -> None:
    given = {
        **NEEDED,
        "rules": {"minimum_talk": 20, "sampling_by_queue": {"support": "10 %"}},
        "sites": {"main": {"ami": {"secret": "x"}, "rules": {"minimum_talk": 0, "sampling_by_queue": {}}}},
    }
    found = build_settings(given, source="test").rules_of("main")
    assert (found.minimum_talk, found.sampling_by_queue) == (0, {})


def test_the_guide_has_the_rules_in_their_order_with_their_codes() -> None:
    rows = re.findall(r"^\| ([0-9]) \| .+ \| `([a-z_]+)` \|$", GUIDE, re.MULTILINE)
    assert rows == [(str(number), code) for number, code in enumerate(CODES, start=1)]


def test_the_module_s_own_list_is_the_same() -> None:
    assert re.findall(r"→ ``([a-z_]+)``", module.__doc__ or "") == CODES


def test_every_reason_code_is_in_the_glossary() -> None:
    listed = re.findall(r"^\| `([a-z_]+)` \|", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE)
    assert set(CODES) <= set(listed)
