"""Trying a candidate: a server of its bundle is started, asked, put under load, and ended.

Belongs here: what is asked and in which order. Does not belong here: the process
(``trial_server.py``), the load (``load.py``), what the measurements mean (``infra_check.py``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from mlops_assets.release.infra_check import Asked, Measurements, percentile
from mlops_assets.release.load import CONNECTIONS, Load, put_under_load
from mlops_assets.release.trial_server import TrialError, TrialServer, running_server
from mlops_assets.serving.client import ServerError, ask
from mlops_assets.serving.golden_check import check_golden
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.protocol import read_answers, read_columns, request
from mlops_assets.serving.release import released_model
from mlops_assets.serving_declaration import Budget

MOST_ROWS: Final = 2_000
"""Of the test rows that are asked about."""
CHUNK_ROWS: Final = 500
"""Of them in one request, here as there: a sum over other rows at once may be rounded otherwise."""
SINGLE_ROWS: Final = 100
"""Different rows that the load consists of."""
ROUNDS: Final = 3
"""Of load at most."""
PATIENCE: Final = 3.0
"""So many times the budget of its start, a server is waited for: then the time it took is known."""
FORMS: Final = {"JSON": False, "binary": True}
"""How tensors travel: whether by the binary extension of the protocol."""

Columns = Mapping[str, NDArray[Any]]


@dataclass
class _Trial:
    """What has been measured so far."""

    bundle: Path
    name: str
    rows: Columns
    budget: Budget
    asked: list[Asked] = field(default_factory=list)
    """Also what was asked before the server ended."""
    load: Load = field(default_factory=Load)
    memory: float | None = None

    @property
    def release(self) -> str:
        """The version that is asked for: of no other bundle is any answer taken."""
        return self.bundle.name


def try_out(
    command: Sequence[str], bundle: Path, name: str, rows: Columns, budget: Budget
) -> tuple[Measurements, list[str]]:
    """Start ``command``, a server of the release in ``bundle`` whose model is called ``name``, ask
    it the golden rows and ``rows`` (as ``Predictor.predict`` takes them, at most ``MOST_ROWS``),
    and put it under load. Returns what was measured, and the last lines that the server wrote.

    A server that does not start, ends, or answers anything else is no error, but a ``problem`` or
    findings. ``budget`` decides how long it is waited for, and whether the load is repeated.
    """
    trial = _Trial(bundle, name, rows, budget)
    problem, started, said = None, None, list[str]()
    try:
        with running_server(command) as server:
            try:
                server.wait_until_ready(PATIENCE * budget.start_seconds)
                started = server.start_seconds
                _ask_everything(trial, server)
            finally:
                said = server.said
    except TrialError as error:
        problem = str(error)
    except OSError:
        problem = "the server could not be started"
    load = trial.load
    measured = Measurements(
        problem=problem,
        start_seconds=started,
        memory_megabytes=trial.memory,
        asked=tuple(trial.asked),
        latencies=tuple(load.latencies),
        failed=load.failed,
        seconds=load.seconds,
        connections=CONNECTIONS,
    )
    return measured, said


def _ask_everything(trial: _Trial, server: TrialServer) -> None:
    assert server.url is not None
    for question in (_golden, _sample, _single):
        trial.asked += question(trial, server.url)
        # It may be gone by the next question.
        trial.memory = server.peak_megabytes() or trial.memory
        if server.has_ended:
            raise TrialError("the server ended while it was asked")


def _golden(trial: _Trial, url: str) -> Iterator[Asked]:
    golden = json.loads((trial.bundle / "golden.json").read_bytes())
    file = released_model(trial.bundle).name
    asked = read_columns(golden["request"])
    for form, binary in FORMS.items():
        try:
            answers = ask(url, trial.name, asked, trial.release, binary=binary)
        except ServerError as problem:
            yield Asked("golden", form, _length(asked), (str(problem),))
            continue
        found = check_golden(answers, golden, file)
        findings = found["findings"] or ([] if found["agrees"] else ["nothing was compared"])
        yield Asked("golden", form, _length(asked), tuple(findings))


def _sample(trial: _Trial, url: str) -> Iterator[Asked]:
    """The test rows over HTTP, and the same file here: equal bit by bit."""
    expected = _in_process(trial)
    rows = _length(trial.rows)
    for form, binary in FORMS.items():
        try:
            given = ask(url, trial.name, trial.rows, trial.release, CHUNK_ROWS, binary=binary)
        except ServerError as problem:
            yield Asked("sample", form, rows, (str(problem),))
            continue
        findings = [
            f"output {name}: not the same bits"
            for name, values in expected.items()
            if name not in given or not _same_bits(given[name], values)
        ]
        yield Asked("sample", form, rows, tuple(findings))


def _single(trial: _Trial, url: str) -> Iterator[Asked]:
    """Single rows over several connections. What a server puts together to score at once may be
    rounded otherwise, so the golden rows' tolerance is allowed; a label that hangs by a hair may be
    the other one, and is not compared."""
    rows = min(_length(trial.rows), SINGLE_ROWS)
    bodies = [json.dumps(request(_part(trial.rows, row, row + 1))).encode() for row in range(rows)]
    model, version = quote(trial.name, safe=""), quote(trial.release, safe="")
    path = f"/v2/models/{model}/versions/{version}/infer"
    trial.load = _least_disturbed(url, path, bodies, trial.budget.p99_milliseconds)
    golden = json.loads((trial.bundle / "golden.json").read_bytes())
    tolerances = golden["responses"][released_model(trial.bundle).name]["tolerances"]
    expected = _in_process(trial, rows)
    wrong = sum(
        not _is_near(body, _part(expected, row, row + 1), tolerances)
        for row, body in trial.load.answers.items()
    )
    answered = len(trial.load.answers)
    findings = (f"{wrong} of {answered} rows are not answered as they are here",) if wrong else ()
    yield Asked("single", "JSON", answered, findings)


def _least_disturbed(url: str, path: str, bodies: Sequence[bytes], limit: float) -> Load:
    """The load of which the 99th percentile is smallest, repeated while that is beyond ``limit``,
    for what else the machine does in that second is not the server's. Every failure counts."""
    best, failed = Load(), 0
    for _ in range(ROUNDS):
        load = put_under_load(url, path, bodies)
        failed += load.failed
        if not best.latencies or _p99(load) < _p99(best):
            best = load
        if failed or _p99(best) <= limit:
            break
    best.failed = failed
    return best


def _p99(load: Load) -> float:
    found = percentile(load.latencies, 99.0)
    return float("inf") if found is None else found


def _in_process(trial: _Trial, rows: int | None = None) -> dict[str, NDArray[Any]]:
    predictor = Predictor(released_model(trial.bundle))
    most = _length(trial.rows) if rows is None else rows
    parts = [
        predictor.predict(_part(trial.rows, start, min(start + CHUNK_ROWS, most)))
        for start in range(0, max(most, 1), CHUNK_ROWS)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _is_near(body: bytes, expected: Columns, tolerances: Mapping[str, Any]) -> bool:
    try:
        given = read_answers(json.loads(body))
    except (ValueError, RecursionError):
        return False
    for name, tolerance in tolerances.items():
        values = given.get(name)
        if values is None or values.shape != expected[name].shape:
            return False
        limit = tolerance["absolute"] + tolerance["relative"] * np.abs(expected[name])
        if not (np.abs(values - expected[name]) <= limit).all():
            return False
    return set(given) == set(expected)


def _same_bits(given: NDArray[Any], expected: NDArray[Any]) -> bool:
    if given.shape != expected.shape or given.dtype.kind != expected.dtype.kind:
        return False
    if expected.dtype.kind == "f":
        return given.dtype == expected.dtype and given.tobytes() == expected.tobytes()
    return bool((given == expected).all())


def _part(columns: Columns, start: int, end: int) -> dict[str, NDArray[Any]]:
    return {name: values[start:end] for name, values in columns.items()}


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values())))
