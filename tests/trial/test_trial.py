"""Every kind of step of a flow, tried: what is said, what is kept, and what is only pretended."""

import os
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from callflows.loader import parse_flow
from callflows.sounds import spoken
from ivr.errors import FlowError
from ivr.trial.terminal import TerminalPhone, TypedKeys
from ivr.trial.trial import PretendedCall, TrialDesk, TrialResult, TrialStore
from storage.engine import open_database
from storage.recorder import Recorder
from storage.records import SiteRecord
from storage.tables import Answer, Survey
from storage.verify import verify
from tests.storage.samples import rows

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Taipei"))
EVERY_STEP = """
flow: every-step
title: Every kind of step
languages: [en, zh]
language:
  ask: {en: For English press 1., zh: 中文请按2。}
  keys: {1: en, 2: zh}
wrong_key: {en: Wrong key., zh: 按键无效。}
no_input: {en: No key., zh: 没有按键。}
goodbye: {en: Goodbye., zh: 再见。}
steps:
  - branch: where
    cases:
      - {queue: [vip], go: vip-welcome}
      - {team: [night], go: night-welcome}
      - {variable: {TIER: [gold]}, go: gold-welcome}
      - {time: "18:00-24:00", go: evening-welcome}
    otherwise: welcome
  - {say: vip-welcome, text: {en: Dear VIP., zh: 贵宾您好。}, go: why}
  - {say: night-welcome, text: {en: Good night., zh: 晚安。}, go: why}
  - {say: gold-welcome, text: {en: Dear gold member., zh: 金卡会员您好。}, go: why}
  - {say: evening-welcome, text: {en: Good evening., zh: 晚上好。}, go: why}
  - {say: welcome, text: {en: Welcome., zh: 您好。}}
  - ask-reason: why
    text: {en: Why did you call?, zh: 您为什么来电？}
    reasons: {1: billing/refund, 2: sales}
  - ask: satisfaction
    headline: true
    text: {en: "From 1 to 5?", zh: 1到5分？}
    keys: 1-5
    satisfied: [4, 5]
  - branch: low
    cases:
      - {answer: {satisfaction: [1, 2]}, go: words}
    otherwise: thanks
  - comment: words
    consent: {en: We record what you say., zh: 我们会录音。}
    text: {en: What went wrong?, zh: 哪里不满意？}
  - end: thanks
    text: {en: Thanks., zh: 谢谢。}
    incentive:
      digits: 4
      text: {en: Your code., zh: 您的代码。}
"""


class Tried:
    """One trial by keys from a pipe."""

    def __init__(self, result: TrialResult, screen: str) -> None:
        self.result = result
        self.screen = screen

    @property
    def said(self) -> list[str]:
        return [line.strip() for line in self.screen.splitlines() if line.startswith("  ")]

    @property
    def answers(self) -> list[tuple[str, str, int | None, str]]:
        return [(answer.question, answer.keys, answer.value, answer.ended) for answer in self.result.answers]


async def tried(
    keys: str, *, store: TrialStore | None = None, at: datetime = NOON, language: str = "en", **call: object
) -> Tried:
    version = parse_flow(EVERY_STEP, "every-step.yaml")
    screen: list[str] = []
    reading, writing = os.pipe()
    os.write(writing, keys.encode())
    os.close(writing)
    async with TypedKeys(reading) as typed:
        phone = TerminalPhone(typed, spoken(version.flow), screen.append)
        pretended = PretendedCall(**call)  # type: ignore[arg-type]
        desk = TrialDesk(store=store, now=lambda: at)
        result = await desk.conduct(version, phone, language=language, call=pretended)
    os.close(reading)
    return Tried(result, "".join(screen))


async def test_the_language_that_is_chosen_by_key_is_spoken_and_kept() -> None:
    trial = await tried("2" + "25")
    assert trial.said[:4] == ["For English press 1.", "中文请按2。", "您好。", "您为什么来电？"]
    assert trial.result.language == "zh"


async def test_the_reason_that_is_chosen_by_key_is_kept() -> None:
    assert (await tried("1" + "15")).result.reason == "billing/refund"


async def test_a_reason_that_is_known_is_not_asked_for() -> None:
    trial = await tried("1" + "5", reason="sales")
    assert "Why did you call?" not in trial.said
    assert trial.result.reason == "sales"


@pytest.mark.parametrize(
    ("call", "hour", "greeting"),
    [
        ({}, 12, "Welcome."),
        ({"queue": "vip"}, 12, "Dear VIP."),
        ({"team": "night"}, 12, "Good night."),
        ({"variables": {"TIER": "gold"}}, 12, "Dear gold member."),
        ({"variables": {"TIER": "silver", "OTHER": "gold"}}, 12, "Welcome."),
        ({}, 19, "Good evening."),
    ],
)
async def test_a_branch_goes_by_what_is_pretended_of_the_call(
    call: dict[str, object], hour: int, greeting: str
) -> None:
    assert (await tried("1", at=NOON.replace(hour=hour), **call)).said[2] == greeting


async def test_a_comment_is_not_recorded_in_a_trial_and_the_row_does_not_say_that_it_was() -> None:
    trial = await tried("1" + "12" + "\n5")
    assert "(A caller would be recorded now, for up to 30 s. Any key goes on.)" in trial.said
    assert trial.answers[-1] == ("words", "", None, "no_input")
    assert trial.said[-1] != "(hung up)"
    assert trial.result.outcome == "completed"


async def test_a_comment_may_be_refused_and_hung_up_on() -> None:
    assert (await tried("1" + "12" + "#")).answers[-1] == ("words", "#", None, "skipped")
    assert (await tried("1" + "12" + "\n")).answers[-1] == ("words", "", None, "hung_up")


async def test_the_code_that_is_given_is_told_and_read_out() -> None:
    trial = await tried("1" + "15")
    code = trial.result.incentive
    assert len(code) == 4
    assert "".join(line for line in trial.said if line.isdigit()).startswith(code)


async def test_a_language_that_the_flow_does_not_have_is_refused() -> None:
    with pytest.raises(FlowError, match='no language "fr"'):
        await tried("", language="fr")


async def test_what_came_of_it_is_in_the_row_and_in_no_count(url: str) -> None:
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site="main", name="", zone="Asia/Taipei"))
        trial = await tried("2" + "12" + "\n5", store=TrialStore(recorder=recorder, site="main"), queue="vip")

        [survey] = await rows(database, Survey)
        assert (survey["survey"], survey["trial"], survey["status"]) == (trial.result.trial, True, "completed")
        assert (survey["language"], survey["queue"], survey["reason"]) == ("zh", "vip", "billing/refund")
        assert survey["incentive"] == trial.result.incentive
        kept = [(row["question"], row["keys"], row["value"], row["ended"]) for row in await rows(database, Answer)]
        assert sorted(kept) == sorted(trial.answers)
        assert all(row["recording"] is None for row in await rows(database, Answer))
        assert await verify(database) == []
