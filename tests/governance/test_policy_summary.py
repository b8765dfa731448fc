"""What is declared, what is missing, and the digest of all that a release is held to."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlops_assets.governance.policy_summary import (
    DECLARED,
    MISSING,
    limits_digest,
    missing_declarations,
    policy_summary,
)
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
KEY = "A" * 43 + "="
FULL: dict[str, Any] = {
    "ai_act_class": "minimal",
    "class_reason": "nobody is affected",
    "purpose": "tests",
    "people_affected": "nobody",
    "impact_of_error": "negligible",
    "availability": "best effort",
    "roles": {
        "model_owner": "team:models",
        "security_officer": "team:security",
        "data_protection_officer": "team:privacy",
        "data_steward": "team:data",
    },
}


def test_a_full_declaration_misses_nothing(make_use_case: MakeUseCase) -> None:
    use_case = make_use_case(policy=FULL)

    assert missing_declarations(use_case) == ()
    summary = policy_summary(use_case)
    assert (summary["class"], summary["purpose"]) == ("minimal", "tests")
    assert summary["roles"]["data_steward"] == "team:data"
    assert json.loads(json.dumps(summary)) == summary


@pytest.mark.parametrize("field", DECLARED)
def test_what_is_not_declared_is_printed_as_missing(make_use_case: MakeUseCase, field: str) -> None:
    use_case = make_use_case(policy={name: v for name, v in FULL.items() if name != field})

    assert missing_declarations(use_case) == (f"policy.{field}",)
    assert policy_summary(use_case)[field] == MISSING


@pytest.mark.parametrize("person", [None, "", "  "])
def test_a_role_without_a_person_is_missing(make_use_case: MakeUseCase, person: Any) -> None:
    roles = {**FULL["roles"], "data_steward": person}
    named = {role: name for role, name in roles.items() if name is not None}
    use_case = make_use_case(policy={**FULL, "roles": named})

    assert missing_declarations(use_case) == ("policy.roles.data_steward",)
    assert policy_summary(use_case)["roles"]["data_steward"] == MISSING


def test_every_limit_is_listed_with_its_deviations(make_use_case: MakeUseCase) -> None:
    own = {"noise_flips": [{"limit": 0.5, "reason": "agreed by the board", "subjects": ["city"]}]}

    limits = policy_summary(make_use_case(policy={**FULL, "limits": own}))["limits"]

    [noise] = [entry for entry in limits if entry["measure"] == "noise_flips"]
    assert noise["limit"] == 0.1
    assert noise["deviations"] == [
        {"limit": 0.5, "reason": "agreed by the board", "subjects": ["city"]}
    ]


def test_the_digest_is_of_what_a_release_is_held_to_and_not_of_who_may_approve(
    make_use_case: MakeUseCase,
) -> None:
    before = limits_digest(make_use_case(policy=FULL))
    someone = {"name": "Somebody", "role": "officer", "account": "s", "public_key": KEY}
    same = [
        make_use_case(policy={**FULL, "approvers": [someone]}),
        make_use_case(policy={**FULL, "purpose": "other tests"}),
    ]
    other = [
        make_use_case(policy={**FULL, "ai_act_class": "limited"}),
        make_use_case(policy={**FULL, "limits": {"noise_flips": [{"limit": 0.09}]}}),
        make_use_case(policy=FULL, fairness={"definition": "calibration"}),
    ]

    assert {limits_digest(use_case) for use_case in same} == {before}
    assert len({before, *(limits_digest(use_case) for use_case in other)}) == 4
