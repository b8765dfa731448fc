"""The training window and its division: by time, whole days together, nothing that leaks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.features import (
    SPLIT_NAMES,
    build_features,
    describe_features,
    training_window,
)
from mlops_assets.data.waterfall import waterfall_adds_up
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
Cleaned = dict[str, pd.DataFrame]
BATCHES = ["2020-01", "2020-02", "2020-03", "2020-04"]


@pytest.fixture(scope="module")
def counts(make_batch: Callable[..., pa.Table], make_use_case: MakeUseCase) -> dict[str, Any]:
    """What became of the rows of the three months."""
    months = BATCHES[:3]
    raw = {month: make_batch(month, seed=number) for number, month in enumerate(months)}
    return {m: clean(rows, make_use_case(), m).counts for m, rows in raw.items()}


@pytest.fixture(scope="module")
def cleaned(make_batch: Callable[..., pa.Table], make_use_case: MakeUseCase) -> Cleaned:
    """Three months of cleaned rows."""
    months = BATCHES[:3]
    raw = {month: make_batch(month, seed=number) for number, month in enumerate(months)}
    return {m: clean(rows, make_use_case(), m).rows.to_pandas() for m, rows in raw.items()}


@pytest.mark.parametrize(
    ("window", "last", "expected"),
    [
        ("all", "2020-04", BATCHES),
        ("all", "2020-02", BATCHES[:2]),
        (1, "2020-03", ["2020-03"]),
        (2, "2020-03", ["2020-02", "2020-03"]),
        (2, "2020-01", ["2020-01"]),
        (9, "2020-04", BATCHES),
    ],
)
def test_the_window_is_the_latest_batches_oldest_first(
    window: Any, last: str, expected: list[str], make_use_case: MakeUseCase
) -> None:
    use_case = make_use_case(training={"first_batches": 1, "window": window})

    assert training_window(BATCHES[::-1], last, use_case) == tuple(expected)


def test_a_last_batch_that_is_not_there_is_an_error(make_use_case: MakeUseCase) -> None:
    with pytest.raises(BatchError, match=r"'2020-09' has no usable .* there are \['2020-01'"):
        training_window(BATCHES, "2020-09", make_use_case())


def test_too_few_batches_are_an_error_and_just_enough_are_not(make_use_case: MakeUseCase) -> None:
    use_case = make_use_case(training={"first_batches": 3})

    with pytest.raises(BatchError, match=r"training\.first_batches is 3, but only \['2020-01', "):
        training_window(BATCHES, "2020-02", use_case)
    assert len(training_window(BATCHES, "2020-03", use_case)) == 3


def test_leaks_are_never_there_and_sensitive_columns_are_kept_for_the_reports(
    cleaned: Cleaned, counts: dict[str, Any], make_use_case: MakeUseCase
) -> None:
    use_case = make_use_case()

    features = build_features(cleaned, use_case)

    assert list(features.columns) == [
        "batch", "split", "due", "city", "size", "parcels", "weight", "fragile", "group",
        "note", "late",
    ]  # fmt: skip
    facts = describe_features(features, use_case, dict.fromkeys(cleaned, "0"), counts, {})
    assert facts["never_inputs"] == ["group", "minutes_late"]
    assert not {"group", "minutes_late", "note", "late", "batch", "split"} & set(facts["inputs"])


def test_rows_without_a_label_are_not_trained_on(
    cleaned: Cleaned, make_use_case: MakeUseCase
) -> None:
    features = build_features(cleaned, make_use_case())

    labelled = sum(int(rows["late"].notna().sum()) for rows in cleaned.values())
    assert len(features) == labelled < sum(map(len, cleaned.values()))
    assert features["late"].dtype == np.int64
    assert set(features["late"]) == {0, 1}


def test_test_rows_are_the_newest_and_days_are_kept_together(
    cleaned: Cleaned, make_use_case: MakeUseCase
) -> None:
    features = build_features(cleaned, make_use_case())

    is_test = features["split"] == "test"
    assert set(features.loc[is_test, "batch"]) == {"2020-03"}
    assert features.loc[is_test, "due"].min() > features.loc[~is_test, "due"].max()
    days = features["due"].dt.normalize()
    assert (features.groupby(days)["split"].nunique() == 1).all()
    assert 0.2 <= is_test.sum() / (features["batch"] == "2020-03").sum() < 0.25


def test_the_same_rows_give_the_same_features(cleaned: Cleaned, make_use_case: MakeUseCase) -> None:
    first, second = (build_features(cleaned, make_use_case()) for _ in range(2))

    pd.testing.assert_frame_equal(first, second)


def test_without_a_time_the_order_is_a_permutation_of_the_seed(
    cleaned: Cleaned, make_use_case: MakeUseCase
) -> None:
    def splits(seed: int) -> list[str]:
        use_case = make_use_case(training={"first_batches": 1, "seed": seed})
        return list(build_features(cleaned, use_case)["split"])

    assert splits(1) == splits(1)
    assert splits(1) != splits(2)
    assert splits(1) != sorted(splits(1), key=["train", "calibration", "test"].index)


@settings(max_examples=8)
@given(share=st.floats(0.05, 0.5))
def test_the_later_test_rows_were_never_in_an_earlier_window(
    cleaned: Cleaned, make_use_case: MakeUseCase, share: float
) -> None:
    split = {"test": share, "time_column": "due"}
    use_case = make_use_case(training={"first_batches": 1, "split": split})
    months = list(cleaned)

    earlier = build_features({m: cleaned[m] for m in months[:2]}, use_case)
    later = build_features(cleaned, use_case)

    assert not set(later.loc[later["split"] == "test", "batch"]) & set(earlier["batch"])


@pytest.mark.parametrize("positive", [True, False])
def test_one_class_only_is_an_error_that_names_split_and_target(
    positive: bool, cleaned: Cleaned, make_use_case: MakeUseCase
) -> None:
    rows = cleaned["2020-01"]
    rows = rows.assign(late=rows["late"].where(rows["late"].isna(), positive))

    with pytest.raises(BatchError, match=r"the train split has 1 class\(es\) of 'late'"):
        build_features({"2020-01": rows}, make_use_case())


@pytest.mark.parametrize("name", SPLIT_NAMES)
def test_each_split_needs_both_classes(
    name: str, cleaned: Cleaned, make_use_case: MakeUseCase
) -> None:
    use_case = make_use_case()
    built = build_features(cleaned, use_case)
    days = set(built.loc[built["split"] == name, "due"].dt.normalize())
    poor = {
        batch: rows.assign(
            late=rows["late"].mask(
                rows["due"].dt.normalize().isin(days) & rows["late"].notna(), True
            )
        )
        for batch, rows in cleaned.items()
    }

    with pytest.raises(BatchError, match=rf"the {name} split has 1 class\(es\)"):
        build_features(poor, use_case)


def test_a_window_too_short_to_calibrate_is_an_error(
    cleaned: Cleaned, make_use_case: MakeUseCase
) -> None:
    rows = cleaned["2020-01"]
    few = rows[rows["due"].dt.day <= 4]

    with pytest.raises(BatchError, match=r"the calibration split has 0 class\(es\)"):
        build_features({"2020-01": few}, make_use_case())


def test_a_newest_batch_without_labels_is_an_error_that_says_to_wait(
    cleaned: Cleaned, make_use_case: MakeUseCase
) -> None:
    waiting = {**cleaned, "2020-04": cleaned["2020-03"].assign(late=None)}

    with pytest.raises(BatchError, match=r"batch 2020-04 has no row with a label in 'late'"):
        build_features(waiting, make_use_case())


def test_an_older_batch_without_labels_is_passed_over(
    cleaned: Cleaned, make_use_case: MakeUseCase
) -> None:
    gap = {**cleaned, "2020-02": cleaned["2020-02"].assign(late=None)}

    assert set(build_features(gap, make_use_case())["batch"]) == {"2020-01", "2020-03"}


def test_the_facts_count_rows_and_classes_of_each_split(
    cleaned: Cleaned, counts: dict[str, Any], make_use_case: MakeUseCase
) -> None:
    use_case = make_use_case()
    features = build_features(cleaned, use_case)

    facts = describe_features(
        features, use_case, {"2020-01": "a", "2020-03": "b"}, counts, {"x": "why"}
    )

    assert facts["last_batch"] == "2020-03"
    assert facts["excluded_batches"] == {"x": "why"}
    assert waterfall_adds_up(facts["waterfall"])
    delivered, *_, train = facts["waterfall"]
    assert (delivered["rows"], train["rows"]) == (1200, facts["splits"]["train"]["rows"])
    assert sum(split["rows"] for split in facts["splits"].values()) == len(features)
    tested = features[features["split"] == "test"]
    assert facts["splits"]["test"]["rows"] == len(tested)
    assert facts["splits"]["test"]["positive_share"] == pytest.approx(
        tested["late"].mean(), abs=1e-6
    )
