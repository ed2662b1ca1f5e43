"""Charts: what is drawn says what was given, in the theme's colours, and nothing is drawn twice."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

import ivr.web.pages
from ivr.web.pages.chart_axes import Spec
from ivr.web.pages.chart_style import PALETTES, ChartStyle, Size
from ivr.web.pages.charts import DriverPoint, Interval, Moment, Part, bars, intervals, quadrant, trend
from ivr.web.pages.drawing import Easel
from ivr.web.pages.language import language

STYLE_SHEET = (Path(ivr.web.pages.__file__).parent / "static/postcall.css").read_text("utf-8")


def style(theme: str = "light", size: Size = "wide", code: str = "en") -> ChartStyle:
    return ChartStyle(palette=PALETTES[theme], size=size, language=language(code))


@pytest.fixture
def easel() -> Iterator[Easel]:
    made = Easel()
    yield made
    made.close()


def texts(svg: bytes) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def plot(*labels: str) -> Spec:
    rows = [Interval(label=label, share=0.5, low=0.4, high=0.6) for label in labels]
    return intervals(rows, style(), title="Satisfied", line=0.55)


async def test_labels_are_drawn_as_they_are_and_never_as_code(easel: Easel) -> None:
    hostile = ['O\'Hara "x"', "</script><b>", "\\u0041 ' + alert(1) + '", "李雷", "李雷", "${1}"]
    drawn = texts(await easel.draw(plot(*hostile), "svg"))
    assert [text for text in drawn if text in hostile] == hostile


async def test_a_picture_is_of_the_size_that_the_page_leaves_room_for(easel: Easel) -> None:
    spec = plot("a", "b", "c")
    root = ElementTree.fromstring(await easel.draw(spec, "svg"))
    assert (float(root.attrib["width"]), float(root.attrib["height"])) == (960, spec["height"])
    png = await easel.draw(spec, "png")
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 2 * 960


async def test_what_was_drawn_before_is_not_drawn_again(easel: Easel) -> None:
    first = await easel.draw(plot("a"), "svg")
    assert await easel.draw(plot("a"), "svg") is first
    assert await easel.draw(plot("b"), "svg") != first


async def test_no_more_is_kept_than_may_be() -> None:
    easel = Easel(most_bytes=1)
    first = await easel.draw(plot("a"), "svg")
    again = await easel.draw(plot("a"), "svg")
    assert again == first
    assert again is not first
    easel.close()


async def test_nothing_is_fetched_whatever_a_specification_says(easel: Easel) -> None:
    with pytest.raises(ValueError, match="External data url not allowed"):
        await easel.draw({**plot("a"), "data": {"url": "http://127.0.0.1:9/x.json"}}, "svg")


async def test_a_day_without_ratings_breaks_the_line_and_a_signal_is_marked(easel: Easel) -> None:
    points = [
        Moment(day=date(2026, 11, 1), share=0.8, low=0.6, high=0.9),
        Moment(day=date(2026, 11, 2), share=None),
        Moment(day=date(2026, 11, 3), share=0.5, low=0.6, high=0.9, signals=True),
    ]
    svg = (await easel.draw(trend(points, style(), title="Satisfied", centre=0.75), "svg")).decode()
    assert svg.count(PALETTES["light"].poor) == 1
    assert "2 Nov" in texts(svg.encode())
    chinese = await easel.draw(trend(points, style(code="zh"), title="满意", centre=0.75), "svg")
    assert "11月2日" in texts(chinese)


async def test_no_two_marks_of_an_axis_read_the_same(easel: Easel) -> None:
    importance = [0.0741, 0.0833, 0.0926, 0.1019]
    points = [DriverPoint(label="a reason", performance=0.4 + one, importance=one, kind="keep") for one in importance]
    always = [Moment(day=date(2026, 11, day), share=1.0) for day in (1, 2, 3)]
    few = [Part(bar="care", label="care", part=part, amount=1) for part in ("answered", "not asked")]
    for spec, mark in (
        # Performance lies from 47 to 50 %, importance from 7 to 10 %: no mark can belong to the other axis.
        (
            quadrant(points, style(), performance="", importance="", importance_is_share=True, middle=(0.49, 0.09)),
            r"\d+%",
        ),
        (trend(always, style(), title="Satisfied", centre=1.0), r"\d+%"),
        (trend(always, style(), title="Satisfied", centre=1.0), r"\d Nov"),
        (bars(few, style(), title="Calls", colours=["#000000", "#111111"]), r"\d+"),
    ):
        marks = [text for text in texts(await easel.draw(spec, "svg")) if re.fullmatch(mark, text)]
        assert len(marks) >= 3
        assert len(set(marks)) == len(marks), marks


async def test_of_labels_that_would_lie_across_each_other_the_one_to_improve_first_is_read(easel: Easel) -> None:
    points = [
        DriverPoint(label="Billing", performance=0.80, importance=0.090, kind="keep"),
        DriverPoint(label="Invoice", performance=0.81, importance=0.091, kind="fix_first"),
        DriverPoint(label="Router", performance=0.40, importance=0.090, kind="watch"),
        DriverPoint(label="Order", performance=0.80, importance=0.300, kind="keep"),
    ]
    spec = quadrant(points, style(), performance="", importance="", importance_is_share=True, middle=(0.7, 0.1))
    drawn = texts(await easel.draw(spec, "svg"))
    assert {point.label for point in points} & set(drawn) == {"Invoice", "Router", "Order"}


async def test_two_of_one_name_have_a_bar_each_in_the_order_given(easel: Easel) -> None:
    parts = [
        Part(bar=code, label=label, part="answered", amount=100)
        for code, label in (("2", "Dora"), ("1", "Alice"), ("3", "Dora"))
    ]
    svg = await easel.draw(bars(parts, style(), title="Calls", colours=["#123456"]), "svg")
    assert [text for text in texts(svg) if text in ("Dora", "Alice")] == ["Dora", "Alice", "Dora"]
    shapes = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}path")
    assert len([one for one in shapes if one.get("fill") == "#123456"]) == 3
    # One bar of 200 would have the axis go further.
    assert "200" not in texts(svg)


async def test_amounts_stand_at_an_axis_as_they_do_in_a_table(easel: Easel) -> None:
    parts = [Part(bar="care", label="care", part="answered", amount=4500)]
    marks = texts(await easel.draw(bars(parts, style(), title="Calls", colours=["#000000"]), "svg"))
    assert {"0", "1,000", "4,000"} <= set(marks)


@pytest.mark.parametrize("theme", PALETTES)
@pytest.mark.parametrize("size", ["wide", "narrow", "wall"])
async def test_every_chart_can_be_drawn_even_of_nothing(easel: Easel, theme: str, size: Size) -> None:
    look = style(theme, size)
    for spec in (
        intervals([], look, title="Satisfied"),
        trend([], look, title="Satisfied", centre=None),
        quadrant([], look, performance="Satisfied", importance="Weight", importance_is_share=True, middle=(0.5, 0.1)),
        bars([], look, title="Surveys", colours=["#000000"]),
        bars([Part(bar="a", label="a", part="b", amount=2.5)], look, title="Surveys", colours=["#000000"]),
        quadrant(
            [DriverPoint(label="a", performance=0.5, importance=0.1, kind="keep")],
            look,
            performance="Satisfied",
            importance="Weight",
            importance_is_share=False,
            middle=(0.5, 0.1),
        ),
    ):
        assert PALETTES[theme].card in (await easel.draw(spec, "svg")).decode()


def test_the_charts_have_the_colours_of_the_style_sheet() -> None:
    sheet = {
        name: (light, dark)
        for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\)", STYLE_SHEET)
    }
    for name in ("card", "ink", "soft", "line", "range", "accent", "good", "poor"):
        field = "range_" if name == "range" else name
        assert sheet[name] == tuple(getattr(PALETTES[theme], field) for theme in ("light", "dark")), name


def luminance(colour: str) -> float:
    """Relative luminance, from 0 to 1 (WCAG 2.2)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", PALETTES)
def test_the_charts_words_and_marks_stand_out(theme: str) -> None:
    palette = PALETTES[theme]
    for name in ("ink", "soft", "accent", "good", "poor"):
        light, dark = sorted((luminance(getattr(palette, name)), luminance(palette.card)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name
