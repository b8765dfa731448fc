"""Every artifact of a machine-learning model's life as a Dagster asset with lineage."""

import os

# ONNX Runtime would report its use to its makers, unless it is told not to before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
