"""Drawings of flows: what is in the boxes and on the arrows, and that the pictures are sound."""

import itertools
import re
from xml.etree import ElementTree

import pytest

from callflows.chart import Arrow, chart, keys_in_short
from callflows.loader import LIBRARY, load_flow
from callflows.mermaid import mermaid
from callflows.model import Flow
from callflows.sounds import spoken
from callflows.svg import svg
from tests.callflows.rich_flow import rich

SVG = "{http://www.w3.org/2000/svg}"
FLOWS = {path.stem: load_flow(path).flow for path in sorted(LIBRARY.glob("*.yaml"))} | {"rich": rich().flow}
every_flow = pytest.mark.parametrize(
    ("flow", "language"),
    [
        pytest.param(flow, language, id=f"{code} {language}")
        for code, flow in FLOWS.items()
        for language in flow.languages
    ],
)


def arrows(flow: Flow) -> list[str]:
    """As ``welcome → which``, with the label between the boxes when there is one."""
    drawn = chart(flow, "en")
    names = [box.heading.split(":")[0].removesuffix(" ★") for box in drawn.boxes]

    def word(arrow: Arrow) -> str:
        way = f" [{arrow.label}]" if arrow.label else ""
        return f"{names[arrow.source]}{way}{' ⇢' if arrow.is_exit else ' →'} {names[arrow.target]}"

    return [word(arrow) for arrow in drawn.arrows]


def test_every_way_through_a_flow_is_an_arrow_with_its_keys_or_conditions() -> None:
    assert arrows(rich().flow) == [
        "language [1, 2] → welcome",
        "welcome → which",
        "which [queue vip or gold, language en] → solved",
        "which [18:00-08:00, sat or sun] → night",
        "which [otherwise] → why",
        "why [1–3] → satisfaction",
        "satisfaction [1–5] → low",
        "low [satisfaction 1-2] → comment",
        "low [satisfaction none] → thanks",
        "low [otherwise] → solved",
        "solved [1, 2] → bank",
        "comment → thanks",
        "bank [1–5] → thanks",
        "solved [no key at all] ⇢ goodbye",
        "why [no key at all] ⇢ goodbye",
        "satisfaction [no key at all] ⇢ goodbye",
    ]


def test_two_cases_that_lead_to_the_same_step_share_an_arrow() -> None:
    flow = rich(("{satisfaction: none}, go: thanks", "{satisfaction: none}, go: comment")).flow
    assert "low [satisfaction 1-2 / satisfaction none] → comment" in arrows(flow)


def test_a_box_says_what_the_caller_hears_and_may_do() -> None:
    boxes = {box.heading: box for box in chart(rich().flow, "zh").boxes}
    assert boxes["welcome"].said == "还有两个简短的问题。"
    assert boxes["why"].notes == (
        "1: billing",
        "2: billing/refund",
        "3: technical",
        "2 tries, 5 s each",
        "left out when the reason is known",
    )
    assert boxes["comment"].notes == ("records up to 30 s, until # or 3 s of silence",)
    assert boxes["bank: 1 of 2"].notes[0] == "reliability: 从1到5，我们是否遵守了承诺？"
    assert boxes["thanks"].notes == ("before it a code of 6 digits, twice",)
    assert boxes["goodbye"].said == "没有收到您的评价，再见。"


@pytest.mark.parametrize(
    ("keys", "short"),
    [
        ([str(n) for n in range(11)], "0–10"),
        (["1", "2"], "1, 2"),
        (["1", "2", "3", "7", "9"], "1–3, 7, 9"),
        (["1", "*"], "1, *"),
        (["#"], "#"),
    ],
)
def test_keys_are_written_in_short(keys: list[str], short: str) -> None:
    assert keys_in_short(keys) == short


@every_flow
def test_every_arrow_leads_down(flow: Flow, language: str) -> None:
    drawn = chart(flow, language)
    assert all(arrow.source < arrow.target for arrow in drawn.arrows)
    assert {arrow.target for arrow in drawn.arrows} == set(range(1, len(drawn.boxes)))


def words(element: ElementTree.Element) -> str:
    return "".join("".join(element.itertext()).split())


@every_flow
def test_the_picture_shows_every_text_in_boxes_that_hold_it(flow: Flow, language: str) -> None:
    picture = ElementTree.fromstring(svg(chart(flow, language)))
    shown = words(picture)
    needed = {sound: text for sound, text in spoken(flow).items() if sound.startswith(f"{language}/")}
    complaints = {flow.wrong_key.texts[language], flow.no_input.texts[language]}
    for sound, text in needed.items():
        if text not in complaints and "confirm" not in sound and "digit" not in sound and "incentive" not in sound:
            assert "".join(text.split()) in shown, sound
    boxes = [box for box in picture.iter(f"{SVG}rect") if box.get("rx")]
    edges = [(float(box.attrib["y"]), float(box.attrib["y"]) + float(box.attrib["height"])) for box in boxes]
    assert all(bottom + 20 < top for (_, bottom), (top, _) in itertools.pairwise(edges))
    for text in picture.iter(f"{SVG}text"):
        if text.get("class") in ("heading", "said", "note"):
            y = float(text.attrib["y"])
            assert any(top + 12 <= y <= bottom - 4 for top, bottom in edges), words(text)
    height, width = float(picture.attrib["height"]), float(picture.attrib["width"])
    assert edges[-1][1] < height
    assert all(0 < float(x) < width for x in re.findall(r"H(-?[\d.]+)", svg(chart(flow, language))))


@every_flow
def test_arrows_to_different_boxes_never_lie_upon_each_other(flow: Flow, language: str) -> None:
    lanes = [
        (float(lane) + 7, float(top), float(bottom))
        for top, lane, bottom in re.findall(
            r'd="M[\d.]+ ([\d.]+) H([\d.]+) q7 0 7 7 V([\d.]+)', svg(chart(flow, language))
        )
    ]
    for i, (lane, top, bottom) in enumerate(lanes):
        for other, other_top, other_bottom in lanes[:i]:
            assert lane != other or bottom < other_top or top > other_bottom


HOSTILE = "<script>alert('x')</script> & \"quotes\" `ticks` #35; %% end --> [x]{y}|z|"


def test_text_that_is_meant_for_a_browser_stays_text() -> None:
    text = HOSTILE.replace("{y}", "y").replace('"', '\\"')
    flow = rich(("Before you go, two short questions.", text), ("After a support call", "Title's <b>")).flow
    said = HOSTILE.replace("{y}", "y")
    picture = ElementTree.fromstring(svg(chart(flow, "en")))
    assert "".join(said.split()) in words(picture)
    assert not list(picture.iter("script"))
    assert not list(picture.iter(f"{SVG}script"))
    (line,) = [line for line in mermaid(chart(flow, "en")).splitlines() if "alert" in line]
    label = line.removeprefix('  s1("').removesuffix('")')
    assert not set(label.replace("<b>", "").replace("</b>", "").replace("<br/>", "")) & set('"<>`|[]{}&%')


def test_a_step_called_end_is_no_word_of_mermaids() -> None:
    text = mermaid(chart(rich(("end: night", "end: end"), ("go: night", "go: end")).flow, "en"))
    assert text.startswith("---\ntitle: 'After a support call (after-support, en)'\n---\nflowchart TD\n")
    assert re.search(r'^  s10\(\["<b>end</b><br/>Good night\."\]\)$', text, re.MULTILINE)
    assert '  s2 -->|"18:00-08:00, sat or sun"| s10' in text
    assert '  s3 -.->|"no key at all"| s11' in text
