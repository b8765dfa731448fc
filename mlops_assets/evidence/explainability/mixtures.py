"""Rows put together from others, and what the released model answers to them.

Belongs here: the model to explain, and asking it about mixtures of given rows. Does not belong
here: which mixtures are asked about (``sampled_attribution.py``, ``additive_attribution.py``).

A mixture is given by positions: where each of its columns is taken from. No value is ever encoded
and back, and the tensors of a column are made once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, from_outputs
from mlops_assets.column_declaration import Column
from mlops_assets.evidence.explainability.score_scale import Floats, to_scores
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import Predictor
from mlops_assets.target_declaration import Target

Predict = Callable[[pd.DataFrame], Answers]
"""What a model answers for a frame of raw rows, in the form of ``answers.py``."""
Integers = NDArray[np.int64]

ROWS_A_CALL = 40_000
THREADS = 2
"""Chunks of rows scored at once; a row's answer does not depend on it."""


@dataclass(frozen=True)
class ExplainedModel:
    """A model to explain: what it answers, its exported file where there is one (a path, or its
    bytes), and its family, which says which explainer is exact. Without a file, or of another
    family, the explainer samples."""

    predict: Predict
    file: Path | bytes | None = None
    family: str = ""

    def content(self) -> bytes | None:
        return self.file.read_bytes() if isinstance(self.file, Path) else self.file


class Mixtures:
    """Mixtures of ``rows`` and ``background``: positions below ``len(rows)`` are those of rows, the
    others of background rows.

    Raises ``ValueError`` where either is empty or lacks one of the ``columns``.
    """

    def __init__(
        self,
        model: ExplainedModel,
        rows: pd.DataFrame,
        background: pd.DataFrame,
        columns: Mapping[str, Column],
        target: Target,
    ) -> None:
        for name, frame in (("rows", rows), ("background", background)):
            if frame.empty:
                raise ValueError(f"cannot explain without {name}")
            if absent := [column for column in columns if column not in frame]:
                raise ValueError(f"{name}: columns are missing: {', '.join(absent)}")
        names = list(columns)
        self.rows, self.background, self.columns = len(rows), len(background), len(names)
        self.target = target
        self.content = model.content()
        self.evaluations = 0
        self._frame = pd.concat([rows[names], background[names]], ignore_index=True)
        self._ask: Callable[[Integers], Answers]
        if self.content is None:
            self._predict = model.predict
            self._ask = self._of_frames
        else:
            self._tensors = to_tensors(self._frame, dict(columns))
            self._predictor = Predictor(self.content, threads=THREADS)
            # A file of another use case may read fewer columns.
            self._read = [c for c in names if c in self._predictor.signature]
            self._ask = self._of_tensors

    def answers(self, positions: Integers) -> Answers:
        """What the model answers to mixtures ``[n, columns]``.

        Raises ``ValueError`` where it does not answer a finite number each.
        """
        self.evaluations += len(positions)
        starts = range(0, len(positions), ROWS_A_CALL)
        return np.concatenate([self._ask(positions[i : i + ROWS_A_CALL]) for i in starts])

    def scores(self, positions: Integers) -> Floats:
        """The scores of mixtures ``[n, columns]``, float64 ``[n, scores]``."""
        return to_scores(self.target.task, self.answers(positions))

    def own(self) -> Integers:
        """The rows and after them the background rows as they are."""
        every = np.arange(self.rows + self.background)
        return np.repeat(every[:, None], self.columns, axis=1)

    def tensors(self, positions: Integers) -> dict[str, NDArray[Any]]:
        """The mixtures as the model's input tensors."""
        place = {name: j for j, name in enumerate(self._frame)}
        return {n: self._tensors[n][positions[:, place[n]]] for n in self._read}

    def _of_tensors(self, positions: Integers) -> Answers:
        found = from_outputs(self._predictor.predict(self.tensors(positions)))
        return _checked(found, len(positions))

    def _of_frames(self, positions: Integers) -> Answers:
        mixed = {
            name: self._frame[name].array.take(positions[:, j])
            for j, name in enumerate(self._frame)
        }
        return _checked(self._predict(pd.DataFrame(mixed)), len(positions))


def checked_answers(predict: Predict, rows: pd.DataFrame) -> Answers:
    """What ``predict`` answers, ``[n, k]``; raises ``ValueError`` unless finite numbers a row."""
    return _checked(predict(rows), len(rows))


def read_columns(columns: Sequence[str], model: ExplainedModel) -> tuple[str, ...] | None:
    """The ``columns`` that the model's file reads; all of them without a file, ``None`` where it
    reads another one."""
    content = model.content()
    if content is None:
        return tuple(columns)
    read = Predictor(content).signature
    return None if set(read) - set(columns) else tuple(c for c in columns if c in read)


def _checked(answers: Any, rows: int) -> Answers:
    found = np.asarray(answers, dtype=np.float64)
    if found.ndim != 2 or len(found) != rows or not np.isfinite(found).all():
        raise ValueError(
            f"the model to explain must answer finite numbers [rows, k]: {rows} rows gave shape "
            f"{found.shape} with {int((~np.isfinite(found)).sum())} not finite"
        )
    return found
