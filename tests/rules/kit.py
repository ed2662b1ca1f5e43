"""Calls and rules as the scenarios tell them."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ivr.rule_settings import RuleSettings
from ivr.surveys.rules import Facts, Rules, needed
from storage.quarantine import Past

TAIPEI = ZoneInfo("Asia/Taipei")
SUNDAY = datetime(2026, 11, 22, 10, 0, tzinfo=TAIPEI)
ANNA = "a" * 64
"""A caller's digest."""


def rules(*, do_not_ask: frozenset[str] = frozenset(), **given: Any) -> Rules:
    return Rules(given=RuleSettings.model_validate(given), zone=TAIPEI, do_not_ask=do_not_ask)


def call(**changes: Any) -> Facts:
    """Anna's call, which no rule stops by itself."""
    known: dict[str, Any] = {
        "site": "main",
        "at": SUNDAY,
        "caller": ANNA,
        "number": "0912000111",
        "agent": "PJSIP/1001",
        "queue": "support",
        "reason": "billing/refund",
        "agent_reached": True,
        "talk_seconds": 60,
    }
    return Facts(**{**known, **changes})


def past(known: Rules, facts: Facts, offered: int = 0, **more: Any) -> Past:
    """A past in which `offered` surveys share whatever is asked for, as far as they are counted."""
    counts = {asked: min(offered, asked.up_to) for asked in needed(known, facts).surveys}
    return Past(surveys=counts, **more)
