"""The risk register: every test with its hazard, its limit and what remains, and the risks that
people judged.

Belongs here: the words of each test, and one entry a test or person. Does not belong here: running
tests (the modules beside this one), or how the register looks (``risk_page.py``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_assets.evidence_declaration import HumanRisk
from mlops_assets.governance.policy import MEASURES, EffectivePolicy, Finding, judge
from mlops_assets.reporting.text import mark
from mlops_assets.use_case import UseCase

WORST_FIRST = ("beyond", "unknown", "insufficient evidence", "not limited", "within")


@dataclass(frozen=True)
class Test:
    """What a test is about, in templates without parts: the hazard, what was done, and the risk
    that remains where its limit holds."""

    measure: str
    hazard: str
    done: str
    residual: str


TESTS: tuple[Test, ...] = (
    Test(
        "noise_flips",
        mark("Values that are measured or typed a little differently change decisions."),
        mark("Gaussian noise of 5% of a column's standard deviation in all numbers at once."),
        mark("Errors larger than this noise, or the same in all rows."),
    ),
    Test(
        "missing_value_loss_rise",
        mark("A source stops to deliver some values."),
        mark("A tenth of the cells of nullable inputs is removed at random."),
        mark("Whole columns that fail, or values that are missing for a reason."),
    ),
    Test(
        "unseen_category_loss_rise",
        mark("A category comes that the model never saw."),
        mark("A twentieth of the rows gets an unknown category, column by column."),
        mark("New categories that mean something else than all known ones."),
    ),
    Test(
        "out_of_range_undetected",
        mark("A value far out of range is answered as if it were a usual one."),
        mark(
            "Each number times 1000, with its sign changed, and extreme, held against the limits."
        ),
        mark("Wrong values inside the range are not noticed."),
    ),
    Test(
        "unit_error_undetected",
        mark("A source delivers a column in another unit."),
        mark("Each number column of held-out rows in six other units, as a batch of its own."),
        mark("Single rows in another unit, and units that change values by little."),
    ),
    Test(
        "evasion_rate",
        mark("Someone changes own values a little to get another decision."),
        mark("A search for the smallest change that turns a decision; it only asks the model."),
        mark("A better search finds smaller changes; larger changes are possible."),
    ),
    Test(
        "membership_tpr_at_1_percent",
        mark("Answers give away whose data the model learned from."),
        mark("Membership inference with shadow models, at 1% false positives."),
        mark("Stronger attacks, or attackers who know more."),
    ),
    Test(
        "membership_tpr_at_01_percent",
        mark("Answers give away single persons with near certainty."),
        mark("Membership inference with shadow models, at 0.1% false positives."),
        mark("Stronger attacks, or attackers who know more."),
    ),
    Test(
        "attribute_inference_gain",
        mark("Answers give away sensitive values that were not told."),
        mark("Sensitive values are guessed with and without the model's answers."),
        mark("What other columns reveal by themselves is no fault of the model, and remains."),
    ),
    Test(
        "suspect_labels",
        mark("Training labels are wrong by mistake, or poisoned."),
        mark("Labels of train rows against those of held-out rows: all, by block and batch."),
        mark("Labels that are wrong in all rows alike cannot be told from a hard problem."),
    ),
    Test(
        "training_outliers",
        mark("Training rows are gross errors, or planted to be answered as an attacker wants."),
        mark("A search for rows unlike all others, and for frequent values with one label."),
        mark("Planted rows that are few, or spread over all splits."),
    ),
    Test(
        "training_production_distance",
        mark("The model is used on other rows than it learned from."),
        mark("Distances of the newest rows from the train rows, by column and together."),
        mark("The world goes on after the newest rows: monitoring watches it."),
    ),
    Test(
        "outside_envelope",
        mark("The model answers where it knows nothing."),
        mark("The newest rows against the envelope that holds 99% of usual rows."),
        mark("Rows inside the envelope may still be new in what they mean."),
    ),
)
"""In the order of the report. The words are said in its language where they are shown."""


def register(
    findings: Iterable[Finding], use_case: UseCase, policy: EffectivePolicy
) -> list[dict[str, Any]]:
    """The entries as JSON-able values, tests first: of each test the figure with the worst verdict,
    and of how many it is. A test without a finding could not run: it is ``unknown``."""
    by_measure: dict[str, list[Finding]] = {}
    for finding in findings:
        by_measure.setdefault(finding.measure, []).append(finding)
    tests = [_test_entry(test, by_measure.get(test.measure, []), policy) for test in TESTS]
    return [*tests, *(_human_entry(entry) for entry in use_case.risk.entries)]


def _test_entry(test: Test, findings: Sequence[Finding], policy: EffectivePolicy) -> dict[str, Any]:
    found = findings or [Finding(test.measure, "", None, None, None)]
    judged = [(_verdict(one, policy), one) for one in found]
    judged.sort(key=lambda pair: (WORST_FIRST.index(pair[0]), -(pair[1].value or 0.0)))
    verdict, worst = judged[0]
    limit = policy.limit(test.measure, worst.subject)
    return {
        "judged_by": "test",
        "test": test.measure,
        "measure": MEASURES[test.measure].words,
        "hazard": test.hazard,
        "done": test.done,
        "residual": test.residual,
        "subject": worst.subject,
        "subjects": len(found),
        "value": worst.value,
        "low": worst.low,
        "high": worst.high,
        "bound": MEASURES[test.measure].bound,
        "limit": None if limit is None else limit.limit,
        "role": None if limit is None else limit.role,
        "verdict": verdict,
    }


def _verdict(finding: Finding, policy: EffectivePolicy) -> str:
    """Without a limit a figure is shown and judged by nobody; one that is missing stays unknown."""
    limit = policy.limit(finding.measure, finding.subject)
    if limit is not None:
        return judge(finding, limit)
    return "not limited" if finding.value is not None else "unknown"


def _human_entry(entry: HumanRisk) -> dict[str, Any]:
    return {"judged_by": "people", **entry.model_dump(mode="json")}
