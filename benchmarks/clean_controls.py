"""How often the statistical checks speak up where nothing is wrong, against their stated rates.

Run with ``python benchmarks/clean_controls.py [--runs 200] [--write]``; ``--write`` puts the table
into ``docs/fault-matrix.md``. Belongs here: each check on clean rows
(``clean_rows.py``), and the table. Does not
belong here: faults that have to be caught (``tests/faults/``), or a test that the same functions
run (``tests/faults/test_clean_controls.py``).

A false alarm is a check that is certain of something that is not there: an interval that excludes
the truth on the side of the fault, or a thing that is named. Where the limit of a policy is above
the truth, beyond the limit is rarer still.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from clean_rows import clean_rows, declared, fitted, part, true_chances

from mlops_assets.answers import DecisionRule
from mlops_assets.evidence.evaluation.weak_slices import weak_slices
from mlops_assets.evidence.fairness.fairness import fairness_report
from mlops_assets.evidence.metrics.calibration_error import calibration_error
from mlops_assets.evidence.metrics.comparison import paired_difference
from mlops_assets.evidence.privacy.attribute_inference import (
    attribute_findings,
    attribute_inference,
)
from mlops_assets.evidence.privacy.membership import membership_findings, membership_inference
from mlops_assets.evidence.privacy.membership_rows import audit_rows
from mlops_assets.evidence.risk.envelope import abstention, learn_envelope
from mlops_assets.evidence.risk.label_noise import suspect_labels
from mlops_assets.evidence.risk.mismatch import training_production_distance
from mlops_assets.evidence.risk.outliers import TOGETHER, training_outliers
from mlops_assets.evidence.risk.released_model import ReleasedModel
from mlops_assets.governance.policy import Finding
from mlops_assets.monitoring.drift import detect
from mlops_assets.monitoring.histograms import count, summarise
from mlops_assets.policy_declaration import Monitoring
from mlops_assets.use_case import UseCase

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "fault-matrix.md"
BEGIN, END = "<!-- clean runs: begin -->\n", "<!-- clean runs: end -->\n"
HEADER = (
    "| check | a false alarm is | stated rate | runs | false alarms | most in 99 of 100 tables |"
)
FIRST_SEED = 910_000
Check = Callable[[pd.DataFrame, UseCase, int], bool]


def _certain(found: list[Finding], above: float = 0.0) -> bool:
    return any(one.low is not None and one.low > above for one in found)


def _weak_slices(rows: pd.DataFrame, use_case: UseCase, seed: int) -> bool:
    test = part(rows, "test")
    # The same losses in another order: what is lost depends on no column.
    losses = -np.log(np.random.default_rng(seed).beta(4.0, 1.5, len(test)))
    return bool(weak_slices(test, losses, use_case, seed=seed).weak)


def _fairness(definition: str) -> Check:
    def check(rows: pd.DataFrame, use_case: UseCase, seed: int) -> bool:
        del seed
        test = part(rows, "test")
        fairness = use_case.fairness.model_copy(update={"definition": definition})
        held = use_case.model_copy(update={"fairness": fairness})
        report = fairness_report(
            test, true_chances(test), DecisionRule(), held, subject={}, variance=1.0, before=None
        )
        (column,) = report["columns"]
        measure = MEASURES_OF[definition]
        lows = [group["measures"][measure]["low"] for group in column["groups"]]
        return any(low is not None and low > 0.0 for low in lows)

    return check


MEASURES_OF = {
    "equal_opportunity": "equal_opportunity_difference",
    "equalized_odds": "equalized_odds_difference",
    "predictive_parity": "predictive_parity_difference",
    "calibration": "group_calibration_difference",
}


def _suspect_labels(rows: pd.DataFrame, use_case: UseCase, seed: int) -> tuple[bool, bool]:
    del seed
    train, held_out = part(rows, "train"), part(rows, "calibration")
    _, found = suspect_labels(fitted, train, held_out, use_case)
    return _certain(found[:1]), _certain(found[1:])


def _outliers(rows: pd.DataFrame, use_case: UseCase, seed: int) -> tuple[bool, bool]:
    del seed
    train, held_out = part(rows, "train"), part(rows, "calibration")
    _, found = training_outliers(train, held_out, use_case)
    alone = [one for one in found if one.subject != TOGETHER]
    return _certain(alone), _certain([one for one in found if one.subject == TOGETHER])


def _membership(rows: pd.DataFrame, use_case: UseCase, seed: int) -> tuple[bool, bool]:
    audit = audit_rows(rows, use_case)
    # A model of other rows: what it says of the members is what it says of anybody.
    released = fitted(clean_rows(seed + 50_000), seed)
    report = membership_inference(audit, use_case, released, fitted, workers=1)
    found = {one.measure: one for one in membership_findings(report)}
    return (
        _certain([found["membership_tpr_at_1_percent"]], 0.01),
        _certain([found["membership_tpr_at_01_percent"]], 0.001),
    )


def _attribute_inference(rows: pd.DataFrame, use_case: UseCase, seed: int) -> bool:
    del seed
    report = attribute_inference(part(rows, "test"), use_case, true_chances)
    return _certain(attribute_findings(report))


def _mismatch(rows: pd.DataFrame, use_case: UseCase, seed: int) -> bool:
    del seed
    train, test = part(rows, "train"), part(rows, "test")
    return _certain(training_production_distance(train, test, use_case)[1])


def _drift(rows: pd.DataFrame, use_case: UseCase, seed: int) -> bool:
    train, test = part(rows, "train"), part(rows, "test")
    reference = summarise(train, use_case.inputs)
    # Without the floor under which a difference is too small to matter.
    monitoring = Monitoring(min_distance=0.0)
    found = detect(reference, count(test, reference), monitoring=monitoring, seed=seed)
    return any(series.drifted for series in found.series)


def _outside_envelope(rows: pd.DataFrame, use_case: UseCase, seed: int) -> bool:
    train, held_out, test = (part(rows, name) for name in ("train", "calibration", "test"))
    envelope = learn_envelope(train, held_out, use_case.inputs)
    model = ReleasedModel(true_chances, DecisionRule(), "binary", 1.0)
    _, found = abstention(envelope, model, test, "y", use_case.inputs, seed)
    return _certain(found, 0.02)


def _calibration_error(rows: pd.DataFrame, use_case: UseCase, seed: int) -> bool:
    del use_case, seed
    test = part(rows, "test")
    found = calibration_error("binary", test["y"].to_numpy(), true_chances(test))
    return found.low is not None and found.low > 0.0


def _gain(rows: pd.DataFrame, use_case: UseCase, seed: int) -> bool:
    del use_case
    test, rng = part(rows, "test"), np.random.default_rng([seed, 1])
    odds = np.log(true_chances(test) / (1.0 - true_chances(test)))
    # Both are as far from the truth, each in its own way.
    both = [1.0 / (1.0 + np.exp(-odds - 0.4 * rng.normal(size=odds.shape))) for _ in range(2)]
    found = paired_difference("binary", test["y"].to_numpy(), both[0], both[1], seed=seed)
    return found.loss_low is not None and found.loss_low > 0.0


UNFAIR = "a difference between groups that are alike"
ROWS_OF_THE_TABLE: tuple[tuple[str, str, float], ...] = (
    ("weak slices", "a slice is named", 0.05),
    ("equal opportunity", UNFAIR, 0.05),
    ("equalised odds", UNFAIR, 0.05),
    ("predictive parity", UNFAIR, 0.05),
    ("calibration of groups", UNFAIR, 0.05),
    ("suspect labels, all rows", "flipped labels where there are none", 0.025),
    ("suspect labels, a category or batch", "one is named", 0.05),
    ("training outliers, alone", "a share above 0", 0.0125),
    ("training outliers, planted together", "a cell is named", 0.01),
    ("membership at 1% false positives", "more than 1% recognised", 0.025),
    ("membership at 0.1% false positives", "more than 0.1% recognised", 0.025),
    ("attribute inference", "a gain above 0", 0.025),
    ("training and newest rows", "a distance above 0", 0.025),
    ("drift of a batch", "the batch is called drifted", 0.01),
    ("outside the envelope", "more than 2% outside", 0.025),
    ("calibration error", "an error above 0", 0.025),
    ("gain at the gate", "promoted although as good as the champion", 0.05),
)
"""Check, what a false alarm of it is, and the stated rate at most."""


def alarms(seed: int, use_case: UseCase) -> Iterator[bool]:
    """Whether each check of the table, in order, speaks up on clean rows drawn with ``seed``."""
    rows = clean_rows(seed)
    yield _weak_slices(rows, use_case, seed)
    for definition in MEASURES_OF:
        yield _fairness(definition)(rows, use_case, seed)
    yield from _suspect_labels(rows, use_case, seed)
    yield from _outliers(rows, use_case, seed)
    yield from _membership(rows, use_case, seed)
    yield _attribute_inference(rows, use_case, seed)
    yield _mismatch(rows, use_case, seed)
    yield _drift(rows, use_case, seed)
    yield _outside_envelope(rows, use_case, seed)
    yield _calibration_error(rows, use_case, seed)
    yield _gain(rows, use_case, seed)


def counted(runs: int, first_seed: int = FIRST_SEED) -> list[int]:
    """False alarms of each check of the table in so many runs."""
    use_case, found = declared(), Counter[int]()
    for seed in range(first_seed, first_seed + runs):
        for place, alarm in enumerate(alarms(seed, use_case)):
            found[place] += alarm
    return [found[place] for place in range(len(ROWS_OF_THE_TABLE))]


def largest_expected(rate: float, runs: int) -> int:
    """What false alarms at ``rate`` do not exceed in 99 of 100 tables: all rows of one together."""
    from scipy.stats import binom

    return int(binom.isf(0.01 / len(ROWS_OF_THE_TABLE), runs, rate))


def table(runs: int, found: list[int]) -> str:
    """The table in Markdown."""
    lines = [HEADER, "|---|---|---|---|---|---|"]
    for (check, means, rate), number in zip(ROWS_OF_THE_TABLE, found, strict=True):
        most = largest_expected(rate, runs)
        lines.append(f"| {check} | {means} | {rate:.4g} | {runs} | {number} | {most} |")
    return "\n".join(lines) + "\n"


def with_table(document: str, made: str) -> str:
    """The ``document`` with the table ``made`` between its markers."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{made}{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    made = table(given.runs, counted(given.runs))
    print(made, end="")
    if given.write:
        document = with_table(DOCUMENT.read_text(encoding="utf-8"), made)
        DOCUMENT.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
