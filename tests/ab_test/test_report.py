"""The report of a test, from logged answers and labels to the page."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "reporting"))

from logged import CHALLENGER, CHAMPION, experiment, log
from pseudo import unsaid

from mlops_assets.ab_test.answered import read_variant
from mlops_assets.ab_test.guards import guards_of
from mlops_assets.ab_test.joining import Comparison, labelled_rows
from mlops_assets.ab_test.report import Sources, ab_report, no_report
from mlops_assets.ab_test.report_page import WHY, ab_page
from mlops_assets.ab_test.units import new_units
from mlops_assets.ab_test.verdict import ab_objection
from mlops_assets.content_hash import json_bytes
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.page import LinePlot, Table
from mlops_assets.reporting.text import in_language, localised
from mlops_assets.serving.traffic_plan import Mode
from mlops_assets.target_declaration import Target

TARGET = Target(column="late", type="boolean")


def reported(
    folder: Path, mode: Mode = "shadow", worse: float = 0.0, rows: int = 1_500, **declared: Any
) -> dict[str, Any]:
    """A report of a test on made-up answers, the challenger's log odds being off by ``worse``."""
    rng = np.random.default_rng(1)
    odds = rng.normal(-1.0, 1.0, rows)
    late = rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))
    own = 1.0 / (1.0 + np.exp(-odds - 0.1 * rng.normal(size=rows)))
    others = 1.0 / (1.0 + np.exp(-odds - worse - 0.1 * rng.normal(size=rows)))
    ids = np.array([f"r{number}" for number in range(rows)])
    by = rng.random(rows) < 0.5 if mode == "ab" else np.ones(rows, np.bool_)
    of_champion = ~by if mode == "ab" else by
    test = experiment(mode, 0.5 if mode == "ab" else 1.0, **declared)
    seconds = np.arange(rows)
    log(folder / "a", ids[of_champion].tolist(), own[of_champion], seconds=seconds[of_champion])
    champion = read_variant([folder / "a"], test, "champion", TARGET, None)
    log(
        folder / "b",
        ids[by].tolist(),
        others[by],
        variant="challenger",
        seconds=seconds[by],
        answered=mode == "ab",
    )
    challenger = read_variant([folder / "b"], test, "challenger", TARGET, None)
    compared = Comparison(mode, TARGET, champion, challenger, "id", None, 1.0)
    labels = pa.array([None if n % 10 == 9 else bool(one) for n, one in enumerate(late)])
    found = labelled_rows([pa.table({"id": ids, "late": labels})], compared)
    units = new_units(found, np.empty(0, np.uint64))
    guards = guards_of(mode, champion, challenger, 0, 2 * rows)
    sources = Sources({"cleaned_dataset/2024-01": "ef" * 16 + ".dir"}, ["2024-01"], 2 * rows, 0)
    return ab_report(test, compared, units, guards, sources, use_case="Lates", seed=1)


def test_equals_in_a_shadow_test_are_not_worse(tmp_path: Path) -> None:
    found = reported(tmp_path, minimum_effect=0.05)

    assert found["verdict"] == "not worse"
    assert found["labelled"] == found["entities"] == 1_350
    low, value, high = (found["difference"][name] for name in ("low", "value", "high"))
    assert low < value < high < 0.05
    assert ab_objection(found, CHALLENGER, CHAMPION) is None
    assert found["variants"]["challenger"]["labelled"] == 1_350
    assert found["variants"]["champion"]["rows"] == 1_500
    assert found["counted"] == [1_350, 1_350]


def test_the_difference_is_that_of_the_mean_losses(tmp_path: Path) -> None:
    found = reported(tmp_path, worse=1.0, minimum_effect=0.05)
    variants = found["variants"]

    plain = variants["challenger"]["loss"] - variants["champion"]["loss"]
    assert found["difference"]["value"] == pytest.approx(plain)
    assert found["verdict"] == "worse"
    assert "to be worse" in str(ab_objection(found, CHALLENGER, CHAMPION))
    assert variants["champion"]["metrics"]["loss"]["value"] == pytest.approx(
        variants["champion"]["loss"]
    )


def test_an_ab_test_counts_each_row_for_the_variant_that_answered(tmp_path: Path) -> None:
    found = reported(tmp_path, "ab", worse=2.0)

    assert sum(found["counted"]) == found["entities"] == 1_350
    assert found["verdict"] == "worse"
    assert {guard["name"]: guard["holds"] for guard in found["guards"]} == dict.fromkeys(
        ("divided as planned", "labelled alike", "inside the envelope", "log complete"), True
    )


def test_a_page_tells_the_bounds_apart_and_when_each_share_held(tmp_path: Path) -> None:
    page = localised(ab_page(reported(tmp_path, "ab")))
    difference, plan = page.sections[0], page.sections[3]

    [plot] = difference.blocks
    assert isinstance(plot, LinePlot)
    assert [line.label for line in plot.lines if not line.strong] == ["no difference"]
    _, periods = plan.blocks
    assert isinstance(periods, Table)
    [(start, end, share)] = periods.rows
    assert str(start).startswith("20") and end == "under way" and share == 0.5


def test_too_few_labels_say_nothing(tmp_path: Path) -> None:
    found = reported(tmp_path, "ab", worse=2.0, rows=300)

    assert found["verdict"] == "undecided"
    assert found["difference"]["low"] is None and found["difference"]["value"] is not None
    assert "undecided: 270 of" in str(ab_objection(found, CHALLENGER, CHAMPION))


def test_no_answers_at_all_are_a_report(tmp_path: Path) -> None:
    found = reported(tmp_path, "ab", rows=0)

    assert found["verdict"] == "undecided" and found["sequence"] == []
    assert found["variants"]["champion"]["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert "cannot be relied on" in str(ab_objection(found, CHALLENGER, CHAMPION))
    json_bytes(found)
    to_html(ab_page(found), "fr")


@pytest.mark.parametrize(
    ("mode", "worse", "rows"), [("shadow", 0.0, 600), ("ab", 2.0, 1_500), ("ab", 0.0, 200)]
)
def test_the_page_says_all_of_it_in_either_language(
    tmp_path: Path, mode: Mode, worse: float, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reported(tmp_path, mode, worse, rows)
    page = ab_page(found)

    json_bytes(found)
    assert f"{found['planned_rows']:,}" in in_language(page.verdict)
    assert in_language(page.verdict, "fr") != in_language(page.verdict)
    data = {name: found[name] for name in ("use_case", "experiment", "champion", "challenger")}
    data |= {"by": found["started_by"], "at": found["started"], "hashes": found["compared_on"]}
    data |= {"names": [*found["compared_on"]], "batch": found["plan"]["measured_on"]}
    assert unsaid(page, data, monkeypatch) == []


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = (reported(tmp_path / name, "ab", rows=900) for name in ("a", "b"))

    assert json_bytes(one) == json_bytes(other)


@pytest.mark.parametrize("why", sorted(WHY))
def test_a_page_of_no_comparison_says_why(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = no_report("Lates", why)
    page = ab_page(found)

    assert page.outcome == "insufficient"
    assert unsaid(page, {"use_case": "Lates"}, monkeypatch) == []
    assert ab_objection(found, CHALLENGER, CHAMPION) is not None


def test_a_guard_rail_that_does_not_hold_comes_first(tmp_path: Path) -> None:
    found = reported(tmp_path, minimum_effect=0.05)
    found["guards"][0]["holds"] = False
    page = ab_page(found)

    assert in_language(page.verdict).startswith("The test cannot be relied on")
    assert page.outcome == "insufficient"


def test_a_difference_that_changed_is_undecided(tmp_path: Path) -> None:
    found = reported(tmp_path)
    found |= {"contradicts_itself": True, "verdict": "undecided"}

    assert "changed during the test" in in_language(ab_page(found).verdict)
