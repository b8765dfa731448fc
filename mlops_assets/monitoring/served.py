"""What was served of a batch's rows, and how good those very answers were.

Belongs here: whether the batch can be told from the prediction log, the figures of logged answers
by release and variant. Does not belong here: joining log and rows (``traffic/joining.py``),
reading either (``gathering.py``), the inputs as they were sent (``skew.py``), or the page
(``served_page.py``). Nothing of it decides a retraining: who asked about which rows is no sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.answers import Answers, DecisionRule, from_outputs
from mlops_assets.data.labels import encode_labels
from mlops_assets.evidence.metrics.bootstrap import MIN_ROWS, Estimate
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate
from mlops_assets.target_declaration import Target

Status = Literal["served", "nothing joined", "no log", "no row id"]
CLEANED = "cleaned."
"""What ``traffic.joining.joined`` calls the columns of the cleaned rows by."""
QUANTILES = {"median": 0.5, "p99": 0.99}


@dataclass(frozen=True)
class ServedRows:
    """The rows of a batch that were answered live.

    ``joined`` holds the logged answers beside the cleaned rows, the latest answer of each id that
    each release gave as each variant (see ``traffic.joining.joined``); ``days`` are the hashes of
    the log's days that they are from.
    """

    status: Status
    rows: int
    joined: pa.Table | None = None
    days: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """JSON-able: the ``status``, the batch's rows, those that were served, their share, and the
        days."""
        served = 0
        if self.joined is not None:
            served = pc.count_distinct(self.joined.column("row_id")).as_py()
        return {
            "status": self.status,
            "rows": self.rows,
            "served_rows": served,
            "served_share": served / self.rows if self.status == "served" else None,
            "days": dict(self.days),
        }


def served_performance(
    served: ServedRows,
    target: Target,
    rules: Mapping[str, DecisionRule],
    *,
    seed: int,
    variance: float,
) -> dict[str, Any]:
    """What was answered of the batch, held against its labels: ``ServedRows.summary``, and under
    ``answered_by`` the rows, labelled rows, metrics with intervals and latencies of each release
    and variant.

    ``rules`` are the releases' own. A release without one has no metrics, nor has one that was
    asked about fewer than ``MIN_ROWS`` labelled rows. ``variance`` is that of the labels that the
    champion was trained on, for all, so that their losses compare.
    """
    found = []
    if served.joined is not None:
        for (release, variant), rows in _parts(served.joined):
            rule = rules.get(release)
            figures = _figures(rows, target, rule, seed=seed, variance=variance)
            found.append({"release": release, "variant": variant, **figures})
    return {**served.summary(), "min_labelled": MIN_ROWS, "answered_by": found}


def _parts(joined: pa.Table) -> list[tuple[tuple[str, str], pa.Table]]:
    """The rows of each release and variant, in order."""
    keys = joined.select(["release", "variant"]).group_by(["release", "variant"]).aggregate([])
    named = sorted({(key["release"], key["variant"]) for key in keys.to_pylist()})
    return [
        (
            key,
            joined.filter(
                pc.and_(
                    pc.equal(joined.column("release"), key[0]),
                    pc.equal(joined.column("variant"), key[1]),
                )
            ),
        )
        for key in named
    ]


def _figures(
    rows: pa.Table, target: Target, rule: DecisionRule | None, *, seed: int, variance: float
) -> dict[str, Any]:
    labelled = rows.filter(pc.is_valid(rows.column(CLEANED + target.column)))
    answers = logged_answers(labelled, target)
    metrics = {name: Estimate() for name in METRICS[target.task]}
    known = False
    if answers is not None and rule is not None and labelled.num_rows >= MIN_ROWS:
        known = True
        frame = _cleaned_columns(labelled).to_pandas()
        metrics = evaluate(
            target.task,
            encode_labels(frame[target.column], target),
            answers,
            seed=seed,
            variance=variance,
            cut=rule.cut(frame),
        )
    return {
        "rows": rows.num_rows,
        "labelled": labelled.num_rows,
        "verdict": "measured" if known else "insufficient evidence",
        "metrics": {name: estimate.to_dict() for name, estimate in metrics.items()},
        "latency_ms": _latencies(rows),
    }


def logged_answers(rows: pa.Table, target: Target) -> Answers | None:
    """The answers ``[n, k]`` in the columns ``output.*`` of the log; ``None`` where these are not
    answers about ``target``, or any is missing."""
    outputs = {}
    for name, width in _output_widths(target).items():
        column = f"output.{name}"
        if column not in rows.column_names:
            return None
        values = _matrix(rows.column(column).combine_chunks(), width)
        if values is None or not np.isfinite(values).all():
            return None
        outputs[name] = values if width > 1 else values[:, 0]
    return from_outputs(outputs)


def _output_widths(target: Target) -> dict[str, int]:
    if target.task == "regression":
        return {"prediction": 1, "interval": 2}
    return {"probabilities": len(target.class_names)}


def _matrix(values: Any, width: int) -> NDArray[np.float64] | None:
    """Numbers, or lists of ``width`` numbers, as ``[n, width]``."""
    flat = values
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        flat = values.flatten()
    if values.null_count or len(flat) != width * len(values):
        return None
    numbers = flat.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.float64).reshape(len(values), width)


def _cleaned_columns(joined: pa.Table) -> pa.Table:
    names = [name for name in joined.column_names if name.startswith(CLEANED)]
    return joined.select(names).rename_columns([name.removeprefix(CLEANED) for name in names])


def _latencies(rows: pa.Table) -> dict[str, float | None]:
    """In milliseconds, a request counted once, however many rows it asked about."""
    if "latency_ms" not in rows.column_names:
        return dict.fromkeys(QUANTILES)
    keys: Sequence[str] = ["instance", "request_id"]
    requests = rows.select([*keys, "latency_ms"]).group_by([*keys], use_threads=False)
    taken = requests.aggregate([("latency_ms", "max")]).column("latency_ms_max").drop_null()
    if not len(taken):
        return dict.fromkeys(QUANTILES)
    times = np.sort(taken.to_numpy())
    return {name: float(np.quantile(times, share)) for name, share in QUANTILES.items()}
