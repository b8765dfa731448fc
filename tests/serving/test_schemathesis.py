"""The running server does what its own description says, whatever is sent to it."""

import json
from typing import Any
from urllib.request import urlopen

import pytest
import requests
import schemathesis
from handmade_inputs import inputs_of
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
)

from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.openapi import openapi

RELEASE = "0" * 32 + ".dir"
DESCRIBED = openapi("binary", RELEASE, inputs_of("binary"), ServerLimits())
SCHEMA = schemathesis.openapi.from_dict(DESCRIBED)
LABELS = [
    f"{method.upper()} {path}"
    for path, methods in DESCRIBED["paths"].items()
    for method in methods
    if method != "parameters"
]
POSTED = [label for label in LABELS if label.startswith("POST")]
CASES = [(label, GenerationMode.POSITIVE) for label in LABELS] + [
    (label, GenerationMode.NEGATIVE) for label in POSTED
]
EXAMPLES = {"GET": 5, "POST": 20}
JUDGED = [positive_data_acceptance, negative_data_rejection]
NO_NUMBER = "is no number"


@pytest.fixture(scope="module")
def session() -> Any:
    with requests.Session() as made:
        made.trust_env = False
        yield made


@pytest.mark.parametrize(("label", "mode"), CASES)
def test_every_path_is_as_described(
    label: str, mode: GenerationMode, server_url: str, session: requests.Session
) -> None:
    operation = SCHEMA.find_operation_by_label(label)
    assert operation is not None
    # A schema cannot say that a tensor's shape and data agree, so not all it allows is taken.
    excluded = JUDGED[:1] if label.endswith("/infer") else []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES[label.split()[0]], suppress_health_check=[*HealthCheck])
    def holds(case: Case) -> None:
        answer = case.call(base_url=server_url, session=session)
        # The handmade model answers a missing amount with NaN, which is no answer.
        if answer.status_code == 500 and NO_NUMBER in answer.text:
            return
        # What is too large is refused whatever it says.
        unread = JUDGED if answer.status_code == 413 else excluded
        case.validate_response(answer, excluded_checks=unread)

    holds()


def test_the_examples_are_answered(server_url: str, session: requests.Session) -> None:
    with urlopen(f"{server_url}/openapi.json") as answer:
        described = json.load(answer)
    assert described["paths"].keys() == DESCRIBED["paths"].keys()
    for path, methods in described["paths"].items():
        if "post" not in methods:
            continue
        body = methods["post"]["requestBody"]["content"]["application/json"]["example"]
        versioned = path.replace("{version}", described["info"]["version"])
        given_answer = session.post(f"{server_url}{versioned}", json=body)
        assert given_answer.status_code == 200, given_answer.text
        example = methods["post"]["responses"]["200"]["content"]["application/json"]["example"]
        assert given_answer.json().keys() == example.keys()
