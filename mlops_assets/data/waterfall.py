"""The way of the rows from the source to the training set, in steps that add up exactly.

Belongs here: the steps of a batch and of a training window, and whether they add up. Does not
belong here: what takes rows away (``cleaning/cleaning.py``, ``features.py``), or how the steps are
shown (``profile/page.py``).

A step is ``{"step": name, "rows": number}``. What takes rows away is zero or negative; the steps
named in ``TOTALS`` say how many are left, each counted by itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.data.batch_error import BatchError

DELIVERED, CLEANED = "delivered", "cleaned rows"
LABELLED, TRAIN = "labelled rows", "train rows"
TOTALS = (DELIVERED, CLEANED, LABELLED, TRAIN)

Steps = list[dict[str, Any]]


def batch_waterfall(counts: Mapping[str, Any], *, batch: str, rows: int, labelled: int) -> Steps:
    """From the delivered to the labelled rows of a batch. ``counts`` are those of the cleaning;
    ``rows`` and ``labelled`` are counted on the cleaned rows.

    Raises ``BatchError`` where the steps do not add up.
    """
    steps = [*_cleaning_steps([counts], rows), _step(LABELLED, labelled)]
    if counts["rows_out"] != rows or not waterfall_adds_up(steps):
        raise BatchError(f"batch {batch}: the counts of its rows do not add up: clean it again")
    return steps


def window_waterfall(
    counts: Mapping[str, Mapping[str, Any]],
    splits: Mapping[str, int],
    excluded: Mapping[str, str],
) -> Steps:
    """From the delivered rows of a window's batches to its train split.

    ``counts`` are those of the cleaning by batch, ``splits`` the rows of each split, ``train``
    among them. Batches in ``excluded`` are no part of the window and not counted. Whether the
    steps add up is for ``waterfall_adds_up`` to say.
    """
    own = [one for batch, one in counts.items() if batch not in excluded]
    set_aside = [
        _step(f"set aside: {name}", -n) for name, n in sorted(splits.items()) if name != "train"
    ]
    return [
        *_cleaning_steps(own, sum(one["rows_out"] for one in own)),
        _step(LABELLED, sum(splits.values())),
        *set_aside,
        _step(TRAIN, splits["train"]),
    ]


def waterfall_adds_up(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the steps begin with what was delivered, none before a total adds rows or takes more
    than there are, and every total is what is left there; the last step is a total."""
    if not steps or steps[0]["step"] != DELIVERED or steps[-1]["step"] not in TOTALS[1:]:
        return False
    left = steps[0]["rows"]
    for step in steps[1:]:
        rows = step["rows"]
        if step["step"] in TOTALS:
            if rows != left:
                return False
        elif rows > 0 or left + rows < 0:
            return False
        else:
            left += rows
    return bool(left >= 0)


def _cleaning_steps(counts: Sequence[Mapping[str, Any]], rows: int) -> Steps:
    """What the cleaning and missing labels took away, summed over batches."""
    rules = sorted({rule for one in counts for rule in one["removed"]})
    return [
        _step(DELIVERED, sum(one["rows_in"] for one in counts)),
        _step("quarantined", -sum(one["quarantined"] for one in counts)),
        _step("duplicates", -sum(one.get("duplicates", 0) for one in counts)),
        *(
            _step(f"removed: {rule}", -sum(one["removed"].get(rule, 0) for one in counts))
            for rule in rules
        ),
        _step(CLEANED, rows),
        _step("without a label", -sum(one["unlabelled"] for one in counts)),
    ]


def _step(name: str, rows: int) -> dict[str, Any]:
    return {"step": name, "rows": rows}
