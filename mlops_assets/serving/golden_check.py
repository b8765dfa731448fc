"""Whether a deployment of a release gives the answers that the release was made with.

Belongs here: the comparison with the golden rows of ``golden.json``, for a file and for any server
of the Open Inference Protocol v2. Does not belong here: how golden rows are made
(``release/golden.py``). The same comparison in JavaScript is ``tests/runtimes/golden.mjs``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.serving.client import ServerError, ask
from mlops_assets.serving.columns import InputError
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.protocol import read_answers, read_columns

FLOAT_FILE = "model.onnx"


def check_golden(
    answers: Mapping[str, NDArray[Any]], golden: Mapping[str, Any], file: str = FLOAT_FILE
) -> dict[str, Any]:
    """Compare ``answers`` to the golden rows, by output name, with those expected of ``file``.

    The verdict is ``agrees``, with ``findings`` in words, and by output the rows compared, those
    beyond the tolerance, the largest difference of a float (``None`` where it is unknown) and the
    tolerance: ``absolute + relative * |expected|``. A label or an integer must be the same.
    """
    expected = golden["responses"].get(file)
    if expected is None:
        return _not_compared(f"golden.json expects nothing of {file}")
    outputs, findings = {}, []
    for name, values in read_answers(expected).items():
        given = answers.get(name)
        if given is None or given.shape != values.shape or len(values) == 0:
            shape = "nothing" if given is None else f"shape {list(given.shape)}"
            findings.append(f"output {name}: {shape}, where {list(values.shape)} is expected")
            continue
        outputs[name] = _compared(given, values, expected["tolerances"].get(name))
        if outputs[name]["rows_beyond"]:
            beyond, rows = outputs[name]["rows_beyond"], len(values)
            findings.append(f"output {name}: {beyond} of {rows} rows are not as expected")
    agrees = bool(outputs) and not findings
    return {"agrees": agrees, "findings": findings, "outputs": outputs}


def check_endpoint(
    base_url: str,
    name: str,
    golden: Mapping[str, Any],
    file: str = FLOAT_FILE,
    version: str | None = None,
    *,
    binary: bool = False,
    token: str | None = None,
) -> dict[str, Any]:
    """The verdict of ``check_golden`` on model ``name`` of a server, asked as ``client.ask`` does;
    one that cannot be asked does not agree."""
    try:
        columns = read_columns(golden["request"])
        answers = ask(base_url, name, columns, version, binary=binary, token=token)
    except ServerError as problem:
        return _not_compared(str(problem))
    return check_golden(answers, golden, file)


def check_file(bundle: Path, golden: Mapping[str, Any], file: str = FLOAT_FILE) -> dict[str, Any]:
    """The verdict of ``check_golden`` on an ONNX file of a release in ONNX Runtime here; one that
    cannot be loaded or asked does not agree."""
    try:
        answers = Predictor(bundle / file).predict(read_columns(golden["request"]))
    except InputError as problem:
        return _not_compared(str(problem))
    # ONNX Runtime has an exception for every status, and no class that they have in common.
    except Exception as problem:
        return _not_compared(f"{file} could not be loaded: {type(problem).__name__}")
    return check_golden(answers, golden, file)


def _compared(
    given: NDArray[Any], expected: NDArray[Any], tolerance: Mapping[str, float] | None
) -> dict[str, Any]:
    largest = None
    if expected.dtype.kind == "f" and given.dtype.kind == "f":
        limit = tolerance or {"absolute": 0.0, "relative": 0.0}
        apart = np.abs(given.astype(np.float64) - expected.astype(np.float64))
        # NaN is beyond every limit.
        fits = apart <= limit["absolute"] + limit["relative"] * np.abs(expected)
        largest = float(apart.max()) if np.isfinite(apart).all() else None
    else:
        fits = given == expected
    wrong = ~fits.reshape(len(fits), -1).all(axis=1)
    return {
        "rows_compared": len(expected),
        "rows_beyond": int(wrong.sum()),
        "largest_difference": largest,
        "tolerance": dict(tolerance) if tolerance else None,
    }


def _not_compared(why: str) -> dict[str, Any]:
    return {"agrees": False, "findings": [why], "outputs": {}}
