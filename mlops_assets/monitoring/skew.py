"""Whether rows were asked about with the inputs that the source delivered of them later
(training-serving skew).

Belongs here: comparing logged inputs with cleaned rows, column by column, and the verdict. Does not
belong here: joining the two (``traffic/joining.py``), how the inputs are distributed
(``drift.py``), or the page (``served_page.py``).

A logged input is compared as the tensor that the cleaned value would be sent as. Numbers are the
same where they are closer than single precision tells apart, for a client may send no more. What is
missing on both sides is the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.data.batch_error import BatchError
from mlops_assets.evidence.metrics.bootstrap import MIN_ROWS
from mlops_assets.monitoring.served import CLEANED, ServedRows
from mlops_assets.prediction.input_columns import ModelInput, require_inputs, to_tensors

LOGGED = "input."
CLOSE = 1e-6
"""Relative difference of two numbers that are the same in single precision."""


def served_inputs(
    served: ServedRows,
    inputs: Mapping[str, Sequence[ModelInput]],
    max_skew: float,
) -> dict[str, Any]:
    """What the batch's served rows were asked with: ``ServedRows.summary``, and for each input the
    rows ``compared``, those ``differing``, their share and whether it is ``skewed``, that is, above
    ``max_skew``: ``None`` where fewer than ``MIN_ROWS`` rows could be compared. The whole is
    skewed where any column is, and unknown where none is and one is unknown.

    ``inputs`` are those of each release in the log; a column is compared on the rows of the
    releases that have it as an input and logged it.
    """
    columns = []
    if served.joined is not None:
        names = dict.fromkeys(given.name for of in inputs.values() for given in of)
        columns = [_column(served.joined, name, inputs, max_skew) for name in names]
    verdicts = [column["skewed"] for column in columns]
    skewed = None
    if verdicts:
        skewed = True if True in verdicts else None if None in verdicts else False
    return {
        **served.summary(),
        "max_skew": max_skew,
        "min_compared": MIN_ROWS,
        "skewed": skewed,
        "columns": sorted(columns, key=_most_differing_first),
    }


def _column(
    joined: pa.Table, name: str, inputs: Mapping[str, Sequence[ModelInput]], max_skew: float
) -> dict[str, Any]:
    compared = differing = 0
    for release, given in _having(name, inputs):
        rows = joined.filter(pc.equal(joined.column("release"), release))
        found = _differences(rows, given)
        compared, differing = compared + len(found), differing + int(found.sum())
    share = differing / compared if compared else None
    skewed = None if share is None or compared < MIN_ROWS else share > max_skew
    return {
        "column": name,
        "compared": compared,
        "differing": differing,
        "share": share,
        "skewed": skewed,
    }


def _having(
    name: str, inputs: Mapping[str, Sequence[ModelInput]]
) -> Iterable[tuple[str, ModelInput]]:
    for release, of in sorted(inputs.items()):
        for given in of:
            if given.name == name:
                yield release, given


def _differences(rows: pa.Table, given: ModelInput) -> NDArray[np.bool_]:
    """Which of the rows that logged the input differ from the cleaned ones, bool ``[m]``."""
    logged, cleaned = LOGGED + given.name, CLEANED + given.name
    if logged not in rows.column_names or not _fits(rows, cleaned, given):
        return np.zeros(0, np.bool_)
    if given.datatype != "FP64":
        # Only a double is null where it is missing; any other that is null was not logged.
        rows = rows.filter(pc.is_valid(rows.column(logged)))
    if not given.may_be_missing:
        # The source may have lost the value since: that is a difference, and no tensor.
        lost = rows.column(cleaned).is_null().to_numpy()
        kept = rows.filter(pa.array(~lost))
        return np.concatenate([np.ones(int(lost.sum()), np.bool_), _unequal(kept, given)])
    return _unequal(rows, given)


def _fits(rows: pa.Table, cleaned: str, given: ModelInput) -> bool:
    """Whether the column is still delivered as what this release was made for."""
    if cleaned not in rows.column_names:
        return False
    schema = pa.schema([(given.name, rows.schema.field(cleaned).type)])
    try:
        require_inputs(schema, [given], cleaned)
    except BatchError:
        return False
    return True


def _unequal(rows: pa.Table, given: ModelInput) -> NDArray[np.bool_]:
    delivered = to_tensors(pa.table({given.name: rows.column(CLEANED + given.name)}), [given])
    sent = _sent(rows.column(LOGGED + given.name).combine_chunks(), given)
    before, after = sent, delivered[given.name]
    if given.datatype != "FP64":
        return np.asarray(before != after, np.bool_)
    both_missing = np.isnan(before) & np.isnan(after)
    limit = CLOSE * np.maximum(np.abs(before), np.abs(after))
    with np.errstate(invalid="ignore"):
        close = (np.abs(before - after) <= limit) & np.isfinite(limit) | (before == after)
    return np.asarray(~(close | both_missing), np.bool_)


def _sent(values: Any, given: ModelInput) -> NDArray[Any]:
    if given.is_text:
        return np.array(values.to_pylist(), object)
    if given.datatype == "FP64":
        numbers = values.cast(pa.float64(), safe=False)
        return np.asarray(numbers.to_numpy(zero_copy_only=False), np.float64)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _most_differing_first(column: Mapping[str, Any]) -> tuple[float, str]:
    share = column["share"]
    return (1.0 if share is None else -share, column["column"])
