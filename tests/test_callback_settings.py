"""Settings of call-backs: each mistake is one line that names it."""

from typing import Any

import pytest

from callflows.loader import LIBRARY
from ivr.errors import FlowError, SettingsError
from ivr.parts.callbacks import callback_plan, greeting
from ivr.settings import Settings, build_settings


def built(**callback: Any) -> Settings:
    site = {"ami": {"secret": "x"}, "callback": callback}
    given = {"web": {"token": "t" * 16}, "privacy": {"caller_key": "k" * 16}, "sites": {"main": site}}
    return build_settings(given, source="postcall.toml")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"enabled": True}, "callback: channel should have {number} once, as in PJSIP/{number}@trunk"),
        ({"enabled": True, "channel": "PJSIP/{number}{number}"}, "channel should have {number} once"),
        ({"channel": "PJSIP/{number},x"}, "channel should have no comma and no line break"),
        ({"opens": "09:00"}, "callback.opens: unknown setting; allowed here are enabled, channel"),
        ({"hours": "mon-fri 9-18"}, "callback.hours.1: got 'mon-fri 9-18'; should read like mon-fri 09:00-18:00"),
        ({"numbers": "("}, "numbers is no regular expression"),
        ({"tries": 0}, "callback.tries: got 0"),
        ({"hours": []}, "hours should have at least one, such as mon-sat 09:00-20:00"),
        ({"exclusions": ["abandoned"]}, "callback.exclusions.1: got 'abandoned'"),
        ({"caller_id": "x\r\nAction: y"}, "callback.caller_id"),
        ({"chanel": "x"}, "callback.chanel: unknown setting; did you mean channel?"),
    ],
)
def test_a_mistake_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        built(**wrong)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_settings_become_a_plan() -> None:
    plan = callback_plan(built(hours=["mon,sun 10:00-12:00"], delay_minutes=1.5, ring_seconds=30).sites["main"])
    assert [hours.text for hours in plan.hours] == ["mon,sun 10:00-12:00"]
    assert (plan.delay.total_seconds(), plan.longest.total_seconds()) == (90, 150)
    assert plan.number("+34 9") is None
    assert plan.number("+34 91234") == "+3491234"


def test_a_greeting_that_records_is_refused() -> None:
    recording = LIBRARY / "csat-with-comment.yaml"
    with pytest.raises(
        FlowError, match=r"csat-with-comment\.yaml: a greeting records nothing; allowed: every step but"
    ):
        greeting(built(greeting_file=str(recording)).sites["main"])
