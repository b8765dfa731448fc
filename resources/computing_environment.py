"""What a computation ran on that can change its bytes: versions of libraries, instructions.

Belongs here: reading both from the running process. Does not belong here: comparing them with what
a release was made on (``mlops_assets/governance/reproduction.py``).

Nothing here names a machine, a user or a path: two machines on which the same code gives the same
bytes give the same answer.
"""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

LIBRARIES = (
    "joblib",
    "matplotlib",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "pandera",
    "pyarrow",
    "scikit-learn",
    "scipy",
)
"""Those whose computation or file format reaches an artifact."""


def made_with(code: Mapping[str, str]) -> dict[str, Any]:
    """What can change a release's bytes beside its inputs: the hash of each artifact's ``code``,
    and the computing environment."""
    return {"code": dict(code), **computing_environment()}


def computing_environment() -> dict[str, Any]:
    """Python's and the libraries' versions, the processor's architecture, and the instructions
    numpy found on it (its linear algebra and ONNX Runtime choose their kernels by the same)."""
    import numpy as np

    configuration: Any = np.show_config(mode="dicts")
    return {
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "architecture": platform.machine(),
        "instructions": sorted(configuration["SIMD Extensions"]["found"]),
    }
