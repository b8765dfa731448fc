"""What personal data a batch holds, what the use case decides about it, and what risk remains.

Belongs here: putting findings, decisions and risk together. Does not belong here: how personal data
is recognised (``personal_data.py``) or taken out (``protection.py``), or how groups are counted
(``group_sizes.py``).
"""

from dataclasses import asdict
from typing import Any

import pyarrow as pa

from mlops_assets.data.privacy.group_sizes import GroupSizes
from mlops_assets.data.privacy.personal_data import PersonalDataScan
from mlops_assets.data.privacy.protection import decision, protect, remaining_risk
from mlops_assets.use_case import UseCase


class PrivacyScan:
    """The privacy facts of a batch whose cleaned rows come in chunks.

    The facts are the same for any chunks of the same rows. A scan keeps no rows: of a column what
    ``personal_data.PersonalDataScan`` keeps, of the quasi-identifiers what ``GroupSizes`` does.
    """

    def __init__(self, use_case: UseCase, key: bytes | None) -> None:
        self._use_case = use_case
        self._key = key
        self._personal_data = PersonalDataScan(use_case.columns)
        self._groups = GroupSizes(use_case.privacy.quasi_identifiers)

    def protect(self, rows: pa.Table) -> pa.Table:
        """A chunk of cleaned rows as they may be used; every chunk is given once.

        Raises ``MissingKeyError`` where a column is to be pseudonymised and there is no key, and
        ``ValueError`` where a quasi-identifier is no column.
        """
        kept = protect(rows, self._use_case.columns, self._key)
        self._personal_data.look(rows)
        self._groups.add(kept)
        return kept

    def facts(self) -> dict[str, Any]:
        """Of all chunks so far: each finding with what the use case decides about its column, and
        the risk of re-identification that is left."""
        columns, declared = self._use_case.columns, self._use_case.privacy
        return {
            "findings": [
                {**asdict(found), "decision": decision(found.column, columns)}
                for found in self._personal_data.findings()
            ],
            "quasi_identifiers": list(declared.quasi_identifiers),
            "risk": remaining_risk(self._groups),
            "min_group": declared.min_group,
        }


def protected(
    rows: pa.Table, use_case: UseCase, key: bytes | None
) -> tuple[pa.Table, dict[str, Any]]:
    """One table as it may be used, and its facts: a ``PrivacyScan`` of a single chunk."""
    scan = PrivacyScan(use_case, key)
    kept = scan.protect(rows)
    return kept, scan.facts()


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
