"""What a summary says of the target's own distribution, as it fits the task.

Belongs here: the figures of labels, of a whole summary and by batch. Does not belong here: the
figures of any other column (``figures.py``), what stands out (``insights.py``,
``window_changes.py``) or how it is shown (``target_sections.py``).

Binary: ``labelled``, ``unlabelled``, ``positives``, ``positive_share``. Multiclass: the first two,
and ``classes`` in the order of the use case, each with its share and 95% interval (E. Wilson,
1927). Regression: the first two, ``minimum``, ``quartiles`` and ``maximum``.
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.data.profile.figures import describe_series, rate_figures
from mlops_assets.data.profile.series import level_name
from mlops_assets.data.profile.summary import Summary
from mlops_assets.data.representation.proportions import wilson
from mlops_assets.use_case import UseCase

Figures = dict[str, Any]


def label_figures(summary: Summary, use_case: UseCase) -> Figures:
    """The labels of all rows of a summary."""
    rows, labelled, positives = summary["rows"]
    figures: Figures = {"labelled": labelled, "unlabelled": rows - labelled}
    match use_case.target.task:
        case "binary":
            share = positives / labelled if labelled else None
            return figures | {"positives": positives, "positive_share": share}
        case "multiclass":
            return figures | {"classes": _classes(summary, use_case, labelled)}
        case "regression":
            return figures | _numbers(summary, use_case)


def balance(summaries: Mapping[str, Summary], use_case: UseCase) -> list[Figures]:
    """Rows and labels of each batch."""
    found = []
    for batch, summary in summaries.items():
        figures = rate_figures(summary["rows"])
        if use_case.target.task != "binary":
            figures = {"rows": summary["rows"][0], **label_figures(summary, use_case)}
        found.append({"batch": batch, **figures})
    return found


def _classes(summary: Summary, use_case: UseCase, labelled: int) -> list[Figures]:
    counted = summary["series"][use_case.target.column]["values"]
    found = []
    for name in use_case.target.class_names:
        rows = counted.get(level_name(name), [0])[0]
        share = wilson(rows, labelled)
        found.append(
            {
                "class": name,
                "rows": rows,
                "share": share.value,
                "low": share.low,
                "high": share.high,
            }
        )
    return found


def _numbers(summary: Summary, use_case: UseCase) -> Figures:
    column = use_case.target.column
    described = describe_series(column, summary["series"][column], use_case)
    return {name: described[name] for name in ("minimum", "quartiles", "maximum")}
