"""What the training window is, in documents beside its rows.

Belongs here: putting together what is said about the window. Does not belong here: choosing and
dividing its rows (``features.py``), or each of the examinations (``leakage/report.py``,
``representation/report.py``, ``waterfall.py``).
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlops_assets.data.features import describe_features
from mlops_assets.data.leakage.report import leakage_report
from mlops_assets.data.representation.report import representation_report
from mlops_assets.monitoring.histograms import summarise
from mlops_assets.use_case import UseCase


def describe_window(
    rows: pd.DataFrame,
    batches: Mapping[str, pd.DataFrame],
    use_case: UseCase,
    *,
    cleaned: Mapping[str, str],
    counts: Mapping[str, Mapping[str, Any]],
    excluded: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """Documents by file name. ``rows`` are the features, made of ``batches``; ``cleaned`` are the
    hashes of these, ``counts`` what became of their rows, and ``excluded`` the batches that may not
    be learned from, with why."""
    monitored = {n: c for n, c in use_case.columns.items() if c.is_input or c.role == "sensitive"}
    return {
        "features.json": describe_features(rows, use_case, cleaned, counts, excluded),
        "leakage.json": leakage_report(rows, use_case, batches),
        "representation.json": representation_report(rows, use_case),
        "reference.json": summarise(rows[rows["split"] == "train"], monitored),
    }
