"""What one leakage test says of one column, or of the rows.

Belongs here: that record alone. Does not belong here: the tests (``leakage.py``, ``copies.py``,
``report.py``).
"""

from dataclasses import dataclass
from typing import Any, Literal

from mlops_assets.reporting.text import Text, as_data, in_language

Verdict = Literal["ok", "leak", "suspicious", "unknown"]


@dataclass(frozen=True)
class Finding:
    """What one test says of one column, or of the rows (``column`` is None). ``number`` is None
    where it cannot be computed."""

    name: str
    column: str | None
    number: float | None
    limit: float
    verdict: Verdict
    words: Text

    @property
    def explanation(self) -> str:
        """Why, in English."""
        return in_language(self.words)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-able values, the number with six digits, the explanation in English
        and as ``said`` (``text.as_data``) for other languages."""
        return {
            "name": self.name,
            "column": self.column,
            "number": None if self.number is None else round(self.number, 6),
            "limit": round(self.limit, 6),
            "verdict": self.verdict,
            "explanation": self.explanation,
            "said": as_data(self.words),
        }
