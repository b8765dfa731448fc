"""Groups are counted whatever the target; a label rate is said of a binary one alone."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.features import build_features
from mlops_assets.data.representation.page import representation_page
from mlops_assets.data.representation.report import representation_report
from mlops_assets.target_declaration import Task
from mlops_assets.use_case import UseCase


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_groups_are_counted_and_only_a_binary_target_has_rates(
    task: Task,
    use_case_of: Callable[..., UseCase],
    batch_of: Callable[..., pa.Table],
    declared: Callable[[], dict[str, Any]],
) -> None:
    columns = declared()["columns"]
    columns["city"]["role"] = "sensitive"
    use_case = use_case_of(task, columns=columns)
    rows = clean(batch_of(task, rows=2000), use_case, "b").rows.to_pandas()
    features = build_features({"2020-01": rows}, use_case)

    report = representation_report(features, use_case)
    page = representation_page(report)

    by_group = features.groupby(["group", "split"]).size()
    (groups,) = [one["groups"] for one in report["columns"] if one["column"] == "group"]
    for place, group in enumerate(groups):
        assert group["rows"]["train"] == group["labelled"]["train"] == by_group[place + 1, "train"]
    is_binary = task == "binary"
    assert ("label_rate" in report) == ("label_rate" in groups[0]) == is_binary
    assert bool(report["differences"]) == is_binary
    text = (json_bytes(report).decode() + repr(page)).lower()
    assert ("positive" in text) == ("label rate" in text) == is_binary
