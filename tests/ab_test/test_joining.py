"""Labels joined to the answers of both variants, by row id."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from logged import CHALLENGER, TEST, experiment, log

from mlops_assets.ab_test.answered import UNKNOWN, Answered, id_hashes, read_variant
from mlops_assets.ab_test.joining import Comparison, labelled_rows
from mlops_assets.data.batch_error import BatchError
from mlops_assets.target_declaration import Target

TARGET = Target(column="late", type="boolean")


def read(*files: Path, variant: Any = "champion", entity: str | None = None) -> Answered:
    return read_variant(files, experiment(), variant, TARGET, entity)


def comparison(one: Answered, other: Answered, **changes: Any) -> Comparison:
    fields = {"mode": "ab", "row_id": "id", "entity_id": None, "variance": 1.0, **changes}
    return Comparison(target=TARGET, champion=one, challenger=other, **fields)


def cleaned(ids: list[Any], late: list[bool | None], **more: list[Any]) -> pa.Table:
    return pa.table({"id": ids, "late": pa.array(late, pa.bool_()), **more})


def test_the_loss_of_each_row_is_that_of_the_variant_that_answered(tmp_path: Path) -> None:
    one = read(log(tmp_path / "a.parquet", ["r1", "r2"], [0.8, 0.3]))
    other = read(
        log(tmp_path / "b.parquet", ["r3"], [0.6], variant="challenger"), variant="challenger"
    )
    rows = cleaned(["r3", "r1", "r2", "r9"], [True, True, None, True])

    found = labelled_rows([rows], comparison(one, other))

    assert found.by_challenger.tolist() == [True, False]
    np.testing.assert_allclose(found.losses[0], [np.nan, -np.log(0.6)], rtol=1e-6)
    np.testing.assert_allclose(found.losses[1], [-np.log(0.8), np.nan], rtol=1e-6)
    assert found.shares.tolist() == [0.5, 0.5]
    assert one.joined.sum() == 2 and one.labelled.sum() == 1 and other.labelled.sum() == 1


@pytest.mark.parametrize("size", [1, 3, 100])
def test_chunks_do_not_count(tmp_path: Path, size: int) -> None:
    rng = np.random.default_rng(1)
    ids = [f"r{number}" for number in range(60)]
    one = log(tmp_path / "a.parquet", ids[:40], rng.random(40).tolist())
    other = log(tmp_path / "b.parquet", ids[40:], rng.random(20).tolist(), variant="challenger")
    late = [bool(rng.random() < 0.3) if rng.random() < 0.8 else None for _ in ids]
    rows = cleaned(ids, late).take(pa.array(rng.permutation(60)))

    whole = labelled_rows([rows], comparison(read(one), read(other, variant="challenger")))
    parts = [rows.slice(start, size) for start in range(0, 60, size)]
    cut = labelled_rows(parts, comparison(read(one), read(other, variant="challenger")))

    for name in ("entities", "times", "by_challenger", "losses"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(cut, name))
    assert len(whole.times) == sum(label is not None for label in late)


def test_a_row_counts_once_however_often_it_is_asked_or_delivered(tmp_path: Path) -> None:
    asked = log(tmp_path / "a.parquet", ["r1", "r1"], [0.9, 0.1], seconds=[5, 2])
    one = read(asked)
    other = read(variant="challenger")
    compared = comparison(one, other)

    first = labelled_rows([cleaned(["r1", "r1"], [True, False])], compared)
    again = labelled_rows([cleaned(["r1"], [True])], compared)

    assert one.repeated == 1
    np.testing.assert_allclose(first.losses[:, 0], [-np.log(0.1)], rtol=1e-6)  # asked first
    assert len(again.times) == 0


def test_of_a_row_that_both_answered_the_first_answer_counts(tmp_path: Path) -> None:
    one = read(log(tmp_path / "a.parquet", ["r1", "r2"], [0.9, 0.9], seconds=[10, 10]))
    path = log(
        tmp_path / "b.parquet", ["r1", "r2"], [0.6, 0.6], seconds=[5, 15], variant="challenger"
    )
    other = read(path, variant="challenger")

    found = labelled_rows([cleaned(["r1", "r2"], [True, True])], comparison(one, other))

    assert found.by_challenger.tolist() == [True, False]


def test_a_shadow_counts_the_rows_that_both_answered(tmp_path: Path) -> None:
    one = read(log(tmp_path / "a.parquet", ["r1", "r2"], [0.9, 0.9]))
    path = log(
        tmp_path / "b.parquet", ["r2", "r3"], [0.6, 0.6], variant="challenger", answered=False
    )
    other = read(path, variant="challenger")

    found = labelled_rows(
        [cleaned(["r1", "r2", "r3"], [True] * 3)], comparison(one, other, mode="shadow")
    )

    np.testing.assert_allclose(found.losses, [[-np.log(0.9), -np.log(0.6)]], rtol=1e-6)


def test_answers_outside_the_test_do_not_count(tmp_path: Path) -> None:
    files = [
        log(tmp_path / "a.parquet", ["r1"], [0.5], test=None),
        log(tmp_path / "b.parquet", ["r2"], [0.5], test="0002-abababab"),
        log(tmp_path / "c.parquet", ["r3"], [0.5], variant="challenger"),
        log(tmp_path / "d.parquet", [None, "r4"], [0.5, 0.5]),
        # While servers were still learning of it: the test had begun four seconds ago.
        log(tmp_path / "e.parquet", ["r5", "r6"], [0.5, 0.5], seconds=[-56, -54]),
    ]

    found = read(*files)

    assert len(found) == 2 and found.without_id == 1 and found.outside_test == 1
    assert (found.places(id_hashes(pa.array(["r4", "r6", "r5"]))) >= 0).tolist() == [
        True,
        True,
        False,
    ]


def test_ids_may_be_integers(tmp_path: Path) -> None:
    one = read(log(tmp_path / "a.parquet", ["17"], [0.9]))

    found = labelled_rows([cleaned([17], [True])], comparison(one, read(variant="challenger")))

    assert len(found.times) == 1


def test_the_entity_is_that_of_the_log_or_else_of_the_cleaned_rows(tmp_path: Path) -> None:
    logged = log(tmp_path / "a.parquet", ["r1", "r2"], [0.9, 0.9], entities=["Ada", None])
    one = read(logged, entity="customer")
    other = read(
        log(tmp_path / "b.parquet", ["r3"], [0.6], variant="challenger"),
        variant="challenger",
        entity="customer",
    )
    assert other.entities.tolist() == [UNKNOWN]
    rows = cleaned(["r1", "r2", "r3"], [True] * 3, customer=["Ada", "Ben", "Ben"])

    found = labelled_rows([rows], comparison(one, other, entity_id="customer"))

    ada, ben = id_hashes(pa.array(["Ada", "Ben"])).tolist()
    assert found.entities.tolist() == [ada, ben, ben]
    assert other.entities.tolist() == [ben]


def test_a_log_of_another_target_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = log(tmp_path / f"{CHALLENGER}.parquet", ["r1"], [0.5])
    three = Target(column="late", task="multiclass", type="string", classes=("a", "b", "c"))
    number = Target(column="late", task="regression", type="number")

    with pytest.raises(BatchError, match=CHALLENGER):
        read_variant([path], experiment(), "champion", three, None)
    with pytest.raises(BatchError, match=r"output\.prediction"):
        read_variant([path], experiment(), "champion", number, None)


def test_a_regression_is_compared_by_its_standardised_error(tmp_path: Path) -> None:
    number = Target(column="late", task="regression", type="number")
    more = {
        "output.prediction": pa.array([3.0], pa.float32()),
        "output.interval": pa.array([[2.0, 4.0]], pa.list_(pa.float32())),
    }
    path = log(tmp_path / "a.parquet", ["r1"], [0.5], **more)
    one = read_variant([path], experiment(), "champion", number, None)
    none = read_variant([], experiment(), "challenger", number, None)
    compared = Comparison("ab", number, one, none, "id", None, variance=2.0)

    found = labelled_rows([pa.table({"id": ["r1"], "late": [5.0]})], compared)

    assert found.losses[0, 0] == pytest.approx(4.0 / 2.0)
    assert one.answers.tolist() == [[3.0, 2.0, 4.0]]


def test_the_test_of_the_log_is_the_test() -> None:
    assert experiment().id == TEST
