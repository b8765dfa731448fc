"""The model of a task around a fitted pipeline, and what it costs.

Belongs here: which kind of model a use case's task has, and the size of one. Does not belong here:
those kinds (``calibration.py``), counting on a pipeline (``complexity.py``), or fitting
(``fitted_pipeline.py``).
"""

from sklearn.pipeline import Pipeline

from mlops_assets.answers import Labels
from mlops_assets.training.calibration import (
    BinaryModel,
    Model,
    MulticlassModel,
    RegressionModel,
)
from mlops_assets.training.complexity import (
    Complexity,
    FileSize,
    operation_count,
    parameter_count,
)
from mlops_assets.training.fitted_pipeline import standardisation
from mlops_assets.use_case import UseCase


def make_model(pipeline: Pipeline, labels: Labels, use_case: UseCase) -> Model:
    """The model of the use case's task, not yet calibrated, around a pipeline fitted on rows with
    these ``labels``."""
    match use_case.target.task:
        case "binary":
            return BinaryModel(pipeline)
        case "multiclass":
            return MulticlassModel(pipeline, len(use_case.target.class_names))
        case "regression":
            mean, scale = standardisation(labels)
            return RegressionModel(pipeline, mean, scale, use_case.training.interval)


def complexity_of(
    pipeline: Pipeline, labels: Labels, use_case: UseCase, file_size: FileSize | None
) -> Complexity:
    """What a pipeline fitted on rows with these ``labels`` costs, as a model that was not
    calibrated: calibration adds a few numbers to any family's file."""
    size = None
    if file_size is not None:
        size = file_size(make_model(pipeline, labels, use_case).uncalibrated())
    return Complexity(parameter_count(pipeline), operation_count(pipeline), size)
