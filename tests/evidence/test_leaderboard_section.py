"""How the choice of the model is shown."""

from evaluated import ENTRY, TRAINING

from mlops_assets.evidence.leaderboard_section import leaderboard_of, leaderboard_section
from mlops_assets.reporting.page import IntervalPlot, Table


def test_only_what_readers_need_goes_into_the_report() -> None:
    kept = leaderboard_of(TRAINING)
    assert kept["leaderboard"] == TRAINING["leaderboard"]
    assert "seed" not in kept


def test_every_candidate_is_in_the_table_with_its_cost_and_verdict() -> None:
    plot, scores, costs = leaderboard_section(TRAINING).blocks
    assert isinstance(scores, Table) and isinstance(costs, Table)
    assert isinstance(plot, IntervalPlot)
    first, second = scores.rows
    assert first == ("ridge", "0.5000 ± 0.0100", "0.0000 ± 0.0000", 300, "chosen: the simplest")
    assert second[2:] == ("on other folds", 300, "left after round 1")
    assert costs.rows[0] == ("ridge", 12, 34, 5678)
    assert [interval.label for interval in plot.intervals] == ["ridge"]
    assert (plot.intervals[0].low, plot.intervals[0].high) == (0.49, 0.51)
    assert plot.limit == 0.7


def test_an_unknown_standard_error_is_missing_and_not_zero() -> None:
    unknown = {**ENTRY, "standard_error": None}
    plot, scores, _ = leaderboard_section({**TRAINING, "leaderboard": [unknown]}).blocks
    assert isinstance(plot, IntervalPlot) and isinstance(scores, Table)
    assert plot.intervals[0].low is None
    assert scores.rows[0][1] == "0.5000 ± MISSING"


def test_what_was_not_tried_is_counted() -> None:
    assert "1 more were beyond" in leaderboard_section(TRAINING).text
