"""What a use case declares about its responsibility, and what follows, in one place to be printed.

Belongs here: what is declared, what is MISSING, and the limits in force with their deviations.
Does not belong here: the limits' meaning (``policy.py``), or composing a page (``reporting/``).
"""

from hashlib import sha256
from typing import Any

from mlops_assets.content_hash import json_bytes
from mlops_assets.governance.policy import (
    MEASURES,
    EffectivePolicy,
    effective_policy,
)
from mlops_assets.use_case import UseCase

MISSING = "MISSING"
"""Stands where something is not declared: unknown is never ok."""
DECLARED = ("purpose", "people_affected", "impact_of_error", "availability", "class_reason")
"""The fields of ``policy`` that say what the use case is."""


def missing_declarations(use_case: UseCase) -> tuple[str, ...]:
    """The fields below ``policy`` that are not declared, as a user would write them; a role that a
    limit names counts as one of them."""
    declared = use_case.policy
    absent = [
        f"policy.{name}" for name in DECLARED if not str(getattr(declared, name) or "").strip()
    ]
    roles = effective_policy(use_case).roles()
    absent += [f"policy.roles.{r}" for r in roles if not declared.roles.get(r, "").strip()]
    return tuple(absent)


def policy_summary(use_case: UseCase) -> dict[str, Any]:
    """The classification, the people who answer for it and every limit in force, as JSON-able
    values; what is not declared is ``MISSING``. Raises ``PolicyError``."""
    policy, declared = effective_policy(use_case), use_case.policy
    return {
        "class": policy.policy_class,
        "title": policy.title,
        **{name: getattr(declared, name) or MISSING for name in DECLARED},
        "roles": {role: declared.roles.get(role, "").strip() or MISSING for role in policy.roles()},
        "approval": policy.approval,
        "approvers": [{"name": a.name, "role": a.role} for a in declared.approvers],
        "limits": limits_in_force(policy),
        "missing": list(missing_declarations(use_case)),
    }


def limits_in_force(policy: EffectivePolicy) -> list[dict[str, Any]]:
    """Every limit of the policy with the use case's deviations from it, by report and measure."""
    return [
        {
            "measure": name,
            "report": MEASURES[name].report,
            "words": MEASURES[name].words,
            "bound": MEASURES[name].bound,
            "limit": rule.limit,
            "role": rule.role,
            "action": rule.action,
            "few_rows": rule.few_rows or rule.action,
            "deviations": [
                {"limit": d.limit, "reason": d.reason, "subjects": list(d.subjects)}
                for d in policy.deviations.get(name, ())
            ],
        }
        for name, rule in sorted(policy.rules.items(), key=lambda item: _place(item[0]))
    ]


def limits_digest(use_case: UseCase) -> str:
    """SHA-256 (hex) of all that a release of the use case is held to: the class, its limits with
    the deviations, and the definition of fair. Who may approve is no part of it."""
    policy = effective_policy(use_case)
    held_to = {
        "class": policy.policy_class,
        "approval": policy.approval,
        "limits": limits_in_force(policy),
        "fairness": use_case.fairness.definition,
    }
    return sha256(json_bytes(held_to)).hexdigest()


def _place(measure: str) -> int:
    return list(MEASURES).index(measure)
