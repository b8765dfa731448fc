"""How the choice of the model is shown."""

import re
from typing import Any

from evaluated import ENTRY, TRAINING

from mlops_assets.evidence.evaluation.leaderboard_section import leaderboard_of, leaderboard_section
from mlops_assets.reporting.page import IntervalPlot, Table
from mlops_assets.reporting.text import Text, in_language, say


def test_only_what_readers_need_goes_into_the_report() -> None:
    kept = leaderboard_of(TRAINING)
    assert kept["leaderboard"] == TRAINING["leaderboard"]
    assert "seed" not in kept


def test_every_candidate_is_in_the_table_with_its_cost_and_verdict() -> None:
    plot, scores, costs = leaderboard_section(TRAINING).blocks
    assert isinstance(scores, Table) and isinstance(costs, Table)
    assert isinstance(plot, IntervalPlot)
    first, second = scores.rows
    shown = tuple(in_language(c) if isinstance(c, Text) else c for c in first)
    assert shown == (
        "ridge",
        "0.5000 ± 0.0100",
        "0.0000 ± 0.0000",
        300,
        "chosen: the simplest within one standard error of the best",
    )
    assert second[2:4] == (say("on other folds"), 300)
    assert in_language(second[4]) == TRAINING["leaderboard"][1]["why"]
    assert in_language(second[4], "fr").startswith("sorti après le tour 1")
    assert costs.rows[0] == ("ridge", 12, 34, 5678)
    assert [interval.label for interval in plot.intervals] == ["ridge"]
    assert (plot.intervals[0].low, plot.intervals[0].high) == (0.49, 0.51)
    assert plot.limit == 0.7


def test_an_unknown_standard_error_is_missing_and_not_zero() -> None:
    unknown = {**ENTRY, "standard_error": None}
    plot, scores, _ = leaderboard_section({**TRAINING, "leaderboard": [unknown]}).blocks
    assert isinstance(plot, IntervalPlot) and isinstance(scores, Table)
    assert plot.intervals[0].low is None
    assert in_language(scores.rows[0][1]) == "0.5000 ± unknown"


def test_a_candidate_over_a_limit_says_which() -> None:
    large = {**ENTRY, "chosen": False, "why": "bytes 20,000, at most 10,000"}
    large["complexity"] = {**ENTRY["complexity"], "bytes": 20_000}
    assert why_of(large) == ("bytes 20,000, at most 10,000", "octets : 20 000, au plus 10 000")
    grown = {**ENTRY, "chosen": False, "why": "fitted on 900 rows: bytes 20,000, at most 10,000"}
    assert why_of(grown)[0] == "over a limit of training.search.complexity once fitted on all rows"


def why_of(entry: dict[str, Any]) -> tuple[str, ...]:
    """What is said of a candidate in both languages, with plain spaces."""
    _, scores, _ = leaderboard_section({**TRAINING, "leaderboard": [entry]}).blocks
    assert isinstance(scores, Table)
    said = (in_language(scores.rows[0][4], language) for language in ("en", "fr"))
    return tuple(re.sub(r"\s", " ", words) for words in said)


def test_what_was_not_tried_is_counted() -> None:
    assert "1 more were beyond" in in_language(leaderboard_section(TRAINING).text)
