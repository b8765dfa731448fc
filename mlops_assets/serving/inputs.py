"""What a release's model takes and gives, as the messages of its server need to know it.

Belongs here: one description made of a bundle's ``signature.json`` and ``declaration.json`` and of
its model. Does not belong here: reading a message with it (``protocol.py``, ``row_objects.py``), or
telling others (``openapi.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mlops_assets.serving.columns import TensorType

DATATYPES: dict[TensorType, str] = {
    "string": "BYTES",
    "double": "FP64",
    "int64": "INT64",
    "bool": "BOOL",
}
"""How the Open Inference Protocol v2 names the tensors that a model takes."""
UNDECLARED: dict[TensorType, str] = {
    "string": "string",
    "double": "number",
    "int64": "integer",
    "bool": "boolean",
}
"""The column type that a tensor type stands for where none is declared."""
MADE_UP: dict[str, str | int | float | bool] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "timestamp": "2026-01-31T13:45:00",
}


class InputColumn(NamedTuple):
    """An input of the model: its tensor type, the column type that the use case declares (string,
    integer, number, boolean or timestamp; ``None`` where it is unknown), whether a row may leave it
    out, what it is, and a value that it may have, made up, as its type in JSON."""

    kind: TensorType
    declared: str | None
    nullable: bool
    description: str
    example: str | int | float | bool = 0

    @property
    def has_missing(self) -> bool:
        """Whether its tensor has a form for missing: the empty string, or NaN."""
        return self.kind in ("string", "double")


@dataclass(frozen=True)
class Inputs:
    """The model's inputs by column, in order; its outputs, each with its datatype and how many
    values it has for a row, in order; and the names of its classes, none of a regression.

    ``row_id`` and ``entity_id`` name the columns that may be sent beside the inputs, or are inputs.
    """

    columns: Mapping[str, InputColumn]
    outputs: Mapping[str, tuple[str, int]]
    classes: tuple[str, ...] = ()
    row_id: str | None = None
    entity_id: str | None = None

    @property
    def types(self) -> dict[str, TensorType]:
        """The tensor type of every input by column."""
        return {name: column.kind for name, column in self.columns.items()}

    def can_answer_for(self, other: "Inputs") -> bool:
        """Whether what is sent to a model with the inputs ``other`` can be answered by this one, in
        the same form: it may need fewer columns."""
        taken, sent = self.types, other.types
        return self.outputs == other.outputs and all(
            sent.get(name) == kind for name, kind in taken.items()
        )

    @property
    def id_columns(self) -> tuple[str, ...]:
        """Columns that may be sent beside the inputs."""
        named = dict.fromkeys((self.row_id, self.entity_id))
        return tuple(name for name in named if name is not None)


def bundle_inputs(
    signature: Mapping[str, Any],
    declaration: Mapping[str, Any],
    types: Mapping[str, TensorType],
    outputs: tuple[str, ...],
) -> Inputs:
    """The description of a release.

    ``signature`` and ``declaration`` are the contents of ``signature.json`` and
    ``declaration.json`` (``{}`` of a bundle without one), ``types`` and ``outputs`` the model's own
    inputs and outputs (see ``Predictor``). Raises ``ValueError`` where signature and model are not
    of one release.
    """
    said = {tensor["name"]: tensor["datatype"] for tensor in signature["inputs"]}
    takes = {name: DATATYPES[kind] for name, kind in types.items()}
    answers = [tensor["name"] for tensor in signature["outputs"]]
    if said != takes or sorted(answers) != sorted(outputs):
        raise ValueError(
            f"the signature names {said} -> {answers}, and the model has {takes} -> "
            f"{[*outputs]}: they are not of one release"
        )
    declared = declaration.get("columns", {})
    serving = declaration.get("serving", {})
    described = {tensor["name"]: tensor.get("description", "") for tensor in signature["inputs"]}
    given = {tensor["name"]: tensor for tensor in signature["outputs"]}
    return Inputs(
        columns={
            name: _column(kind, declared.get(name), described[name]) for name, kind in types.items()
        },
        outputs={name: _form(given[name]) for name in outputs},
        classes=_classes(given.get("probabilities")),
        row_id=serving.get("row_id"),
        entity_id=serving.get("entity_id"),
    )


def _column(kind: TensorType, declared: Mapping[str, Any] | None, description: str) -> InputColumn:
    if declared is None:
        return InputColumn(
            kind, None, kind in ("string", "double"), description, MADE_UP[UNDECLARED[kind]]
        )
    return InputColumn(
        kind,
        declared["type"],
        bool(declared.get("nullable")),
        description or declared.get("description", ""),
        _example(declared),
    )


def _example(declared: Mapping[str, Any]) -> str | int | float | bool:
    """The first value that is declared, or one within the declared limits."""
    kind: str = declared["type"]
    made_up = declared["values"][0] if declared.get("values") else MADE_UP[kind]
    if kind in ("integer", "number"):
        low, high = declared.get("minimum"), declared.get("maximum")
        made_up = made_up if low is None else max(made_up, low)
        made_up = made_up if high is None else min(made_up, high)
    return int(made_up) if kind == "integer" else made_up


def _form(tensor: Mapping[str, Any]) -> tuple[str, int]:
    shape = tensor["shape"]
    return tensor["datatype"], shape[1] if len(shape) > 1 else 1


def _classes(probabilities: Mapping[str, Any] | None) -> tuple[str, ...]:
    if probabilities is None:
        return ()
    numbered = [str(position) for position in range(probabilities["shape"][1])]
    return tuple(probabilities.get("classes") or numbered)
