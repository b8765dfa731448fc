"""Which rows there are, who is among them, and which are looked at, as a use case declares it.

Belongs here: every field below ``rows``, ``privacy``, ``representation`` and ``slices`` in
``defs.yaml``. Does not belong here: one column (``column_declaration.py``), or how a field is acted
on (``data/``, ``evidence/``).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlops_assets.specification import Condition, Severity, Share, Specification


class Removal(Specification):
    """Rows that are removed on purpose, counted under the rule's name."""

    name: str
    remove_where: Condition
    reason: str


class RowRule(Specification):
    """What must hold between the columns of a row. A row in which a column of the condition is
    missing breaks no rule."""

    name: Annotated[str, Field(min_length=1)]
    holds: Condition
    severity: Severity = "error"
    reason: str = ""
    """Why it must hold."""


class Rows(Specification):
    """Which rows of a batch become the cleaned dataset."""

    rules: tuple[RowRule, ...] = ()
    """What must hold between columns."""
    remove: tuple[Removal, ...] = ()
    """Declared removals, applied in order after validation."""
    unique_by: tuple[str, ...] | Literal["all"] = ()
    """Columns that identify a row, or ``all``; later rows with the same values are duplicates."""
    duplicates: Severity = "error"
    """What a duplicate costs: ``error`` sends it to the quarantine."""
    max_quarantined: Share = 0.05
    """A batch with a larger share of quarantined rows blocks what is downstream."""


class Privacy(Specification):
    """How personal data is looked for and what risk of re-identification is accepted."""

    quasi_identifiers: tuple[str, ...] = ()
    """Columns that together may single a person out, though none of them does alone."""
    min_group: Annotated[int, Field(ge=1)] | None = None
    """Fewest rows (k) that must share each combination of the quasi-identifiers."""


class Representation(Specification):
    """Whether the training window holds enough of everyone the model is for."""

    bands: dict[str, Annotated[tuple[float, ...], Field(min_length=1)]] = Field(default={})
    """Where a sensitive number is cut into groups: ``AGEP: [30, 50]`` makes the groups
    ``below 30``, ``30 to below 50`` and ``from 50``."""
    reference: dict[str, dict[str | int | bool, Share]] = Field(default={})
    """For a sensitive column, the share of each of its groups in the population that the model is
    for. Groups are named as in the data, those of ``bands`` by their words."""
    reference_source: str = ""
    """Where the shares of the reference are from."""
    min_rows: Annotated[int, Field(ge=1)] = 100
    """Fewest labelled test rows with which a group can be evaluated."""
    min_ratio: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    """A group is under-represented where its share of the training rows, divided by its share in
    the reference, is certainly below this."""
    policy: Literal["warn", "block"] = "warn"
    """What a shortfall does to the training."""

    @model_validator(mode="after")
    def _reference_adds_up(self) -> Self:
        for name, shares in self.reference.items():
            if abs(sum(shares.values()) - 1.0) > 0.02:
                raise ValueError(
                    f"representation.reference.{name}: the shares add up to "
                    f"{sum(shares.values()):g}, and must to 1"
                )
        if self.reference and not self.reference_source:
            raise ValueError("representation.reference needs a reference_source: say where from")
        for name, edges in self.bands.items():
            if list(edges) != sorted(set(edges)):
                raise ValueError(f"representation.bands.{name}: {list(edges)} must rise")
        return self


class Slice(Specification):
    """A declared sub-population every report shows."""

    name: str
    where: Condition
