"""What may be wrong with a deployment, done to the golden rows instead: each has to be found."""

from collections.abc import Callable
from typing import Any


def _output(golden: dict[str, Any], name: str) -> dict[str, Any]:
    outputs = golden["responses"]["model.onnx"]["outputs"]
    found: dict[str, Any] = next(output for output in outputs if output["name"] == name)
    return found


def _another_probability(golden: dict[str, Any]) -> None:
    _output(golden, "probabilities")["data"][-1] += 2e-5


def _another_integer(golden: dict[str, Any]) -> None:
    """By one, where a double cannot tell."""
    labels = _output(golden, "label")["data"]
    labels[labels.index(2**60 + 1)] -= 1


def _another_name(golden: dict[str, Any]) -> None:
    labels = _output(golden, "label")["data"]
    labels[labels.index("hÖch")] = "höch"


def _another_shape(golden: dict[str, Any]) -> None:
    _output(golden, "label")["shape"].append(1)


def _another_output(golden: dict[str, Any]) -> None:
    _output(golden, "label")["name"] = "class"


def _not_missing(golden: dict[str, Any]) -> None:
    amounts = next(t for t in golden["request"]["inputs"] if t["name"] == "amount")["data"]
    amounts[:] = [50.0 if amount is None else amount for amount in amounts]


def _another_type(golden: dict[str, Any]) -> None:
    golden["request"]["inputs"][0]["name"] = "town"


CHANGES: dict[str, tuple[str, str, Callable[[dict[str, Any]], None]]] = {
    "probability": ("binary", "output probabilities: 1 of", _another_probability),
    "integer": ("numbered classes", "output label: 1 of", _another_integer),
    "name": ("named classes", "output label: 1 of", _another_name),
    "shape": ("binary", "output label: has shape", _another_shape),
    "output": ("binary", "output class: is missing", _another_output),
    "missing value": ("binary", "output probabilities:", _not_missing),
    "input": ("binary", "could not be asked", _another_type),
}
"""By what is changed: the target of the release, how the finding begins, and the change."""
