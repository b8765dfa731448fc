"""The report says what the file does, in plain values, the same bytes everywhere."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explained_models import COLUMNS, explained_model, file_of, some_rows
from explained_reports import BOOSTING, made

from mlops_assets.content_hash import json_md5
from mlops_assets.reporting.text import localised
from mlops_assets.target_declaration import Task


def limits(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["measure"]: one for one in report["limits"]}


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from explained_reports import made
from mlops_assets.content_hash import json_md5
print(json_md5(made()))
"""


def test_the_same_bytes_in_another_process() -> None:
    here = Path(__file__)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(folder=str(here.parents[1]))],
        env={**os.environ, "PYTHONHASHSEED": "4711", "OMP_NUM_THREADS": "1"},
        cwd=here.parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == json_md5(made())


def test_it_is_plain_json() -> None:
    for task in ("binary", "multiclass", "regression"):
        report = made(task=task)  # type: ignore[arg-type]
        assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_an_exact_explanation_is_within_every_limit_it_can_be() -> None:
    found = limits(made())
    assert set(found) == {
        "additivity_gap",
        "attribution_error",
        "attribution_instability",
        "attribution_change",
    }
    assert found["additivity_gap"]["verdict"] == found["attribution_error"]["verdict"] == "within"
    assert found["attribution_error"]["value"] == 0.0
    change = found["attribution_change"]
    assert 0.0 < change["low"] <= change["value"] <= change["high"] < 1.0


def test_a_sampled_explanation_states_its_error() -> None:
    report = made("mlp")
    assert report["explanation"]["method"]["explainer"] == "sampling"
    error = limits(report)["attribution_error"]["value"]
    assert error == max(e["share_error"] for e in report["explanation"]["global"]) > 0.0


def test_a_first_release_has_no_change_and_no_refit_is_no_pass() -> None:
    found = limits(made(compared=False))
    assert "attribution_change" not in found
    assert found["attribution_instability"]["verdict"] == "insufficient evidence"
    assert found["attribution_instability"]["value"] is None


def test_shares_add_up_and_fall() -> None:
    ranking = made()["explanation"]["global"]
    assert {entry["column"] for entry in ranking} == set(COLUMNS)
    shares = [entry["share"] for entry in ranking]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=1e-5)
    for entry in ranking:
        assert entry["share_low"] <= entry["share"] <= entry["share_high"]


def test_examples_are_relative_to_the_decision_and_add_up() -> None:
    explanation = made()["explanation"]
    examples = {k["kind"]: e for e in explanation["examples"] for k in e["kinds"]}
    assert set(examples) == {
        "most likely positive",
        "most likely negative",
        "most uncertain",
        "typical",
        "most wrong",
    }
    content = file_of(BOOSTING, "binary")
    assert content is not None
    answers = explained_model(content, BOOSTING).predict(some_rows(60, 1))[:, 0]
    logits = np.log(answers / (1.0 - answers)) - np.log(0.25 / 0.75)
    nearest = answers[np.abs(logits).argmin()]
    assert examples["most uncertain"]["answer"] == pytest.approx(nearest, rel=1e-5)
    (output,) = explanation["outputs"]
    for example in explanation["examples"]:
        score = output["base_value"] + sum(c["contribution"] for c in example["contributions"])
        assert 1.0 / (1.0 + np.exp(-score)) == pytest.approx(example["answer"], abs=1e-4)


def test_dependence_follows_the_contributions() -> None:
    explanation = made()["explanation"]
    weight = next(one for one in explanation["dependence"] if one["column"] == "weight")
    assert sum(group["rows"] for group in weight["groups"]) <= 60
    assert min(group["rows"] for group in weight["groups"]) >= 5
    numbers = [group["mean"] for group in weight["groups"] if "from" in group]
    assert numbers[-1] > numbers[0]
    assert {"special": "missing"}.items() <= weight["groups"][-1].items()
    for group in weight["groups"]:
        assert group["low"] <= group["mean"] <= group["high"]


def test_points_are_sorted_so_that_no_row_can_be_put_together() -> None:
    for one in made()["explanation"]["points"]:
        assert one["values"] == sorted(one["values"])


@pytest.mark.parametrize(
    ("family", "task", "language"),
    [(BOOSTING, "binary", "en"), (BOOSTING, "multiclass", "fr"), ("mlp", "regression", "fr")],
)
def test_the_page_shows_everything_that_was_found(
    family: str, task: Task, language: str, check_page: Callable[..., str]
) -> None:
    report = made(family, task)
    text = check_page(report, language)
    assert ("Réponses individuelles" if language == "fr" else "Single answers") in text
    if family == BOOSTING:
        assert ("contributions sont exactes" if language == "fr" else "are exact.") in text
    for entry in report["explanation"]["global"]:
        assert entry["column"] in text


@pytest.fixture
def check_page() -> Callable[..., str]:
    from mlops_assets.evidence.explainability.explainability_page import explainability_page
    from mlops_assets.reporting.html import to_html

    def check(report: dict[str, Any], language: str) -> str:
        page = explainability_page(json.loads(json.dumps(report)))
        titles = [localised(section.title, language) for section in page.sections]
        text = to_html(localised(page, language))
        assert len(set(titles)) == len(titles)
        assert "{" not in str(localised(page.verdict, language))
        return text

    return check
