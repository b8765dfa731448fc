"""How a model is judged before it is released, as a use case declares it.

Belongs here: every field below ``decision``, ``fairness``, ``explanation``, ``risk`` and
``evaluation`` in ``defs.yaml``. Does not belong here: what a figure must reach and who answers for
it (``responsibility_declaration.py``), or how it is computed (``evidence/``).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from mlops_assets.specification import Specification

FairnessDefinition = Literal[
    "selection_rate",
    "equal_opportunity",
    "equalized_odds",
    "predictive_parity",
    "calibration",
    "error_cost",
]
"""Selection rate (demographic parity): the favourable decision equally often. Equal opportunity:
equal true-positive rates. Equalised odds: equal true- and false-positive rates. Predictive parity:
the favourable decision is right equally often. Calibration: probabilities mean the same. Error
cost: mistakes cost the same (the use case's costs, or a number's squared error)."""

RATES_OF_DECISIONS: tuple[FairnessDefinition, ...] = (
    "selection_rate",
    "equal_opportunity",
    "equalized_odds",
    "predictive_parity",
)
"""The definitions that other thresholds can bring about."""
FAIRNESS_DEFINITIONS: tuple[FairnessDefinition, ...] = (
    *RATES_OF_DECISIONS,
    "calibration",
    "error_cost",
)


class BinaryCosts(Specification):
    """What each outcome of a decision costs, in any one unit; a benefit is a negative cost."""

    true_positive: FiniteFloat = 0.0
    false_positive: FiniteFloat = 1.0
    false_negative: FiniteFloat = 1.0
    true_negative: FiniteFloat = 0.0

    @model_validator(mode="after")
    def _mistakes_cost(self) -> Self:
        if self.false_positive <= self.true_negative or self.false_negative <= self.true_positive:
            raise ValueError("decision.costs: a mistake must cost more than the right decision")
        return self


class Decision(Specification):
    """What follows from an answer: which class is decided.

    Binary: the positive class from a probability on, which is chosen on the calibration split so
    that decisions cost least. Multiclass: the class whose expected cost is least."""

    costs: BinaryCosts | None = None
    """Binary. Without it, decisions are made at a probability of 0.5."""
    cost_matrix: dict[str | int, dict[str | int, FiniteFloat]] = Field(default={})
    """Multiclass: cost by class that is true, then by class that is decided. Every class is named
    in both; without it, the most probable class is decided."""


class Evaluation(Specification):
    """How the test rows are looked at."""

    crossings: bool = True
    """Slices and sensitive groups are also evaluated two by two."""
    min_weak_slice: Annotated[float, Field(gt=0.0, le=0.5)] = 0.05
    """Smallest share of the test rows that a weak slice found by search may have."""
    false_discovery_rate: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    """Expected share of wrongly named ones among the weak slices that are named."""


class GroupThresholds(Specification):
    """A decision threshold for each group of one sensitive column, where the law allows it."""

    column: str
    """A categorical sensitive column that the model may see (``sensitive_input: true``): it must be
    known when the decision is made."""
    legal_basis: Annotated[str, Field(min_length=10)]
    """Why the law allows to decide by group here."""


class Mitigation(Specification):
    """What is done against unequal treatment. Each is shown before and after, with its cost."""

    reweighing: tuple[str, ...] = ()
    """Sensitive columns whose groups and outcomes are made independent by weights of the train
    rows (F. Kamiran and T. Calders, "Data preprocessing techniques for classification without
    discrimination", 2012)."""
    group_thresholds: GroupThresholds | None = None


class Fairness(Specification):
    """Which definition of fair applies, and why; reports say what the others would say."""

    definition: FairnessDefinition = "equal_opportunity"
    reason: str = ""
    """Why this definition is the right one here."""
    favourable: str | int | None = None
    """The outcome that people hope for: binary 0 or 1 (unless said, 1); multiclass a class, without
    which only calibration and error cost can be looked at. Not for a number."""
    crossings: bool = True
    """Sensitive columns are also looked at two by two."""
    min_rows: Annotated[int, Field(ge=10)] = 100
    """Fewest rows that a rate of a group is taken from (those it is a share of); below, there is
    insufficient evidence."""
    mitigation: Mitigation = Mitigation()


class Explanation(Specification):
    """How much work goes into explaining a model."""

    rows: Annotated[int, Field(ge=20, le=10_000)] = 300
    """Test rows that are explained."""
    background: Annotated[int, Field(ge=10, le=10_000)] = 50
    """Train rows that a sampling explainer compares them with; an exact one takes as many as the
    explained rows at least."""
    refits: Annotated[int, Field(ge=0, le=50)] = 4
    """Refits on bootstrap samples, which say how stable the attribution is."""
    max_refit_rows: Annotated[int, Field(ge=200)] = 6_000


class HumanRisk(Specification):
    """A risk that no test measures, as a person judges it."""

    hazard: str
    kind: Literal["legal", "ethical", "reputational", "operational", "environmental", "other"]
    likelihood: Literal["rare", "possible", "likely"]
    severity: Literal["minor", "serious", "critical"]
    measure: str
    """What is done about it."""
    residual: Literal["low", "medium", "high"]
    """What remains after the measure."""
    owner: str
    """Who answers for it: a role."""


class Risk(Specification):
    """How the model is attacked and disturbed before it is released."""

    rows: Annotated[int, Field(ge=50, le=100_000)] = 2_000
    """Test rows that are disturbed."""
    evasion_rows: Annotated[int, Field(ge=20, le=10_000)] = 200
    """Test rows for which the smallest change of the decision is looked for."""
    shadow_models: Annotated[int, Field(ge=8, le=256)] = 16
    """Models that the membership attack is calibrated with (N. Carlini and others, "Membership
    inference attacks from first principles", 2022)."""
    max_shadow_rows: Annotated[int, Field(ge=200)] = 6_000
    """Rows of the largest fit of a shadow model."""
    entries: tuple[HumanRisk, ...] = ()
    """What people enter into the register beside the tests: legal, ethical, reputational risks."""
