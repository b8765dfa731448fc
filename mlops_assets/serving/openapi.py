"""The server as OpenAPI 3.1 describes it.

Belongs here: every path, what it takes and what it answers. Does not belong here: the schemas of
messages (``openapi_schemas.py``), the page made of this (``docs_page.py``), or the paths themselves
(``app.py``).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mlops_assets.serving.inputs import Inputs
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.openapi_examples import (
    example_answer,
    example_infer,
    example_infer_answer,
    example_row,
)
from mlops_assets.serving.openapi_schemas import schemas

PREDICT = "/v1/predict"
REFUSALS = {
    "400": "The request cannot be read, or a field of it is wrong: the text names it.",
    "401": "A token is needed, and none that is known was sent.",
    "403": "The token does not allow this.",
    "404": "There is no such model, version or path.",
    "405": "The path takes another method.",
    "408": "The request came too slowly.",
    "413": "The request is larger than a limit of the server: the text names it.",
    "415": "The body has a content encoding other than gzip and deflate.",
    "431": "The header is too large.",
    "500": "The model could not answer; what went wrong stays on the server.",
    "503": "Too much waits to be answered, or the server is starting or ending: ask again later.",
}
ASKED = (*REFUSALS,)
READ = ("401", "403", "404", "405", "408", "431", "503")
PROBED = ("405", "408", "431", "503")
INFER = (
    "Input tensors are named as the source's columns, one `[n]` or `[n, 1]` tensor each, in any "
    "order. Missing is `null` (or the token NaN) in a tensor of numbers, `null` or the empty "
    "string in one of strings; integers and booleans have no form for it. A timestamp is int64 "
    "microseconds since 1970, without zone.\n\n"
    "Binary tensor data extension: send the JSON with `parameters.binary_data_size` in place of "
    "`data`, the tensors' bytes after it in the same order, and the length of the JSON in the "
    "header field `Inference-Header-Content-Length`. Numbers are little-endian, a BOOL is one "
    "byte, a string is its length as a 4-byte little-endian integer and its UTF-8; missing is NaN "
    "or the empty string. Ask for binary outputs with `parameters.binary_data_output`, or with "
    "`parameters.binary_data` of an output."
)


def openapi(name: str, release: str, inputs: Inputs, limits: ServerLimits) -> dict[str, Any]:
    """The description of the server of model ``name``, which answers with ``release``."""
    model = f"/v2/models/{quote(name, safe='')}"
    version = f"{model}/versions/{{version}}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": release,
            "summary": f"Predictions of {name} over HTTP",
            "description": _description(limits),
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "tags": [
            {"name": "people", "description": "Rows as JSON objects, answers in plain words."},
            {"name": "protocol", "description": "The Open Inference Protocol v2."},
            {"name": "operations", "description": "How the server is."},
        ],
        "paths": {
            PREDICT: {"post": _predict(release, inputs)},
            "/v2": {"get": _told("server", "What the server speaks", "Server")},
            "/v2/health/live": {"get": _probe("live", "Whether the process answers", "Live")},
            "/v2/health/ready": {"get": _probe("ready", "Whether predictions are made", "Ready")},
            **_model_paths(model, name, release, inputs, {}),
            **_model_paths(version, name, release, inputs, _version(release)),
            **_operations(),
        },
        "components": {
            "schemas": schemas(inputs, limits),
            "responses": {status: _refusal(text) for status, text in REFUSALS.items()},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token with the scope predict, metrics (/metrics) or admin "
                    "(/admin). A server on loopback may be run without tokens.",
                }
            },
        },
    }


def _description(limits: ServerLimits) -> str:
    return (
        "Every answer names the release (by hash) that gave it. A refusal is a JSON object with "
        f"the text `error`. A request may have {limits.body_bytes:,} bytes, also when "
        f"decompressed, {limits.rows:,} rows, and texts of {limits.text_length:,} characters. "
        "Bodies may be sent in gzip or deflate, and answers are asked for in gzip "
        "(Accept-Encoding)."
    )


def _model_paths(
    path: str, name: str, release: str, inputs: Inputs, versioned: Mapping[str, Any]
) -> dict[str, Any]:
    of = " of a version" if versioned else ""
    suffix = "_version" if versioned else ""
    infer = _infer(name, release, inputs) | {
        "operationId": f"infer{suffix}",
        "summary": f"Predict{of}",
    }
    return {
        path: {
            **versioned,
            "get": _told(f"model{suffix}", f"The model's inputs and outputs{of}", "Model"),
        },
        f"{path}/ready": {
            **versioned,
            "get": _probe(f"model_ready{suffix}", f"Whether the model{of} answers", "ModelReady")
            | {"security": [{}, {"bearer": []}], "responses": _ready_responses()},
        },
        f"{path}/infer": {**versioned, "post": infer},
    }


def _version(release: str) -> dict[str, Any]:
    return {
        "parameters": [
            {
                "name": "version",
                "in": "path",
                "required": True,
                "description": "The hash of a release that is served here.",
                "schema": {"type": "string"},
                "example": release,
            }
        ]
    }


def _predict(release: str, inputs: Inputs) -> dict[str, Any]:
    return {
        "operationId": "predict",
        "tags": ["people"],
        "summary": "Predict for rows",
        "description": "Rows as objects of columns, or the list of them alone. A missing value is "
        "null; of a column that may be missing it may be left out. A timestamp is ISO 8601 text "
        "without zone, or microseconds since 1970.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _schema("PredictRequest"),
                    "example": {"rows": [example_row(inputs)]},
                }
            },
        },
        "responses": {
            "200": _answer("PredictAnswer", "A prediction for each row, in order")
            | {
                "content": {
                    "application/json": {
                        "schema": _schema("PredictAnswer"),
                        "example": example_answer(release, inputs),
                    }
                }
            },
            **_refusals(ASKED),
        },
    }


def _infer(name: str, release: str, inputs: Inputs) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "contentEncoding": "binary"}}
    length = {
        "description": "Bytes of JSON before the binary data.",
        "schema": {"type": "integer", "minimum": 0},
    }
    return {
        "tags": ["protocol"],
        "description": INFER,
        "parameters": [
            {"name": "Inference-Header-Content-Length", "in": "header", "required": False, **length}
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _schema("InferRequest"),
                    "example": example_infer(inputs),
                },
                "application/octet-stream": binary,
            },
        },
        "responses": {
            "200": {
                "description": "The outputs, as JSON, or as JSON and binary data after it",
                "headers": {"Inference-Header-Content-Length": {"required": False, **length}},
                "content": {
                    "application/json": {
                        "schema": _schema("InferAnswer"),
                        "example": example_infer_answer(name, release, inputs),
                    },
                    "application/octet-stream": binary,
                },
            },
            **_refusals(ASKED),
        },
    }


def _operations() -> dict[str, Any]:
    metrics = {
        "description": "Prometheus text",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    page = {"description": "HTML", "content": {"text/html": {"schema": {"type": "string"}}}}
    return {
        "/metrics": {
            "get": _told("metrics", "Metrics for Prometheus", "Status", "operations")
            | {"responses": {"200": metrics, **_refusals(READ)}}
        },
        "/admin/status": {
            "get": _told("status", "Releases, traffic and log, for who runs it", "Status")
            | {"tags": ["operations"]}
        },
        "/openapi.json": {
            "get": _told("openapi", "This description", "Status") | {"tags": ["operations"]}
        },
        "/docs": {
            "get": _told("docs", "This description as a page", "Status", "operations")
            | {"responses": {"200": page, **_refusals(READ)}}
        },
    }


def _told(id_: str, summary: str, schema: str, tag: str = "protocol") -> dict[str, Any]:
    return {
        "operationId": id_,
        "tags": [tag],
        "summary": summary,
        "responses": {"200": _answer(schema, summary), **_refusals(READ)},
    }


def _probe(id_: str, summary: str, schema: str) -> dict[str, Any]:
    """What is asked without a token; where the answer is no, it is 503 with the same content."""
    return {
        "operationId": id_,
        "tags": ["operations"],
        "summary": summary,
        "security": [],
        "responses": {
            "200": _answer(schema, "Yes"),
            **_refusals(PROBED),
            "503": _answer(schema, "No"),
        },
    }


def _ready_responses() -> dict[str, Any]:
    return {
        "200": _answer("ModelReady", "Yes"),
        **_refusals(READ),
        "503": _answer("ModelReady", "No"),
    }


def _answer(schema: str, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": _schema(schema)}},
    }


def _refusal(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {"application/json": {"schema": _schema("Error")}},
    }


def _refusals(statuses: tuple[str, ...]) -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
