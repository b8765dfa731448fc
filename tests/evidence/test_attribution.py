"""SHAP values equal their definition, add up, and depend on nothing but the input and the seed."""

import warnings
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlops_assets.evidence import attribution
from mlops_assets.evidence.attribution import Codebook, attribute

Floats = NDArray[np.float64]
WEIGHTS = {"a": 0.3, "b": -0.2, "c": 0.05}


def frame(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({name: rng.normal(size=rows) for name in WEIGHTS})


def linear(rows: pd.DataFrame) -> Floats:
    weights = np.array(list(WEIGHTS.values()))
    return 0.5 + np.asarray(rows[list(WEIGHTS)].to_numpy() @ weights, dtype=np.float64)[:, None]


def entangled(rows: pd.DataFrame) -> Floats:
    """An interaction of three columns, for which one permutation is not exact."""
    a, b, c = (rows[name].to_numpy() for name in WEIGHTS)
    answers: Floats = np.tanh(a * b + (a > 0) * (b > 0) * (c > 0) + 0.3 * c)
    return answers[:, None]


def of_three_outputs(rows: pd.DataFrame) -> Floats:
    return np.hstack([entangled(rows), linear(rows), entangled(rows) * -2.0])


def by_definition(row: pd.Series, background: pd.DataFrame) -> list[float]:
    """Shapley's formula over all coalitions of columns."""
    names = [str(name) for name in background]

    def worth(known: set[str]) -> float:
        mixed = background.assign(**{name: row[name] for name in known})
        return float(entangled(mixed).mean())

    values = []
    for name in names:
        others = [other for other in names if other != name]
        total = 0.0
        for size in range(len(others) + 1):
            weight = factorial(size) * factorial(len(others) - size) / factorial(len(names))
            for chosen in combinations(others, size):
                total += weight * (worth({*chosen, name}) - worth({*chosen}))
        values.append(total)
    return values


def test_a_linear_function_gives_the_closed_form() -> None:
    rows, background = frame(6, 0), frame(12, 1)
    found = attribute(linear, rows, background, list(WEIGHTS), outputs=1, seed=3)
    expected = (rows - background.mean()).to_numpy() * np.array(list(WEIGHTS.values()))
    assert found.values[:, :, 0] == pytest.approx(expected, abs=1e-12)
    assert found.base_values.tolist() == [pytest.approx(linear(background).mean())]
    scatter = linear(background).std(ddof=1) / np.sqrt(12)
    assert found.base_standard_errors.tolist() == [pytest.approx(scatter)]
    assert found.replicates == 10


def test_values_approach_their_definition_within_the_stated_error() -> None:
    rows, background = frame(8, 2), frame(200, 3)
    found = attribute(entangled, rows, background, list(WEIGHTS), outputs=1, seed=5, replicates=40)
    expected = np.array([by_definition(row, background) for _, row in rows.iterrows()])
    gap = found.values[:, :, 0] - expected
    assert np.abs(gap).max() < 0.02
    # The background is the same in both, so that the stated error, which counts it, bounds the gap.
    assert np.sqrt((gap**2).mean()) < np.sqrt((found.standard_errors**2).mean())


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), background=st.integers(1, 13), replicates=st.integers(1, 12))
def test_contributions_add_up_to_every_answer(seed: int, background: int, replicates: int) -> None:
    rows = frame(4, seed)
    against = frame(background, seed + 1)
    found = attribute(
        of_three_outputs, rows, against, list(WEIGHTS), outputs=3, seed=1, replicates=replicates
    )
    answers = of_three_outputs(rows)
    assert found.base_values + found.values.sum(axis=1) == pytest.approx(answers, abs=1e-12)
    assert (found.largest_gaps < 1e-12).all()
    assert found.predictions == pytest.approx(answers)
    assert found.replicates == min(background, replicates)
    assert np.isnan(found.standard_errors).all() == (found.replicates == 1)


def test_every_output_is_explained_as_if_it_were_alone_by_the_same_questions() -> None:
    rows, background = frame(6, 0), frame(12, 1)
    found = attribute(of_three_outputs, rows, background, list(WEIGHTS), outputs=3, seed=3)
    for k in range(3):
        alone = attribute(
            lambda g, k=k: of_three_outputs(g)[:, [k]],
            rows,
            background,
            list(WEIGHTS),
            outputs=1,
            seed=3,
        )
        assert found.values[:, :, [k]] == pytest.approx(alone.values, abs=1e-12)
        assert found.standard_errors[:, :, [k]] == pytest.approx(alone.standard_errors, abs=1e-12)
        assert found.largest_gaps[k] == pytest.approx(alone.largest_gaps[0], abs=1e-12)
        assert found.evaluations == alone.evaluations


def test_rows_asked_about_in_pieces_have_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, background = frame(9, 0), frame(12, 1)
    whole = attribute(entangled, rows, background, list(WEIGHTS), outputs=1, seed=3)
    monkeypatch.setattr(attribution, "MOST_CELLS", 100)
    pieces = attribute(entangled, rows, background, list(WEIGHTS), outputs=1, seed=3)
    assert pieces.values == pytest.approx(whole.values, abs=1e-15)


def test_a_function_that_changes_its_mind_does_not_add_up() -> None:
    calls = iter(range(100))

    def moody(rows: pd.DataFrame) -> Floats:
        return linear(rows) + (0.001 if next(calls) > 0 else 0.0)

    found = attribute(moody, frame(3, 0), frame(3, 1), list(WEIGHTS), outputs=1, seed=1)
    assert found.largest_gaps == pytest.approx(0.001)


def test_a_column_that_does_nothing_gets_nothing() -> None:
    rows, background = (frame(5, s).assign(idle=np.arange(5)) for s in (0, 1))
    found = attribute(entangled, rows, background, [*WEIGHTS, "idle"], outputs=1, seed=1)
    assert (found.values[:, 3] == 0.0).all()
    assert (found.standard_errors[:, 3] == 0.0).all()


def test_the_seed_decides() -> None:
    rows, background = frame(5, 0), frame(5, 1)
    first, again, other = (
        attribute(entangled, rows, background, list(WEIGHTS), outputs=1, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first.values.tobytes() == again.values.tobytes()
    assert first.values.tobytes() != other.values.tobytes()


def test_it_warns_of_nothing() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        attribute(linear, frame(2, 0), frame(2, 1), list(WEIGHTS), outputs=1, seed=1)
    assert not caught


def test_the_function_sees_the_raw_dtypes_and_only_values_that_occur() -> None:
    rows = pd.DataFrame(
        {
            "text": ["x", None, "y"],
            "count": np.array([2**60, 2**60 + 1, 3]),
            "number": [1.5, np.nan, -2.0],
            "flag": [True, False, True],
            "moment": np.array(
                ["2020-01-01", "2020-01-02T03:04:05.000006", "2021-05-05"], dtype="datetime64[us]"
            ),
        }
    )
    background = rows.iloc[::-1].reset_index(drop=True)
    seen: list[pd.DataFrame] = []

    def watched(asked: pd.DataFrame) -> Floats:
        seen.append(asked)
        return asked[["flag"]].to_numpy(dtype=np.float64)

    attribute(watched, rows, background, list(rows.columns), outputs=1, seed=1)
    for asked in seen:
        assert (asked.dtypes == rows.dtypes).all()
        for name in rows:
            assert set(asked[name].dropna()) <= set(rows[name].dropna())


def test_codes_are_decoded_without_loss() -> None:
    texts = pd.Series(["a", "b", None, "a", "", "c", "b"], dtype="str")
    rows = frame(7, 0).assign(text=texts, b=np.nan)
    codebook = Codebook(rows, rows.iloc[:2], list(rows.columns))
    pd.testing.assert_frame_equal(codebook.decode(codebook.codes[:7]), rows)
    assert codebook.codes.shape == (9, 4)
    assert np.isfinite(codebook.codes).all()


def test_neighbouring_moments_are_told_apart() -> None:
    moments = pd.to_datetime(["2020-01-01 00:00:00", "2020-01-01 00:00:01"])
    rows, background = (pd.DataFrame({"t": moments[[i]]}) for i in (0, 1))
    found = attribute(
        lambda g: g["t"].dt.second.to_numpy(np.float64)[:, None],
        rows,
        background,
        ["t"],
        outputs=1,
        seed=0,
    )
    assert found.values.tolist() == [[[-1.0]]]


@pytest.mark.parametrize(
    ("rows", "background", "message"),
    [
        (frame(0, 0), frame(2, 0), "cannot explain without rows"),
        (frame(2, 0), frame(0, 0), "cannot explain without background"),
        (frame(2, 0), frame(2, 0)[["a", "c"]], "background: columns are missing: b"),
        (frame(9_999, 0), frame(2, 0), "exceed 10,000: take a sample"),
    ],
)
def test_what_cannot_be_explained_is_named(
    rows: pd.DataFrame, background: pd.DataFrame, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        attribute(linear, rows, background, list(WEIGHTS), outputs=1, seed=0)


@pytest.mark.parametrize(
    "answer", [np.full((2, 1), np.nan), np.zeros((2, 2)), np.zeros((3, 1)), np.zeros(2)]
)
def test_an_answer_that_is_no_number_a_row_is_an_error(answer: Floats) -> None:
    with pytest.raises(ValueError, match="must return 1 finite numbers a row: 2 rows gave"):
        attribute(lambda _: answer, frame(2, 0), frame(2, 0), list(WEIGHTS), outputs=1, seed=0)
