"""The training window and its division by time.

Belongs here: which batches a model learns from, and which of their rows are for fitting, for
calibrating and for testing. Does not belong here: encoding of inputs (``training/encoding.py``) and
of the target (``labels.py``), nor how rows got valid (``cleaning/cleaning.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.answers import Labels
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.labels import encode_labels, label_figures, require_learnable, variance
from mlops_assets.data.waterfall import window_waterfall
from mlops_assets.training_declaration import Split
from mlops_assets.use_case import UseCase

SplitName = Literal["train", "calibration", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "calibration", "test")


def training_window(batches: Sequence[str], last_batch: str, use_case: UseCase) -> tuple[str, ...]:
    """The batches to learn from: the latest ``training.window`` up to ``last_batch``, oldest first.

    Raises ``BatchError`` where ``last_batch`` is not among ``batches`` or too few have arrived.
    """
    arrived = sorted(batches)
    if last_batch not in arrived:
        raise BatchError(
            f"last_batch {last_batch!r} has no usable cleaned dataset; there are {arrived}"
        )
    window = arrived[: arrived.index(last_batch) + 1]
    first = use_case.training.first_batches
    if len(window) < first:
        raise BatchError(
            f"training.first_batches is {first}, but only {window} are there up to {last_batch}"
        )
    latest = use_case.training.window
    return tuple(window if latest == "all" else window[-latest:])


def build_features(cleaned: Mapping[str, pd.DataFrame], use_case: UseCase) -> pd.DataFrame:
    """The labelled rows of the window with their ``batch`` and ``split``, and the target as
    ``labels.encode_labels`` makes it.

    ``cleaned`` maps batch names, oldest first, to cleaned rows. Leaks are left out; sensitive
    columns stay for the reports. Raises ``BatchError`` where the newest batch has no labels, or
    where ``labels.require_learnable`` does.
    """
    target = use_case.target.column
    kept = [name for name in use_case.columns if name not in use_case.leaks]
    parts = []
    for batch, rows in cleaned.items():
        labelled = rows.loc[rows[target].notna(), [*kept, target]].reset_index(drop=True)
        labelled[target] = encode_labels(labelled[target], use_case.target)
        labelled.insert(0, "batch", batch)
        parts.append(labelled)
    if parts[-1].empty:
        raise BatchError(
            f"batch {max(cleaned)} has no row with a label in {target!r}, and the test rows are "
            "its: wait for its labels, or end the training window before it"
        )
    splits = divide([_blocks(rows, use_case) for rows in parts], use_case.training.split)
    features = pd.concat(parts, ignore_index=True)
    features.insert(1, "split", np.concatenate(splits))
    require_learnable(_by_split(features, target), use_case.target)
    return features


def divide(blocks: Sequence[NDArray[np.int64]], split: Split) -> list[NDArray[np.str_]]:
    """One split name a row, for each batch's array of block numbers (equal numbers are kept
    together, larger ones are newer), batches oldest first.

    Test rows are the newest blocks of the newest batch. Calibration blocks are spread evenly over
    the rest, so that one spell of weather does not decide the calibration; train is what remains.
    """
    every = round(1.0 / split.calibration)
    newest = np.sort(blocks[-1])
    start_of_test = newest[int(len(newest) * (1.0 - split.test))]
    names, seen = [], 0
    for position, batch in enumerate(blocks):
        distinct, ranks = np.unique(batch, return_inverse=True)
        ranks = ranks + seen
        seen += len(distinct)
        is_test = (batch >= start_of_test) & (position == len(blocks) - 1)
        is_calibration = ~is_test & (ranks % every == every // 2)
        names.append(np.where(is_test, "test", np.where(is_calibration, "calibration", "train")))
    return names


def _blocks(rows: pd.DataFrame, use_case: UseCase) -> NDArray[np.int64]:
    """Block numbers that order a batch's rows: days, or a seeded permutation without a time."""
    time_column = use_case.training.split.time_column
    if time_column is None:
        return np.random.default_rng(use_case.training.seed).permutation(len(rows))
    return rows[time_column].to_numpy().astype("datetime64[D]").astype(np.int64)


def _by_split(features: pd.DataFrame, target: str) -> dict[str, Labels]:
    return {n: features.loc[features["split"] == n, target].to_numpy() for n in SPLIT_NAMES}


def to_table(features: pd.DataFrame) -> pa.Table:
    """The features as they are stored."""
    return pa.Table.from_pandas(features, preserve_index=False).replace_schema_metadata(None)


def describe_features(
    features: pd.DataFrame,
    use_case: UseCase,
    cleaned: Mapping[str, str],
    counts: Mapping[str, Mapping[str, Any]],
    excluded: Mapping[str, str],
) -> dict[str, Any]:
    """What the window is: batches with their hashes, inputs, the target with its variance in the
    train split (see ``answers.row_losses``), rows and what their labels are like by split, and the
    way from the delivered rows to the train split, which adds up."""
    target = use_case.target
    labels = _by_split(features, target.column)
    rows: dict[str, int] = {name: len(values) for name, values in labels.items()}
    return {
        "batches": dict(cleaned),
        "last_batch": max(cleaned),
        "excluded_batches": dict(excluded),
        "inputs": list(use_case.inputs),
        "never_inputs": sorted({*use_case.leaks, *use_case.sensitive} - set(use_case.inputs)),
        "target": {
            "column": target.column,
            "task": target.task,
            "variance": variance(labels["train"], target),
        },
        "splits": {
            name: {"rows": len(values), **label_figures(values, target)}
            for name, values in labels.items()
        },
        "waterfall": window_waterfall(counts, rows, excluded),
    }
