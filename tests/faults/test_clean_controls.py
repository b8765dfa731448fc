"""The clean runs of the statistical checks: they run, can alarm, and are written down."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matrix import DOCUMENT

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RUNS = 200


@pytest.fixture(scope="module")
def clean_controls() -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import clean_controls

        return clean_controls
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_clean_rows_are_left_alone(clean_controls: Any) -> None:
    runs = 2
    found = clean_controls.counted(runs, first_seed=17)
    rates = [rate for _, _, rate in clean_controls.ROWS_OF_THE_TABLE]
    assert len(found) == len(rates)
    most = [clean_controls.largest_expected(rate, runs) for rate in rates]
    assert all(number <= limit for number, limit in zip(found, most, strict=True)), found


def test_a_check_that_never_alarms_would_be_seen(clean_controls: Any) -> None:
    """The same functions on rows in which something is wrong."""
    use_case, rows = clean_controls.declared(), clean_controls.clean_rows(18)
    train = (rows["split"] == "train").to_numpy()
    flipped = train & (np.random.default_rng(18).random(len(rows)) < 0.3)
    noisy = rows.assign(y=rows["y"].where(~flipped, 1 - rows["y"]))
    assert clean_controls._suspect_labels(noisy, use_case, 18)[0]
    moved = rows.assign(a=rows["a"].where(rows["split"] != "test", rows["a"] + 1.0))
    assert clean_controls._mismatch(moved, use_case, 18)
    assert clean_controls._drift(moved, use_case, 18)
    assert clean_controls._calibration_error(moved.assign(y=rows["y"]), use_case, 18)


def test_the_written_table_is_of_this_form_and_holds(clean_controls: Any) -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    _, _, rest = written.partition(clean_controls.BEGIN)
    lines = rest.partition(clean_controls.END)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    found = [int(row[4]) for row in cells]
    assert clean_controls.with_table(written, clean_controls.table(RUNS, found)) == written, (
        "docs/fault-matrix.md has another table of clean runs: write it with "
        "python benchmarks/clean_controls.py --write"
    )
    assert all(int(row[4]) <= int(row[5]) for row in cells)
