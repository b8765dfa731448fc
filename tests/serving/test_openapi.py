"""The description names every path, and its examples are what its schemas and the server take."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from handmade_inputs import LIMITS, inputs_of
from jsonschema import Draft202012Validator

from mlops_assets.serving.inputs import InputColumn, Inputs, bundle_inputs
from mlops_assets.serving.openapi import REFUSALS, openapi
from mlops_assets.serving.protocol import read_infer
from mlops_assets.serving.refusal import STATUS
from mlops_assets.serving.row_objects import read_rows

RELEASE = "abc.dir"


def described(inputs: Inputs, name: str = "model") -> Any:
    return json.loads(json.dumps(openapi(name, RELEASE, inputs, LIMITS), allow_nan=False))


def declared_of_every_type() -> Inputs:
    columns: dict[str, Any] = {
        "due": {"type": "timestamp"},
        "size": {"type": "string", "values": ["large", "small"]},
        "parcels": {"type": "integer", "minimum": 10, "maximum": 100},
        "group": {"type": "integer", "values": [7, 8]},
        "weight": {"type": "number", "maximum": 0.5, "nullable": True},
        "maybe": {"type": "boolean", "nullable": True},
        "fragile": {"type": "boolean", "description": "breaks"},
        "who": {"type": "string", "role": "ignored"},
    }
    kinds: dict[str, Any] = {
        "due": ("INT64", "int64"),
        "size": ("BYTES", "string"),
        "parcels": ("INT64", "int64"),
        "group": ("INT64", "int64"),
        "weight": ("FP64", "double"),
        "maybe": ("FP64", "double"),
        "fragile": ("BOOL", "bool"),
    }
    signature = {
        "inputs": [{"name": name, "datatype": kind} for name, (kind, _) in kinds.items()],
        "outputs": [
            {"name": "prediction", "datatype": "FP32", "shape": [-1]},
            {"name": "interval", "datatype": "FP32", "shape": [-1, 2]},
        ],
    }
    types = {name: kind for name, (_, kind) in kinds.items()}
    declaration = {"columns": columns, "serving": {"row_id": "who"}}
    return bundle_inputs(signature, declaration, types, ("prediction", "interval"))


OF = {
    "binary": inputs_of("binary"),
    "multiclass": inputs_of("multiclass"),
    "regression": inputs_of("regression"),
    "every type": declared_of_every_type(),
    "undeclared": Inputs(
        {"a/b \"c' <d>": InputColumn("double", None, True, "")}, {"prediction": ("FP32", 1)}
    ),
}


@pytest.fixture(params=[*OF])
def inputs(request: pytest.FixtureRequest) -> Inputs:
    return OF[request.param]


def bodies(description: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each JSON body that is described: where, its schema and its example."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if method == "parameters":
                continue
            held = [operation.get("requestBody", {}), *operation["responses"].values()]
            for one in held:
                content = one.get("content", {}).get("application/json", {})
                if "example" in content:
                    yield f"{method} {path}", content["schema"], content["example"]


def test_it_is_valid_and_names_every_path(inputs: Inputs) -> None:
    description = described(inputs, "my model")
    schemathesis.openapi.from_dict(description).validate()
    model = "/v2/models/my%20model"
    version = f"{model}/versions/{{version}}"
    models = {f"{path}{end}" for path in (model, version) for end in ("", "/ready", "/infer")}
    assert {*description["paths"]} == models | {
        "/v1/predict",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/metrics",
        "/admin/status",
        "/openapi.json",
        "/docs",
    }
    assert description["info"] | {"description": ""} == {
        "title": "my model",
        "version": RELEASE,
        "summary": "Predictions of my model over HTTP",
        "description": "",
    }
    named = json.dumps(description)
    for schema in description["components"]["schemas"]:
        assert f"#/components/schemas/{schema}" in named, schema


def test_every_refusal_is_described() -> None:
    assert {str(status) for status in STATUS.values()} | {"431"} == {*REFUSALS}


def test_examples_are_what_the_schemas_say(inputs: Inputs) -> None:
    description = described(inputs)
    seen = [where for where, _, _ in bodies(description)]
    assert len(seen) == 6
    for where, schema, example in bodies(description):
        validator = Draft202012Validator({**schema, "components": description["components"]})
        assert validator.is_valid(example), where


def test_examples_are_read(inputs: Inputs) -> None:
    paths = described(inputs)["paths"]
    requested = {
        path: json.dumps(methods["post"]["requestBody"]["content"]["application/json"]["example"])
        for path, methods in paths.items()
        if "post" in methods
    }
    by_rows = read_rows(requested["/v1/predict"].encode(), inputs, LIMITS)
    by_tensors = read_infer(requested["/v2/models/model/infer"].encode(), None, inputs, LIMITS)
    for name, column in by_rows.columns.items():
        assert column.tolist() == by_tensors.columns[name].tolist()


def test_examples_are_within_what_is_declared() -> None:
    examples = {name: column.example for name, column in declared_of_every_type().columns.items()}
    assert examples == {
        "due": "2026-01-31T13:45:00",
        "size": "large",
        "parcels": 10,
        "group": 7,
        "weight": 0.5,
        "maybe": True,
        "fragile": True,
    }


def test_a_row_says_what_may_be_left_out() -> None:
    row = described(declared_of_every_type())["components"]["schemas"]["Row"]
    assert row["required"] == ["due", "size", "parcels", "group", "fragile"]
    assert row["properties"]["fragile"]["description"] == "breaks"
    assert "who" in row["properties"] and row["additionalProperties"] is False


def test_probes_need_no_token() -> None:
    paths = described(OF["binary"])["paths"]
    assert paths["/v2/health/live"]["get"]["security"] == []
    assert paths["/v2/health/ready"]["get"]["security"] == []
    assert "security" not in paths["/v1/predict"]["post"]


def test_a_signature_of_another_model_is_refused() -> None:
    signature = {"inputs": [{"name": "a", "datatype": "FP64"}], "outputs": []}
    for types, outputs in (({"a": "int64"}, ()), ({"b": "double"}, ()), ({"a": "double"}, ("p",))):
        with pytest.raises(ValueError, match="not of one release"):
            bundle_inputs(signature, {}, types, outputs)  # type: ignore[arg-type]
