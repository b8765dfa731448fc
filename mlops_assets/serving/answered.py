"""What was answered, as the room's parts hand it to each other.

Belongs here: the shape of a batch of answers between the one who scores it and those who keep or
count it. Does not belong here: any of that work (``batching.py``, ``prediction_log/``,
``metrics.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from numpy.typing import NDArray

Variant = Literal["champion", "challenger"]


class AnsweredRequest(NamedTuple):
    """One request of a batch: its id, its number of rows, the ids of its rows where they were sent,
    when it was read (seconds since 1970) and how long its answer took (seconds)."""

    id: str
    rows: int
    row_ids: Sequence[str] | None
    received: float
    latency: float


class AnsweredBatch(NamedTuple):
    """Rows that one release answered at once, in the order of ``requests``.

    ``columns`` are the model's inputs and ``outputs`` its outputs, each ``[n]``, ``[n, 1]`` or
    ``[n, k]`` as the model takes and gives them. ``answered`` is false of a shadow: nobody was sent
    what it says. ``experiment`` names the test that was under way.
    """

    release: str
    variant: Variant
    answered: bool
    experiment: str | None
    requests: Sequence[AnsweredRequest]
    columns: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, NDArray[Any]]
