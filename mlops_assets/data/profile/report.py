"""The report on a batch's profile: the figures of each column and pair, read off its summary.

Belongs here: everything a summary says, up to the report. Does not belong here: counting the rows
(``summary.py``), the figures of one column (``figures.py``), what stands out in words
(``insights.py``) or the layout of the page (``page.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.data.profile.figures import describe_series
from mlops_assets.data.profile.insights import LIMITS, insights
from mlops_assets.data.profile.relations import associations, changes, comparable
from mlops_assets.data.profile.summary import Summary
from mlops_assets.data.profile.target_figures import label_figures
from mlops_assets.data.waterfall import Steps, batch_waterfall
from mlops_assets.use_case import UseCase

PATTERNS_SHOWN = 20

Figures = dict[str, Any]


def profile_report(
    summary: Summary,
    *,
    use_case: UseCase,
    batch: str,
    counts: Mapping[str, Any],
    earlier: Sequence[Mapping[str, Any]],
) -> Figures:
    """Everything the summary of a batch says, JSON-able. ``counts`` are those of the cleaning,
    ``earlier`` the reports of earlier batches, oldest first.

    Raises ``BatchError`` where the counts do not add up or are not those of the summary's rows.
    """
    rows, labelled, _ = summary["rows"]
    steps = batch_waterfall(counts, batch=batch, rows=rows, labelled=labelled)
    report: Figures = {
        "batch": batch,
        **describe(summary, use_case, steps, [counts]),
        "earlier_batches": [report["batch"] for report in earlier],
    }
    report["changes"] = changes(report["comparison"], earlier)
    report["insights"] = insights(report)
    return report


def describe(
    summary: Summary, use_case: UseCase, waterfall: Steps, counts: Sequence[Mapping[str, Any]]
) -> Figures:
    """What a summary says by itself, of one batch or of several. ``waterfall`` leads to its rows;
    ``counts`` are those of the cleaning, one a batch."""
    place = {name: position for position, name in enumerate(summary["columns"])}
    # A summary that was stored as JSON has its series in another order.
    names = sorted(summary["series"], key=lambda n: (place[summary["series"][n]["column"]], n))
    return {
        "use_case": use_case.title,
        "target": use_case.target.column,
        "rows": summary["rows"][0],
        "labels": label_figures(summary, use_case),
        "limits": {**LIMITS, "change": use_case.monitoring.min_distance},
        "waterfall": waterfall,
        "quarantine_reasons": _quarantine_reasons(counts),
        "series": [describe_series(name, summary["series"][name], use_case) for name in names],
        "missing": _missing_patterns(summary),
        "associations": associations(summary),
        "comparison": {
            n: comparable(n, one) for n, one in summary["series"].items() if one["kind"] != "time"
        },
    }


def _quarantine_reasons(counts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    codes = sorted({code for one in counts for code in one.get("reasons", {})})
    return {code: sum(one.get("reasons", {}).get(code, 0) for one in counts) for code in codes}


def _missing_patterns(summary: Summary) -> Figures:
    """Which columns are missing together, commonest first, and in how many rows each two are."""
    names = summary["columns"]
    kept = [
        ([names[int(i)] for i in pattern.split()], n[0])
        for pattern, n in summary["patterns"]["values"].items()
    ]
    together: dict[str, dict[str, int]] = {}
    for columns, rows in kept:
        for a in columns:
            for b in columns:
                together.setdefault(a, {})[b] = together.get(a, {}).get(b, 0) + rows
    kept.sort(key=lambda pair: (-pair[1], pair[0]))
    shown = [{"columns": columns, "rows": rows} for columns, rows in kept[:PATTERNS_SHOWN]]
    counted = sum(pattern["rows"] for pattern in shown)
    return {"patterns": shown, "other_rows": summary["rows"][0] - counted, "together": together}
