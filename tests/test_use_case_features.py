"""A wrong computed column is an error with the place of that column, and the words to fix it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from mlops_assets.use_case import UseCase

PROJECT = """
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "features_project"
"""

Declared = Callable[[], dict[str, Any]]

# What is declared, where below ``features.new`` the error is, and its words.
WRONG: list[tuple[dict[str, Any], tuple[str | int, ...], str]] = [
    ({"function": "cube", "column": "weight"}, (), "'date_part', 'ratio', 'log', 'bins'"),
    ({"column": "weight"}, (), "Unable to extract tag"),
    ({"function": "log"}, ("log", "column"), "Field required"),
    ({"function": "log", "column": "weight", "base": 2}, ("log", "base"), "not permitted"),
    ({"function": "log", "column": "height"}, (), "'height' is not under columns"),
    ({"function": "log", "column": "city"}, (), "log needs a number, and 'city' is none"),
    ({"function": "log", "column": "minutes_late"}, (), "has role leak, and a feature needs"),
    ({"function": "log", "column": "late"}, (), "'late' is not under columns"),
    (
        {"function": "ratio", "numerator": "weight", "denominator": "size"},
        (),
        "ratio needs a number, and 'size' is none: type string",
    ),
    ({"function": "ratio", "numerator": "fragile", "denominator": "weight"}, (), "'fragile' is"),
    ({"function": "date_part", "column": "parcels", "part": "year"}, (), "needs a timestamp"),
    (
        {"function": "date_part", "column": "due", "part": "century"},
        ("date_part", "part"),
        "'year', 'quarter'",
    ),
    ({"function": "bins", "column": "city", "edges": [1]}, (), "bins needs a number"),
    ({"function": "bins", "column": "weight", "edges": []}, ("bins", "edges"), "at least 1 item"),
    ({"function": "bins", "column": "weight", "edges": [2, 1]}, ("bins",), "must rise"),
    ({"function": "bins", "column": "weight", "edges": [1, 1]}, ("bins",), "must rise"),
    (
        {"function": "bins", "column": "weight", "edges": [float("nan")]},
        ("bins", "edges", 0),
        "finite number",
    ),
    (
        {"function": "rare_categories", "column": "parcels", "min_rows": 5},
        (),
        "rare_categories needs a category, and 'parcels' is none: type integer",
    ),
    (
        {"function": "rare_categories", "column": "city", "min_rows": 0},
        ("rare_categories", "min_rows"),
        "greater than or equal to 1",
    ),
    ({"function": "crossing", "first": "city", "second": "due"}, (), "crossing needs a category"),
    ({"function": "missing", "column": "parcels"}, (), "missing needs a nullable column"),
]


def _errors(declared: dict[str, Any]) -> list[Any]:
    with pytest.raises(ValidationError) as caught:
        UseCase(**declared)
    return caught.value.errors()


@pytest.mark.parametrize(("feature", "place", "words"), WRONG)
def test_the_error_has_the_place_of_the_feature(
    feature: dict[str, Any], place: tuple[str | int, ...], words: str, declared: Declared
) -> None:
    good = {"function": "log", "column": "weight"}
    error, *_ = _errors({**declared(), "features": {"good": good, "new": feature}})

    assert error["loc"] == ("features", "new", *place)
    assert words in error["msg"]


@pytest.mark.parametrize("name", ["weight", "minutes_late", "late"])
def test_a_feature_cannot_have_the_name_of_a_column(name: str, declared: Declared) -> None:
    features = {name: {"function": "log", "column": "weight"}}
    (error,) = _errors({**declared(), "features": features})

    assert error["loc"] == ("features", name, "[key]")
    assert "give the feature another" in error["msg"]


def test_an_error_in_the_columns_is_not_told_again_of_the_features(declared: Declared) -> None:
    changed = declared()
    changed["columns"]["city"]["type"] = "text"
    changed["features"] = {"size of it": {"function": "log", "column": "weight"}}

    assert [error["loc"] for error in _errors(changed)] == [("columns", "city", "type")]


def test_every_function_can_be_declared(make_use_case: Callable[..., UseCase]) -> None:
    use_case = make_use_case(
        features={
            "month": {"function": "date_part", "column": "due", "part": "month"},
            "load": {"function": "ratio", "numerator": "weight", "denominator": "parcels"},
            "size of it": {"function": "log", "column": "weight"},
            "range": {"function": "bins", "column": "parcels", "edges": [10, 50]},
            "place": {"function": "rare_categories", "column": "city", "min_rows": 3},
            "kind": {"function": "crossing", "first": "city", "second": "size"},
            "unweighed": {"function": "missing", "column": "weight"},
        }
    )
    assert [feature.function for feature in use_case.features.values()] == [
        "date_part", "ratio", "log", "bins", "rare_categories", "crossing", "missing",
    ]  # fmt: skip


def test_dagster_names_file_and_line_of_a_wrong_feature(
    tmp_path: Path, declared: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    folder = tmp_path / "features_project" / "defs" / "deliveries"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    features = {
        "size of it": {"function": "log", "column": "weight"},
        "wrong": {"function": "ratio", "numerator": "city", "denominator": "weight"},
    }
    written = {
        "type": "mlops_assets.lifecycle.Lifecycle",
        "attributes": {**declared(), "features": features},
    }
    text = yaml.safe_dump(written, sort_keys=False)
    file = folder / "defs.yaml"
    file.write_text(text)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - Dagster wraps it, and says where
        dg.load_from_defs_folder(path_within_project=tmp_path / "features_project")

    line = 1 + text[: text.index("    wrong:")].count("\n")
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, ValidationError):
        error = error.__cause__
    assert f"attributes.features.wrong at {file}:{line}" in str(error)
    assert "ratio needs a number, and 'city' is none" in str(error)
