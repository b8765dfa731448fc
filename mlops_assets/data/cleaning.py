"""From a raw batch to valid rows, and to a quarantine where nothing is lost.

Belongs here: types, validation by the use case's pandera schema, declared removals, and the count
of every row's fate. Does not belong here: choosing what a model sees (``features.py``).
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlops_assets.column_declaration import Column
from mlops_assets.use_case import UseCase

PARQUET_TYPES = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}

LARGEST_NUMBER = float(np.finfo(np.float32).max)
"""Models compute in float32: what lies beyond it is infinite to them, and not a number here."""


class BatchError(Exception):
    """A batch that cannot be cleaned at all; the message names batch and column and what to do."""


@dataclass(frozen=True)
class CleanedBatch:
    """The fate of every row of a batch.

    ``rows`` are valid, with the declared types; ``quarantine`` are original rows with the columns
    ``row`` (position in the raw copy) and ``reasons`` (codes ``column:what is wrong``);
    ``counts`` adds up: ``rows_in = rows_out + quarantined + removed``.
    """

    rows: pa.Table
    quarantine: pa.Table
    counts: dict[str, Any]


def clean(raw: pa.Table, use_case: UseCase, batch: str) -> CleanedBatch:
    """Validate ``raw`` against the use case.

    Raises ``BatchError`` where the batch has no rows or lacks a declared column.
    """
    declared = declared_columns(use_case)
    unexpected = _check_columns(raw, declared, use_case, batch)
    typed, failures = _coerce(raw, declared)
    failures += _validate(typed, declared, use_case)
    reasons = _reasons_by_row(failures)
    valid = typed.drop(index=list(reasons))
    kept, removed = _remove_declared(valid, use_case)
    counts = {
        "batch": batch,
        "rows_in": raw.num_rows,
        "rows_out": len(kept),
        "quarantined": len(reasons),
        "removed": removed,
        "reasons": dict(sorted(Counter(c for codes in reasons.values() for c in codes).items())),
        "unlabelled": int(kept[use_case.target.column].isna().sum()),
        "unexpected_columns": unexpected,
    }
    return CleanedBatch(_to_table(kept, declared), _quarantine(raw, reasons), counts)


def adds_up(counts: dict[str, Any]) -> bool:
    """Whether every row that came in is accounted for."""
    accounted = counts["rows_out"] + counts["quarantined"] + sum(counts["removed"].values())
    return bool(accounted == counts["rows_in"])


def quarantined_share(counts: dict[str, Any]) -> float:
    """Share of the batch's rows that went to the quarantine."""
    return float(counts["quarantined"] / counts["rows_in"]) if counts["rows_in"] else 1.0


def declared_columns(use_case: UseCase) -> dict[str, Column]:
    """Every column of the cleaned dataset, the target last."""
    target = Column(
        type=use_case.target.type,
        nullable=True,
        values=(0, 1) if use_case.target.type == "integer" else None,
        role="ignored",
    )
    return {**use_case.columns, use_case.target.column: target}


def _check_columns(
    raw: pa.Table, declared: dict[str, Column], use_case: UseCase, batch: str
) -> list[str]:
    present = set(raw.column_names)
    repeated = sorted(name for name, n in Counter(raw.column_names).items() if n > 1)
    if repeated:
        raise BatchError(
            f"batch {batch} has several columns called {repeated}: deliver it with one of each"
        )
    unexpected = sorted(present - set(declared))
    missing = [name for name in declared if name not in present]
    if missing:
        what = "the target " if missing == [use_case.target.column] else ""
        hint = f" It has {unexpected}, which are not declared: renamed?" if unexpected else ""
        if len(missing) > len(declared) / 2:
            # Where the names are no names, they are values of the first row, and not for a message.
            hint = " Most are missing: is this the right file, and are names in its first line?"
        raise BatchError(
            f"batch {batch} lacks {what}column(s) {missing}.{hint} Deliver the batch with them, "
            "or change columns in the use case"
        )
    if raw.num_rows == 0:
        raise BatchError(f"batch {batch} has no rows: deliver it again with its data")
    return unexpected


def _coerce(
    raw: pa.Table, declared: dict[str, Column]
) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    columns: dict[str, pd.Series] = {}
    failures: list[tuple[int, str]] = []
    for name, column in declared.items():
        # Without this, an integer column with a missing value would arrive as floats.
        original = raw.column(name).to_pandas(integer_object_nulls=True)
        if column.missing:
            original = original.mask(_is_missing_code(original, column))
        readable = _is_readable(raw.schema.field(name).type, column)
        given = original if readable else pd.Series(None, index=original.index, dtype=object)
        columns[name] = coerced = _coerce_column(given, column)
        lost = (coerced.isna() & original.notna()).to_numpy()
        failures += [(int(row), f"{name}:type") for row in np.flatnonzero(lost)]
    return pd.DataFrame(columns), failures


def _is_missing_code(values: pd.Series, column: Column) -> "pd.Series[bool]":
    """Which values are what the source writes where there is none; text may hold a number."""
    texts = {str(code) for code in column.missing}
    return values.isin(list(column.missing)) | values.map(
        lambda value: isinstance(value, str) and value.strip() in texts
    ).astype(bool)


def _is_readable(given: pa.DataType, column: Column) -> bool:
    """Whether values of the type ``given`` can be what the column declares: a time is no number,
    a number no time, and a list or structure no single value."""
    if pa.types.is_dictionary(given):
        return _is_readable(given.value_type, column)
    if pa.types.is_nested(given):
        return False
    if column.type == "timestamp":
        kinds = (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_timestamp,
            pa.types.is_date,
        )
        return any(kind(given) for kind in kinds)
    return column.type == "string" or not pa.types.is_temporal(given)


def _coerce_column(values: pd.Series, column: Column) -> pd.Series:
    match column.type:
        case "string":
            return values.astype("string")
        case "number":
            numbers = pd.to_numeric(values, errors="coerce").astype("Float64")
            return numbers.mask(numbers.abs() > LARGEST_NUMBER)
        case "integer":
            numbers = pd.to_numeric(values, errors="coerce").astype("Float64")
            whole = numbers.mask((numbers != numbers.round()) | (numbers.abs() >= 2**53))
            return whole.astype("Int64")
        case "boolean":
            return _coerce_boolean(values)
        case "timestamp":
            return _coerce_times(values)


def _coerce_times(values: pd.Series) -> pd.Series:
    try:
        # Any other format is guessed at, and parts that are not there are taken from today.
        times = pd.to_datetime(values, errors="coerce", format="ISO8601")
        return times.dt.tz_localize(None).astype("datetime64[us]")
    except ValueError:
        # Zones that differ from row to row leave no one local time to read.
        return pd.Series(pd.NaT, index=values.index, dtype="datetime64[us]")


def _coerce_boolean(values: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(values.dtype):
        return values.astype("boolean")
    texts = values.map(lambda v: str(v).lower(), na_action="ignore")
    known = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
    return texts.map(known).astype("boolean")


def _validate(
    typed: pd.DataFrame, declared: dict[str, Column], use_case: UseCase
) -> list[tuple[int, str]]:
    import pandera.errors as pandera_errors

    failures: list[tuple[int, str]] = []
    try:
        schema(declared).validate(typed, lazy=True)
    except pandera_errors.SchemaErrors as errors:
        cases = errors.failure_cases
        failures = [
            (int(row), f"{column}:{_code(check)}")
            for column, check, row in zip(
                cases["column"], cases["check"], cases["index"], strict=True
            )
        ]
    if use_case.rows.unique_by:
        repeated = typed.duplicated(list(use_case.rows.unique_by)).to_numpy()
        failures += [(int(row), "row:duplicate") for row in np.flatnonzero(repeated)]
    return failures


def schema(declared: dict[str, Column]) -> Any:
    """The pandera schema of the cleaned dataset."""
    import pandera.pandas as pa_schema

    def checks(column: Column) -> list[Any]:
        found = []
        if column.minimum is not None:
            found.append(pa_schema.Check.ge(column.minimum, error="below minimum"))
        if column.maximum is not None:
            found.append(pa_schema.Check.le(column.maximum, error="above maximum"))
        if column.values is not None:
            found.append(pa_schema.Check.isin(list(column.values), error="not allowed"))
        return found

    return pa_schema.DataFrameSchema(
        {
            name: pa_schema.Column(nullable=column.nullable, checks=checks(column))
            for name, column in declared.items()
        }
    )


def _code(check: str) -> str:
    return "missing" if check == "not_nullable" else check


def _reasons_by_row(failures: list[tuple[int, str]]) -> dict[int, list[str]]:
    reasons: dict[int, set[str]] = {}
    for row, code in failures:
        reasons.setdefault(row, set()).add(code)
    # A value of the wrong type is missing only because it could not be read.
    return {
        row: sorted(c for c in codes if not (c.endswith(":missing") and _retyped(c, codes)))
        for row, codes in sorted(reasons.items())
    }


def _retyped(code: str, codes: set[str]) -> bool:
    return code.removesuffix(":missing") + ":type" in codes


def _remove_declared(valid: pd.DataFrame, use_case: UseCase) -> tuple[pd.DataFrame, dict[str, int]]:
    removed: dict[str, int] = {}
    for rule in use_case.rows.remove:
        matches = matching_rows(valid, rule.remove_where, f"rows.remove {rule.name!r}")
        removed[rule.name] = int(matches.sum())
        valid = valid[~matches]
    return valid, removed


def matching_rows(rows: pd.DataFrame, condition: str, field: str) -> np.ndarray[Any, Any]:
    """Boolean mask of the rows that meet ``condition``; a missing value meets none.

    Raises ``BatchError`` naming ``field`` where the condition cannot be evaluated.
    """
    try:
        matches = rows.eval(condition, engine="python")
    except Exception as error:
        raise BatchError(f"{field}: cannot evaluate {condition!r}: {error}") from error
    mask: np.ndarray[Any, Any] = pd.Series(matches, index=rows.index).fillna(False).to_numpy(bool)
    return mask


def _quarantine(raw: pa.Table, reasons: dict[int, list[str]]) -> pa.Table:
    rejected = raw.take(pa.array(list(reasons), pa.int64()))
    # The use case may declare no column of these names, but a source may deliver one all the same.
    own = ("row", "reasons")
    rejected = rejected.rename_columns(
        [f"{name} (source)" if name in own else name for name in rejected.column_names]
    )
    codes = pa.array(list(reasons.values()), pa.list_(pa.string()))
    return (
        rejected.append_column("row", pa.array(list(reasons), pa.int64()))
        .append_column("reasons", codes)
        .replace_schema_metadata(None)
    )


def _to_table(rows: pd.DataFrame, declared: dict[str, Column]) -> pa.Table:
    fields = pa.schema([(name, PARQUET_TYPES[column.type]) for name, column in declared.items()])
    return pa.Table.from_pandas(rows, schema=fields, preserve_index=False).replace_schema_metadata(
        None
    )
