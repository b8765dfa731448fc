"""What personal data a batch holds, what the use case decides about it, and what risk remains.

Belongs here: putting findings, decisions and risk together. Does not belong here: how personal data
is recognised (``personal_data.py``) or taken out (``protection.py``).
"""

from dataclasses import asdict
from typing import Any

import pyarrow as pa

from mlops_assets.data.personal_data import find_personal_data
from mlops_assets.data.protection import decision, protect, reidentification_risk
from mlops_assets.use_case import UseCase


def protected(
    rows: pa.Table, use_case: UseCase, key: bytes | None
) -> tuple[pa.Table, dict[str, Any]]:
    """The cleaned rows as they may be used, and the privacy facts of the batch: each finding with
    what the use case decides about its column, and the risk of re-identification that is left.

    Raises ``MissingKeyError`` where a column is to be pseudonymised and there is no ``key``.
    """
    findings = find_personal_data(rows, use_case.columns)
    kept = protect(rows, use_case.columns, key)
    declared = use_case.privacy
    return kept, {
        "findings": [
            {**asdict(found), "decision": decision(found.column, use_case.columns)}
            for found in findings
        ],
        "quasi_identifiers": list(declared.quasi_identifiers),
        "risk": reidentification_risk(kept, declared.quasi_identifiers),
        "min_group": declared.min_group,
    }


def undecided_columns(facts: dict[str, Any]) -> list[str]:
    """Columns with personal data that the use case does not decide about."""
    return sorted({found["column"] for found in facts["findings"] if found["decision"] is None})


def groups_are_large_enough(facts: dict[str, Any]) -> bool:
    """Whether as many rows as the use case asks for share each combination of the
    quasi-identifiers; true where it asks for none, false where the number is unknown."""
    if facts["min_group"] is None:
        return True
    k = (facts["risk"] or {}).get("k")
    return k is not None and bool(k >= facts["min_group"])
