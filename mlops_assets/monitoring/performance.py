"""How well the champion predicted a batch, once its labels are there.

Belongs here: the champion's metrics on the batch beside those of its own test split, the verdict
whether performance is lost, the report. Does not belong here: how a metric is computed
(``evidence/metrics/``), the page (``performance_page.py``), or what lost performance leads to
(``retraining.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.answers import Answers, Cut, Labels
from mlops_assets.evidence.metrics.bootstrap import MIN_ROWS
from mlops_assets.evidence.metrics.group_metrics import Groups, by_group
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate
from mlops_assets.policy_declaration import Retraining
from mlops_assets.reporting.page import Number
from mlops_assets.target_declaration import Task

Metrics = Mapping[str, Mapping[str, Number]]


def performance_report(
    task: Task,
    labels: Labels,
    answers: Answers,
    groups: Groups,
    *,
    use_case: str,
    batch: str,
    champion: str,
    rows: int,
    reference: Metrics,
    retraining: Retraining,
    variance: float,
    seed: int,
    cut: Cut | None = None,
    served: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The report as JSON-able data.

    ``labels`` ``[n]``, the champion's ``answers`` ``[n, k]`` (as in ``mlops_assets.answers``) and
    the masks of ``groups`` are those of the batch's labelled rows; ``rows`` counts the others too.
    ``reference`` are the champion's metrics on its own test split: value, low and high by name;
    ``variance`` is that of the labels it was trained on. ``champion`` is the release's hash,
    ``use_case`` its title. ``cut`` is what it decides these rows by. ``served`` is what was
    answered live of the batch (of ``served.served_performance``); the verdict has no part of it.

    ``lost`` is ``True`` where the loss rose by at least ``max_loss_rise`` over the reference and
    the lower bound of its interval lies above the upper bound of the reference's; ``None`` where
    that is unknown: no reference, or fewer than 50 labelled rows.

    Raises ``ValueError`` as ``evaluate`` does.
    """
    found = evaluate(task, labels, answers, seed=seed, variance=variance, cut=cut)
    metrics = {name: estimate.to_dict() for name, estimate in found.items()}
    before = reference.get("loss", {})
    lost = None
    if len(labels) >= MIN_ROWS:
        lost = _is_lost(metrics["loss"], before, retraining.max_loss_rise)
    return {
        "use_case": use_case,
        "task": task,
        "batch": batch,
        "champion": champion,
        "rows": rows,
        "labelled": len(labels),
        "metrics": metrics,
        "reference": {name: dict(reference.get(name, {})) for name in METRICS[task]},
        "groups": [
            group.to_dict()
            for group in by_group(task, labels, answers, groups, variance=variance, cut=cut)
        ],
        "loss_rise": _rise(metrics["loss"], before),
        "max_loss_rise": retraining.max_loss_rise,
        "min_labelled": MIN_ROWS,
        "lost": lost,
        "served": None if served is None else dict(served),
    }


def _rise(now: Mapping[str, Number], before: Mapping[str, Number]) -> Number:
    value, reference = now.get("value"), before.get("value")
    return None if value is None or reference is None else value - reference


def _is_lost(
    now: Mapping[str, Number], before: Mapping[str, Number], max_rise: float
) -> bool | None:
    rise, low, high = _rise(now, before), now.get("low"), before.get("high")
    if rise is None or low is None or high is None:
        return None
    return low > high and rise >= max_rise
