"""Golden rows: made-up rows with the answers of a release, which any deployment of it must give.

Belongs here: making the rows, and the file that travels in the bundle. Does not belong here: the
comparison (``serving/golden_check.py``), or who asks the model (``release/assets.py``).

The rows are nobody's. The values of a column are drawn independently of all others, and of a kind
that no single person has given: levels that many rows share, numbers and times between rounded
quantiles or declared limits. What happens to be a row of the calibration split is left out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Cut, DecisionRule, expected_costs
from mlops_assets.column_declaration import Column
from mlops_assets.export.tensors import tensor_type
from mlops_assets.release.golden_values import hostile_values, ordinary_values
from mlops_assets.serving.golden_check import FLOAT_FILE
from mlops_assets.serving.protocol import request, to_tensor

ROWS = 64
CANDIDATES = 4
"""Rows drawn for each that is kept."""
HOSTILE_EVERY = 3
"""Of so many rows in turn, one has a hostile value in a column: so that each is asked about."""
CHUNK_ROWS = 262_144
FLOAT_TOLERANCE = 1e-5
"""Float32 sums in another order, on another processor or in another runtime."""
EIGHT_BIT_TOLERANCE = 5e-3
"""A number on the edge of two 8-bit codes may be rounded to either where it is computed in another
order, and a code is a 255th of its range."""
LARGEST_MOVE = EIGHT_BIT_TOLERANCE
"""A label is not asked of rows where another would be decided if each probability moved so far."""


def golden_rows(
    calibration: pd.DataFrame, inputs: Mapping[str, Column], seed: int, rows: int = ROWS
) -> dict[str, NDArray[Any]]:
    """``rows`` made-up rows as ``[n, 1]`` tensors (see ``export/tensors.py``), the first half
    ordinary, the second with hostile values: missing, never seen, beyond the range.

    ``calibration`` is a cleaned frame with at least the columns of ``inputs``. There are fewer rows
    where its columns have so few values that most combinations are real; where all are, as of a few
    booleans, they stand for nobody, and are what there is to ask about.
    """
    rng = np.random.default_rng(seed)
    drawn = pd.DataFrame(
        {
            name: _column(calibration[name], column, CANDIDATES * rows, rng)
            for name, column in inputs.items()
        }
    )
    made_up = ~_are_real(drawn, calibration, inputs)
    if not made_up.any():
        made_up = ~drawn.duplicated().to_numpy()
    half = len(drawn) // 2
    kept = np.flatnonzero(made_up)
    ordinary, hostile = kept[kept < half][: rows // 2], kept[kept >= half]
    chosen = drawn.iloc[[*ordinary, *hostile[: rows - len(ordinary)]]]
    return {name: _tensor(chosen[name], column) for name, column in inputs.items()}


def golden_file(
    rows: Mapping[str, NDArray[Any]],
    outputs: Mapping[str, Mapping[str, NDArray[Any]]],
    rule: DecisionRule | None = None,
) -> dict[str, Any]:
    """The content of ``golden.json``: a request of the Open Inference Protocol v2 and, for every
    file of the bundle in ``outputs``, the response expected of it with its tolerances.

    Rows where a label, decided by ``rule``, hangs by a hair are left out. Raises ``ValueError``
    where no row is left, or where an answer is no number.
    """
    for file, answers in outputs.items():
        for name, values in answers.items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise ValueError(f"{file} answers a golden row with a {name} that is no number")
    cut = (rule or DecisionRule()).cut(pd.DataFrame({n: v[:, 0] for n, v in rows.items()}))
    kept = np.all([_is_clear(answers, cut) for answers in outputs.values()], axis=0)
    if not kept.any():
        raise ValueError("no golden row is left whose answer is clear")
    return {
        "request": request({name: values[kept] for name, values in rows.items()}),
        "responses": {
            file: {
                "outputs": [to_tensor(name, values[kept]) for name, values in answers.items()],
                "tolerances": _tolerances(file, answers),
            }
            for file, answers in outputs.items()
        },
    }


def _column(values: pd.Series, column: Column, rows: int, rng: np.random.Generator) -> NDArray[Any]:
    """``rows`` values of a column, hostile ones among those of the second half."""
    ordinary = ordinary_values(values, column, rows, rng)
    hostile = hostile_values(values, column)
    starts = np.arange(rows // 2, rows - HOSTILE_EVERY, HOSTILE_EVERY)
    places = starts + rng.integers(0, HOSTILE_EVERY, len(starts))
    ordinary[places] = hostile[np.arange(len(places)) % len(hostile)]
    return ordinary


def _are_real(
    drawn: pd.DataFrame, calibration: pd.DataFrame, inputs: Mapping[str, Column]
) -> NDArray[np.bool_]:
    """Whether a drawn row is one of ``calibration``, or of those drawn before it."""
    found = np.zeros(len(drawn), dtype=np.bool_)
    for start in range(0, len(calibration), CHUNK_ROWS):
        chunk = calibration.iloc[start : start + CHUNK_ROWS]
        real = pd.DataFrame(
            {name: _tensor(chunk[name], column)[:, 0] for name, column in inputs.items()}
        )
        found |= pd.concat([real, drawn]).duplicated().to_numpy()[len(real) :]
    return found


def _tensor(values: pd.Series, column: Column) -> NDArray[Any]:
    match tensor_type(column):
        case "string":
            tensor = values.to_numpy(dtype=object, na_value="")
        case "double":
            tensor = values.to_numpy(dtype=np.float64, na_value=np.nan)
        case "bool":
            tensor = values.to_numpy(dtype=np.bool_)
        case "int64" if column.type == "timestamp" and values.dtype.kind == "M":
            tensor = values.to_numpy().astype("datetime64[us]").astype(np.int64)
        case _:
            tensor = values.to_numpy(dtype=np.int64)
    return tensor[:, None]


def _is_clear(answers: Mapping[str, NDArray[Any]], cut: Cut) -> NDArray[np.bool_]:
    if "probabilities" not in answers:
        return np.ones(len(answers["prediction"]), dtype=np.bool_)
    chances = answers["probabilities"].astype(np.float64)
    classes = chances.shape[1]
    if classes == 2:
        return np.abs(chances[:, 1] - cut.threshold) >= LARGEST_MOVE
    costs = 1.0 - np.eye(classes) if cut.costs is None else cut.costs
    expected = expected_costs(chances, costs)
    best = expected.argmin(axis=1)
    # How much closer two expected costs may come: [decided, other].
    reach = LARGEST_MOVE * np.abs(costs.T[:, None] - costs.T[None]).sum(axis=2)
    margin = expected - expected[np.arange(len(best)), best][:, None]
    clear: NDArray[np.bool_] = (margin >= reach[best]).all(axis=1)
    return clear


def _tolerances(file: str, answers: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Absolute for probabilities; for numbers relative, and in shares of the middle half's range:
    hostile rows may be answered with anything."""
    share = FLOAT_TOLERANCE if file == FLOAT_FILE else EIGHT_BIT_TOLERANCE
    if "probabilities" in answers:
        return {"probabilities": {"absolute": share, "relative": 0.0}}
    first, third = np.quantile(answers["prediction"], (0.25, 0.75))
    tolerance = {"absolute": share * float(third - first), "relative": share}
    return {"prediction": tolerance, "interval": tolerance}
