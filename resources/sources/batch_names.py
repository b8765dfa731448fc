"""Whether what stands in a column can name batches.

Belongs here: the names of the period ``value``. Does not belong here: the names of periods of time
(``mlops_assets/data/periods.py``).
"""

import re
from collections.abc import Collection

from mlops_assets.data.periods import sorts_by_number, unsafe_name
from resources.sources.base import SourceError

_YEAR_LAST = re.compile(r"(\d{1,2}[-._])?\d{1,2}[-._]\d{4}")
_MONTHS = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sep(t|tember)?|"
    "oct(ober)?|nov(ember)?|dec(ember)?"
)
_MONTH_WORD = re.compile(rf"(?<![a-z])(?:{_MONTHS})(?![a-z])", re.IGNORECASE)


def require_names(names: Collection[str], column: str, what: str, where: str) -> None:
    """Raise ``SourceError`` about the source ``what`` where ``names`` cannot name folders, or their
    order as text is plainly not that of time; ``where`` they can be written otherwise is said. They
    are not shown: where the column is the wrong one, they may be personal.
    """
    if unsafe_name(names) is not None:
        raise SourceError(
            f"{what}: values of {column!r} cannot name batches: they may hold letters, digits, "
            "'.', '_' and '-' only, begin with a letter or digit, and have at most 100 of them: "
            f"name them so {where}"
        )
    if not sorts_by_number(names):
        raise SourceError(
            f"{what}: values of {column!r} do not sort by time as text (9 comes after 10): fill "
            f"numbers up with zeros (09) {where}"
        )
    months = {found[0].lower() for name in names if (found := _MONTH_WORD.search(name))}
    if len(months) > 1 or any(_YEAR_LAST.fullmatch(name) for name in names):
        raise SourceError(
            f"{what}: values of {column!r} do not sort by time as text: write the year first and "
            f"months as numbers (2024-03) {where}"
        )
