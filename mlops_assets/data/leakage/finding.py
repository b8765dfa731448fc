"""What one leakage test says of one column, or of the rows.

Belongs here: that record alone. Does not belong here: the tests (``leakage.py``, ``copies.py``,
``report.py``).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

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
    explanation: str

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-able values, the number with six digits."""
        number = None if self.number is None else round(self.number, 6)
        return {**asdict(self), "number": number, "limit": round(self.limit, 6)}
