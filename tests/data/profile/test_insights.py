"""What is read off a summary: figures against references, and the insights in words."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.profile.insights import RARE
from mlops_assets.data.profile.report import profile_report
from mlops_assets.data.profile.summary import merge, profile
from mlops_assets.use_case import UseCase

TABLES = st.lists(st.lists(st.integers(1, 200), min_size=3, max_size=3), min_size=2, max_size=5)
COLUMNS: dict[str, Any] = {
    "city": {"type": "string"},
    "weight": {"type": "number", "nullable": True},
    "age": {"type": "integer", "role": "sensitive", "nullable": True},
    "paid": {"type": "boolean"},
    "answer": {"type": "integer", "role": "leak", "nullable": True},
    "email": {"type": "string", "role": "ignored", "nullable": True, "personal": "pseudonymise"},
}
TRAINING = {"first_batches": 1, "split": {}}


@pytest.fixture(scope="module")
def use_case(make_use_case: Callable[..., UseCase]) -> UseCase:
    return make_use_case(columns=COLUMNS, training=TRAINING)


def batch(rows: int = 400, seed: int = 0, **changes: Any) -> pd.DataFrame:
    """A batch in which nothing stands out; keyword arguments replace columns."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "city": rng.choice(["Ghent", "Lille"], rows),
            "weight": rng.uniform(0, 10, rows).round(1),
            "age": rng.integers(20, 60, rows),
            "paid": rng.random(rows) < 0.5,
            "answer": rng.integers(0, 9, rows),
            "email": [f"p{i}@example.org" for i in range(rows)],
            "late": rng.random(rows) < 0.4,
        }
        | changes
    )


def counts(rows: pd.DataFrame, **changes: Any) -> dict[str, Any]:
    found = {
        "rows_in": len(rows),
        "rows_out": len(rows),
        "quarantined": 0,
        "removed": {},
        "reasons": {},
        "unlabelled": int(rows["late"].isna().sum()),
    }
    return found | changes


def report_of(rows: pd.DataFrame, use_case: UseCase, earlier: Any = (), **changes: Any) -> Any:
    return profile_report(
        profile(rows, use_case),
        use_case=use_case,
        batch="2020-01",
        counts=counts(rows, **changes),
        earlier=earlier,
    )


def texts(report: dict[str, Any], kind: str) -> list[str]:
    return [i["text"] for i in report["insights"] if i["kind"] == kind]


def series(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(s for s in report["series"] if s["name"] == name)


# Figures


def test_rare_levels_and_protected_values_are_nowhere_in_the_report(use_case: UseCase) -> None:
    city = ["Ghent"] * 200 + ["Lille"] * 191 + ["Planted-4"] * 4 + ["Common-5"] * 5
    rows = batch(city=city, email=["planted@example.org"] * 400)
    report = report_of(rows, use_case)
    text = json.dumps(report)
    assert "Planted" not in text and "planted" not in text and "Common-5" in text
    pooled = next(b for b in series(report, "city")["bins"] if b["label"] == RARE)
    assert pooled["rows"] == 4
    email = series(report, "email")
    assert email["bins"] == [] and email["commonest"] is None and email["distinct"] == 1


def test_a_rare_level_is_not_named_though_it_is_declared(
    make_use_case: Callable[..., UseCase],
) -> None:
    city = {"type": "string", "values": ["Ghent", "Lille", "Planted"]}
    use_case = make_use_case(columns={**COLUMNS, "city": city}, training=TRAINING)
    report = report_of(batch(city=["Ghent"] * 398 + ["Planted"] * 2), use_case)
    assert "Planted" not in json.dumps(report)


def test_other_ranges_than_before_are_not_compared(make_use_case: Callable[..., UseCase]) -> None:
    narrow, wide = (
        make_use_case(
            columns={**COLUMNS, "age": {"type": "integer", "minimum": 0, "maximum": maximum}},
            training=TRAINING,
        )
        for maximum in (100, 200)
    )
    report = report_of(batch(), wide, [report_of(batch(), narrow)])
    changes = {c["series"]: c["to_earlier"] for c in report["changes"]}
    assert changes["age"] is None and changes["weight"] == 0.0


@pytest.mark.parametrize("wrong", [{"rows_in": 401}, {"unlabelled": 3}, {"rows_out": 399}])
def test_counts_that_do_not_add_up_are_refused(use_case: UseCase, wrong: dict[str, int]) -> None:
    with pytest.raises(BatchError, match="2020-01"):
        report_of(batch(), use_case, **wrong)


# Insights


def test_nothing_stands_out_of_noise(use_case: UseCase) -> None:
    assert report_of(batch(5_000), use_case)["insights"] == []


def test_missing_values_say_with_which_others(use_case: UseCase) -> None:
    missing = np.arange(400) < 100
    rows = batch()
    rows["weight"] = rows["weight"].mask(missing)
    rows["age"] = rows["age"].mask(missing)
    said = texts(report_of(rows, use_case), "missing")
    assert said == ["age is missing in 25% of the rows, mostly together with weight."]


def test_equal_missingness_by_chance_is_not_called_together(use_case: UseCase) -> None:
    rows = batch()
    rows["weight"] = rows["weight"].mask(np.arange(400) % 5 != 0)
    rows["age"] = rows["age"].mask(np.arange(400) % 7 == 0)
    assert not any("together" in text for text in texts(report_of(rows, use_case), "missing"))


def test_a_constant_an_identifier_and_an_empty_column_are_named(use_case: UseCase) -> None:
    rows = batch(city="Ghent", age=range(400), weight=np.nan)
    report = report_of(rows, use_case)
    assert texts(report, "constant") == ["city is constant."]
    assert texts(report, "identifier") == [
        "age differs in almost every row, as an identifier does."
    ]
    assert texts(report, "missing") == ["weight is missing in every row."]


def rates(ghent: float, lille: float, rows: int = 400) -> pd.DataFrame:
    half = rows // 2
    late = np.concatenate([np.arange(half) < ghent * half, np.arange(half) < lille * half])
    return batch(rows, city=np.repeat(["Ghent", "Lille"], half), late=late)


def test_rates_that_differ_beyond_chance_are_compared(use_case: UseCase) -> None:
    said = texts(report_of(rates(0.6, 0.2), use_case), "target")
    assert said == ["late is 3.0 times as common for city Ghent as for Lille (60% against 20%)."]


def test_rates_within_chance_are_not_compared(use_case: UseCase) -> None:
    assert texts(report_of(rates(0.42, 0.36), use_case), "target") == []


def test_what_a_leak_knows_is_no_insight(use_case: UseCase) -> None:
    rows = batch()
    rows["answer"] = rows["late"].astype(int)
    assert texts(report_of(rows, use_case), "target") == []


def test_columns_that_follow_from_each_other_go_together(use_case: UseCase) -> None:
    rows = batch()
    rows["paid"] = rows["city"] == "Ghent"
    insight = report_of(rows, use_case)["insights"][0]
    assert insight["columns"] == ["city", "paid"] and insight["strength"] > 0.9


def test_an_unbalanced_and_an_unlabelled_batch_say_so(use_case: UseCase) -> None:
    rare = report_of(batch(late=np.arange(400) < 20), use_case)
    assert "5.0% of the labelled rows" in texts(rare, "balance")[0]
    none = report_of(batch(late=pd.array([None] * 400, "boolean")), use_case)
    assert texts(none, "labels") == ["No row has a label in late."]


def test_the_quarantine_is_named_with_its_commonest_reason(use_case: UseCase) -> None:
    report = report_of(
        batch(),
        use_case,
        rows_in=500,
        quarantined=100,
        reasons={"age:type": 20, "weight:missing": 90},
    )
    assert texts(report, "quarantine") == [
        "20% of the delivered rows are in the quarantine, most often for weight:missing."
    ]


def test_insights_are_ordered_by_strength_and_halved_where_no_model_sees(
    use_case: UseCase,
) -> None:
    rows = rates(0.6, 0.3)
    rows["weight"] = rows["weight"].mask(np.arange(400) < 80)
    rows["answer"] = rows["answer"].astype(float).mask(np.arange(400) % 2 == 0)
    found = report_of(rows, use_case)["insights"]
    strengths = [i["strength"] for i in found]
    assert strengths == sorted(strengths, reverse=True)
    assert all(0.0 <= s <= 1.0 for s in strengths)
    by_columns = {tuple(i["columns"]): i["strength"] for i in found}
    assert by_columns[("answer",)] == 0.25 and by_columns[("city",)] == pytest.approx(0.3)


# Change


def distance(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    from scipy.spatial.distance import jensenshannon

    return float(jensenshannon(first / first.sum(), second / second.sum(), 2))


def test_changes_are_to_the_last_batch_and_to_all(use_case: UseCase) -> None:
    first, second, third = (batch(400, city=["a"] * n + ["b"] * (400 - n)) for n in (300, 200, 50))
    one = report_of(first, use_case)
    two = report_of(second, use_case, [one])
    change = next(
        c for c in report_of(third, use_case, [one, two])["changes"] if c["series"] == "city"
    )
    now = np.array([50, 350])
    assert change["to_previous"] == pytest.approx(distance(now, np.array([200, 200])))
    assert change["to_earlier"] == pytest.approx(distance(now, np.array([500, 300])))
    said = texts(report_of(third, use_case, [one, two]), "change")
    assert said[0].startswith("city differs from the earlier batches (distance 0.45)")


def test_a_batch_of_the_same_source_has_not_changed(use_case: UseCase) -> None:
    one = report_of(batch(seed=1), use_case)
    two = report_of(batch(seed=2), use_case, [one])
    assert texts(two, "change") == []


def test_a_report_is_the_same_from_a_merged_and_a_stored_summary(use_case: UseCase) -> None:
    rows = batch()
    whole = profile(rows, use_case)
    merged = merge(profile(rows[250:], use_case), profile(rows[:250], use_case))
    stored = json.loads(json_bytes(whole))
    reports = [
        json_bytes(profile_report(s, use_case=use_case, batch="b", counts=counts(rows), earlier=()))
        for s in (whole, merged, stored)
    ]
    assert reports[0] == reports[1] == reports[2]
