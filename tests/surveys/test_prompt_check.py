"""Which languages of a flow a PBX can speak, and how often it is asked."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from callflows.loader import library_flow, parse_flow
from callflows.sounds import spoken
from ivr.errors import CallerHungUp, PhoneError
from ivr.surveys.prompt_check import COMPLETE_FOR, LACKING_FOR, PromptCheck

CSAT = library_flow("csat")


class Pbx:
    """Has all prompts but those that it lacks, and counts how often it is asked."""

    def __init__(self, *lacks: str) -> None:
        self.lacks = set(lacks)
        self.asked: list[str] = []
        self.fault: PhoneError | None = None

    async def unplayable(self, prompts: Sequence[str]) -> list[str]:
        self.asked += sorted({prompt.partition("/")[0] for prompt in prompts})
        if self.fault:
            raise self.fault
        return [prompt for prompt in prompts if prompt in self.lacks]


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def later(self, by: timedelta) -> None:
        self.time += by


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def check(watch: Watch) -> PromptCheck:
    return PromptCheck(now=watch)


async def speak(check: PromptCheck, pbx: Any, *wanted: str, site: str = "main", version: Any = CSAT) -> list[str]:
    """The languages in which the flow is put."""
    flow = await check.speakable(site, version, wanted, pbx)
    return list(flow.languages) if flow else []


async def test_every_prompt_of_the_wanted_language_is_looked_for_and_no_other(check: PromptCheck) -> None:
    class Listing(Pbx):
        async def unplayable(self, prompts: Sequence[str]) -> list[str]:
            self.asked += prompts
            return []

    pbx = Listing()
    assert await speak(check, pbx, "zh") == ["zh"]
    assert pbx.asked == [name for name in spoken(CSAT.flow) if name.startswith("zh/")]


async def test_one_caller_in_many_pays_for_the_look(check: PromptCheck, watch: Watch) -> None:
    pbx = Pbx()
    for _ in range(5):
        assert await speak(check, pbx, "en") == ["en"]
    assert pbx.asked == ["en"]
    watch.later(COMPLETE_FOR)
    assert await speak(check, pbx, "en") == ["en"]
    assert pbx.asked == ["en", "en"]


async def test_a_copied_prompt_is_noticed_soon(check: PromptCheck, watch: Watch) -> None:
    pbx = Pbx("zh/csat-thanks")
    assert await speak(check, pbx, "zh", "en") == ["en"]
    pbx.lacks.clear()
    assert await speak(check, pbx, "zh", "en") == ["en"]
    watch.later(LACKING_FOR)
    assert await speak(check, pbx, "zh", "en") == ["zh"]


async def test_the_sites_language_comes_before_the_flows_first(check: PromptCheck) -> None:
    text = CSAT.source.replace("languages: [en, zh]", "languages: [en, zh, fr]").replace(
        "\n  zh:", "\n  fr: Oui.\n  zh:"
    )
    text = text.replace("\n      zh:", "\n      fr: Oui.\n      zh:")
    version = parse_flow(text, "csat.yaml")
    assert await speak(check, Pbx("zh/csat-thanks"), "zh", "fr", version=version) == ["fr"]
    assert await speak(check, Pbx("zh/csat-thanks"), "zh", "de", site="other", version=version) == ["en"]


async def test_no_language_is_complete(check: PromptCheck) -> None:
    assert await speak(check, Pbx("zh/csat-thanks", "en/csat-thanks"), "en") == []
    states = {state.language: (state.site, state.flow, state.missing) for state in check.states}
    assert states == {
        "en": ("main", "csat", ("en/csat-thanks",)),
        "zh": ("main", "csat", ("zh/csat-thanks",)),
    }


async def test_each_pbx_is_asked_for_itself(check: PromptCheck) -> None:
    assert await speak(check, Pbx("en/csat-thanks"), "en", site="near") == ["zh"]
    assert await speak(check, Pbx(), "en", site="far") == ["en"]


async def test_a_new_version_of_a_flow_is_looked_at_at_once(check: PromptCheck) -> None:
    assert await speak(check, Pbx(), "en") == ["en"]
    newer = parse_flow(CSAT.source.replace("Before you go", "Please"), "csat.yaml")
    assert await speak(check, Pbx("en/csat-welcome"), "en", version=newer) == ["zh"]
    assert [state.digest for state in check.states if state.language == "en"] == [newer.digest]


@pytest.mark.parametrize("fault", [CallerHungUp("the caller hung up"), PhoneError("no answer")])
async def test_a_caller_who_is_lost_meanwhile_says_nothing_of_the_prompts(
    check: PromptCheck, fault: PhoneError
) -> None:
    pbx = Pbx()
    pbx.fault = fault
    assert await speak(check, pbx, "zh", "en") == ["en", "zh"]
    assert check.states == []


async def test_the_log_names_the_files_once_and_says_when_they_are_there(check: PromptCheck, watch: Watch) -> None:
    with structlog.testing.capture_logs() as lines:
        pbx = Pbx("zh/csat-thanks", "zh/csat-goodbye")
        for _ in range(3):
            await speak(check, pbx, "zh", "en")
            watch.later(LACKING_FOR)
        pbx.lacks.clear()
        await speak(check, pbx, "zh", "en")
    assert [(line["log_level"], line["language"], line.get("files")) for line in lines] == [
        ("error", "zh", "zh/csat-goodbye, zh/csat-thanks"),
        ("info", "zh", None),
    ]


BY_KEY = parse_flow(
    CSAT.source.replace(
        "tries: 2\n",
        "tries: 2\nlanguage:\n  ask: {en: For English press 1., zh: 中文请按2。}\n"
        "  keys: {1: en, 2: zh}\n  queues: {taipei: zh}\n",
        1,
    ),
    "csat.yaml",
)


async def test_callers_choose_only_among_languages_that_are_complete(check: PromptCheck) -> None:
    assert await speak(check, Pbx(), "en", version=BY_KEY) == ["en", "zh"]
    flow = await check.speakable("other", BY_KEY, ["zh"], Pbx("zh/csat-wrong-key"))  # type: ignore[arg-type]
    assert flow
    assert flow.languages == ("en",)
    assert flow.language.ask is None
    assert flow.language.queues == {}


async def test_a_clock_that_is_put_back_does_not_make_a_look_hold_longer(check: PromptCheck, watch: Watch) -> None:
    pbx = Pbx("zh/csat-thanks")
    assert await speak(check, pbx, "zh", "en") == ["en"]
    pbx.lacks.clear()
    watch.later(timedelta(hours=-1))
    assert await speak(check, pbx, "zh", "en") == ["zh"]
