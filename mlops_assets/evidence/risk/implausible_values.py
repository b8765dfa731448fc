"""Values that should be noticed: far out of range, or in another unit.

Belongs here: making such values, and asking cleaning's limits, the envelope and drift whether they
notice. Does not belong here: those three (``data/cleaning/``, ``serving/envelope.py``,
``monitoring/``).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.risk.envelope import columns_of
from mlops_assets.evidence.risk.perturbations import as_floats, numbers_of
from mlops_assets.evidence.risk.risk_statistics import share_finding
from mlops_assets.governance.policy import Finding
from mlops_assets.monitoring.drift import chance_limit
from mlops_assets.monitoring.histograms import count, jensen_shannon, summarise
from mlops_assets.reporting.text import mark
from mlops_assets.serving.envelope import Envelope, outside_envelope
from mlops_assets.use_case import UseCase

FAR = 0.5
"""Of the range of the train rows: how far beyond it a value has to be to count as far out."""
ROWS_A_COLUMN = 400
REFERENCE_ROWS = 20_000
NOTICED_OUTSIDE = 0.05
"""Share of a batch outside the envelope from which it is noticed, against the hundredth that is
expected."""

Floats = NDArray[np.float64]
Change = Callable[[Floats], Floats]

OUT_OF_RANGE: dict[str, Change] = {
    "times 1000": lambda values: values * 1000.0,
    "sign changed": lambda values: -values,
    "extreme": lambda values: np.full(len(values), 1e9),
}
UNITS: dict[str, Change] = {
    mark("times 1000"): lambda values: values * 1000.0,
    mark("divided by 1000"): lambda values: values / 1000.0,
    mark("share to percent"): lambda values: values * 100.0,
    mark("percent to share"): lambda values: values / 100.0,
    mark("Fahrenheit to Celsius"): lambda values: (values - 32.0) / 1.8,
    mark("miles to kilometres"): lambda values: values * 1.609344,
}


def out_of_range(
    envelope: Envelope, rows: pd.DataFrame, columns: Mapping[str, Column]
) -> tuple[dict[str, Any], list[Finding]]:
    """The share of rows, with one number far out of range, that neither the declared limits nor the
    envelope notices. A changed value that is still near the range is no such row."""
    rows = rows.head(ROWS_A_COLUMN)
    ranges = {one["name"]: one for one in envelope["columns"]}
    tried = noticed_by_limits = noticed = 0
    for name in numbers_of(columns):
        for change in OUT_OF_RANGE.values():
            values = _whole(change(as_floats(rows[name])), columns[name])
            far = _is_far(values, ranges[name])
            broken = _breaks_limits(values, columns[name])
            seen = broken | outside_envelope(envelope, _changed(rows, name, values, columns))
            tried += int(far.sum())
            noticed_by_limits += int((far & broken).sum())
            noticed += int((far & seen).sum())
    evidence = {"tried": tried, "noticed_by_limits": noticed_by_limits, "noticed": noticed}
    if not tried:
        return evidence, [Finding.exact("out_of_range_undetected", "", 0.0, 0)]
    return evidence, [share_finding("out_of_range_undetected", "", tried - noticed, tried)]


def unit_errors(
    envelope: Envelope,
    train: pd.DataFrame,
    held_out: pd.DataFrame,
    use_case: UseCase,
    seed: int,
) -> tuple[dict[str, Any], list[Finding]]:
    """The share of number columns with a unit whose mix-up in a whole batch would not be noticed.

    The batch is the ``held_out`` rows, which differ from the train rows by nothing else. It is
    noticed by the quarantine (more rows out of the declared range than ``rows.max_quarantined``),
    the envelope (more than ``NOTICED_OUTSIDE`` of the rows outside), or drift of the column
    (farther than chance and ``monitoring.min_distance``). All columns are tried: the share is
    exact.
    """
    names = numbers_of(use_case.inputs)
    if names and not len(held_out):
        return {"columns": []}, [Finding("unit_error_undetected", "", None, None, None, 0)]
    reference = train.iloc[:: max(1, -(-len(train) // REFERENCE_ROWS))]
    columns = [_try_units(n, envelope, reference, held_out, use_case, seed) for n in names]
    unnoticed = [one["column"] for one in columns if one["unnoticed"]]
    share = len(unnoticed) / len(names) if names else 0.0
    evidence = {"columns": columns, "rows": len(held_out), "noticed_outside": NOTICED_OUTSIDE}
    return evidence, [Finding.exact("unit_error_undetected", "", share, len(held_out))]


def _try_units(
    name: str,
    envelope: Envelope,
    reference: pd.DataFrame,
    batch: pd.DataFrame,
    use_case: UseCase,
    seed: int,
) -> dict[str, Any]:
    column, values = use_case.inputs[name], as_floats(batch[name])
    summary = summarise(reference[[name]], {name: column})
    counts = np.array(summary["series"][name]["counts"], np.int64)
    monitoring = use_case.monitoring
    tail = 1.0 - (1.0 - monitoring.false_alarm_rate) ** (1.0 / max(len(use_case.inputs), 1))
    limit = chance_limit(counts, len(batch), tail=tail, seed=seed, name=name)
    drift_limit = max(limit, monitoring.min_distance)
    noticed = {}
    for unit, change in UNITS.items():
        changed = _whole(change(values), column)
        now = count(pd.DataFrame({name: changed}), summary)[name]
        distance = float(jensen_shannon(counts / counts.sum(), now / now.sum()))
        outside = outside_envelope(envelope, _changed(batch, name, changed, use_case.inputs))
        noticed[unit] = {
            "quarantine": bool(
                _breaks_limits(changed, column).mean() > use_case.rows.max_quarantined
            ),
            "envelope": bool(outside.mean() > NOTICED_OUTSIDE),
            "drift": distance > drift_limit,
        }
    unnoticed = [unit for unit, by in noticed.items() if not any(by.values())]
    return {"column": name, "noticed": noticed, "unnoticed": unnoticed}


def _breaks_limits(values: Floats, column: Column) -> NDArray[np.bool_]:
    if column.severity != "error":
        return np.zeros(len(values), np.bool_)
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    broken: NDArray[np.bool_] = (values < low) | (values > high)
    if column.values is not None:
        broken |= ~np.isin(values, np.array(column.values, np.float64)) & ~np.isnan(values)
    return broken


def _is_far(values: Floats, known: Mapping[str, Any]) -> NDArray[np.bool_]:
    if known["low"] is None:
        return np.zeros(len(values), np.bool_)
    reach = FAR * (known["high"] - known["low"])
    far: NDArray[np.bool_] = (values < known["low"] - reach) | (values > known["high"] + reach)
    return far


def _changed(
    rows: pd.DataFrame, name: str, values: Floats, columns: Mapping[str, Column]
) -> dict[str, NDArray[Any]]:
    """The columns as they would be sent."""
    return {**columns_of(rows, columns), name: values[:, None]}


def _whole(values: Floats, column: Column) -> Floats:
    """A source in another unit rounds its integers too."""
    return np.round(values) if column.type == "integer" else values
