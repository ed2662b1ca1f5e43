"""The keypad page in a real browser, as a person meets it."""

import asyncio
import importlib.util
import os
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callflows.loader import LIBRARY
from tests.trial.chromium import Browser, Page, chromium
from tests.trial.room import Trials, served

WAITING = "document.querySelector('#state').textContent.includes({0!r})"
RESULT = "!document.querySelector('#result').hidden && document.querySelector('#result').dataset.outcome"
SAID = "[...document.querySelectorAll('#said p')].map(line => line.textContent)"
pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture
async def trials(url: str) -> AsyncIterator[Trials]:
    async with served(url) as found:
        yield found


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with browser.page() as opened:
        yield opened


def said(text: str) -> str:
    return f"{SAID}.includes({text!r})"


async def answers(page: Page) -> list[list[str]]:
    """The result's rows as they are shown."""
    rows: list[list[str]] = await page.js(
        "[...document.querySelectorAll('#answers tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return rows


async def test_a_call_with_the_mouse_is_heard_answered_and_shown(trials: Trials, page: Page) -> None:
    await page.open(trials.link("csat"))
    await page.click("#call")
    await page.until(said("Before you go, one short question."))
    await page.click("[data-key='9']")
    await page.until(said("Sorry, that key is not one of the choices."))
    await page.click("[data-key='5']")

    assert await page.until(RESULT) == "completed"
    assert await page.js("document.querySelector('#outcome').textContent") == "Completed: every question was answered"
    assert await answers(page) == [["satisfaction", "5", "5", "2", "answered"]]
    assert (await page.js(SAID))[-3:] == ["5", "You pressed 5.", "Thank you for your help. Goodbye."]
    assert await trials.answers() == [("satisfaction", "5", 5, 2, "answered")]
    assert await trials.kept() == [("csat", True, "completed")]
    assert await trials.counts_nothing()
    assert page.complaints == []


async def test_a_call_without_a_mouse(trials: Trials, page: Page) -> None:
    await page.open(trials.link("csat"))
    # The first thing that takes the focus is the language, then what is said, then Call.
    await page.press("Tab")
    while await page.js("document.activeElement.id") != "call":
        await page.press("Tab")
    await page.press("Enter")
    await page.until(said("Before you go, one short question."))
    assert await page.js("document.activeElement.id") == "hang-up"
    await page.press("4")
    assert await page.until(RESULT) == "completed"
    assert await page.js("document.activeElement.id") == "outcome"
    assert await answers(page) == [["satisfaction", "4", "4", "1", "answered"]]


async def test_a_sound_is_played_to_its_end_before_the_wait_begins(trials: Trials, page: Page) -> None:
    now = asyncio.get_running_loop().time
    await page.open(trials.link("csat"))
    began = now()
    await page.click("#call")
    await page.until(WAITING.format("Waiting for a key"))
    assert now() - began > sum(map(seconds, ("csat-welcome", "csat-satisfaction-ask")))
    assert await page.js("document.querySelector('#note').hidden")


def seconds(name: str) -> float:
    """How long an English sound of the library is."""
    with wave.open(str(LIBRARY / f"sounds/en/{name}.wav")) as sound:
        return sound.getnframes() / sound.getframerate()


async def test_chinese_is_spoken_and_written_to_who_prefers_it(trials: Trials, page: Page) -> None:
    await page.speak("zh-CN")
    await page.open(trials.link("csat"))
    assert await page.js("document.documentElement.lang") == "zh"
    assert await page.js("document.querySelector('#call').textContent") == "呼叫"
    await page.click("#call")
    await page.until(said("还有一个简短的问题。"))
    await page.press("3")
    await page.until(RESULT)
    assert await answers(page) == [["satisfaction", "3", "3", "1", "已回答"]]


async def test_the_language_is_switched_by_a_click(trials: Trials, page: Page) -> None:
    await page.open(trials.link("csat"))
    await page.click("#language-zh")
    assert await page.js("document.querySelector('#call').textContent") == "呼叫"
    await page.click("#call")
    await page.until(said("还有一个简短的问题。"))


async def test_without_sound_files_the_texts_are_shown_and_silence_is_silence(trials: Trials, page: Page) -> None:
    await page.open(trials.link("quick"))
    await page.click("#call")
    where = "document.querySelector('[data-key=\"5\"]').getBoundingClientRect().y + scrollY"
    before = await page.js(where)
    assert await page.until(RESULT) == "no_input"
    assert await page.js(where) == before, "a key moved away from under the finger"
    assert await page.js(SAID) == ["Welcome.", "From 1 to 5?", "No key.", "From 1 to 5?", "Goodbye."]
    assert await answers(page) == [["satisfaction", "–", "–", "2", "no input"]]
    assert not await page.js("document.querySelector('#note').hidden")


async def test_hanging_up_shows_what_is_kept_and_one_may_call_again(trials: Trials, page: Page) -> None:
    await page.open(trials.link("quick"))
    await page.click("#call")
    await page.until(said("Welcome."))
    await page.press("5")
    await page.until(said("From 0 to 10?"))
    await page.click("#hang-up")
    assert await page.until(RESULT) == "partial"
    assert [row[4] for row in await answers(page)] == ["answered", "hung up"]

    assert await page.js("document.querySelector('#call').textContent") == "Call again"
    await page.click("#call")
    await page.until(said("Welcome."))
    assert await page.js("document.querySelector('#result').hidden")


async def test_a_tab_that_is_closed_hangs_up(trials: Trials, browser: Browser) -> None:
    async with browser.page() as page:
        await page.open(trials.link("quick"))
        await page.click("#call")
        await page.until(said("Welcome."))
    await trials.ended("quick", "hung_up")


async def test_the_reason_and_queue_that_are_typed_are_kept(trials: Trials, page: Page) -> None:
    await page.open(trials.link("quick"))
    await page.js("document.querySelector('#pretend').open = true")
    await page.click("#reason")
    for letter in "billing":
        await page.press(letter)
    await page.click("#call")
    await page.until(said("Welcome."))
    [(reason, queue)] = [(row.reason, row.queue) for row in await trials.surveys()]
    assert (reason, queue) == ("billing", "")


async def test_a_link_that_expires_while_the_page_is_open_is_said(trials: Trials, page: Page) -> None:
    await page.open(trials.link("csat", hours=2 / 3600))
    await page.until("new Promise(done => fetch(location.href).then(answer => done(answer.status === 403)))")
    await page.click("#call")
    await page.until(WAITING.format("The connection was lost"))
    assert not await page.js("document.querySelector('#call').hidden")


async def test_without_a_right_to_sound_what_is_said_is_shown(
    trials: Trials, found_chromium: tuple[str, dict[str, str]]
) -> None:
    async with (
        chromium(found_chromium, "--autoplay-policy=user-gesture-required") as browser,
        browser.page() as page,
    ):
        await page.open(trials.link("csat"))
        await page.js("document.querySelector('#call').click()")  # no gesture of a person
        await page.until(said("Before you go, one short question."))
        await page.until("!document.querySelector('#note').hidden")
        await page.press("5")
        assert await page.until(RESULT) == "completed"


@pytest.mark.parametrize(("width", "height", "dark"), [(1000, 800, False), (1000, 800, True), (360, 740, False)])
async def test_nothing_is_cut_off_and_everybody_can_use_it(
    trials: Trials, page: Page, width: int, height: int, dark: bool
) -> None:
    found = importlib.util.find_spec("axe_core_python")
    if found is None or found.origin is None:
        assert os.environ.get("CI") != "true", "axe-core-python is not installed"
        pytest.skip("axe-core-python is not installed")
    axe = Path(found.origin).with_name("axe.min.js").read_text("utf-8")
    await page.look(width=width, height=height, dark=dark)
    await page.open(trials.link("quick"))
    for press, ready in (("", "true"), ("#call", WAITING.format("Waiting")), ("#hang-up", RESULT)):
        if press:
            await page.click(press)
        await page.until(ready)
        await page.js(f"{axe}; 0")
        violations = await page.js("axe.run().then(found => found.violations.map(one => [one.id, one.help]))")
        assert violations == [], press
        assert await page.js("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


async def test_call_keys_and_words_are_in_sight_at_once_on_a_phone(trials: Trials, page: Page) -> None:
    await page.look(width=360, height=740)
    await page.open(trials.link("csat"))
    bottom = await page.js("document.querySelector('#call').getBoundingClientRect().bottom")
    assert bottom <= 740
    assert await page.js("document.querySelector('[data-key=\"1\"]').getBoundingClientRect().height") >= 44
