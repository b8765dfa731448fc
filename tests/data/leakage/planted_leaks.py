"""Labels and columns that know nothing of them, and what a test of them found."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from numpy.typing import NDArray

SEEDS = st.integers(0, 2**32 - 1)


def labels_of(rows: int, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    labels = (np.arange(rows) < share * rows).astype(np.int64)
    return rng.permutation(labels)


def honest_rows(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Columns of every type that know nothing of any label."""
    return pd.DataFrame(
        {
            "size": rng.normal(size=rows),
            "parcels": rng.integers(0, 50, rows),
            "weight": pd.Series(rng.normal(size=rows)).mask(rng.random(rows) < 0.3),
            "city": pd.Series(rng.choice(["Ghent", "Lille", "Metz"], rows)).astype("str"),
            "street": pd.Series(rng.integers(0, rows, rows)).astype("str"),
            "fragile": rng.random(rows) < 0.2,
            "due": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 90_000, rows), unit="min"),
        }
    )


def verdicts(found: Any) -> dict[tuple[str, str | None], str]:
    return {(f.name, f.column): f.verdict for f in found if f.verdict != "ok"}
