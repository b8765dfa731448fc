"""The count of what became of a batch's rows.

Belongs here: counting chunk by chunk, and whether counts add up. Does not belong here: deciding a
row's fate (``cleaning.py``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlops_assets.data.cleaning.rules import DUPLICATE, Rule
from mlops_assets.data.cleaning.typed_rows import Mask
from mlops_assets.use_case import UseCase

EXAMPLES = 10
"""Row numbers that are named of those that break a rule."""


class Tally:
    """What became of the rows that were seen so far."""

    def __init__(self, rules: Sequence[Rule], use_case: UseCase) -> None:
        self._rules = rules
        self.severities = {rule.code: rule.severity for rule in rules}
        self._broken: Counter[str] = Counter()
        self._examples: dict[str, list[int]] = {rule.code: [] for rule in rules}
        self._reasons: Counter[str] = Counter()
        self.rows_in = self.rows_out = self.quarantined = self.duplicates = 0
        self.warned = self.corrected = self.unlabelled = 0
        self.removed = {rule.name: 0 for rule in use_case.rows.remove}

    def add_rules(self, broken: Mapping[str, Mask], first: int) -> None:
        """Count the rows (``[n]``, the first is the batch's row ``first``) that break each rule."""
        for code, mask in broken.items():
            self._broken[code] += int(np.count_nonzero(mask))
            wanted = EXAMPLES - len(self._examples[code])
            if wanted:
                self._examples[code] += (np.flatnonzero(mask)[:wanted] + first).tolist()

    def add_rejected(self, errors: Mapping[str, Mask], bad: Mask) -> None:
        """Count the rows that are not kept, duplicates that have no other fault apart."""
        rejected = int(np.count_nonzero(bad))
        copies = errors.get(DUPLICATE)
        if copies is not None:
            others = np.zeros(len(bad), dtype=np.bool_)
            for code, mask in errors.items():
                if code != DUPLICATE:
                    others |= mask
            duplicates = int(np.count_nonzero(copies & ~others))
            self.duplicates += duplicates
            rejected -= duplicates
        self.quarantined += rejected
        for code, mask in errors.items():
            self._reasons[code] += int(np.count_nonzero(mask))

    def counts(self) -> dict[str, Any]:
        return {
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "quarantined": self.quarantined,
            "duplicates": self.duplicates,
            "removed": self.removed,
            "reasons": dict(sorted(self._reasons.items())),
            "warned": self.warned,
            "corrected": self.corrected,
            "unlabelled": self.unlabelled,
        }

    def rules(self) -> list[dict[str, Any]]:
        """One entry a declared rule, in their order: its words, severity and reason code, how many
        rows break it, and the numbers of the first of them (positions in the raw copy)."""
        return [
            {
                "check": rule.check,
                "rule": rule.words,
                "column": rule.column,
                "code": rule.code,
                "severity": rule.severity,
                "rows": self._broken[rule.code],
                "examples": self._examples[rule.code],
            }
            for rule in self._rules
        ]


def adds_up(counts: Mapping[str, Any]) -> bool:
    """Whether every row that came in is accounted for."""
    fates = (counts["rows_out"], counts["quarantined"], counts.get("duplicates", 0))
    return bool(sum(fates) + sum(counts["removed"].values()) == counts["rows_in"])


def quarantined_share(counts: Mapping[str, Any]) -> float:
    """Share of the batch's rows that went to the quarantine, without duplicates that have no other
    fault; 1 where there are no rows."""
    return float(counts["quarantined"] / counts["rows_in"]) if counts["rows_in"] else 1.0
