"""Progress is told at each tenth, and no more often."""

from mlops_assets.prediction.progress import in_tenths


def test_each_tenth_is_told_once() -> None:
    told: list[str] = []
    progress = in_tenths(told.append)
    for done in range(1, 1_001):
        progress(done, 1_000)
    assert len(told) == 10
    assert told[0] == "100 of 1,000 rows answered (10%)"
    assert told[-1] == "1,000 of 1,000 rows answered (100%)"


def test_one_large_step_is_told_once() -> None:
    told: list[str] = []
    in_tenths(told.append)(10, 10)
    assert told == ["10 of 10 rows answered (100%)"]
