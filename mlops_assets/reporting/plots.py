"""A plot of the vocabulary as a picture: SVG text or PNG bytes, the same bytes every time.

Belongs here: figure size, style, and making matplotlib's output reproducible. Does not belong here:
what each kind of plot looks like (``drawing.py``) or where pictures go (``html.py``,
``markdown.py``). Import it lazily: it pulls in matplotlib.
"""

import base64
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from mlops_assets.content_hash import bytes_md5
from mlops_assets.reporting import drawing
from mlops_assets.reporting.axes_style import BLUE, GRID, INK, MUTED
from mlops_assets.reporting.page import Plot
from mlops_assets.reporting.text import in_language, localised

PIXELS_AN_INCH = 96
WIDTH = 800 / PIXELS_AN_INCH
"""Inches: a page is 800 CSS pixels wide."""
PNG_DOTS_AN_INCH = 110
RASTER_DOTS_AN_INCH = 170
"""Of a point layer inside an SVG: sharp in print, small in the file."""
PALETTE_COLOURS = 128

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: small, searchable, in the page's own font
    "text.parse_math": False,  # a column may be called "$"
    "font.family": "DejaVu Sans",  # shipped with matplotlib, so that layout is the same everywhere
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}

THEMED = {INK: "--ink", MUTED: "--muted", GRID: "--line", BLUE: "--mark"}
"""Colours that follow the page between light and dark; each falls back to itself."""

NAMED_GROUP = re.compile(r'<g id="(?!m[0-9a-f]{10})[A-Za-z0-9_.]+"')
FONT = re.compile(r"font: ([^;\"]*?)([\d.]+)px [^;\"]+")
EMBEDDED_PNG = re.compile(r"(?<=data:image/png;base64,)[^\"]+")
COORDINATES = re.compile(r' d="[^"]+"')
EXCESS_DIGITS = re.compile(r"(\.\d\d)\d+")
ROOT = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', re.DOTALL)


def to_svg(plot: Plot, language: str = "en") -> str:
    """The plot in ``language`` as one ``<svg>`` element to stand inside an HTML page, 800 CSS
    pixels wide.

    It has ``role="img"``, the plot's ``alt`` as label and title, no external reference, no date and
    no random id; texts, axes, grid and the first colour follow ``--ink``, ``--muted``, ``--line``
    and ``--mark`` of the page where it defines them.
    """
    plot = localised(plot, language)
    buffer = io.StringIO()
    with _styled({"svg.hashsalt": bytes_md5(repr(plot).encode())}):
        figure = _figure(plot, language)
        FigureCanvasSVG(figure)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(
            buffer, format="svg", metadata=nothing, dpi=RASTER_DOTS_AN_INCH, transparent=True
        )
    return _embeddable(buffer.getvalue(), in_language(plot.alt))


def to_png(plot: Plot, language: str = "en") -> bytes:
    """The plot in ``language`` as a PNG on white, without date or software name in it."""
    plot = localised(plot, language)
    buffer = io.BytesIO()
    with _styled({}):
        figure = _figure(plot, language)
        FigureCanvasAgg(figure)
        figure.savefig(
            buffer,
            format="png",
            metadata={"Software": None},
            dpi=PNG_DOTS_AN_INCH,
            facecolor="white",
        )
    return _with_palette(buffer.getvalue())


@contextmanager
def _styled(extra: dict[str, Any]) -> Iterator[None]:
    """matplotlib's defaults and this project's style, whatever the user's matplotlibrc says."""
    with matplotlib.style.context(["default", STYLE, extra]), warnings.catch_warnings():
        # A label in a script the font lacks is boxes in the PNG, and right in the SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _figure(plot: Plot, language: str) -> Figure:
    figure = Figure(figsize=(WIDTH, drawing.height(plot)), layout="constrained")
    drawing.draw(plot, figure.add_subplot(), language)
    return figure


def _embeddable(document: str, alt: str) -> str:
    """The ``<svg>`` element alone, named for assistive software, themed and shortened."""
    match = ROOT.search(document)
    if match is None:  # pragma: no cover
        raise RuntimeError("matplotlib wrote an SVG without a viewBox")
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{match.group(1)}" role="img" aria-label="{escape(alt)}">'
        f"<title>{escape(alt)}</title>"
    )
    body = document[match.end() :].strip()
    body = NAMED_GROUP.sub("<g", body)  # ids such as axes_1 would be doubled on a page of plots
    body = FONT.sub(r"font: \1\2px sans-serif", body)
    body = COORDINATES.sub(lambda path: EXCESS_DIGITS.sub(r"\1", path.group()), body)
    body = EMBEDDED_PNG.sub(_smaller_png, body)
    for colour, name in THEMED.items():
        body = body.replace(colour, f"var({name}, {colour})")
    return head + re.sub(r">\s+<", "><", body)


def _smaller_png(encoded: re.Match[str]) -> str:
    return base64.b64encode(_with_palette(base64.b64decode(encoded.group()))).decode()


def _with_palette(png: bytes) -> bytes:
    """The picture in 128 colours: a third of the size, and no difference to the eye."""
    image = Image.open(io.BytesIO(png))
    image.load()
    transparent = image.getextrema()[-1][0] < 255  # type: ignore[index]
    method = Image.Quantize.FASTOCTREE if transparent else Image.Quantize.MEDIANCUT
    small = image if transparent else image.convert("RGB")
    buffer = io.BytesIO()
    small.quantize(PALETTE_COLOURS, method=method, dither=Image.Dither.NONE).save(
        buffer, format="png", optimize=True
    )
    return buffer.getvalue()
