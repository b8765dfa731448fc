"""What is demanded of a model, its derived forms and the batches it predicts, as declared.

Belongs here: every field below ``quantization``, ``limits``, ``monitoring``, ``retraining`` and
``promotion`` in ``defs.yaml``. Does not belong here: how a model is made
(``training_declaration.py``), or who acts on a limit (``release/gate.py``, ``sensors/``).
"""

from typing import Annotated, Literal

from pydantic import Field

from mlops_assets.specification import Share, Specification


class Quantization(Specification):
    """Which 8-bit form is made, where a family has several."""

    prefer: Literal["speed", "size"] = "speed"


class Limits(Specification):
    """How far a derived form may be from the model it was made from, over all rows of the test
    split and in every slice and group of it.

    Differences are of probabilities; of a regression's predictions, in standard deviations of the
    target in the train split."""

    onnx_difference: Annotated[float, Field(ge=0.0)] = 1e-4
    """Largest difference of a row between the pipeline and its ONNX form."""
    quantized_difference: Annotated[float, Field(ge=0.0)] = 0.02
    """Largest difference of a row between the float and the quantized form."""
    quantized_flips: Share = 0.002
    """Share of decisions (the class answered) that the quantized form may change."""
    quantized_loss: Annotated[float, Field(ge=0.0)] = 0.001
    """Rise of the loss (see ``answers.row_losses``) that the quantized form may cost."""


class Monitoring(Specification):
    """When a batch counts as different from what the champion was trained on."""

    false_alarm_rate: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.01
    """Chance that a batch from the reference's own distribution is called drifted."""
    min_distance: Share = 0.1
    """Jensen-Shannon distance (base 2) below which a difference is too small to matter."""
    min_weighted_distance: Share = 0.15
    """Mean distance of the inputs, each weighted with its share of the champion's SHAP attribution,
    from which drift calls for retraining: drift in what the model hardly uses costs it little."""
    max_skew: Share = 0.01
    """Share of the served rows whose logged input may differ from what the source delivered later:
    sources correct single values."""


class Retraining(Specification):
    """When the champion is challenged."""

    cooldown_batches: Annotated[int, Field(ge=1)] = 1
    """New batches that must have arrived since the last training."""
    max_loss_rise: Annotated[float, Field(ge=0.0)] = 0.02
    """Rise of the loss (see ``answers.row_losses``) over the champion's own test split that counts
    as lost performance, beyond what the interval explains."""


class Promotion(Specification):
    """What a challenger must show. The comparison is the paired loss (see ``answers.row_losses``)
    on the challenger's test split, which neither model has seen."""

    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """One-sided confidence at which the challenger must be better than the champion, and a first
    release better than the baseline that answers the same for all rows."""
    first_min_roc_auc: Annotated[float, Field(ge=0.5, le=1.0)] = 0.6
    """Binary: the lower bound of the ROC AUC of a first release, when there is no champion yet."""
    ab_test: bool = False
    """A challenger must have been shown to be better, or not worse by as much as
    ``serving.ab_test.minimum_effect``, in an A/B or shadow test against the champion."""
