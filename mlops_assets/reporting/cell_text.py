"""How one value of a report is written out, the same in every format.

Belongs here: the text of booleans, verdicts, and what is missing. Does not belong here: digits
(``number_text.py``), sentences (``text.py``), escaping and layout (``html.py``, ``markdown.py``).
"""

import math

from mlops_assets.reporting.number_text import MISSING as MISSING
from mlops_assets.reporting.number_text import localised_number
from mlops_assets.reporting.number_text import number_text as number_text
from mlops_assets.reporting.page import Cell, Judgement, Outcome
from mlops_assets.reporting.text import Text, in_language, mark, say

SYMBOLS: dict[Outcome, str] = {"within": "✓", "insufficient": "?", "beyond": "✗"}
"""Beside the words of a verdict, so that it is told without colour."""

mark("MISSING")


def cell_text(value: Cell, language: str = "en") -> str:
    """A value as text: ``None`` and what is not finite as MISSING, booleans as yes or no, integers
    with thousands separators, floats with four significant digits, strings as they are, a verdict
    after its symbol."""
    if is_missing(value):
        return in_language(Text(MISSING), language)
    match value:
        case bool():
            return in_language(say("yes") if value else say("no"), language)
        case int():
            return localised_number(f"{value:,}", language)
        case float():
            return number_text(value, language)
        case Judgement():
            return f"{SYMBOLS[value.outcome]} {in_language(value.words, language)}"
        case str() | Text():
            return in_language(value, language)
        case _:
            raise TypeError(f"no cell of a report: {type(value).__name__}")


def is_number(value: Cell) -> bool:
    """Whether a value is set as a number: flush right, with digits of one width."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_missing(value: Cell) -> bool:
    """Whether a value is unknown: ``None``, NaN or infinite."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))
