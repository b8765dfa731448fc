"""Corrections of the quarantine: written for a person, read back, and replayed."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.cleaning import Cleaning
from mlops_assets.data.cleaning.corrections import corrections_template, read_corrections
from mlops_assets.data.cleaning.fates import adds_up
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
MakeBatch = Callable[..., pa.Table]
DELIVERY = "0123abcd"


def _run(
    raw: pa.Table, use_case: UseCase, corrections: pa.Table | None = None, chunk: int = 4
) -> tuple[Cleaning, pa.Table, pa.Table]:
    def read(columns: Sequence[str] | None) -> Iterator[pa.Table]:
        wanted = raw if columns is None else raw.select(list(columns))
        for start in range(0, raw.num_rows, chunk):
            yield wanted.slice(start, chunk)

    cleaning = Cleaning(read, raw.schema, use_case, "2020-01", corrections)
    chunks = list(cleaning.chunks())
    rows = pa.concat_tables([one.rows for one in chunks])
    return cleaning, rows, pa.concat_tables([one.quarantine for one in chunks])


def _dirty(make_batch: MakeBatch) -> pa.Table:
    """Ten rows, of which 1, 4 and 8 are not valid."""
    raw = make_batch(rows=10)
    parcels = ["1", "many", "3", "4", "-5", "6", "7", "8", "9", "10"]
    group = [1, 1, 1, 1, 1, 1, 1, 1, 9, 1]
    raw = raw.set_column(raw.column_names.index("parcels"), "parcels", pa.array(parcels))
    raw = raw.set_column(raw.column_names.index("group"), "group", pa.array(group))
    return raw.set_column(0, "due", pa.array([datetime(2020, 1, 2, 3, 4, i) for i in range(10)]))  # noqa: DTZ001


def _edited(template: str, **changes: dict[int, str]) -> bytes:
    """The template with other texts, by column and row number."""
    lines = list(csv.DictReader(io.StringIO(template)))
    for name, by_row in changes.items():
        for line in lines:
            line[name] = by_row.get(int(line["row"]), line[name])
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return sink.getvalue().encode()


def _read(content: bytes, raw: pa.Table) -> pa.Table:
    return read_corrections(content, "2020-01.csv", DELIVERY, raw.schema)


def test_the_template_holds_the_rejected_rows_as_text(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _dirty(make_batch).append_column("delivery", pa.array(['a,\n"b"'] * 10))
    raw = raw.append_column("tags", pa.array([["x"]] * 10))
    _, _, quarantine = _run(raw, make_use_case())

    lines = list(
        csv.DictReader(io.StringIO(corrections_template(quarantine, DELIVERY), newline=""))
    )

    assert [line["row"] for line in lines] == ["1", "4", "8"]
    assert [line["reasons"] for line in lines] == [
        "parcels:type",
        "parcels:below minimum",
        "group:not allowed",
    ]
    first = lines[0]
    assert (first["delivery"], first["delivery (source)"]) == (DELIVERY, 'a,\n"b"')
    assert (first["due"], first["note"], first["parcels"]) == ("2020-01-02T03:04:01", "", "many")
    assert "tags" not in first


def test_corrected_rows_are_validated_and_counted(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _dirty(make_batch)
    use_case = make_use_case(rows={"unique_by": ["city", "parcels", "due"]})
    _, _, quarantine = _run(raw, use_case)
    content = _edited(
        corrections_template(quarantine, DELIVERY), parcels={1: "2", 4: "-6"}, note={1: "called"}
    )

    for chunk in (1, 3, 10):
        cleaning, rows, rejected = _run(raw, use_case, _read(content, raw), chunk)

        assert rows.column("parcels").to_pylist() == [1, 2, 3, 4, 6, 7, 8, 10]
        assert rows.column("note")[1].as_py() == "called"
        assert rows.column("due")[1].as_py() == datetime(2020, 1, 2, 3, 4, 1)  # noqa: DTZ001
        assert rejected.column("row").to_pylist() == [4, 8]
        # The quarantine keeps what was delivered, not what did not help.
        assert rejected.column("parcels").to_pylist() == ["-5", "9"]
        assert (cleaning.counts["corrected"], cleaning.counts["quarantined"]) == (1, 2)
        assert adds_up(cleaning.counts)


def test_an_export_that_nobody_touched_changes_nothing(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _dirty(make_batch)
    raw = raw.append_column("weight2", raw.column("weight"))
    before, rows, quarantine = _run(raw, make_use_case())

    template = corrections_template(quarantine, DELIVERY).encode()
    after, rows_after, quarantine_after = _run(raw, make_use_case(), _read(template, raw))

    assert (after.counts, after.rules) == (before.counts, before.rules)
    assert rows_after.equals(rows) and quarantine_after.equals(quarantine)


def test_an_emptied_field_is_missing_and_a_column_left_out_stays(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _dirty(make_batch)
    content = f"row,delivery,group,weight\n8,{DELIVERY},2,\n1,{DELIVERY},1,1.5\n".encode()

    cleaning, rows, rejected = _run(raw, make_use_case(), _read(content, raw))

    assert rejected.column("row").to_pylist() == [1, 4]
    corrected = rows.slice(6, 1).to_pylist()[0]
    assert (corrected["group"], corrected["weight"], corrected["parcels"]) == (2, None, 9)
    assert cleaning.counts["corrected"] == 1


def test_a_row_that_was_valid_may_not_be_changed(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _dirty(make_batch)
    content = f"row,delivery,parcels\n3,{DELIVERY},44\n".encode()

    with pytest.raises(BatchError, match=r"batch 2020-01: .* row 3, which is valid .* remove"):
        _run(raw, make_use_case(), _read(content, raw))


@pytest.mark.parametrize("chunk", [1, 10])
def test_a_copy_may_be_corrected_into_a_row_of_its_own_and_a_row_into_a_copy(
    chunk: int, make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _dirty(make_batch)
    raw = raw.set_column(raw.column_names.index("parcels"), "parcels", pa.array([*"1234561189"]))
    use_case = make_use_case(rows={"unique_by": ["parcels"]})
    _, _, quarantine = _run(raw, use_case)
    assert quarantine.column("row").to_pylist() == [6, 7, 8]
    content = f"row,delivery,parcels,group\n6,{DELIVERY},7,1\n8,{DELIVERY},5,1\n".encode()

    cleaning, _, rejected = _run(raw, use_case, _read(content, raw), chunk)

    assert rejected.column("row").to_pylist() == [7, 8]
    assert rejected.column("reasons").to_pylist() == [["row:duplicate"]] * 2
    assert (cleaning.counts["duplicates"], cleaning.counts["corrected"]) == (2, 1)


def test_an_outlier_may_be_corrected(
    make_use_case: MakeUseCase, make_batch: MakeBatch, declared: Callable[[], dict[str, Any]]
) -> None:
    columns = declared()["columns"]
    columns["weight"]["outliers"] = {"beyond": 2, "severity": "error"}
    weights = [1.0, 2.0, 3.0, 4.0, 500.0, 5.0, 2.0, 3.0]
    raw = make_batch(rows=8)
    raw = raw.set_column(raw.column_names.index("weight"), "weight", pa.array(weights))
    content = f"row,delivery,weight\n4,{DELIVERY},5\n".encode()

    cleaning, rows, _ = _run(raw, make_use_case(columns=columns), _read(content, raw))

    assert rows.column("weight").to_pylist() == [1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 2.0, 3.0]
    assert cleaning.counts["corrected"] == 1


def test_a_row_that_the_batch_does_not_have_is_an_error(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _dirty(make_batch)
    content = f"row,delivery,parcels\n10,{DELIVERY},4\n".encode()

    with pytest.raises(BatchError, match=r"name row 10, and the batch has rows 0 to 9"):
        _run(raw, make_use_case(), _read(content, raw))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("delivery,parcels\nD,4\n", r"line 1: there is no column 'row'"),
        ("row,parcels\n1,4\n", r"line 1: there is no column 'delivery'"),
        ('row,delivery,note\n1,D,"a\nb"\n\nx,D,c\n', r"line 5: the row is no whole number"),
        ("row,delivery,note\n1,D,a\n2,D,b\n1,D,c\n", r"line 4: row 1 is there twice"),
        ("row,delivery,colour\n1,D,secret\n", r"line 1: column\(s\) \[3\] are not the batch's"),
        ("row,delivery,note\n1,D,a\n2,other,b\n", r"line 3: .*another delivery.* export them"),
        ("row,delivery,note\n1,D\n", r"line 2: 2 field\(s\), and the header has 3"),
        ("row,delivery,note\n1,D,\x00\n", r"NUL"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(
    text: str, problem: str, make_batch: MakeBatch
) -> None:
    content = text.replace("D", DELIVERY).encode()

    with pytest.raises(BatchError, match=rf"batch 2020-01: .*2020-01\.csv.*{problem}") as raised:
        _read(content, _dirty(make_batch))

    assert "secret" not in str(raised.value)
