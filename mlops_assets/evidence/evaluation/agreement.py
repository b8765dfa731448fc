"""How far a form of the model is from the one it was made from, over all rows and slice by slice.

Belongs here: the comparison of two forms' answers with its limits and verdicts, and which form they
allow to be released. Does not belong here: how the answers came about (``export/``), which rows a
slice holds (``groups.py``), how it is shown (``agreement_page.py``), what a server answers
(``release/infra_check.py``).

Three figures, each beside its limit: the largest difference of a row; flips, the share of rows that
are answered otherwise (another class; of a regression, another interval around the prediction); the
rise of the loss. Over all rows a figure above its limit is beyond it. In a slice the largest
difference is held to the same limit however few rows there are, but a share or a mean of few rows
may be above its limit by chance: it is beyond where chance is ruled out at ``CONFIDENCE`` (by the
binomial tail, or the normal bound of the mean), and else insufficient evidence.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Cut, Labels, decisions, differences, row_losses
from mlops_assets.evidence.metrics.bootstrap import MIN_ROWS, Values
from mlops_assets.policy_declaration import Limits
from mlops_assets.reporting.page import Number
from mlops_assets.reporting.text import Text, in_language, mark, say
from mlops_assets.target_declaration import Task

CONFIDENCE = 0.95
"""One-sided confidence at which chance is ruled out in a slice."""
ALL_ROWS = "all rows"

Form = Literal["onnx", "quantized"]
FigureVerdict = Literal["within", "beyond", "insufficient evidence"]


@dataclass(frozen=True)
class Tolerance:
    """The limits of one comparison; ``differences`` says the unit of ``difference``."""

    difference: float
    flips: float
    loss_rise: float


def tolerances(limits: Limits) -> dict[str, Tolerance]:
    """The limits of each form against the one it was made from. The float form must be within those
    of the 8-bit one as well."""
    return {
        "onnx": Tolerance(limits.onnx_difference, limits.quantized_flips, limits.quantized_loss),
        "quantized": Tolerance(
            limits.quantized_difference, limits.quantized_flips, limits.quantized_loss
        ),
    }


@dataclass(frozen=True)
class _Rows:
    """What each row's two answers are to each other, ``[n]``; ``finite`` where both are numbers."""

    finite: NDArray[np.bool_]
    apart: Values
    flipped: NDArray[np.bool_]
    loss_rise: Values


def compare_forms(
    task: Task,
    labels: Labels,
    before: Answers,
    after: Answers,
    groups: Mapping[str, NDArray[np.bool_]],
    tolerance: Tolerance,
    variance: float = 1.0,
    cut: Cut | None = None,
) -> dict[str, Any]:
    """How far ``after`` is from ``before``, answers ``[n, k]`` of the same rows to ``labels``
    ``[n]``, over all rows and in each of ``groups``, masks ``[n]`` by name. ``cut`` decides, by
    default as ``decisions`` does.

    ``agrees`` where no figure is beyond its limit anywhere, every answer is finite, and there is a
    row. Raises ``ValueError`` where the shapes differ.
    """
    rows = _compare_rows(task, labels, before, after, tolerance, variance, cut)
    everything = np.ones(len(labels), bool)
    parts = [
        _part(name, rows, mask, tolerance, strict=name == ALL_ROWS)
        for name, mask in ({ALL_ROWS: everything} | dict(groups)).items()
    ]
    return {
        "limits": asdict(tolerance),
        "parts": parts,
        "agrees": len(labels) > 0 and not any(beyond(part) for part in parts),
    }


def beyond(part: Mapping[str, Any]) -> list[str]:
    """The figures of a part that are beyond their limits."""
    return [name for name in FIGURES if part[name]["verdict"] == "beyond"]


FIGURES = {
    "difference": mark("largest difference"),
    "flips": mark("share answered otherwise"),
    "loss_rise": mark("rise of the loss"),
}


def released_form(
    agreement: Mapping[str, Any], sizes: Mapping[str, int | None]
) -> tuple[Form, tuple[str, ...]]:
    """Which form is released, and why: the quantized one where it is within its limits everywhere
    and its file is smaller. ``agreement`` holds ``compare_forms`` of ``quantized`` with ``onnx``
    under its name (``None`` where there is no such form), ``sizes`` the bytes of both files."""
    form, reasons = form_reasons(agreement, sizes)
    return form, tuple(in_language(reason) for reason in reasons)


def form_reasons(
    agreement: Mapping[str, Any], sizes: Mapping[str, int | None]
) -> tuple[Form, tuple[Text, ...]]:
    """``released_form`` with reasons that can be said in another language."""
    found, before, after = agreement.get("quantized"), sizes.get("onnx"), sizes.get("quantized")
    if found is None:
        return "onnx", (say("there is no quantized form"),)
    against = [_shortfall(part, name) for part in found["parts"] for name in beyond(part)]
    if not found["agrees"] and not against:
        against.append(say("the quantized form was compared on no row"))
    if before is None or after is None:
        against.append(say("the size of the quantized form or of the float form is unknown"))
    elif after >= before:
        sizes_in_words = mark(
            "the quantized form has {after:,} bytes, and the float form {before:,}"
        )
        against.append(say(sizes_in_words, after=after, before=before))
    if against or before is None or after is None:
        return "onnx", tuple(against)
    return "quantized", (
        say(
            "the quantized form is within its limits over all rows and in every slice and group, "
            "and its file is {ratio:.2f} of the float form's",
            ratio=after / before,
        ),
    )


def _shortfall(part: Mapping[str, Any], name: str) -> Text:
    figure = part[name]
    words = {"part": part["name"], "figure": say(FIGURES[name]), "limit": figure["limit"]}
    if figure["value"] is None:
        return say("{part}: {figure} not a number, and the limit is {limit:.4g}", **words)
    return say(
        "{part}: {figure} {value:.4g}, and the limit is {limit:.4g}", value=figure["value"], **words
    )


def _compare_rows(
    task: Task,
    labels: Labels,
    before: Answers,
    after: Answers,
    tolerance: Tolerance,
    variance: float,
    cut: Cut | None,
) -> _Rows:
    if before.shape != after.shape or len(before) != len(labels):
        raise ValueError(
            f"answers of different shapes, {before.shape} and {after.shape}, to {labels.shape}"
        )
    finite = np.isfinite(np.concatenate([before, after], axis=1)).all(axis=1)
    first, second = (np.where(finite[:, None], one, 0.0) for one in (before, after))
    loss_rise = row_losses(task, labels, second, variance) - row_losses(
        task, labels, first, variance
    )
    apart = differences(task, first, second, variance)
    flipped = _flipped(task, first, second, tolerance.difference * np.sqrt(variance), cut)
    return _Rows(finite, apart, flipped, loss_rise)


def _flipped(
    task: Task, before: Answers, after: Answers, tolerated: float, cut: Cut | None
) -> NDArray[np.bool_]:
    first, second = decisions(task, before, cut), decisions(task, after, cut)
    if first is None or second is None:
        moved = (after[:, 1:] - after[:, :1]) - (before[:, 1:] - before[:, :1])
        return np.asarray((np.abs(moved) > tolerated).any(axis=1), np.bool_)
    return np.not_equal(first, second)


def _part(
    name: str, rows: _Rows, mask: NDArray[np.bool_], tolerance: Tolerance, *, strict: bool
) -> dict[str, Any]:
    n, broken = int(mask.sum()), int((mask & ~rows.finite).sum())
    part: dict[str, Any] = {"name": name, "rows": n, "rows_not_finite": broken}
    if n == 0 or broken:
        verdict: FigureVerdict = "beyond" if broken else "insufficient evidence"
        limits = asdict(tolerance)
        return part | {figure: _figure(None, limits[figure], verdict) for figure in FIGURES}
    apart, flips = float(rows.apart[mask].max()), int(rows.flipped[mask].sum())
    # Sorted, so that the order of the rows does not change the last bit of the sum.
    rises = np.sort(rows.loss_rise[mask])
    judged = strict or n >= MIN_ROWS
    by_share = judged and (strict or _flips_beyond_chance(flips, n, tolerance.flips))
    by_mean = judged and (strict or _rises_beyond_chance(rises, tolerance.loss_rise))
    return part | {
        "difference": _judged(apart, tolerance.difference, judged=True, certain=True),
        "flips": _judged(flips / n, tolerance.flips, judged=judged, certain=by_share),
        "loss_rise": _judged(
            float(rises.mean()), tolerance.loss_rise, judged=judged, certain=by_mean
        ),
    }


def _judged(value: float, limit: float, *, judged: bool, certain: bool) -> dict[str, Any]:
    """A figure above its limit is beyond it only where that is ``certain``."""
    verdict: FigureVerdict = "insufficient evidence"
    if judged and value <= limit:
        verdict = "within"
    elif certain:
        verdict = "beyond"
    return _figure(value, limit, verdict)


def _figure(value: Number, limit: float, verdict: FigureVerdict) -> dict[str, Any]:
    return {"value": value, "limit": limit, "verdict": verdict}


def _flips_beyond_chance(flips: int, rows: int, limit: float) -> bool:
    """Whether so many flips are unlikely if their share were at the limit."""
    from scipy.stats import binom

    return bool(binom.sf(flips - 1, rows, limit) < 1.0 - CONFIDENCE)


def _rises_beyond_chance(rises: Values, limit: float) -> bool:
    error = float(rises.std(ddof=1)) / np.sqrt(len(rises))
    return bool(rises.mean() - NormalDist().inv_cdf(CONFIDENCE) * error > limit)
