"""The codes of categories: the frequent ones, told apart exactly, in bounded memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from mlops_assets.column_declaration import Column
from mlops_assets.training.encoding import LEVELS, CategoryEncoding, Form, RowEncoder

CITY = {"city": Column(type="string")}
EXACT = (2**24, 2**24 + 1, 2**60, 2**60 + 1)


def _cities(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"city": pd.array(names, dtype="string")})


def _codes(nullable: bool, dtype: str) -> list[float]:
    columns = {"code": Column(type="integer", categorical=True, nullable=nullable)}
    rows = pd.DataFrame({"code": pd.array(EXACT, dtype=dtype)})
    codes: list[float] = RowEncoder(columns).fit(rows).transform(rows)[:, 0].tolist()
    return codes


def _many_categories(rows: int) -> pd.DataFrame:
    """10,000 categories, of which the later are the rarer."""
    shares = np.random.default_rng(0).random(rows) ** 3
    return _cities(*(f"{int(share * 10_000):05d}" for share in shares))


@pytest.mark.parametrize("form", ["tree", "dense"])
def test_of_many_categories_the_frequent_ones_have_codes(form: Form) -> None:
    rows = _many_categories(60_000)
    encoder = RowEncoder(CITY, form).fit(rows)

    (encoding,) = encoder.encodings_
    assert isinstance(encoding, CategoryEncoding)
    counts = rows["city"].value_counts()
    kept = counts.loc[list(encoding.levels)]
    assert len(kept) == LEVELS[form] < len(counts)
    assert kept.min() >= counts.drop(index=kept.index).max()
    assert list(encoding.levels) == sorted(encoding.levels)
    rare = encoder.transform(_cities("09999"))
    np.testing.assert_array_equal(rare, [[-1.0]] if form == "tree" else np.zeros((1, 128)))


def test_equally_frequent_categories_are_kept_in_the_order_of_their_values() -> None:
    names = [f"{number:03d}" for number in range(300)]
    for given_names in (names, names[::-1]):
        (encoding,) = RowEncoder(CITY, "dense").fit(_cities(*given_names)).encodings_
        assert encoding == CategoryEncoding("city", tuple(names[:128]))


def test_encoding_many_categories_needs_little_more_memory_than_its_result() -> None:
    rows = _many_categories(100_000)
    encoder = RowEncoder(CITY, "dense").fit(rows)
    tracemalloc.start()
    try:
        encoded = encoder.transform(rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert encoded.nbytes == 100_000 * 128 * 4
    assert peak < 1.3 * encoded.nbytes


@pytest.mark.parametrize("dtype", ["int64", "Int64"])
def test_integer_codes_are_told_apart_as_far_as_their_tensor_does(dtype: str) -> None:
    assert _codes(nullable=False, dtype=dtype) == [0, 1, 2, 3]
    assert _codes(nullable=True, dtype=dtype) == [0, 1, 2, 2], "a double holds every 256th one"
