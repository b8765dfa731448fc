"""What of a release's answers is logged, and how: decided once, from what its bundle declares.

Belongs here: the plan and reading it from a bundle. Does not belong here: carrying out what is
decided about personal data (``protection.py``), or writing rows (``lines.py``).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from mlops_assets.serving.envelope import PreparedEnvelope
from mlops_assets.serving.prediction_log.protection import KEY_VARIABLE

Kind = Literal["string", "float64", "int64", "bool", "float32", "list<float32>"]
Protection = Literal["drop", "pseudonymise", "generalise"]

RETENTION_DAYS = 183
"""Where a bundle does not say; the default of a use case's ``serving.retention_days``."""
INPUT_KINDS: dict[str, Kind] = {
    "BYTES": "string",
    "FP32": "float64",
    "FP64": "float64",
    "INT64": "int64",
    "BOOL": "bool",
}
OUTPUT_KINDS: dict[str, Kind] = {"BYTES": "string", "INT64": "int64", "FP32": "float32"}


@dataclass(frozen=True)
class LoggedColumn:
    """One input or output: ``kind`` of its values in the log, the column's ``declared`` type and
    what is done about personal data in it (``None``: nothing needs to be)."""

    name: str
    kind: Kind
    declared: str = ""
    protection: Protection | None = None


@dataclass(frozen=True)
class LogPlan:
    """``row_id`` is the column that names a row, ``None`` where ids are not to be logged. ``key``
    is the secret of pseudonyms. ``left_out`` names what would need one, and there is none."""

    release: str
    inputs: tuple[LoggedColumn, ...]
    outputs: tuple[LoggedColumn, ...]
    row_id: LoggedColumn | None = None
    envelope: Mapping[str, Any] | None = None
    retention_days: int = RETENTION_DAYS
    use_case: str = ""
    left_out: tuple[str, ...] = ()
    key: bytes | None = field(default=None, repr=False)

    @cached_property
    def prepared_envelope(self) -> PreparedEnvelope | None:
        """``envelope``, prepared when it is first asked."""
        return None if self.envelope is None else PreparedEnvelope(self.envelope)


def plan_of(bundle: Path, key: bytes | None) -> LogPlan:
    """The plan of the release in folder ``bundle``, whose name is its hash.

    A column that is to be dropped is never logged, nor one to be pseudonymised without a ``key``
    (which is then in ``left_out``). Without an envelope, whether rows are outside is not known. A
    row's id is logged only where the bundle declares which column it is. Raises ``OSError``,
    ``ValueError`` or ``KeyError`` where the bundle is none.
    """
    declared = _json(bundle / "declaration.json")
    signature = _json(bundle / "signature.json")
    columns, serving = declared["columns"], declared.get("serving") or {}
    inputs = [
        _column(tensor["name"], INPUT_KINDS[tensor["datatype"]], columns[tensor["name"]])
        for tensor in signature["inputs"]
    ]
    named = serving.get("row_id")
    row_id = _column(str(named), "string", columns[named]) if named in columns else None
    kept = [column for column in inputs if _is_kept(column, key)]
    hashed = [
        column
        for column in (*inputs, *([row_id] if row_id else []))
        if column.protection == "pseudonymise" and not key
    ]
    envelope = bundle / "envelope.json"
    return LogPlan(
        release=bundle.name,
        inputs=tuple(kept),
        outputs=tuple(_output(tensor) for tensor in signature["outputs"]),
        row_id=row_id if row_id is not None and _is_kept(row_id, key) else None,
        envelope=_json(envelope) if envelope.is_file() else None,
        retention_days=int(serving.get("retention_days") or RETENTION_DAYS),
        use_case=str(_json(bundle / "manifest.json")["use_case"]),
        left_out=tuple(dict.fromkeys(column.name for column in hashed)),
        key=key or None,
    )


def pseudonym_key() -> bytes | None:
    """The secret of pseudonyms, from the environment; ``None`` where it is not set."""
    return os.environ.get(KEY_VARIABLE, "").encode() or None


def _column(name: str, kind: Kind, declared: Mapping[str, Any]) -> LoggedColumn:
    decision = declared.get("personal")
    protection = None if decision in (None, "keep") else decision
    return LoggedColumn(name, kind, declared["type"], protection)


def _is_kept(column: LoggedColumn, key: bytes | None) -> bool:
    return column.protection != "drop" and (column.protection != "pseudonymise" or bool(key))


def _output(tensor: Mapping[str, Any]) -> LoggedColumn:
    kind = "list<float32>" if len(tensor["shape"]) > 1 else OUTPUT_KINDS[tensor["datatype"]]
    return LoggedColumn(tensor["name"], kind)


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes())
