"""Requests and answers made up from a model's columns, to be shown.

Belongs here: valid examples of each message. Does not belong here: what a message may hold
(``openapi_schemas.py``). No value is of the data.
"""

from datetime import datetime
from typing import Any

from mlops_assets.serving.inputs import DATATYPES, InputColumn, Inputs
from mlops_assets.serving.row_objects import EPOCH, MICROSECOND


def example_row(inputs: Inputs) -> dict[str, Any]:
    return {name: column.example for name, column in inputs.columns.items()}


def example_answer(release: str, inputs: Inputs) -> dict[str, Any]:
    """Made up: one row's answer."""
    if not inputs.classes:
        return {"release": release, "predictions": [{"prediction": 1.5, "interval": [0.5, 2.5]}]}
    chances = _chances(len(inputs.classes))
    label = inputs.classes[0] if inputs.outputs["label"][0] == "BYTES" else 0
    probabilities = dict(zip(inputs.classes, chances, strict=True))
    return {"release": release, "predictions": [{"label": label, "probabilities": probabilities}]}


def example_infer(inputs: Inputs) -> dict[str, Any]:
    """One row in the Open Inference Protocol."""
    return {
        "inputs": [
            {
                "name": name,
                "datatype": DATATYPES[column.kind],
                "shape": [1, 1],
                "data": [_in_tensor(column)],
            }
            for name, column in inputs.columns.items()
        ]
    }


def example_infer_answer(name: str, release: str, inputs: Inputs) -> dict[str, Any]:
    said = example_answer(release, inputs)["predictions"][0]
    outputs = []
    for output, (datatype, width) in inputs.outputs.items():
        value = said[output]
        data = [*value.values()] if isinstance(value, dict) else value
        flat = data if isinstance(data, list) else [data]
        shape = [1, width] if isinstance(data, list) else [1]
        outputs.append({"name": output, "datatype": datatype, "shape": shape, "data": flat})
    return {"model_name": name, "model_version": release, "outputs": outputs}


def _in_tensor(column: InputColumn) -> Any:
    """The example as it travels in a tensor."""
    if column.declared == "timestamp" and isinstance(column.example, str):
        return (datetime.fromisoformat(column.example) - EPOCH) // MICROSECOND
    return float(column.example) if column.kind == "double" else column.example


def _chances(classes: int) -> list[float]:
    rest = [round(0.4 / (classes - 1), 3)] * (classes - 1)
    return [round(1.0 - sum(rest), 3), *rest]
