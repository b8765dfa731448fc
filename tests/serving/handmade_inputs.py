"""What the handmade models take and give, as the messages of a server know it."""

from typing import Any

from handmade_models import MODELS, SIGNATURES
from served_bundles import DECLARED

from mlops_assets.serving.inputs import Inputs, bundle_inputs
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.predictor import Predictor

LIMITS = ServerLimits(rows=10, text_length=20)
IDS = {"row_id": "order", "entity_id": "customer"}


def inputs_of(task: str = "binary", **serving: Any) -> Inputs:
    """Of the handmade model of ``task``, with what is declared of how it is served."""
    model = Predictor(MODELS[task])
    declared = {"columns": DECLARED, "serving": {**IDS, **serving}}
    return bundle_inputs(SIGNATURES[task], declared, model.signature, model.outputs)


INPUTS = inputs_of()
