"""Curves are the function itself, on values that occur, with everything else kept."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column, DatePart, DatePartFeature
from mlops_assets.evidence.explainability import partial_dependence
from mlops_assets.evidence.explainability.partial_dependence import Effect
from mlops_assets.training.computed_features import date_part

Floats = NDArray[np.float64]
Function = Callable[[pd.DataFrame], Any]


def rows_of(count: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    minutes = rng.integers(0, 60 * 24 * 28, count).astype("timedelta64[m]")
    return pd.DataFrame(
        {
            "x": rng.normal(size=count),
            "gappy": np.where(np.arange(count) % 5 == 0, np.nan, rng.normal(size=count)),
            "count": rng.integers(0, 4, count),
            "code": rng.integers(0, 30, count),
            "name": rng.choice(["common", "common", "common", "rare"], count),
            "flag": rng.random(count) < 0.3,
            "moment": (np.datetime64("2021-03-01") + minutes).astype("datetime64[us]"),
        }
    )


def column_effects(
    predict: Function, rows: pd.DataFrame, name: str, column: Column, **features: Any
) -> tuple[Effect, ...]:
    """The effects on the one output of ``predict``, whose answers are ``[n]``."""

    def answers(given: pd.DataFrame) -> Floats:
        return np.asarray(predict(given), dtype=np.float64)[:, None]

    effects = partial_dependence.column_effects(
        answers, rows, name, column, outputs=1, features=features
    )
    return tuple(map(without_outputs, effects))


def without_outputs(effect: Effect) -> Effect:
    assert effect.mean.shape == (len(effect.positions), 1)
    missing = None if effect.missing is None else effect.missing[:, 0]
    return replace(effect, curves=effect.curves[:, :, 0], missing=missing)


def as_floats(values: "pd.Series[bool]") -> Floats:
    return np.asarray(values, dtype=np.float64)


def only(effects: tuple[Effect, ...]) -> Effect:
    (effect,) = effects
    return effect


def test_a_number_follows_the_function() -> None:
    rows = rows_of()
    effect = only(
        column_effects(
            lambda g: g["x"].to_numpy() ** 2 + g["flag"], rows, "x", Column(type="number")
        )
    )
    grid = np.array(effect.positions)
    assert effect.labels is None
    assert effect.varied == "value"
    assert len(grid) == 20
    assert set(grid) <= set(rows["x"])
    assert (np.diff(grid) > 0).all()
    expected = grid[None, :] ** 2 + rows["flag"].to_numpy()[:, None]
    assert effect.curves == pytest.approx(expected)
    assert effect.mean == pytest.approx(expected.mean(axis=0))
    scatter = expected.std(axis=0, ddof=1) / np.sqrt(50)
    assert effect.standard_error == pytest.approx(scatter)
    assert effect.missing is None


def test_missing_numbers_are_answered_apart() -> None:
    def predict(given: pd.DataFrame) -> Floats:
        return np.where(given["gappy"].isna(), 0.9, 0.1)

    column = Column(type="number", nullable=True)
    effect = only(column_effects(predict, rows_of(), "gappy", column))
    assert effect.missing is not None
    assert effect.missing.tolist() == [0.9] * 50
    assert effect.curves == pytest.approx(np.full((50, 20), 0.1))


def test_a_column_that_is_missing_throughout_has_no_curve() -> None:
    rows = rows_of().assign(gappy=np.nan)
    column = Column(type="number", nullable=True)
    effect = only(column_effects(lambda g: np.zeros(len(g)), rows, "gappy", column))
    assert effect.positions == ()
    assert effect.curves.shape == (50, 0)
    assert effect.missing is not None


def test_an_integer_stays_one() -> None:
    def predict(given: pd.DataFrame) -> Floats:
        assert given["count"].dtype == np.int64
        return given["count"].to_numpy() / 10.0

    effect = only(column_effects(predict, rows_of(), "count", Column(type="integer")))
    assert effect.positions == (0.0, 1.0, 2.0, 3.0)
    assert effect.mean == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_categories_by_frequency_and_at_most_twelve() -> None:
    rows = rows_of()
    effect = only(
        column_effects(
            lambda g: as_floats(g["name"] == "rare"),
            rows,
            "name",
            Column(type="string"),
        )
    )
    assert effect.labels == ("common", "rare")
    assert effect.positions == (0.0, 1.0)
    assert effect.mean.tolist() == [0.0, 1.0]
    code = Column(type="integer", categorical=True)
    coded = only(column_effects(lambda g: g["code"].to_numpy() / 30, rows, "code", code))
    assert coded.labels is not None
    assert len(coded.labels) == 12
    assert coded.labels[0] == str(rows["code"].value_counts().idxmax())


def test_missing_is_a_category() -> None:
    rows = rows_of().assign(name=lambda r: r["name"].where(r["flag"], None))
    column = Column(type="string", nullable=True)
    effect = only(column_effects(lambda g: as_floats(g["name"].isna()), rows, "name", column))
    assert effect.labels is not None
    assert effect.labels[0] == "missing"
    assert effect.mean[0] == 1.0
    assert effect.mean[1:].tolist() == [0.0] * (len(effect.labels) - 1)


def test_booleans_are_categories() -> None:
    effect = only(
        column_effects(
            lambda g: g["flag"].to_numpy() * 0.5, rows_of(), "flag", Column(type="boolean")
        )
    )
    assert effect.labels == ("False", "True")
    assert effect.mean.tolist() == [0.0, 0.5]


def test_the_time_of_day_is_varied_and_the_date_kept() -> None:
    rows = rows_of()

    def predict(given: pd.DataFrame) -> Floats:
        assert given["moment"].dtype == rows["moment"].dtype
        moment = given["moment"].dt
        minutes = moment.day * 10_000 + moment.hour * 60 + moment.minute
        return np.asarray(minutes, dtype=np.float64)

    effects = column_effects(predict, rows, "moment", Column(type="timestamp"))
    assert [effect.varied for effect in effects] == ["time of day", "day of week"]
    hours = np.array(effects[0].positions)
    assert hours.min() >= 0
    assert hours.max() < 24
    days = rows["moment"].dt.day.to_numpy(np.float64)
    assert effects[0].curves == pytest.approx(hours[None, :] * 60 + 10_000.0 * days[:, None])


def test_the_day_of_the_week_is_varied_and_the_time_kept() -> None:
    rows = rows_of()
    column = Column(type="timestamp", parts=("day_of_week",))
    weekday = only(
        column_effects(lambda g: g["moment"].dt.day_of_week.to_numpy(), rows, "moment", column)
    )
    assert weekday.varied == "day of week"
    assert weekday.labels is not None
    assert weekday.labels[0] == "Monday"
    assert weekday.mean.tolist() == [0, 1, 2, 3, 4, 5, 6]
    minute = only(
        column_effects(lambda g: g["moment"].dt.minute.to_numpy(), rows, "moment", column)
    )
    assert (minute.curves == rows["moment"].dt.minute.to_numpy()[:, None]).all()


def test_the_rows_are_left_as_they_were_and_calls_are_bounded() -> None:
    rows = rows_of(3_000)
    before = rows.copy()
    sizes: list[int] = []

    def predict(given: pd.DataFrame) -> Floats:
        sizes.append(len(given))
        return np.zeros(len(given))

    column_effects(predict, rows, "x", Column(type="number"))
    pd.testing.assert_frame_equal(rows, before)
    assert sum(sizes) == 60_000
    assert max(sizes) <= 20_000


def test_one_row_has_a_curve_and_no_error() -> None:
    effect = only(
        column_effects(lambda g: g["x"].to_numpy(), rows_of(1), "x", Column(type="number"))
    )
    assert len(effect.positions) == 1
    assert np.isnan(effect.standard_error).all()


def test_every_output_has_its_own_curves() -> None:
    rows = rows_of()

    def two(given: pd.DataFrame) -> Floats:
        return np.column_stack([given["x"], given["x"] * 2.0 + given["count"]])

    (effect,) = partial_dependence.column_effects(
        two, rows, "x", Column(type="number"), outputs=2, features={}
    )
    grid = np.array(effect.positions)
    assert effect.curves.shape == (50, 20, 2)
    assert effect.curves[:, :, 0] == pytest.approx(np.tile(grid, (50, 1)))
    expected = grid[None, :] * 2.0 + rows["count"].to_numpy()[:, None]
    assert effect.curves[:, :, 1] == pytest.approx(expected)
    assert effect.mean[:, 1] == pytest.approx(expected.mean(axis=0))


@pytest.mark.parametrize(
    ("part", "varied"), [("month", "month"), ("year", "year"), ("day_of_month", "day of month")]
)
def test_a_computed_part_of_a_timestamp_is_varied_like_a_declared_one(
    part: DatePart, varied: str
) -> None:
    rows = rows_of()
    feature = DatePartFeature(function="date_part", column="moment", part=part)
    column = Column(type="timestamp", parts=("day_of_week",))
    effects = column_effects(
        lambda g: date_part(part, g["moment"]), rows, "moment", column, computed=feature
    )
    assert [effect.varied for effect in effects] == ["day of week", varied]
    first = 1.0 if effects[1].labels else effects[1].positions[0]
    grid = np.array(effects[1].positions) - effects[1].positions[0] + first
    assert effects[1].mean == pytest.approx(grid)
    assert effects[1].standard_error == pytest.approx(0.0)
