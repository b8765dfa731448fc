"""Policy as code: which limits a use case is held to, and what a figure is worth against its limit.

Belongs here: the policy of each class of use case, its deviations, and the verdict on a figure.
Does not belong here: what can be limited (``measures.py``), how it is measured (``evidence/``),
what follows from a verdict (``release/gate.py``), the policy in words (``policy_summary.py``), or
the numbers themselves (``policies/*.yaml``).

A figure is judged by its bound, never by its point: it is within its limit where even the
unfavourable end of its interval is, and beyond where even the favourable end is not. Between the
two, or of too few rows, there is insufficient evidence, which is not a pass.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, FiniteFloat, ValidationError

from mlops_assets.governance.measures import FAIRNESS_MEASURES as FAIRNESS_MEASURES
from mlops_assets.governance.measures import MEASURES as MEASURES
from mlops_assets.governance.measures import Bound as Bound
from mlops_assets.governance.measures import Measure as Measure
from mlops_assets.reporting.page import Number
from mlops_assets.responsibility_declaration import Deviation, PolicyClass
from mlops_assets.specification import Specification
from mlops_assets.use_case import UseCase

POLICIES = Path(__file__).parent / "policies"
FEWEST_WORDS = 3
"""Of the reason for a laxer limit."""

Verdict = Literal["within", "beyond", "insufficient evidence", "unknown"]
Action = Literal["block", "warn"]


class Rule(Specification):
    """One limit of a policy file: who answers for it, and what a figure not within it does."""

    limit: FiniteFloat
    role: str
    action: Action
    few_rows: Action | None = None
    """What a figure does that there were too few rows for, where that is another action."""


class PolicyFile(Specification):
    """A file of ``policies/``: what every use case of a class is held to."""

    title: str
    approval: bool
    """Whether a named person has to sign before a release."""
    limits: dict[str, Rule] = Field(default={})


@dataclass(frozen=True)
class Limit:
    """The limit of one measure for one use case. ``policy_limit`` is what its class demands,
    ``reason`` why a laxer one applies to ``subjects`` (all of them where that is empty)."""

    measure: Measure
    limit: float
    policy_limit: float
    reason: str
    role: str
    action: Action
    few_rows: Action


@dataclass(frozen=True)
class Finding:
    """One figure that a policy may limit: of which measure, of what, its value and interval.

    ``subject`` is empty for all rows, else a group, slice, column or test. An exact figure has no
    bounds of its own: ``low`` and ``high`` are its value. ``enough`` says whether there were rows
    enough to take it from.
    """

    measure: str
    subject: str
    value: Number
    low: Number
    high: Number
    rows: int | None = None
    enough: bool = True

    @classmethod
    def exact(cls, measure: str, subject: str, value: Number, rows: int | None = None) -> "Finding":
        return cls(measure, subject, value, value, value, rows)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class PolicyError(Exception):
    """A deviation that does not fit the policy; the message names the field and what to write."""


@dataclass(frozen=True)
class EffectivePolicy:
    """What one use case is held to: its class's policy with its own deviations."""

    policy_class: PolicyClass
    title: str
    approval: bool
    rules: dict[str, Rule]
    deviations: dict[str, tuple[Deviation, ...]]

    def limit(self, measure: str, subject: str = "") -> Limit | None:
        """The limit of ``measure`` for ``subject``; ``None`` where neither policy nor use case
        limits it."""
        rule = self.rules.get(measure)
        if rule is None:
            return None
        own = next(
            (
                d
                for d in self.deviations.get(measure, ())
                if not d.subjects or subject in d.subjects
            ),
            None,
        )
        return Limit(
            MEASURES[measure],
            limit=rule.limit if own is None else own.limit,
            policy_limit=rule.limit,
            reason="" if own is None else own.reason,
            role=rule.role,
            action=rule.action,
            few_rows=rule.few_rows or rule.action,
        )

    def roles(self) -> tuple[str, ...]:
        """The roles that the limits name, in order."""
        return tuple(dict.fromkeys(rule.role for rule in self.rules.values()))


@cache
def read_policy(policy_class: PolicyClass) -> PolicyFile:
    """The policy file of a class. Raises ``PolicyError`` where it limits what is not measured, or
    is no policy."""
    path = POLICIES / f"{policy_class}.yaml"
    return parse_policy(path.read_text(encoding="utf-8"), path.name)


def parse_policy(text: str, name: str) -> PolicyFile:
    """The policy that the YAML ``text`` of the file ``name`` states; raises ``PolicyError``."""
    try:
        policy = PolicyFile(**yaml.safe_load(text))
    except (TypeError, ValidationError, yaml.YAMLError) as error:
        raise PolicyError(f"{name} is no policy: {error}") from error
    unknown = sorted(set(policy.limits) - set(MEASURES))
    if unknown:
        raise PolicyError(f"{name} limits {unknown}, which nothing measures")
    return policy


def effective_policy(use_case: UseCase) -> EffectivePolicy:
    """The policy of the use case's class with the use case's deviations.

    Raises ``PolicyError`` where a deviation is of no limit of the policy, or laxer without a
    reason.
    """
    declared = use_case.policy
    policy = read_policy(declared.ai_act_class)
    for name, deviations in declared.limits.items():
        if name not in policy.limits:
            raise PolicyError(
                f"policy.limits.{name}: the policy {declared.ai_act_class!r} has no such limit; "
                f"its limits are {', '.join(sorted(policy.limits))}"
            )
        for deviation in deviations:
            _require_reason(name, deviation, policy.limits[name])
    return EffectivePolicy(
        declared.ai_act_class, policy.title, policy.approval, policy.limits, declared.limits
    )


def judge(finding: Finding, limit: Limit) -> Verdict:
    """What a figure is worth against its limit: see the module's words."""
    if finding.value is None or finding.low is None or finding.high is None:
        return "unknown" if finding.enough else "insufficient evidence"
    if not finding.enough:
        return "insufficient evidence"
    at_most = limit.measure.bound == "at most"
    worst, best = (finding.high, finding.low) if at_most else (finding.low, finding.high)
    # Written so that NaN, which compares with nothing, is no pass.
    if (worst <= limit.limit) if at_most else (worst >= limit.limit):
        return "within" if finding.low <= finding.high else "unknown"
    if (best > limit.limit) if at_most else (best < limit.limit):
        return "beyond"
    return "insufficient evidence"


def action_of(finding: Finding, limit: Limit) -> Action:
    """What the figure does where it is not within its limit."""
    return limit.action if finding.enough else limit.few_rows


def judged(findings: Iterable[Finding], policy: EffectivePolicy) -> list[dict[str, Any]]:
    """Each finding that is limited, with its limit and verdict, as JSON-able values: what a report
    writes down as ``limits``."""
    found = []
    for finding in findings:
        limit = policy.limit(finding.measure, finding.subject)
        if limit is not None:
            found.append(
                {
                    **finding.to_dict(),
                    "bound": limit.measure.bound,
                    "limit": limit.limit,
                    "policy": policy.policy_class,
                    "policy_limit": limit.policy_limit,
                    "reason": limit.reason,
                    "role": limit.role,
                    "action": action_of(finding, limit),
                    "verdict": judge(finding, limit),
                }
            )
    return found


def findings_of(limits: Sequence[dict[str, Any]]) -> list[Finding]:
    """The findings in what ``judged`` wrote, to be judged again."""
    names = Finding.__dataclass_fields__
    return [Finding(**{name: entry[name] for name in names}) for entry in limits]


def is_laxer(limit: float, than: float, bound: Bound) -> bool:
    """Whether ``limit`` lets more pass than ``than`` does."""
    return limit > than if bound == "at most" else limit < than


def _require_reason(name: str, deviation: Deviation, rule: Rule) -> None:
    laxer = is_laxer(deviation.limit, rule.limit, MEASURES[name].bound)
    if laxer and len(deviation.reason.split()) < FEWEST_WORDS:
        raise PolicyError(
            f"policy.limits.{name}: {deviation.limit:g} is laxer than the policy's {rule.limit:g}, "
            "and needs a reason"
        )
