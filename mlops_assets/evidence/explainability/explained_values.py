"""Values as an explanation writes them: plain for JSON, and as text for a reader.

Belongs here: single values, and nothing that knows what is explained. Does not belong here: the
sentences around them (``explanation_words.py``), or how tables print numbers
(``reporting/cell_text.py``).
"""

from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.reporting.page import Number

SIGNIFICANT_DIGITS = 6
VALUE_DIGITS = 6

Value = str | int | float | bool | None
"""A raw value as JSON holds it: a moment is ISO text."""


def rounded(value: float, digits: int = SIGNIFICANT_DIGITS) -> Number:
    """The value to a number of significant digits; ``None`` where it is not finite. Never -0.0."""
    return float(f"{float(value):.{digits}g}") + 0.0 if np.isfinite(value) else None


def plain_value(value: Any) -> Value:
    """One raw value as JSON holds it: a moment as ISO text, missing as ``None``."""
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ")
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    return rounded(float(value)) if isinstance(value, float | np.floating) else str(value)


def value_text(value: Value) -> str:
    """A raw value as text, without thousands separators: it may be a code or a clock time."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{VALUE_DIGITS}g}" if isinstance(value, float) else str(value)
