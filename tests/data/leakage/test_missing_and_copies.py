"""Columns that are missing with the label, and columns that are the target under another name."""

import numpy as np
import pandas as pd
import pytest
from planted_leaks import labels_of, verdicts
from scipy.stats import binomtest, norm

from mlops_assets.data.leakage.copies import mirrors_target
from mlops_assets.data.leakage.leakage import exists_only_with_label

# Missing together with the label


def test_what_is_missing_with_the_label_is_a_leak_and_what_is_often_missing_is_not() -> None:
    rng = np.random.default_rng(8)
    labelled = rng.random(2000) < 0.9
    rows = pd.DataFrame(
        {
            "outcome_time": np.where(labelled, 1.0, np.nan),
            "mostly": np.where(labelled | (rng.random(2000) < 0.2), 1.0, np.nan),
            "anywhere": np.where(rng.random(2000) < 0.3, 1.0, np.nan),
            "bad_times": np.where(rng.random(2000) < np.where(labelled, 0.8, 0.5), 1.0, np.nan),
            "always": 1.0,
            "opposite": np.where(labelled, np.nan, 1.0),
        }
    )

    found = {f.column: f for f in exists_only_with_label(rows, labelled)}

    assert {c for c, f in found.items() if f.verdict == "leak"} == {"outcome_time", "mostly"}
    gone = rows["bad_times"].isna()
    wilson = binomtest(int(gone[~labelled].sum()), int((~labelled).sum())).proportion_ci(
        confidence_level=2 * norm.cdf(3.0) - 1, method="wilson"
    )
    assert found["bad_times"].number == pytest.approx(wilson.low - gone[labelled].mean())


def test_a_few_rows_without_label_prove_nothing() -> None:
    labelled = np.arange(300) >= 8
    rows = pd.DataFrame({"late_column": np.where(labelled, 1.0, np.nan), "other": 1})

    assert verdicts(exists_only_with_label(rows, labelled)) == {}


def test_blank_rows_accuse_no_column() -> None:
    labelled = np.arange(300) >= 100
    rows = pd.DataFrame(
        {"a": np.where(labelled, 1.0, np.nan), "b": np.where(labelled, 2.0, np.nan)}
    )

    assert [f.verdict for f in exists_only_with_label(rows, labelled)] == ["ok"]


def test_without_any_label_nothing_is_known() -> None:
    rows = pd.DataFrame({"a": [1, 2, 3]})

    assert [f.verdict for f in exists_only_with_label(rows, np.zeros(3, bool))] == ["unknown"]


# Copies of the target


@pytest.mark.parametrize("share", [0.5, 0.003])
@pytest.mark.parametrize("missing", [False, True])
def test_a_copy_of_the_target_under_other_names_is_found(share: float, missing: bool) -> None:
    labels = labels_of(20_000, share, np.random.default_rng(9))
    copy = pd.Series(np.where(labels == 1, "paid", "open")).astype("str")
    copy = copy.mask(labels == 0) if missing else copy
    blurred = pd.Series(np.where(np.arange(20_000) % 50 == 0, 1 - labels, labels))
    # Nearly every row agrees with a constant where one class is rare.
    rare = pd.Series(np.arange(20_000) == 0)
    # The one holds a class and more, the other divides a class into two levels.
    wider = pd.Series((labels == 1) | (np.arange(20_000) % 7 == 0))
    finer = pd.Series(labels * (1 + (np.arange(20_000) % 5 < 2)))
    rows = pd.DataFrame(
        {"copy": copy, "blurred": blurred, "rare": rare, "wider": wider, "finer": finer}
    )

    assert verdicts(mirrors_target(rows, labels)) == {("mirrors_target", "copy"): "leak"}
