"""The simulated PBX of a scenario: its queues, its agents, and how long it speaks."""

from itertools import pairwise

from ivr.demo.queues import Member, Queue
from ivr.demo.simulator import SimulatedPbx
from tests.scenarios.clock import RowClock
from tests.scenarios.table import Scenario

SURVEY = "postcall-survey"
LONG_PROMPT = 10_000.0
"""How long a question is when the caller hangs up in it, or thinks long."""


def floor() -> tuple[list[Queue], list[Member]]:
    """Two queues; 1004 serves none, and is reached by transfer only."""
    queues = [Queue(name="support", exten="8001"), Queue(name="billing", exten="8002")]
    members = [
        Member(interface="PJSIP/1001", name="Alice Moreau", queues=("support",)),
        Member(interface="PJSIP/1002", name="Doe, John", queues=("support", "billing")),
        Member(interface="Local/1003@agents/n", name="Chen", queues=("support",)),
        Member(interface="PJSIP/1004", name="Dora", queues=()),
    ]
    return queues, members


def pbx_of(code: str, scenario: Scenario, agi_port: int, clock: RowClock) -> SimulatedPbx:
    """The PBX of a scenario, whose dialplan leads to the service."""
    queues, members = floor()
    if scenario.settings.get("trigger") == ["dialplan"]:
        queues = [Queue(name=queue.name, exten=queue.exten, continue_to=SURVEY) for queue in queues]
    long = in_a_long_survey(scenario)
    return SimulatedPbx(
        queues=queues,
        members=members,
        dialplan={SURVEY: f"agi://127.0.0.1:{agi_port}/survey?site={code}"},
        clock=clock,
        prompt_seconds=lambda sound: LONG_PROMPT if long and sound.endswith(("-welcome", "-ask")) else 2.0,
    )


def in_a_long_survey(scenario: Scenario) -> bool:
    """Whether something is to happen in the middle of a survey: the caller hangs up, or the link is lost or back."""
    what = [row.what for row in scenario.rows]
    return "hangs up in the survey" in what or any(
        before in ("is lost", "is back") and then.startswith("presses") for before, then in pairwise(what)
    )
