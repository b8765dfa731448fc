"""What each definition of fair says of the groups that were measured.

Belongs here: which measure a definition compares, which definition applies, its findings, and what
the others would say. Does not belong here: how a measure is computed (``fairness_metrics.py``), or
what its limit is (``governance/policy.py``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.evidence.fairness.fairness_rows import favourable_class
from mlops_assets.evidence_declaration import FAIRNESS_DEFINITIONS, FairnessDefinition
from mlops_assets.governance.measures import FAIRNESS_MEASURES, MEASURES
from mlops_assets.governance.policy import EffectivePolicy, Finding, judge
from mlops_assets.use_case import UseCase

WITHOUT_FAVOURABLE: tuple[FairnessDefinition, ...] = ("calibration", "error_cost")
"""Those that need no favourable outcome."""
NO_LIMIT = "no limit"
GRAVITY = ("beyond", "unknown", "insufficient evidence", "within", NO_LIMIT)

Column = Mapping[str, Any]


def definitions_of(use_case: UseCase) -> tuple[FairnessDefinition, ...]:
    """The definitions that mean something: all of them where an outcome is favourable."""
    if use_case.target.task == "regression" or favourable_class(use_case) is None:
        return WITHOUT_FAVOURABLE
    return FAIRNESS_DEFINITIONS


def applied_definition(use_case: UseCase) -> FairnessDefinition:
    """The declared one, and ``error_cost`` where that needs a favourable outcome and there is
    none."""
    declared = use_case.fairness.definition
    return declared if declared in definitions_of(use_case) else "error_cost"


def findings(columns: Sequence[Column], measure: str) -> list[Finding]:
    """One of each group that is measured, by its name."""
    return [
        Finding(measure, group["group"], **group["measures"][measure])
        for column in columns
        for group in column["groups"]
    ]


def not_applicable(use_case: UseCase) -> dict[str, str]:
    """Why a report has no figure of a fairness measure that a policy may limit, by measure."""
    applied = applied_definition(use_case)
    reasons = {
        FAIRNESS_MEASURES[definition]: f"the definition of fair that applies is {applied}"
        for definition in FAIRNESS_DEFINITIONS
        if definition != applied
    }
    if not use_case.sensitive:
        reasons |= dict.fromkeys(FAIRNESS_MEASURES.values(), "no column is declared sensitive")
    return reasons


def what_each_says(
    columns: Sequence[Column],
    applied: FairnessDefinition,
    definitions: Sequence[FairnessDefinition],
    policy: EffectivePolicy,
) -> list[dict[str, Any]]:
    """A line for each definition and sensitive column, and one for all crossings: the group that
    stands out most, its figure and limit, and how many groups there are of each verdict.

    A group beyond the limit stands out most, else the one with the worst value among those with
    enough rows; ``None`` where no group has enough.
    """
    crossings = [column for column in columns if column["crossing"]]
    parts = [(column["column"], [column]) for column in columns if not column["crossing"]]
    return [
        {
            "definition": definition,
            "measure": FAIRNESS_MEASURES[definition],
            "applied": definition == applied,
            "column": name,
            **_summary(findings(part, FAIRNESS_MEASURES[definition]), policy),
        }
        for definition in definitions
        for name, part in [*parts, *([(None, crossings)] if crossings else [])]
    ]


def _summary(found: Sequence[Finding], policy: EffectivePolicy) -> dict[str, Any]:
    verdicts = [_verdict(finding, policy) for finding in found]
    counts = Counter(verdicts)
    shown = [
        (finding, verdict)
        for finding, verdict in zip(found, verdicts, strict=True)
        if finding.enough and finding.value is not None
    ]
    worst = max(shown, key=lambda one: (one[1] == "beyond", _badness(one[0])), default=None)
    limit = None if worst is None else policy.limit(worst[0].measure, worst[0].subject)
    return {
        "group": None if worst is None else worst[0].subject,
        "value": None if worst is None else worst[0].value,
        "low": None if worst is None else worst[0].low,
        "high": None if worst is None else worst[0].high,
        "limit": None if limit is None else limit.limit,
        "verdict": next((one for one in GRAVITY if counts[one]), "insufficient evidence"),
        "groups": {one: counts[one] for one in GRAVITY},
    }


def _verdict(finding: Finding, policy: EffectivePolicy) -> str:
    limit = policy.limit(finding.measure, finding.subject)
    return NO_LIMIT if limit is None else judge(finding, limit)


def _badness(finding: Finding) -> float:
    value = finding.value or 0.0
    return value if MEASURES[finding.measure].bound == "at most" else -value
