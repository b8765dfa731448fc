"""Whether a training window holds enough of everyone the model is for.

Belongs here: each sensitive group's share against the reference, and the verdicts. Does not belong
here: which groups there are (``groups.py``), what is counted of them and what may be written down
(``group_counts.py``), shortfalls in words (``shortfalls.py``), the page (``page.py``) or what
training does about a shortfall (``training/remedies.py``).
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlops_assets.data.representation.group_counts import (
    FEWEST_SHOWN,
    MOST_CROSSINGS,
    MOST_GROUPS_COMPARED,
    ROWS_TO_COMPARE,
    TEST,
    TRAIN,
    Counted,
    Figures,
    Rows,
    count,
    crossings,
    figures,
    is_hidden,
    label_rate,
    may_be_named,
    rate_differences,
    totals,
)
from mlops_assets.data.representation.groups import MISSING, Grouping, with_reference
from mlops_assets.data.representation.proportions import CONFIDENCE, UNKNOWN, Estimate, wilson
from mlops_assets.data.representation.shortfalls import (
    ABSENT,
    FINE,
    NO_REFERENCE,
    NOT_COMPARABLE,
    NOT_IN_REFERENCE,
    SMALL,
    UNDER,
    shortfalls,
)
from mlops_assets.reporting.text import as_data, in_language
from mlops_assets.rows_declaration import Representation
from mlops_assets.use_case import UseCase

Shares = Mapping[str, float]


def representation_report(features: pd.DataFrame, use_case: UseCase) -> Figures:
    """The figures of a training window, as ``report.json`` holds them.

    ``features`` are rows as ``build_features`` returns them: ``batch``, ``split``, the sensitive
    columns, and the target as a number (missing: no label). A group's share is that of the train
    rows that say which group they are of. The reference is taken as exact, so that the interval of
    a ratio is that of the share divided by it. Label rates are over the whole window, and only of a
    binary target. A count of one to four is the text ``fewer than 5``, and what would give it away
    is ``None``.
    """
    declared = use_case.representation
    rows = Rows.of(features, use_case.target)
    groupings, counted, columns = [], [], []
    for name in use_case.sensitive:
        grouping = may_be_named(features, name, use_case)
        extended, shares = with_reference(grouping, declared.reference.get(name, {}))
        groupings.append(grouping)
        counted.append(count(extended, rows))
        columns.append(_column(counted[-1], shares, use_case))
    every, labelled = totals(rows)
    return {
        "use_case": use_case.title,
        "target": use_case.target.column,
        "batches": sorted(str(batch) for batch in features["batch"].unique()),
        "rows": every,
        "labelled": labelled,
        **({"label_rate": label_rate(rows)} if rows.is_binary else {}),
        "limits": _limits(declared),
        "reference_source": declared.reference_source,
        "policy": declared.policy,
        "columns": columns,
        "differences": rate_differences(counted),
        "crossings": crossings(groupings, rows, declared.min_rows),
        "shortfalls": [
            {"group": group["group"], "text": in_language(words), "said": as_data(words)}
            for column in columns
            for group in column["groups"]
            for words in shortfalls(group, declared)
        ],
    }


def representation_holds(report: Mapping[str, Any]) -> bool:
    """Whether no group falls short. Crossings, and rows that do not say, are shown and do not
    decide: with a few columns some combination is always rare. Nor does a column without a
    reference: what was not asked cannot fail."""
    return not report["shortfalls"]


def _limits(declared: Representation) -> Figures:
    return {
        "min_rows": declared.min_rows,
        "min_ratio": declared.min_ratio,
        "confidence": CONFIDENCE,
        "fewest_rows_shown": FEWEST_SHOWN,
        "rows_to_compare": ROWS_TO_COMPARE,
        "groups_compared": MOST_GROUPS_COMPARED,
        "crossings_shown": MOST_CROSSINGS,
    }


def _column(counted: Counted, shares: Shares, use_case: UseCase) -> Figures:
    name, places = counted.grouping.column, range(len(counted.grouping.labels))
    return {
        "column": name,
        "description": use_case.columns[name].description,
        "cut": counted.grouping.cut,
        "has_reference": bool(shares),
        "groups": [_group(counted, place, shares, use_case.representation) for place in places],
    }


def _group(counted: Counted, place: int, shares: Shares, declared: Representation) -> Figures:
    grouping, train = counted.grouping, int(counted.rows[place, TRAIN])
    label = grouping.labels[place]
    share = wilson(train, _compared_with(counted, place, shares))
    ratio = share.divided_by(shares.get(label))
    return {
        **figures(counted, place),
        "label": label,
        "says": place not in grouping.unknown,
        "share": (UNKNOWN if is_hidden(train) else share).as_figures(),
        "reference": shares.get(label),
        "ratio": (UNKNOWN if is_hidden(train) else ratio).as_figures(),
        "verdicts": _verdicts(counted, place, ratio, shares, declared),
    }


def _compared_with(counted: Counted, place: int, shares: Shares) -> int:
    """Train rows that a group is a share of: those that say, and all for those that do not, or
    where the reference counts them as well."""
    grouping, train = counted.grouping, counted.rows[:, TRAIN]
    silent = sum(int(train[i]) for i in grouping.unknown)
    counts_all = place in grouping.unknown or MISSING in shares
    return int(train.sum()) - (0 if counts_all else silent)


def _verdicts(
    counted: Counted, place: int, ratio: Estimate, shares: Shares, declared: Representation
) -> list[str]:
    grouping: Grouping = counted.grouping
    label, occurs = grouping.labels[place], bool(counted.rows[place].any())
    if not occurs and shares.get(label) == 0.0:
        return [FINE]
    said = {
        ABSENT: not occurs,
        UNDER: ratio.high is not None and ratio.high < declared.min_ratio,
        NOT_COMPARABLE: bool(shares.get(label)) and ratio.high is None,
        SMALL: bool(counted.labelled[place, TEST] < declared.min_rows),
        NO_REFERENCE: not shares,
        NOT_IN_REFERENCE: bool(shares) and label not in shares and place not in grouping.unknown,
    }
    return [verdict for verdict, holds in said.items() if holds] or [FINE]
