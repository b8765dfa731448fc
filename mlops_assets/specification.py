"""The base of everything a user may write in ``defs.yaml``.

Belongs here: what all parts of a use case's description have in common. Does not belong here: any
field (``use_case.py`` and the modules it is put together from).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share of a whole: 0.05 is five percent."""

Condition = Annotated[str, Field(min_length=3)]
"""A row condition in the syntax of ``pandas.DataFrame.query``: ``"AGEP < 16"``."""

Severity = Literal["warn", "error"]
"""What a broken rule costs a row: ``warn`` counts it, ``error`` sends it to the quarantine."""


class Specification(BaseModel):
    """The base of everything a user may write: frozen, and unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def __reduce__(self) -> tuple[Any, ...]:
        # pydantic pickles the set of fields that were given, whose order depends on the hash seed.
        return _rebuild, (type(self), self.model_dump())


def _rebuild(kind: type[Specification], fields: dict[str, Any]) -> Specification:
    return kind(**fields)
