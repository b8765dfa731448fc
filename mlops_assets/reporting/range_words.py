"""Names of bins and groups that are ours, in words: ``under 5``, ``AGEP from 65``, ``missing``.

Belongs here: reading such a name, which reports and policies use as it is, so that a page can say
it in its language. Does not belong here: naming them (``data/profile/``,
``data/representation/groups.py``, ``monitoring/histograms.py``). A name of any other form is the
data's own and stays as it is.
"""

import re

from mlops_assets.reporting.page import Words
from mlops_assets.reporting.text import Digits, Text, join, mark, say

EDGE = r"-?[\d.]+(?:e[+-]?\d+)?|\d{4}-\d\d-\d\d(?: [\d:.]+)?"
RANGES = tuple(
    (re.compile(pattern), template)
    for pattern, template in (
        (f"under (?P<low>{EDGE})", mark("under {low}")),
        (f"below (?P<low>{EDGE})", mark("below {low}")),
        (f"over (?P<low>{EDGE})", mark("over {low}")),
        (f"from (?P<low>{EDGE})", mark("from {low}")),
        (f"(?P<low>{EDGE}) to (?P<high>{EDGE})", mark("{low} to {high}")),
        (f"(?P<low>{EDGE}) to below (?P<high>{EDGE})", mark("{low} to below {high}")),
        (f"from (?P<low>{EDGE}) to (?P<high>{EDGE})", mark("from {low} to {high}")),
        (f"from (?P<low>{EDGE}) to below (?P<high>{EDGE})", mark("from {low} to below {high}")),
    )
)
POOLS = (
    mark("missing"),
    mark("(missing)"),
    mark("(other)"),
    mark("(rare levels)"),
    mark("(other levels)"),
)
GROUP = re.compile(r"(?P<column>[^=]+?) (?P<range>(?:below|from) \S.*|missing|\S+ to below \S.*)")
SLICE = "slice: "


def range_words(label: str) -> Words:
    """The label of a bin, or of a group within its column."""
    for pattern, template in RANGES:
        found = pattern.fullmatch(label)
        if found:
            edges = {name: _edge(edge) for name, edge in found.groupdict().items()}
            return say(template, **edges)
    if re.fullmatch(EDGE, label):
        return say("{number}", number=_edge(label))
    return Text(label) if label in POOLS else label


def group_words(name: str) -> Words:
    """The name of a group or slice, of one column or of several crossed."""
    if name.startswith(SLICE):
        return say("slice: {name}", name=name.removeprefix(SLICE))
    parts = [_one_group(part) for part in name.split(", ")]
    return name if all(isinstance(part, str) for part in parts) else join(parts, ", ")


def _one_group(name: str) -> Words:
    found = GROUP.fullmatch(name)
    within = range_words(found["range"]) if found else ""
    if found is None or isinstance(within, str):
        return name
    return say("{column} {range}", column=found["column"], range=within)


def _edge(edge: str) -> Digits | str:
    """A day stays as it is; of anything else, the decimal point is the language's."""
    return edge if re.match(r"\d{4}-", edge) else Digits(edge)
