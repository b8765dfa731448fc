"""Pictures are the same bytes every time, small, accessible, and say what is missing."""

import hashlib
import math
import os
import random
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import matplotlib
import pytest

from mlops_assets.reporting import plots
from mlops_assets.reporting.page import (
    BarPlot,
    HistogramPlot,
    Interval,
    IntervalPlot,
    Line,
    LinePlot,
    Plot,
    SwarmPlot,
)

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = """a<b> & "c" $x_1 'd'"""


def large_swarm() -> SwarmPlot:
    drawn = random.Random(0)
    columns = tuple(f"column_{i}" for i in range(15))
    values = tuple(tuple(drawn.gauss(0, 1 / (i + 1)) for _ in range(300)) for i in range(15))
    levels = tuple(
        tuple(None if i % 5 == 0 else drawn.random() for _ in range(300)) for i in range(15)
    )
    return SwarmPlot("swarm of 300 rows", "change", columns, values, levels)


PLOTS: dict[str, Plot] = {
    "intervals": IntervalPlot(
        "intervals",
        "ROC AUC",
        (Interval(HOSTILE, 0.7, 0.6, 0.8), Interval("unknown", None, None, None)),
        limit=0.65,
    ),
    "bars": BarPlot("bars", "distance", ("a", HOSTILE), (0.2, None), (0.1, 0.15)),
    "lines": LinePlot(
        "lines",
        "x",
        "y",
        (
            Line("thin", (0.0, 0.5, 1.0), (0.1, 0.2, 0.3), strong=False),
            *(Line(f"line {i}", (0.0, 0.5, 1.0), (i / 9, None, 0.9)) for i in range(7)),
        ),
        diagonal=True,
    ),
    "categories": LinePlot(
        "categories", "x", "y", (Line("mean", (0.0, 1.0), (0.1, 0.2)),), categories=("a", HOSTILE)
    ),
    "histogram": HistogramPlot("histogram", HOSTILE, ("0-1", "1-2"), (0.4, 0.6), (0.9, 0.1)),
    "swarm": large_swarm(),
}


@cache
def svg(name: str) -> str:
    return plots.to_svg(PLOTS[name])


@cache
def png(name: str) -> bytes:
    return plots.to_png(PLOTS[name])


@pytest.mark.parametrize("name", PLOTS)
def test_the_same_plot_gives_the_same_bytes(name: str) -> None:
    assert plots.to_svg(PLOTS[name]) == svg(name)
    assert plots.to_png(PLOTS[name]) == png(name)


def test_bytes_do_not_depend_on_the_process() -> None:
    script = (
        "import hashlib; from mlops_assets.reporting import plots; "
        "from mlops_assets.reporting.page import BarPlot; "
        "plot = BarPlot('bars', 'x', ('a', 'b'), (1.0, 2.0), (0.5, 0.5)); "
        "print(hashlib.sha256(plots.to_svg(plot).encode() + plots.to_png(plot)).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    plot = BarPlot("bars", "x", ("a", "b"), (1.0, 2.0), (0.5, 0.5))
    here = hashlib.sha256(plots.to_svg(plot).encode() + plots.to_png(plot)).hexdigest()
    assert run.stdout.strip() == here


def test_the_callers_style_is_neither_used_nor_changed() -> None:
    expected = svg("lines")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": True}):
        before = dict(matplotlib.rcParams)
        assert plots.to_svg(PLOTS["lines"]) == expected
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", PLOTS)
def test_an_svg_is_named_self_contained_and_well_formed(name: str) -> None:
    text = svg(name)
    root = ET.fromstring(text)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == PLOTS[name].alt
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == PLOTS[name].alt
    for element in root.iter():
        for attribute, value in element.attrib.items():
            if attribute.endswith("href"):
                assert value.startswith(("#", "data:image/png;base64,"))
    assert "metadata" not in text
    assert "<!DOCTYPE" not in text


def test_every_reference_inside_an_svg_is_resolved() -> None:
    for text in map(svg, PLOTS):
        root = ET.fromstring(text)
        identifiers = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
        assert len(identifiers) == len(set(identifiers))
        for reference in text.split("url(#")[1:]:
            assert reference.split(")")[0] in identifiers
        for reference in text.split('xlink:href="#')[1:]:
            assert reference.split('"')[0] in identifiers


def test_different_plots_share_no_ids() -> None:
    def identifiers(plot: Plot) -> set[str]:
        return {
            e.attrib["id"] for e in ET.fromstring(plots.to_svg(plot)).iter() if "id" in e.attrib
        }

    first, second = (BarPlot("bars", "x", (name,), (1.0,)) for name in ("a", "b"))
    assert identifiers(first)
    assert not identifiers(first) & identifiers(second)


@pytest.mark.parametrize("name", ["intervals", "bars"])
def test_a_missing_number_is_said(name: str) -> None:
    assert "MISSING" in svg(name)


def test_labels_are_printed_as_they_are() -> None:
    texts = [t.text for t in ET.fromstring(svg("bars")).iter(f"{SVG}text")]
    assert HOSTILE in texts


def test_a_label_in_another_script_is_no_error() -> None:
    assert "東京" in plots.to_svg(BarPlot("bars", "x", ("東京",), (1.0,)))
    assert plots.to_png(BarPlot("bars", "x", ("東京",), (1.0,)))


def test_a_swarm_of_300_rows_and_15_columns_is_small() -> None:
    assert len(svg("swarm")) < 150_000


@pytest.mark.parametrize("name", PLOTS)
def test_a_png_holds_no_date_and_no_software(name: str) -> None:
    picture = png(name)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    kinds, position = set(), 8
    while position < len(picture):
        (length,) = struct.unpack(">I", picture[position : position + 4])
        kinds.add(picture[position + 4 : position + 8])
        position += 12 + length
    assert not kinds & {b"tEXt", b"iTXt", b"zTXt", b"tIME", b"eXIf"}
    assert len(picture) < 70_000


@pytest.mark.parametrize(
    "plot",
    [
        IntervalPlot("none", "x", ()),
        BarPlot("none", "x", (), ()),
        LinePlot("none", "x", "y", ()),
        LinePlot("unknown", "x", "y", (Line("a", (0.0,), (None,)),)),
        HistogramPlot("none", "x", (), (), ()),
        SwarmPlot("none", "x", (), (), ()),
        SwarmPlot("empty", "x", ("a",), ((),), ((),)),
        SwarmPlot("constant", "x", ("a",), ((0.0, 0.0),), ((0.5, None),)),
        BarPlot("unknown", "x", ("a",), (math.nan,), (None,)),
    ],
)
def test_nothing_to_draw_is_no_error(plot: Plot) -> None:
    ET.fromstring(plots.to_svg(plot))
    assert plots.to_png(plot)


def test_a_line_whose_name_begins_with_an_underscore_is_in_the_legend() -> None:
    lines = tuple(Line(name, (0.0, 1.0), (0.1, 0.2)) for name in ("_rest", "late"))
    shown = plots.to_svg(LinePlot("classes", "x", "y", lines))
    assert "_rest" in shown
    assert "late" in shown
