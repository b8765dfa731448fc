"""What is read from PostgreSQL is what files of the same answers hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from logged_answers import (
    DAY,
    NOON,
    OTHER,
    RELEASE,
    USE_CASE,
    batch,
    found,
    left_open,
    plan,
)
from postgresql_server import Server

from mlops_assets.serving.answered import AnsweredBatch
from mlops_assets.serving.prediction_log import reading
from mlops_assets.serving.prediction_log.completeness import completeness, completeness_of
from mlops_assets.serving.prediction_log.postgresql_answers import PostgresqlAnswers
from mlops_assets.serving.prediction_log.postgresql_tables import DatabaseError
from mlops_assets.serving.prediction_log.shipping import run

TOMORROW = NOON + 86_400
NEXT_DAY = "2027-01-16"
ORDER = [("instance", "ascending"), ("sequence", "ascending")]


def _logged_twice(folder: Path, instance: str, *batches: AnsweredBatch) -> None:
    """The same answers into files and into the database."""
    for database in (False, True):
        left_open(folder, instance, *batches)
        assert run(folder, instance, adopt=True, database=database).problem is None


def _rows(server: Server, day: str = DAY, release: str = RELEASE, chunk: int = 7) -> pa.Table:
    with PostgresqlAnswers(server.conninfo, USE_CASE) as answers:
        schema = answers.schema(day, release)
        tables = [*answers.tables(day, release, chunk)]
    assert all(one.num_rows <= chunk for one in tables)
    return pa.concat_tables([schema.empty_table(), *tables])


def _bits(table: pa.Table) -> dict[str, Any]:
    """Values that can be compared: floats, missing ones too, by their bits."""
    columns = {}
    for name in table.column_names:
        values = table.column(name).combine_chunks()
        if pa.types.is_list(values.type):
            values = values.flatten()
        if pa.types.is_floating(values.type):
            columns[name] = values.fill_null(-7.5).to_numpy().tobytes(), values.null_count
        else:
            columns[name] = values.to_pylist(), values.null_count
    return columns


def test_a_database_that_no_server_shipped_to_holds_nothing(server: Server) -> None:
    with PostgresqlAnswers(server.conninfo, USE_CASE) as answers:
        assert answers.days() == answers.segments(DAY) == answers.kept_before(NEXT_DAY) == []
        assert not answers.numbers() and not [*answers.tables(DAY, RELEASE)]
        assert answers.delete_before(NEXT_DAY) == []


def test_every_value_is_what_the_file_has(server: Server, tmp_path: Path) -> None:
    numbers = [np.nan, 0.1, 1e300, 5e-324, -1.7976931348623157e308, 2.0**63, 1e22, 123456789.0]
    texts = ["", "é\n\t", '"quoted" \\ \\u0041', "\N{GRINNING FACE}", "null", "NaN", "1", " x "]
    whole = [2**63 - 1, -(2**63), 0, 2**53 + 1, 1, 2, 3, 4]
    odd = np.array([np.nan, 1.0 / 3.0, 1e-45, 3.4e38, 0.0, 1.0, 0.5, 1e-30], np.float32)
    changed = batch(0, 8, experiment="trial", variant="challenger", answered=False)
    columns = {
        **changed.columns,
        "weight": np.array(numbers),
        "city": np.array(texts, object),
        "parcels": np.array(whole),
    }
    outputs = {**changed.outputs, "probabilities": np.column_stack([odd, odd[::-1]])}
    awkward = changed._replace(columns=columns, outputs=outputs)
    _logged_twice(tmp_path, "one", awkward, batch(8, 30), batch(38, 5, release=OTHER))

    for release, rows in ((RELEASE, 38), (OTHER, 5)):
        read, file = _rows(server, release=release), found(tmp_path, release=release)
        assert read.schema == file.schema and read.num_rows == rows
        assert _bits(read.sort_by(ORDER)) == _bits(file)


def test_what_is_infinite_is_missing(server: Server, tmp_path: Path) -> None:
    given = batch(0, 3)
    columns = {**given.columns, "weight": np.array([np.inf, -np.inf, 1.0])}
    _logged_twice(tmp_path, "one", given._replace(columns=columns))

    assert np.isnan(_rows(server).column("input.weight").to_numpy()[:2]).all()


def test_a_column_that_a_server_left_out_is_null(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _logged_twice(tmp_path, "one", batch(0, 2))
    whole = plan()
    monkeypatch.setattr(
        "logged_answers.plan",
        lambda _: type(whole)(RELEASE, whole.inputs[1:], whole.outputs, use_case=USE_CASE),
    )
    _logged_twice(tmp_path, "two", batch(0, 2))

    read, file = _rows(server), found(tmp_path)

    assert read.schema == file.schema
    assert _bits(read.sort_by(ORDER)) == _bits(file)
    assert read.sort_by(ORDER).column("input.city").to_pylist() == ["city 0", "city 1", None, None]


def test_rows_come_in_the_order_of_time(server: Server, tmp_path: Path) -> None:
    moments = np.random.default_rng(3).permutation(40)
    _logged_twice(
        tmp_path, "one", *(batch(n, 1, received=NOON + at) for n, at in enumerate(moments))
    )

    times = _rows(server).column("time").cast(pa.int64()).to_numpy()
    assert (np.diff(times) > 0).all() and len(times) == 40


def test_a_row_of_the_last_moment_is_of_the_day_of_its_segment(
    server: Server, tmp_path: Path
) -> None:
    """Its time is rounded to the next."""
    _logged_twice(tmp_path, "one", batch(0, 1, received=np.nextafter(NOON + 43_200, 0.0)))

    assert _bits(_rows(server)) == _bits(found(tmp_path)) and _rows(server).num_rows == 1
    assert reading.days(tmp_path) == [DAY]


def test_days_and_segments_are_those_of_the_use_case(server: Server, tmp_path: Path) -> None:
    _logged_twice(tmp_path, "one", batch(0, 2), batch(2, 3, release=OTHER))
    _logged_twice(tmp_path, "two", batch(0, 4, received=TOMORROW))

    with PostgresqlAnswers(server.conninfo, USE_CASE) as answers:
        assert answers.days() == [DAY, NEXT_DAY]
        assert answers.segments(DAY) == [(RELEASE, "one-000000", 2), (OTHER, "one-000001", 3)]
    with PostgresqlAnswers(server.conninfo, "another") as answers:
        assert answers.days() == [] and answers.delete_before("2028-01-01") == []
    with PostgresqlAnswers(server.conninfo, USE_CASE) as answers:
        assert answers.kept_before("2028-01-01") == [DAY, NEXT_DAY]
        assert answers.delete_before(NEXT_DAY) == [DAY]
    with PostgresqlAnswers(server.conninfo, USE_CASE) as answers:
        assert answers.days() == answers.kept_before("2028-01-01") == [NEXT_DAY]


def test_what_is_read_belongs_together(server: Server, tmp_path: Path) -> None:
    """Whatever is shipped meanwhile."""
    _logged_twice(tmp_path, "one", batch(0, 2))
    with PostgresqlAnswers(server.conninfo, USE_CASE) as answers:
        before = answers.segments(DAY)
        _logged_twice(tmp_path, "two", batch(0, 3))
        assert sum(one.num_rows for one in answers.tables(DAY, RELEASE)) == 2
        assert answers.segments(DAY) == before and [*answers.numbers()[DAY]] == ["one"]


@pytest.mark.parametrize("window", [2**22, 4, 1])
def test_gaps_are_found_as_in_files(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr("mlops_assets.serving.prediction_log.completeness.WINDOW_ROWS", window)
    lost = [batch(0, rows, received=0.0) for rows in (3, 10, 1)]
    parts = (lost[0], batch(3, 5), lost[1], batch(18, 2, release=OTHER), lost[2], batch(21, 1))
    moments = [NOON + 43_200 + offset for offset in (-3, -2, 1, -1, 2, 3)]
    _logged_twice(tmp_path, "one", *parts)
    _logged_twice(tmp_path, "two", *(batch(n, 1, received=at) for n, at in enumerate(moments)))
    for path in reading.files(tmp_path, "1970-01-01"):
        path.unlink()
    for table in ("mlops_answers", "mlops_answers_segments"):
        server.execute(f"DELETE FROM {table} WHERE day < '2000-01-01'")

    with PostgresqlAnswers(server.conninfo, USE_CASE) as answers:
        for day in (DAY, NEXT_DAY):
            of_files = completeness(tmp_path, day)
            assert completeness_of([answers.numbers()], day, tmp_path) == of_files
            assert sum(one.missing for one in of_files) == (14 if day == DAY else 0)


def test_rows_that_were_deleted_by_hand_are_missing(server: Server, tmp_path: Path) -> None:
    _logged_twice(tmp_path, "one", batch(0, 10))
    _logged_twice(tmp_path, "two", batch(0, 4))
    server.execute("DELETE FROM mlops_answers WHERE instance = 'two' OR sequence IN (0, 4, 9)")

    with PostgresqlAnswers(server.conninfo, USE_CASE) as answers:
        one, two = completeness_of([answers.numbers()], DAY, tmp_path)
    assert (one.rows, one.missing, one.gaps) == (7, 3, ((0, 0), (4, 4), (9, 9)))
    assert (two.rows, two.missing) == (0, 4)


def test_a_database_that_is_away_is_said_to_be_without_details(
    server: Server, tmp_path: Path
) -> None:
    _logged_twice(tmp_path, "one", batch(0, 10))
    wrong = server.conninfo.replace(server.password, "wrong-word")
    with pytest.raises(DatabaseError) as refused:
        PostgresqlAnswers(wrong, USE_CASE)
    with PostgresqlAnswers(server.conninfo, USE_CASE) as answers:
        rows = answers.tables(DAY, RELEASE, 2)
        next(rows)
        server.kill()
        try:
            with pytest.raises(DatabaseError) as broken:
                list(rows)
        finally:
            server.start()
    for problem in (refused, broken):
        said = str(problem.value) + repr(problem.value.__cause__)
        assert problem.value.__suppress_context__
        assert not any(
            part in said for part in (server.password, "wrong", "127.0.0.1", server.user)
        )


def test_reading_and_deleting_are_all_that_the_pipeline_needs(
    server: Server, tmp_path: Path
) -> None:
    _logged_twice(tmp_path, "one", batch(0, 10))
    server.execute(
        "CREATE ROLE pipeline LOGIN PASSWORD 'p'",
        "GRANT SELECT, DELETE ON mlops_answers, mlops_answers_segments TO pipeline",
    )
    try:
        allowed = f"{server.conninfo} user=pipeline password=p"
        with PostgresqlAnswers(allowed, USE_CASE) as answers:
            assert sum(one.num_rows for one in answers.tables(DAY, RELEASE)) == 10
            assert len(answers.numbers()[DAY]) == 1 and answers.delete_before(NEXT_DAY) == [DAY]
    finally:
        server.execute("DROP OWNED BY pipeline", "DROP ROLE pipeline")
