"""Membership inference catches a model that knows its rows by heart, and no other."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from attacked import declared_for, features, forest

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batch_error import BatchError
from mlops_assets.evidence.privacy.membership import membership_findings, membership_inference
from mlops_assets.evidence.privacy.membership_rows import (
    FEWEST_ROWS,
    ROWS_A_CLASS,
    Audit,
    audit_rows,
)
from mlops_assets.target_declaration import Task
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return features(3000)


def attacked(
    rows: pd.DataFrame, use_case: UseCase, leaf: int, workers: int = 1
) -> dict[str, object]:
    task = use_case.target.task
    audit = audit_rows(rows, use_case)
    released = forest(task, leaf)(rows[rows["split"] == "train"], 99)
    return membership_inference(audit, use_case, released, forest(task, leaf), workers=workers)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_an_overfitted_forest_is_caught(make_use_case: MakeUseCase, task: Task) -> None:
    use_case = make_use_case(**declared_for(task))
    report = attacked(features(3000, task=task), use_case, leaf=1)
    at_1_percent, at_01_percent = membership_findings(report)
    assert at_1_percent.measure == "membership_tpr_at_1_percent"
    assert at_1_percent.enough and at_1_percent.low is not None and at_1_percent.low > 0.1
    assert at_01_percent.measure == "membership_tpr_at_01_percent"
    assert not at_01_percent.enough  # 750 calibration rows cannot show one in a thousand


def test_a_regularised_forest_is_not(make_use_case: MakeUseCase, rows: pd.DataFrame) -> None:
    report = attacked(rows, make_use_case(**declared_for("binary")), leaf=100)
    finding = membership_findings(report)[0]
    assert finding.low is not None and finding.low < 0.01
    assert finding.high is not None and finding.high < 0.1


def test_the_result_does_not_depend_on_the_workers(
    make_use_case: MakeUseCase, rows: pd.DataFrame
) -> None:
    use_case = make_use_case(**declared_for("binary"))
    one, two = (attacked(rows, use_case, leaf=5, workers=workers) for workers in (1, 2))
    assert json_bytes(one) == json_bytes(two)


def test_the_attack_that_counts_is_the_better_one_on_models_of_the_attacker(
    make_use_case: MakeUseCase, rows: pd.DataFrame
) -> None:
    report = attacked(rows, make_use_case(**declared_for("binary")), leaf=5)
    attacks = report["attacks"]
    assert isinstance(attacks, dict)
    best = max(attacks, key=lambda name: attacks[name]["rehearsed"])
    assert report["attack"] == best
    assert (
        membership_findings(report)[0].value
        == (attacks[best]["recognised"]["membership_tpr_at_1_percent"]["value"])
    )


def audited(rows: pd.DataFrame, use_case: UseCase) -> tuple[Audit, pd.DataFrame]:
    """The audit, and its rows with the place each came from."""
    numbered = rows.assign(place=np.arange(len(rows)))
    audit = audit_rows(numbered, use_case)
    return audit, pd.concat([audit.pool, audit.others])


def test_nobody_is_audited_twice_and_members_were_learned_from(
    make_use_case: MakeUseCase, rows: pd.DataFrame
) -> None:
    audit, every = audited(rows, make_use_case(**declared_for("binary")))
    assert every["place"].is_unique
    assert (audit.pool["split"][audit.is_member] == "train").all()
    assert (audit.pool["split"][~audit.is_member] == "calibration").all()
    assert (audit.others["split"] == "train").all()
    counts = audit.others["late"][: audit.needed].value_counts()
    assert (counts == ROWS_A_CLASS).all() and len(counts) == 2


def test_half_of_the_pool_fits_into_a_model(make_use_case: MakeUseCase) -> None:
    use_case = make_use_case(**declared_for("binary", most=200))
    audit = audit_rows(features(3000), use_case)
    assert 350 < len(audit.pool) <= 400
    assert audit.members > 100


def test_whole_days_are_learned_from_or_not(make_use_case: MakeUseCase) -> None:
    declared = declared_for("binary")
    declared["columns"] = {**declared["columns"], "due": {"type": "timestamp"}}
    declared["training"]["split"] = {"time_column": "due"}
    rows = features(4000).drop(columns="split")
    days = np.random.default_rng(1).integers(0, 80, len(rows))
    rows["due"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")
    rows["split"] = np.where(days >= 70, "test", np.where(days % 5 == 2, "calibration", "train"))
    use_case = make_use_case(**declared)
    audit, _ = audited(rows, use_case)
    tried = set(audit.pool["due"])
    assert tried.isdisjoint(set(audit.others["due"]))
    assert len(np.unique(audit.clusters)) == len(tried)
    report = attacked(rows, use_case, leaf=1)
    assert report["days"] == len(tried)
    assert membership_findings(report)[0].value > 0.1  # type: ignore[operator]


def test_a_class_that_only_members_had_goes_to_the_other_rows(make_use_case: MakeUseCase) -> None:
    use_case = make_use_case(**declared_for("multiclass"))
    rows = features(2000, task="multiclass")
    rows = rows[(rows["late"] != 2) | (rows["split"] == "calibration")]
    rare = features(2000, seed=5, task="multiclass").query("late == 2 and split == 'train'").head(6)
    audit = audit_rows(pd.concat([rows, rare], ignore_index=True), use_case)
    assert (audit.others["late"] == 2).sum() >= ROWS_A_CLASS


def test_too_few_rows_are_refused_with_what_to_do(make_use_case: MakeUseCase) -> None:
    use_case = make_use_case(**declared_for("binary"))
    with pytest.raises(BatchError, match=f"needs {FEWEST_ROWS} of each: widen training.window"):
        audit_rows(features(60), use_case)
