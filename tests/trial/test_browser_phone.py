"""The telephone behind the keypad page, told by a page of paper what is pressed and played."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from callflows.steps import Keys
from ivr.errors import CallerHungUp, PromptMissing
from ivr.trial import browser
from ivr.trial.browser import BrowserPhone, prompts_of

TEXTS = {"en/ask": "From 1 to 5?", "zh/ask": "1到5分？"}


class Paper:
    """A phone, and the page that it talks to: which presses and reports when it is sent a step."""

    def __init__(self, *does: str) -> None:
        self.does = does
        self.sent: list[Mapping[str, Any]] = []
        self.phone = BrowserPhone(self._receive, prompts_of(TEXTS, lambda name: f"/sounds/{name}.wav"))

    async def _receive(self, step: Mapping[str, Any]) -> None:
        self.sent.append(step)
        for what in self.does:
            match what:
                case "played":
                    self.phone.played(step["step"])
                case "hangs up":
                    self.phone.hung_up()
                case "late 1":
                    self.phone.press(step["step"] - 1, "1")
                case key:
                    self.phone.press(step["step"], key)

    async def collect(self, max_keys: int = 1, *, barge_in: bool = True) -> Keys:
        async with asyncio.timeout(5):
            return await self.phone.collect(
                ["en/ask"], max_keys=max_keys, timeout_seconds=0.05, key_timeout_seconds=0.05, barge_in=barge_in
            )


@pytest.mark.parametrize(
    ("does", "max_keys", "barge_in", "expected"),
    [
        (("5",), 1, True, Keys(pressed="5", timed_out=False)),
        (("played", "5"), 1, True, Keys(pressed="5", timed_out=False)),
        (("5", "played"), 2, True, Keys(pressed="5", timed_out=True)),
        (("1", "0"), 2, True, Keys(pressed="10", timed_out=False)),
        (("1", "played", "0"), 2, True, Keys(pressed="10", timed_out=False)),
        (("7", "#"), 2, True, Keys(pressed="7", timed_out=False)),
        (("#",), 1, True, Keys(pressed="", timed_out=False)),
        (("played",), 1, True, Keys(pressed="", timed_out=True)),
        (("late 1", "played"), 1, True, Keys(pressed="", timed_out=True)),
        (("5", "played"), 1, False, Keys(pressed="", timed_out=True)),
        (("5", "played", "4"), 1, False, Keys(pressed="4", timed_out=False)),
    ],
)
async def test_keys_are_taken_as_on_a_telephone(
    does: tuple[str, ...], max_keys: int, barge_in: bool, expected: Keys
) -> None:
    assert await Paper(*does).collect(max_keys, barge_in=barge_in) == expected


async def test_the_page_is_told_all_that_it_has_to_know() -> None:
    paper = Paper("5")
    await paper.collect()
    assert paper.sent == [
        {
            "do": "ask",
            "step": 1,
            "prompts": [{"text": "From 1 to 5?", "language": "en", "sound": "/sounds/en/ask.wav"}],
            "max_keys": 1,
            "timeout_seconds": 0.05,
            "key_timeout_seconds": 0.05,
            "barge_in": True,
        }
    ]


async def test_keys_while_something_is_only_said_are_lost() -> None:
    paper = Paper("5", "played")
    await paper.phone.play(["en/ask"])
    paper.does = ("played",)
    assert await paper.collect() == Keys(pressed="", timed_out=True)


async def test_any_key_ends_what_would_be_a_recording_and_silence_does_too() -> None:
    for does in (("3",), ()):
        paper = Paper(*does)
        async with asyncio.timeout(5):
            seconds = await paper.phone.record("x", max_seconds=0.05, silence_seconds=1, stop_keys="#")
        assert seconds == 0
        assert paper.sent[0]["do"] == "record"


async def test_who_hangs_up_is_gone_for_good() -> None:
    paper = Paper("5", "hangs up")
    for _ in range(2):
        with pytest.raises(CallerHungUp):
            await paper.collect()
    assert len(paper.sent) == 1


async def test_a_sound_that_is_none_of_the_flow_is_missing() -> None:
    with pytest.raises(PromptMissing, match="en/other is no sound of this flow"):
        await Paper().phone.play(["en/other"])


async def test_a_key_that_could_not_cut_short_is_lost_even_when_the_page_never_reports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browser, "PLAYING_SECONDS", 0.05)
    assert await Paper("5").collect(barge_in=False) == Keys(pressed="", timed_out=True)
