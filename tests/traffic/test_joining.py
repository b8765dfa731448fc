"""Labels that come later meet the answer that their row was given."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.traffic import joining
from mlops_assets.traffic.joining import CLEANED, joined, latest_answers, read_answers

DAY = "2024-03-05"
Make = Callable[..., Any]


def small_log(ids: list[str | None], times: list[int], variants: list[str]) -> pa.Table:
    rows = len(ids)
    return pa.table(
        {
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "row_id": pa.array(ids, pa.string()),
            "variant": pa.array(variants, pa.string()),
            "instance": pa.array(["a"] * rows, pa.string()),
            "sequence": pa.array(range(rows), pa.int64()),
        }
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(["1", "2", "3", None]), st.integers(0, 5), st.booleans()),
        max_size=12,
    ),
    st.lists(st.integers(1, 5), max_size=6),
)
def test_the_latest_answer_of_an_id_wins(
    asked: list[tuple[str | None, int, bool]], cleaned_ids: list[int]
) -> None:
    ids, times, champion = ([one[n] for one in asked] for n in range(3))
    log = small_log(ids, times, ["champion" if one else "challenger" for one in champion])
    cleaned = pa.table({"id": pa.array(cleaned_ids, pa.int64()), "late": [True] * len(cleaned_ids)})
    expected = []
    for id in cleaned_ids:
        found = [(t, n) for n, (i, t, _) in enumerate(asked) if i == str(id)]
        if found and cleaned_ids.count(id) == 1:
            expected.append((id, max(found)[1]))
    result = joined(log, cleaned, "id")
    pairs = zip(
        result.column(f"{CLEANED}id").to_pylist(),
        result.column("sequence").to_pylist(),
        strict=True,
    )
    assert [*pairs] == expected
    assert result.column_names == [*log.column_names, "cleaned.id", "cleaned.late"]


def test_each_variant_has_an_answer_of_its_own() -> None:
    log = small_log(["1", "1", "1"], [1, 2, 3], ["champion", "challenger", "champion"])
    result = joined(log, pa.table({"id": ["1"]}), "id", by=("variant",))
    assert sorted(result.column("sequence").to_pylist()) == [1, 2]


def test_answers_are_found_over_many_days_in_bounded_memory(
    server: Make, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "GROUP_ROWS", 100)
    one, files, truth = server(), [], {}
    for day in ("2024-03-05", "2024-03-06"):
        ids = rng.integers(0, 300, 1000).tolist()
        seconds = np.sort(rng.permutation(86_000)[:1000]).tolist()
        rows = one.answers(seconds, day, row_id=[str(id) for id in ids])
        files.append(one.write_table(rows, day))
        truth.update(zip(map(str, ids), rows.column("sequence").to_pylist(), strict=True))
    wanted = [*range(0, 300, 2), 9999]
    found = latest_answers(files, pa.array(wanted), columns=["output.label"])
    answered = dict(
        zip(found.column("row_id").to_pylist(), found.column("sequence").to_pylist(), strict=True)
    )
    assert answered == {id: truth[id] for id in map(str, wanted) if id in truth}
    assert "input.city" not in found.column_names and "output.label" in found.column_names


def test_shadows_and_other_releases_are_left_out_unless_asked_for(server: Make) -> None:
    champion, challenger = server("a"), server("b", release="f" * 32 + ".dir")
    files = [
        champion.write([1], DAY, row_id="7"),
        challenger.write([2], DAY, row_id="7", variant="challenger", answered=False),
    ]
    ids = pa.array(["7"])
    assert latest_answers(files, ids).column("variant").to_pylist() == ["champion"]
    both = latest_answers(files, ids, by=("variant",), shadows=True)
    assert both.column("variant").to_pylist() == ["champion", "challenger"]
    only = latest_answers(files, ids, shadows=True, releases=[champion.release])
    assert only.column("release").to_pylist() == [champion.release]


def test_no_file_and_no_id_are_no_answers(server: Make) -> None:
    assert latest_answers([], pa.array(["1"])).num_rows == 0
    path = server().write([1, 2], DAY)
    assert latest_answers([path], pa.array([], pa.string())).num_rows == 0
    assert sum(chunk.num_rows for chunk in read_answers([path])) == 0


def test_releases_with_other_inputs_stand_in_one_table(server: Make) -> None:
    old, new = server("a"), server("b", release="f" * 32 + ".dir")
    rows = new.answers([2], DAY, row_id="2")
    files = [
        old.write([1], DAY, row_id="1"),
        new.write_table(rows.append_column("input.size", pa.array(["small"])), DAY),
    ]
    found = latest_answers(files, pa.array(["1", "2"]))
    assert found.column("input.size").to_pylist() == [None, "small"]
