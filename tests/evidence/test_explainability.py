"""The explanation says what the function does, in plain values, the same bytes everywhere."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.content_hash import json_md5
from mlops_assets.evidence.attribution import Attribution, Predict
from mlops_assets.evidence.explainability import _points, _ranking, explain
from mlops_assets.evidence.explainability_page import explainability_page
from mlops_assets.evidence.explained_values import rounded
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.page import BarPlot, LinePlot, SwarmPlot, Table
from mlops_assets.target_declaration import Target

Floats = NDArray[np.float64]
LATE = Target(column="late")
COLUMNS = {
    "due": Column(type="timestamp"),
    "city": Column(type="string"),
    "parcels": Column(type="integer"),
    "weight": Column(type="number", nullable=True),
    "fragile": Column(type="boolean"),
}


def sample(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    minutes = rng.integers(0, 40_000, count).astype("timedelta64[m]")
    return pd.DataFrame(
        {
            "due": (np.datetime64("2020-01-01") + minutes).astype("datetime64[us]"),
            "city": rng.choice(["Ghent", "Lille", "Metz"], count),
            "parcels": rng.integers(0, 100, count),
            "weight": np.where(rng.random(count) < 0.2, np.nan, rng.gamma(2.0, 3.0, count)),
            "fragile": rng.random(count) < 0.3,
            "secret": [f"person-{i}" for i in range(count)],
        }
    )


def predict(rows: pd.DataFrame) -> Floats:
    score = (
        rows["weight"].fillna(3.0).to_numpy() * 0.4
        - 2.0
        + 0.5 * (rows["city"] == "Metz").to_numpy()
        + rows["fragile"].to_numpy() * (rows["due"].dt.hour.to_numpy() > 12)
    )
    return np.asarray(1.0 / (1.0 + np.exp(-score)), dtype=np.float64)[:, None]


@cache
def explained(labelled: bool = True) -> dict[str, Any]:
    rows = sample(60, 1)
    labels = (np.arange(60) % 2 == 0) if labelled else None
    return explain_late(predict, rows, sample(20, 2), seed=4, labels=labels)


def explain_late(
    function: Predict, rows: pd.DataFrame, background: pd.DataFrame, **settings: Any
) -> dict[str, Any]:
    return explain(function, rows, background, COLUMNS, target=LATE, features={}, **settings)


def report() -> dict[str, Any]:
    return {
        "use_case": "Late deliveries",
        "target": "arrived late",
        "subject": {"onnx_model": "d41d8cd98f00b204e9800998ecf8427e.dir"},
        "explanation": explained(),
    }


SCRIPT = """
import runpy
from mlops_assets.content_hash import json_md5
print(json_md5(runpy.run_path({path!r})["explained"]()))
"""


def test_the_same_bytes_in_another_process() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(path=__file__)],
        env={**os.environ, "PYTHONHASHSEED": "4711", "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == json_md5(explained())


def test_it_is_plain_json_without_row_identity() -> None:
    text = json.dumps(explained(), allow_nan=False)
    assert json.loads(text) == explained()
    assert "person" not in text
    assert "secret" not in text


def test_the_ranking_is_by_falling_share_and_shares_add_up() -> None:
    ranking = explained()["global"]
    assert ranking[0]["column"] == "weight"
    assert ranking[-1]["column"] == "parcels"
    means = [entry["mean_absolute"] for entry in ranking]
    assert means == sorted(means, reverse=True)
    assert means[-1] == 0.0
    assert sum(entry["share"] for entry in ranking) == pytest.approx(1.0, abs=1e-5)
    for entry in ranking:
        assert entry["low"] <= entry["mean_absolute"] <= entry["high"]
        assert entry["share_low"] <= entry["share"] <= entry["share_high"]
        assert entry["standard_error"] >= 0


def test_the_interval_of_a_mean_is_that_of_the_bootstrap() -> None:
    values = np.random.default_rng(0).normal(size=(400, 2))
    entries = _ranking(["a", "b"], attribution_of(values), seed=1)
    for j, entry in enumerate(sorted(entries, key=lambda entry: entry["column"])):
        sizes = np.abs(values[:, j])
        margin = 1.96 * sizes.std() / 20.0
        assert entry["mean_absolute"] == pytest.approx(sizes.mean(), rel=1e-5)
        assert entry["low"] == pytest.approx(sizes.mean() - margin, abs=0.01)
        assert entry["high"] == pytest.approx(sizes.mean() + margin, abs=0.01)


def attribution_of(values: Floats) -> Attribution:
    n = len(values)
    unknown, zero = np.full(values[:, :, None].shape, np.nan), np.zeros(1)
    return Attribution(values[:, :, None], unknown, np.zeros((n, 1)), zero, zero, zero, 1, 0)


def test_a_constant_function_has_no_shares() -> None:
    found = explain_late(lambda g: np.full((len(g), 1), 0.3), sample(5, 1), sample(5, 2), seed=0)
    assert {entry["share"] for entry in found["global"]} == {None}
    assert {entry["mean_absolute"] for entry in found["global"]} == {0.0}
    assert found["examples"][0]["words"] == "no column moves this answer"
    page = explainability_page({**report(), "explanation": found})
    assert page.verdict.startswith("No column moves the model's answers")
    to_html(page)


def test_it_adds_up_and_states_its_limit() -> None:
    added = explained()["additivity"]
    assert added["holds"] is True
    assert added["largest_gap"] < 1e-12
    assert added["limit"] == 1e-6
    (base,) = explained()["outputs"]
    answers = predict(sample(20, 2))
    assert base["base_value"] == pytest.approx(answers.mean(), rel=1e-5)
    assert base["standard_error"] == pytest.approx(answers.std(ddof=1) / np.sqrt(20), rel=1e-5)


def test_an_explanation_that_does_not_add_up_says_so_first() -> None:
    calls = iter(range(1_000))

    def moody(rows: pd.DataFrame) -> Floats:
        return predict(rows) + (0.001 if next(calls) > 0 else 0.0)

    found = explain_late(moody, sample(5, 1), sample(5, 2), seed=0)
    assert found["additivity"]["holds"] is False
    page = explainability_page({**report(), "explanation": found})
    assert page.verdict == (
        "Do not rely on this explanation: its contributions do not add up to the model's answers. "
        "The largest gap is 0.001, allowed is 1e-06."
    )


def test_examples_are_the_extremes_with_all_their_contributions() -> None:
    answers = predict(sample(60, 1))[:, 0]
    labels = np.arange(60) % 2 == 0
    by_kind = {kind: e for e in explained()["examples"] for kind in e["kind"].split(", ")}
    assert by_kind["most likely positive"]["answer"] == rounded(answers.max())
    assert by_kind["most likely negative"]["answer"] == rounded(answers.min())
    nearest = answers[np.abs(answers - 0.5).argmin()]
    assert by_kind["most uncertain"]["answer"] == rounded(nearest)
    worst = np.abs(answers - labels).argmax()
    assert by_kind["most wrong"]["answer"] == rounded(answers[worst])
    assert by_kind["most wrong"]["outcome"] is bool(labels[worst])
    base = explained()["outputs"][0]["base_value"]
    for example in explained()["examples"]:
        parts = example["contributions"]
        assert {part["column"] for part in parts} == set(COLUMNS)
        sizes = [abs(part["contribution"]) for part in parts]
        assert sizes == sorted(sizes, reverse=True)
        total = base + sum(part["contribution"] for part in parts)
        assert total == pytest.approx(example["answer"], abs=1e-5)


def test_without_labels_nothing_is_called_wrong() -> None:
    found = explained(labelled=False)
    assert [e["outcome"] for e in found["examples"]] == [None] * len(found["examples"])
    assert "most wrong" not in json.dumps(found["examples"])


def test_missing_labels_are_left_aside() -> None:
    labels = np.array([None, True, None, False], dtype=object)
    found = explain_late(predict, sample(4, 1), sample(4, 2), seed=0, labels=labels)
    (wrong,) = [e for e in found["examples"] if "most wrong" in e["kind"]]
    assert wrong["outcome"] in (True, False)


def test_points_are_sorted_by_themselves_with_the_rank_of_their_value() -> None:
    values = np.array([0.3, -0.1, 0.2, -0.0])
    own = pd.Series([10.0, 5.0, np.nan, 7.0])
    points = _points("x", Column(type="number", nullable=True), own, values, None)
    assert points == {
        "column": "x",
        "output": None,
        "values": [-0.1, 0.0, 0.2, 0.3],
        "levels": [0.0, 0.5, None, 1.0],
    }
    unordered = _points("x", Column(type="integer", categorical=True), own, values, None)
    assert unordered["levels"] == [None] * 4
    moments = pd.Series(pd.to_datetime(["2020-01-03 08:00", "2020-01-01 20:00"]))
    timed = _points("t", Column(type="timestamp"), moments, np.array([0.1, 0.2]), None)
    assert timed["levels"] == [0.0, 1.0]


def test_effects_of_the_leading_columns_follow_the_function() -> None:
    effects = explained()["effects"]
    leading = [entry["column"] for entry in explained()["global"][:4]]
    assert {effect["column"] for effect in effects} == set(leading)
    weight = next(effect for effect in effects if effect["column"] == "weight")
    assert weight["mean"] == sorted(weight["mean"])
    assert len(weight["curves"]) == 40
    assert weight["rows"] == 60
    given = sample(60, 1).assign(weight=np.nan)
    assert weight["mean_where_missing"] == rounded(predict(given).mean())
    at_grid = [predict(given.assign(weight=x)).mean() for x in weight["positions"]]
    assert weight["mean"] == pytest.approx(at_grid, abs=1e-5)


def test_the_page_shows_everything_that_was_found() -> None:
    page = explainability_page(report())
    assert re.match(r"weight, \w+ and \w+ carry \d+% of what moves", page.verdict)
    assert ("Hash of onnx_model", "d41d8cd98f00b204e9800998ecf8427e.dir") in page.facts
    assert ("Allowed gap", 1e-6) in page.facts
    blocks = [block for section in page.sections for block in section.blocks]
    kinds = [type(block) for block in blocks]
    assert kinds.count(BarPlot) == 1
    assert kinds.count(SwarmPlot) == 1
    assert kinds.count(LinePlot) == len(explained()["effects"])
    assert kinds.count(Table) == 1 + len(explained()["examples"])
    text = to_html(page)
    for section in page.sections:
        assert section.title in text
    assert "With weight missing, the mean is" in text
    assert "person" not in text


def test_a_long_list_of_contributions_is_summed_up() -> None:
    contributions = [
        {"column": f"c{i}", "value": i, "contribution": 0.1 / (i + 1), "standard_error": 0.0}
        for i in range(14)
    ]
    example = {**explained()["examples"][0], "contributions": contributions}
    found = {**explained(), "examples": [example]}
    page = explainability_page({**report(), "explanation": found})
    (table,) = next(s for s in page.sections if s.title == "Single answers").blocks
    assert isinstance(table, Table)
    assert len(table.rows) == 11
    assert table.rows[-1][0] == "4 other columns"
    assert table.rows[-1][2] == pytest.approx(sum(0.1 / (i + 1) for i in range(10, 14)))


def test_it_explains_a_batch_of_the_use_case(
    make_batch: Callable[..., pa.Table], make_use_case: Callable[..., Any]
) -> None:
    rows, use_case = (
        make_batch(rows=40).to_pandas().astype({"due": "datetime64[us]"}),
        make_use_case(),
    )
    found = explain(
        predict,
        rows.iloc[:20],
        rows.iloc[20:],
        use_case.inputs,
        target=use_case.target,
        features=use_case.features,
        seed=1,
        labels=rows["late"][:20].to_numpy(),
    )
    assert {entry["column"] for entry in found["global"]} == set(use_case.inputs)
