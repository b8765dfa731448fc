"""What a user may say, and what the error says where it cannot be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from mlops_assets.use_case import UseCase

Declared = Callable[[], dict[str, Any]]
REMOVED = object()


def _change(declared: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *parents, last = path.split("/")
    place = declared
    for name in parents:
        place = place.setdefault(name, {})
    if value is REMOVED:
        del place[last]
    else:
        place[last] = value
    return declared


def _error(declared: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        UseCase(**declared)
    return str(caught.value)


# What is changed, where the error points to, and the words that say what to write instead.
WRONG: list[tuple[str, Any, str, str]] = [
    ("colums", {}, "colums", "not permitted"),
    ("title", REMOVED, "title", "required"),
    ("owner", 3, "owner", "valid string"),
    ("source/licence", REMOVED, "source.licence", "required"),
    ("source/batch_name", "(", "source.batch_name", "not a regular expression"),
    ("source/files", "*.csv", "source.files", "not permitted"),
    ("target/column", REMOVED, "target.column", "required"),
    ("target/type", "string", "target", "use boolean or integer"),
    ("columns/city/typ", "string", "columns.city.typ", "not permitted"),
    ("columns/city/type", "text", "columns.city.type", "'string', 'integer', 'number'"),
    ("columns/city/type", REMOVED, "columns.city.type", "required"),
    ("columns/city/role", "secret", "columns.city.role", "'input', 'sensitive', 'leak'"),
    ("columns/city/minimum", 3, "columns.city", "minimum and maximum do not fit a string"),
    ("columns/fragile/maximum", 3, "columns.fragile", "minimum and maximum do not fit a boolean"),
    ("columns/parcels/minimum", 101, "columns.parcels", "minimum 101 is above maximum 100"),
    ("columns/parcels/values", ["a"], "columns.parcels", "['a'] do not fit a integer"),
    ("columns/size/values", [1], "columns.size", "[1] do not fit a string"),
    ("columns/fragile/values", [1], "columns.fragile", "[1] do not fit a boolean"),
    ("columns/weight/categorical", True, "columns.weight", "use string or integer"),
    ("columns/due/nullable", True, "columns.due", "timestamp input cannot be nullable"),
    ("columns/due/parts", ["month"], "columns.due.parts", "'minute_of_day' or 'day_of_week'"),
    ("columns/group/sensitive_input", True, "columns.group", "role: sensitive and a reason"),
    (
        "columns/city",
        {"type": "string", "sensitive_input": True, "reason": "needed"},
        "columns.city",
        "role: sensitive and a reason",
    ),
    ("columns/note/personal", "hide", "columns.note.personal", "'drop', 'pseudonymise'"),
    ("columns/note/personal", "keep", "columns.note", "personal: keep needs a reason"),
    ("columns/parcels/personal", "pseudonymise", "columns.parcels", "use string, or drop"),
    ("columns/fragile/personal", "generalise", "columns.fragile", "drop it, or keep it"),
    ("columns/city/personal", "drop", "columns.city", "use role: ignored"),
    ("columns/city/no_leak", True, "columns.city", "no_leak is for an input, and needs a reason"),
    ("privacy/quasi_identifiers", ["age"], "privacy.quasi_identifiers", "not under columns"),
    ("privacy/min_group", 0, "privacy.min_group", "greater than or equal to 1"),
    ("source/delimited", {"decimal": "x"}, "source.delimited.decimal", "'.' or ','"),
    ("source/delimited", {"separator": "::"}, "source.delimited.separator", "at most 1"),
    ("columns/late", {"type": "boolean"}, "columns.late", "keep it under target"),
    ("columns/batch", {"type": "string"}, "columns.batch", "rename it in the source"),
    ("columns/split", {"type": "string"}, "columns.split", "rename it in the source"),
    ("columns/row", {"type": "string"}, "columns.row", "rename it in the source"),
    ("columns/reasons", {"type": "string"}, "columns.reasons", "rename it in the source"),
    ("target/column", "split", "columns.split", "rename it in the source"),
    ("columns", {"note": {"type": "string", "role": "ignored"}}, "columns", "role input"),
    ("rows/unique_by", ["parcel"], "rows.unique_by", "'parcel', which is not under columns"),
    ("rows/max_quarantined", 5, "rows.max_quarantined", "less than or equal to 1"),
    ("rows/max_quarantined", -0.1, "rows.max_quarantined", "greater than or equal to 0"),
    ("rows/remove", [{"name": "a"}], "rows.remove.0.remove_where", "required"),
    (
        "rows/remove",
        [{"name": "a", "remove_where": "parcels > 5", "reason": "b"}] * 2,
        "rows.remove",
        "same name",
    ),
    ("slices", [{"name": "a", "where": "a"}], "slices.0.where", "at least 3 characters"),
    ("slices", [{"name": "a", "where": "parcels > 5"}] * 2, "slices", "same name"),
    ("training/first_batches", 0, "training.first_batches", "greater than or equal to 1"),
    ("training/window", "most", "training.window", "'all'"),
    ("training/window", 0, "training.window", "greater than or equal to 1"),
    (
        "training",
        {"first_batches": 3, "window": 2},
        "training.window",
        "smaller than training.first_batches",
    ),
    ("training/split/test", 0, "training.split.test", "greater than 0"),
    ("training/split/calibration", 0.5, "training.split.calibration", "less than 0.5"),
    ("training/split/time_column", "when", "training.split.time_column", "not under columns"),
    ("training/split/time_column", "city", "training.split.time_column", "no timestamp column"),
    ("training/search/families", ["svm"], "training.search.families", "'random_forest'"),
    ("training/search/folds", 2, "training.search.folds", "greater than or equal to 3"),
    ("training/search/max_fits", 4, "training.search", "max_fits is less than folds"),
    ("monitoring/false_alarm_rate", 0, "monitoring.false_alarm_rate", "greater than 0"),
    ("monitoring/min_distance", 1.5, "monitoring.min_distance", "less than or equal to 1"),
    ("retraining/cooldown_batches", 0, "retraining.cooldown_batches", "equal to 1"),
    ("promotion/confidence", 1, "promotion.confidence", "less than 1"),
    ("promotion/first_min_roc_auc", 0.4, "promotion.first_min_roc_auc", "equal to 0.5"),
    ("limits/onnx", 1, "limits.onnx", "not permitted"),
    ("policy", REMOVED, "policy", "required"),
    ("policy/ai_act_class", "prohibited", "policy.ai_act_class", "'minimal', 'limited' or 'high'"),
    (
        "policy/approvers",
        [{"name": "no key", "role": "owner", "account": "a", "public_key": "short"}],
        "policy.approvers.0.public_key",
        "match pattern",
    ),
    ("decision/costs", {"false_positive": 0}, "decision", "a mistake must cost more"),
    ("decision/cost_matrix", {"0": {"1": 1}}, "decision.cost_matrix", "for a multiclass task"),
    ("fairness/definition", "kind", "fairness.definition", "'selection_rate'"),
    ("fairness/favourable", "maybe", "fairness.favourable", "is none of"),
    ("fairness/mitigation", {"reweighing": ["city"]}, "reweighing", "no sensitive column"),
    (
        "fairness/mitigation",
        {"group_thresholds": {"column": "city", "legal_basis": "a law that allows it"}},
        "fairness.mitigation.group_thresholds.column",
        "sensitive_input: true",
    ),
    (
        "fairness",
        {
            "definition": "calibration",
            "mitigation": {"group_thresholds": {"column": "group", "legal_basis": "a law of it"}},
        },
        "fairness.mitigation.group_thresholds",
        "for rates of decisions, not for calibration",
    ),
    ("evaluation/min_weak_slice", 0, "evaluation.min_weak_slice", "greater than 0"),
    ("risk/shadow_models", 4, "risk.shadow_models", "greater than or equal to 8"),
    ("explanation/rows", 5, "explanation.rows", "greater than or equal to 20"),
    ("language", "de", "language", "'en' or 'fr'"),
]


@pytest.mark.parametrize(("path", "value", "field", "words"), WRONG)
def test_an_error_names_the_field_and_says_what_is_wanted(
    path: str, value: Any, field: str, words: str, declared: Declared
) -> None:
    wrong = _change(declared(), path, value)
    if "search" in path and path != "training/search/max_fits":
        wrong["training"]["search"].pop("max_fits")
    if path == "training/search/max_fits":
        wrong["training"]["search"]["folds"] = 5

    message = _error(wrong)

    assert field in message
    assert words in message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training/window", 1),
        ("training/search/max_fits", 3),
        ("columns/parcels/minimum", 100),
        ("rows/max_quarantined", 1),
        ("columns/group/sensitive_input", False),
        ("target/type", "integer"),
        ("columns/weight/values", [1, 2]),
    ],
)
def test_the_edge_of_what_is_allowed_is_allowed(path: str, value: Any, declared: Declared) -> None:
    UseCase(**_change(declared(), path, value))


@pytest.mark.parametrize("name", ["flight_delays", "employment"])
def test_the_bundled_use_cases_parse(name: str, project: Path) -> None:
    path = project / "mlops_assets" / "defs" / name / "defs.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))

    use_case = UseCase(**content["attributes"])

    assert content["type"] == "mlops_assets.lifecycle.Lifecycle"
    assert not set(use_case.inputs) & {*use_case.leaks, *use_case.sensitive}
    if name == "flight_delays":
        assert set(use_case.leaks) == {"departure_delay", "air_time", "arrival_delay"}
    else:
        assert set(use_case.sensitive) == {"SEX", "RAC1P", "AGEP", "DIS", "NATIVITY"}


def test_what_was_parsed_cannot_be_changed(make_use_case: Callable[..., UseCase]) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        make_use_case().title = "another"  # type: ignore[misc]


def test_leaks_and_sensitive_columns_are_no_inputs(make_use_case: Callable[..., UseCase]) -> None:
    use_case = make_use_case()

    assert list(use_case.inputs) == ["due", "city", "size", "parcels", "weight", "fragile"]
    assert use_case.sensitive == ("group",)
    assert use_case.leaks == ("minutes_late",)


def test_a_sensitive_column_with_a_reason_is_an_input_and_stays_sensitive(
    declared: Declared,
) -> None:
    changed = declared()
    changed["columns"]["group"].update(sensitive_input=True, reason="the law asks for it")

    use_case = UseCase(**changed)

    assert "group" in use_case.inputs
    assert use_case.sensitive == ("group",)


@pytest.mark.parametrize(
    ("name", "is_category"),
    [("city", True), ("group", True), ("parcels", False), ("weight", False), ("fragile", False)],
)
def test_strings_and_declared_codes_are_categories(
    name: str, is_category: bool, make_use_case: Callable[..., UseCase]
) -> None:
    assert make_use_case().columns[name].is_category is is_category
