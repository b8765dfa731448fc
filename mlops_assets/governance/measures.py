"""The measures that a policy may limit: in which report each is, its bound, and its meaning.

Belongs here: the one table of measures. Does not belong here: how one is computed (``evidence/``),
its limits (``policies/*.yaml``) or the verdict on it (``policy.py``).
"""

from dataclasses import dataclass
from typing import Literal

from mlops_assets.evidence_declaration import FairnessDefinition
from mlops_assets.reporting.text import mark

Bound = Literal["at most", "at least"]


@dataclass(frozen=True)
class Measure:
    """What can be limited: the report it is in, which bound a limit is, and its meaning."""

    name: str
    report: str
    bound: Bound
    words: str


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "calibration_error",
            "evaluation_report",
            "at most",
            mark("expected calibration error, or shortfall of the interval's coverage"),
        ),
        Measure(
            "slice_loss_ratio",
            "evaluation_report",
            "at most",
            mark("loss in a slice, by the loss over all rows"),
        ),
        Measure(
            "selection_rate_ratio",
            "fairness_report",
            "at least",
            mark("selection rate of a group, by that of all rows"),
        ),
        Measure(
            "equal_opportunity_difference",
            "fairness_report",
            "at most",
            mark("true-positive rate of a group and of all rows, difference"),
        ),
        Measure(
            "equalized_odds_difference",
            "fairness_report",
            "at most",
            mark("true- and false-positive rate of a group and of all rows, larger difference"),
        ),
        Measure(
            "predictive_parity_difference",
            "fairness_report",
            "at most",
            mark("precision of a group and of all rows, difference"),
        ),
        Measure(
            "group_calibration_difference",
            "fairness_report",
            "at most",
            mark("mean answer and mean outcome of a group, difference"),
        ),
        Measure(
            "error_cost_ratio",
            "fairness_report",
            "at most",
            mark("mean cost of errors in a group, by that of all rows"),
        ),
        Measure(
            "additivity_gap",
            "explainability_report",
            "at most",
            mark("largest gap between an answer and what its contributions add up to"),
        ),
        Measure(
            "attribution_error",
            "explainability_report",
            "at most",
            mark("largest standard error of a column's share of the attribution"),
        ),
        Measure(
            "attribution_instability",
            "explainability_report",
            "at most",
            mark("share of the attribution that moves between columns in a refit"),
        ),
        Measure(
            "attribution_change",
            "explainability_report",
            "at most",
            mark("share of the attribution that moved between columns since the champion"),
        ),
        Measure(
            "noise_flips",
            "risk_report",
            "at most",
            mark("decisions changed by noise in the inputs"),
        ),
        Measure(
            "missing_value_loss_rise",
            "risk_report",
            "at most",
            mark("rise of the loss where values go missing"),
        ),
        Measure(
            "unseen_category_loss_rise",
            "risk_report",
            "at most",
            mark("rise of the loss where a category was never seen"),
        ),
        Measure(
            "out_of_range_undetected",
            "risk_report",
            "at most",
            mark("rows with a value far out of range that the envelope does not notice"),
        ),
        Measure(
            "unit_error_undetected",
            "risk_report",
            "at most",
            mark("columns whose values in another unit would not be noticed in a batch"),
        ),
        Measure(
            "evasion_rate",
            "risk_report",
            "at most",
            mark("decisions that a small change of one's own values turns"),
        ),
        Measure(
            "membership_tpr_at_1_percent",
            "risk_report",
            "at most",
            mark("training rows recognised by an attacker, at 1% false positives"),
        ),
        Measure(
            "membership_tpr_at_01_percent",
            "risk_report",
            "at most",
            mark("training rows recognised by an attacker, at 0.1% false positives"),
        ),
        Measure(
            "attribute_inference_gain",
            "risk_report",
            "at most",
            mark("sensitive values guessed better with the model's answers than without them"),
        ),
        Measure(
            "suspect_labels", "risk_report", "at most", mark("training labels that look flipped")
        ),
        Measure(
            "training_outliers",
            "risk_report",
            "at most",
            mark("training rows unlike all the others"),
        ),
        Measure(
            "training_production_distance",
            "risk_report",
            "at most",
            mark("distance between training rows and the newest rows"),
        ),
        Measure(
            "outside_envelope",
            "risk_report",
            "at most",
            mark("newest rows outside the input envelope, for which the model should abstain"),
        ),
    )
}

FAIRNESS_MEASURES: dict[FairnessDefinition, str] = {
    "selection_rate": "selection_rate_ratio",
    "equal_opportunity": "equal_opportunity_difference",
    "equalized_odds": "equalized_odds_difference",
    "predictive_parity": "predictive_parity_difference",
    "calibration": "group_calibration_difference",
    "error_cost": "error_cost_ratio",
}
"""The measure of each definition of fair. Of these only that of the definition which the use case
chose is binding: they cannot all hold at once (A. Chouldechova, "Fair prediction with disparate
impact", 2017)."""
