"""Whether what a batch showed calls for retraining.

Belongs here: the decision, as a pure function of the batch's two reports. Does not belong here:
when it is asked and what follows (``sensors/retraining.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_assets.policy_declaration import Monitoring


@dataclass(frozen=True)
class Verdict:
    """Whether to retrain, and why or why not, in a sentence."""

    retrain: bool
    why: str


def judge(
    drift: Mapping[str, Any] | None, performance: Mapping[str, Any] | None, monitoring: Monitoring
) -> Verdict:
    """Retrain where performance is lost, or where drift reaches ``min_weighted_distance``, each
    column weighted with its share of the champion's attribution. A report that is missing
    (``None``) or could not run never counts as good news: the sentence says so."""
    causes, quiet = [], []
    limit = monitoring.min_weighted_distance
    lost = None if performance is None else performance["lost"]
    if lost is True:
        causes.append("lost performance")
    elif lost is None:
        quiet.append("performance unknown")
    else:
        quiet.append("performance held")
    drifted = None if drift is None else drift["drifted"]
    weighted = None if drift is None else drift["weighted_distance"]
    if drifted is True and drift is not None:
        columns = ", ".join(drift["drift_features"][:3]) or "the champion's answers"
        if not drift["drift_features"] or weighted is None or weighted >= limit:
            causes.append(f"drift in {columns}")
        else:
            quiet.append(
                f"drift in {columns}, but weighted with what the champion uses it is "
                f"{weighted:.3f}, and {limit} calls for retraining"
            )
    elif drifted is None:
        quiet.append("drift unknown")
    else:
        quiet.append("no drift")
    return Verdict(bool(causes), "; ".join(causes or quiet))


def cooled_down(arrived_since_training: int, cooldown_batches: int) -> bool:
    """Whether enough new batches have arrived since the last training."""
    return arrived_since_training >= cooldown_batches
