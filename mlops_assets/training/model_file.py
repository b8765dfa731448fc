"""A fitted model as the bytes of a joblib file that depend on the model alone.

Belongs here: writing them. Does not belong here: reading, which is ``joblib.load`` once the hash is
the recorded one.

A pickle says a text once and refers to it from then on, if it is the same object in memory. Whether
two equal texts are, such as the names of the attributes of two estimators, depends on what else the
process has done: after it has read a pipeline, from a worker or from a file, the pipelines that it
makes itself are written in other bytes. So equal texts are written as one here.
"""

import io
from typing import Any

from joblib.numpy_pickle import NumpyPickler


class _OneOfEqualTexts(NumpyPickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self._texts: dict[str, str] = {}

    def save(self, obj: Any) -> Any:
        return super().save(self._texts.setdefault(obj, obj) if type(obj) is str else obj)


def model_bytes(model: Any) -> bytes:
    """What ``joblib.load`` reads as ``model``."""
    file = io.BytesIO()
    _OneOfEqualTexts(file).dump(model)
    return file.getvalue()
