"""The same model moves nothing; another moves what it says; what cannot be compared is unknown."""

import numpy as np
import pandas as pd
import pytest
from explained_models import COLUMNS, TARGETS, explained_model, file_of, some_rows

from mlops_assets.answers import Answers
from mlops_assets.evidence.explainability.attribution import ExplainedModel
from mlops_assets.evidence.explainability.attribution_stability import (
    Comparison,
    compare,
    stability,
)
from mlops_assets.evidence.explainability.shares import distance, jackknife_errors, standard_errors

ROWS, BACKGROUND = some_rows(40, 21), some_rows(20, 22)


def weighed(**weights: float) -> ExplainedModel:
    """A number that is a sum of two columns, whose shares are known."""

    def predict(rows: pd.DataFrame) -> Answers:
        values = sum(w * rows[name].to_numpy(dtype=np.float64) for name, w in weights.items())
        return np.asarray(values, dtype=np.float64).reshape(-1, 1)

    return ExplainedModel(predict, None, "linear")


def compared(released: ExplainedModel, **models: object) -> Comparison:
    given = {"champion": None, "refits": (), "background_rows": 10, **models}
    target = TARGETS["regression"]
    return compare(released, ROWS, BACKGROUND, COLUMNS, target, seed=1, **given)  # type: ignore[arg-type]


def test_the_same_model_moves_nothing() -> None:
    model = weighed(parcels=1.0, fragile=20.0)
    found = compared(model, champion=model, refits=[model, model])
    assert found.champion is not None and found.stability is not None
    assert found.champion["moved"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found.stability["moved"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found.stability["leading"][0]["ranks"] == [1, 1]


def test_a_column_that_the_champion_did_not_use_is_what_moved() -> None:
    found = compared(weighed(parcels=1.0, fragile=60.0), champion=weighed(parcels=1.0))
    assert found.champion is not None and found.stability is None
    moves = {one["column"]: one for one in found.champion["moves"]}
    moved = found.champion["moved"]
    assert moved["value"] == pytest.approx(moves["fragile"]["share"], abs=1e-6)
    assert moved["low"] <= moved["value"] <= moved["high"]
    assert moves["parcels"]["change"] == pytest.approx(-moves["fragile"]["change"], abs=1e-6)
    assert moves["parcels"]["champion"] == 1.0


def test_a_sampled_model_is_compared_on_the_background_of_both() -> None:
    files = [file_of(family, "binary") for family in ("histogram_gradient_boosting", "mlp")]
    assert files[0] is not None and files[1] is not None
    exact = explained_model(files[0], "histogram_gradient_boosting")
    # The same file, but for its name: sampled, and not far from itself.
    same = explained_model(files[0], "another")
    found = compare(
        exact, ROWS, BACKGROUND, COLUMNS, TARGETS["binary"], seed=1,
        champion=same, refits=(), background_rows=20,
    )  # fmt: skip
    assert found.champion is not None
    assert 0.0 < found.champion["moved"]["value"] < 0.1


def test_a_champion_of_other_columns_is_unknown() -> None:
    content = file_of("linear", "binary")
    assert content is not None
    columns = {name: column for name, column in COLUMNS.items() if name != "city"}
    found = compare(
        weighed(parcels=1.0), ROWS, BACKGROUND, columns, TARGETS["regression"], seed=1,
        champion=explained_model(content, "linear"), refits=(), background_rows=10,
    )  # fmt: skip
    assert found.champion == {"moved": None, "moves": []}


def test_the_interval_of_the_refits_is_students() -> None:
    released = np.array([0.5, 0.3, 0.2])
    refits = [np.array([0.4, 0.4, 0.2]), np.array([0.2, 0.5, 0.3]), np.array([0.5, 0.2, 0.3])]
    found = stability(released, refits, ["a", "b", "c"])
    apart = [0.1, 0.3, 0.1]
    np.testing.assert_allclose(found["each"], apart)
    reach = 4.302653 * np.std(apart, ddof=1) / np.sqrt(3)
    assert found["moved"]["value"] == pytest.approx(np.mean(apart), abs=1e-6)
    assert found["moved"]["high"] == pytest.approx(np.mean(apart) + reach, abs=1e-5)
    assert found["moved"]["low"] == 0.0
    assert found["leading"][0] == {
        "column": "a",
        "rank": 1,
        "ranks": [1, 3],
        "share": 0.5,
        "shares": [0.2, 0.5],
    }
    alone = stability(released, refits[:1], ["a", "b", "c"])
    assert alone["moved"] == {"value": 0.1, "low": None, "high": None}


def test_distances_and_the_jackknife() -> None:
    first, second = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.5, 0.5])
    assert distance(first, second) == 1.0
    replicates = np.random.default_rng(0).normal(size=(9, 4))
    errors = jackknife_errors(replicates, lambda mean: mean)
    np.testing.assert_allclose(errors, standard_errors(replicates))
    assert np.isnan(jackknife_errors(replicates[:1], lambda mean: mean)).all()
