"""The messages of the server as JSON Schema.

Belongs here: what a body may hold, as OpenAPI 3.1 wants it. Does not belong here: examples
(``openapi_examples.py``), paths (``openapi.py``), or reading a body (``protocol.py``,
``row_objects.py``).
"""

from typing import Any

from mlops_assets.serving.columns import LARGEST_FLOAT32, TensorType
from mlops_assets.serving.inputs import InputColumn, Inputs
from mlops_assets.serving.json_tensors import LONGEST_NAME
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.message import LONGEST_ID
from mlops_assets.serving.request_tensors import TAKEN

Schema = dict[str, Any]

NUMBER: Schema = {"type": "number", "minimum": -LARGEST_FLOAT32, "maximum": LARGEST_FLOAT32}
INTEGER: Schema = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1, "format": "int64"}
BOOLEAN: Schema = {"type": "boolean"}
NULL: Schema = {"type": "null"}
TIME: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$",
    "description": "ISO 8601, without zone",
}
TENSORS: dict[TensorType, str] = {
    "string": "TextTensor",
    "double": "NumberTensor",
    "int64": "IntegerTensor",
    "bool": "BooleanTensor",
}


def schemas(inputs: Inputs, limits: ServerLimits) -> dict[str, Schema]:
    """Every schema that the paths name."""
    tensors = {
        TENSORS[kind]: _tensor_schema(kind, inputs, limits)
        for kind in TENSORS
        if kind in inputs.types.values()
    }
    return {
        "Row": row_schema(inputs, limits),
        "PredictRequest": _predict_request(limits),
        "PredictAnswer": _predict_answer(),
        "Prediction": _prediction(inputs),
        **tensors,
        **_id_tensor(inputs, limits),
        "InferRequest": _infer_request(inputs, [*tensors, *_id_tensor(inputs, limits)]),
        "InferAnswer": _infer_answer(inputs),
        "OutputTensor": _output_tensor(inputs),
        "Server": _object(
            {"name": _text(), "version": _text(), "extensions": {"type": "array", "items": _text()}}
        ),
        "Live": _object({"live": BOOLEAN}),
        "Ready": _object({"ready": BOOLEAN}),
        "ModelReady": _object({"name": _text(), "ready": BOOLEAN}),
        "Model": _model(),
        "Status": {"type": "object"},
        "Error": _object({"error": _text("What is wrong, and where; it repeats no value.")}),
    }


def row_schema(inputs: Inputs, limits: ServerLimits) -> Schema:
    """A row of the plain door."""
    columns = {name: _value(column, limits) for name, column in inputs.columns.items()}
    beside = {
        name: {
            "anyOf": [_text(longest=limits.text_length), INTEGER, NULL],
            "description": "names the row" if name == inputs.row_id else "names what it is about",
        }
        for name in inputs.id_columns
        if name not in columns
    }
    return {
        "type": "object",
        "properties": columns | beside,
        "required": [name for name, c in inputs.columns.items() if not _may_be_left_out(c)],
        "additionalProperties": False,
    }


def _may_be_left_out(column: InputColumn) -> bool:
    return column.nullable and column.has_missing


def _value(column: InputColumn, limits: ServerLimits) -> Schema:
    forms: list[Schema] = {
        "string": [_text(longest=limits.text_length)],
        "double": [BOOLEAN, {"enum": [0, 1]}] if column.declared == "boolean" else [NUMBER],
        "int64": [TIME, INTEGER] if column.declared == "timestamp" else [INTEGER],
        "bool": [BOOLEAN],
    }[column.kind]
    forms = [*forms, NULL] if column.has_missing else forms
    schema = dict(forms[0]) if len(forms) == 1 else {"anyOf": forms}
    described = {"description": column.description} if column.description else {}
    return schema | described | {"examples": [column.example]}


def _predict_request(limits: ServerLimits) -> Schema:
    rows: Schema = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Row"},
        "minItems": 1,
        "maxItems": limits.rows,
    }
    named = {
        "type": "object",
        "properties": {"rows": rows, "id": {"anyOf": [_id(), NULL]}},
        "required": ["rows"],
        "additionalProperties": False,
    }
    return {"anyOf": [named, rows]}


def _predict_answer() -> Schema:
    predictions = {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}
    return _object({"release": _text(), "predictions": predictions}, {"id": _id()})


def _prediction(inputs: Inputs) -> Schema:
    own = {"row_id": _text("as it was sent")} if inputs.row_id else {}
    if not inputs.classes:
        bound = {"type": "number"}
        interval = {"type": "array", "items": bound, "minItems": 2, "maxItems": 2}
        return _object({"prediction": bound, "interval": interval}, own)
    label: Schema = {"type": "integer"}
    if inputs.outputs["label"][0] == "BYTES":
        label = {"type": "string", "enum": [*inputs.classes]}
    chance = {"type": "number", "minimum": 0, "maximum": 1}
    return _object(
        {"label": label, "probabilities": _object(dict.fromkeys(inputs.classes, chance))}, own
    )


def _tensor_schema(kind: TensorType, inputs: Inputs, limits: ServerLimits) -> Schema:
    items: dict[TensorType, Schema] = {
        "string": {"anyOf": [_text(longest=limits.text_length), NULL]},
        "double": {"anyOf": [NUMBER, NULL]},
        "int64": INTEGER,
        "bool": BOOLEAN,
    }
    names = [name for name, column in inputs.columns.items() if column.kind == kind]
    return _tensor(names, sorted(TAKEN[kind][0]), items[kind], limits)


def _id_tensor(inputs: Inputs, limits: ServerLimits) -> dict[str, Schema]:
    names = [name for name in inputs.id_columns if name not in inputs.columns]
    if not names:
        return {}
    items = {"anyOf": [_text(longest=limits.text_length), INTEGER, NULL]}
    return {"IdTensor": _tensor(names, sorted(TAKEN["int64"][0] | {"BYTES"}), items, limits)}


def _tensor(names: list[str], datatypes: list[str], items: Schema, limits: ServerLimits) -> Schema:
    size = {"type": "integer", "minimum": 0, "maximum": limits.rows}
    binary = {"type": "integer", "minimum": 0, "description": "Bytes, where the data is binary."}
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": names},
            "datatype": {"type": "string", "enum": datatypes},
            "shape": {"type": "array", "items": size, "minItems": 1, "maxItems": 2},
            "data": {"type": "array", "items": items},
            "parameters": {"type": "object", "properties": {"binary_data_size": binary}},
        },
        "required": ["name", "datatype", "shape"],
    }


def _infer_request(inputs: Inputs, tensors: list[str]) -> Schema:
    wanted = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": [*inputs.outputs]},
            "parameters": {"type": "object", "properties": {"binary_data": BOOLEAN}},
        },
        "required": ["name"],
    }
    return {
        "type": "object",
        "properties": {
            "id": {"anyOf": [_id(), NULL]},
            "inputs": {
                "type": "array",
                "items": {"anyOf": [{"$ref": f"#/components/schemas/{t}"} for t in tensors]},
                "minItems": len(inputs.columns),
            },
            "outputs": {"anyOf": [{"type": "array", "items": wanted}, NULL]},
            "parameters": {"type": "object", "properties": {"binary_data_output": BOOLEAN}},
        },
        "required": ["inputs"],
    }


def _infer_answer(inputs: Inputs) -> Schema:
    outputs = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/OutputTensor"},
        "maxItems": len(inputs.outputs),
    }
    return _object(
        {"model_name": _text(), "model_version": _text(), "outputs": outputs}, {"id": _id()}
    )


def _output_tensor(inputs: Inputs) -> Schema:
    datatypes = sorted({datatype for datatype, _ in inputs.outputs.values()})
    return _object(
        {
            "name": {"type": "string", "enum": [*inputs.outputs]},
            "datatype": {"type": "string", "enum": datatypes},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        },
        {"data": {"type": "array"}, "parameters": {"type": "object"}},
    )


def _model() -> Schema:
    tensor = _object(
        {
            "name": _text(longest=LONGEST_NAME),
            "datatype": _text(),
            "shape": {"type": "array", "items": {"type": "integer"}},
        },
        {"parameters": {"type": "object"}},
    )
    tensors = {"type": "array", "items": tensor}
    versions = {"type": "array", "items": _text()}
    return _object(
        {
            "name": _text(),
            "versions": versions,
            "platform": _text(),
            "inputs": tensors,
            "outputs": tensors,
        }
    )


def _object(properties: dict[str, Any], optional: dict[str, Any] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": [*properties],
        "additionalProperties": False,
    }


def _text(description: str = "", longest: int | None = None) -> Schema:
    schema: Schema = {"type": "string"}
    if longest is not None:
        schema["maxLength"] = longest
    return schema | ({"description": description} if description else {})


def _id() -> Schema:
    return _text("Your name for the request; the answer repeats it.", LONGEST_ID)
