"""The limits of a report are shown whole: figure, interval, limit, deviation, verdict, role."""

from typing import Any

import pytest

from mlops_assets.governance.policy import Finding, effective_policy, judged
from mlops_assets.reporting.cell_text import cell_text
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.limits_section import MOST_DRAWN, limits_section, limits_verdict
from mlops_assets.reporting.limits_table import MOST_BROKEN, MOST_HELD
from mlops_assets.reporting.page import IntervalPlot, Judgement, Page, Table
from mlops_assets.reporting.text import in_language, localised
from mlops_assets.use_case import UseCase

WITHIN = Finding("calibration_error", "", 0.02, 0.01, 0.03)
BEYOND = Finding("slice_loss_ratio", "slice: night", 9.0, 8.5, 9.5)
THIN = Finding("noise_flips", "", 0.1, 0.0, 0.9)


@pytest.fixture
def limits_of(declared: Any) -> Any:
    """Judges findings for a use case of the class ``minimal`` with the given deviations; what a
    slice does blocks, whatever the policy says of it."""

    def judge(*findings: Finding, **deviations: Any) -> list[dict[str, Any]]:
        policy = {"ai_act_class": "minimal", "limits": deviations}
        found = judged(findings, effective_policy(UseCase(**{**declared(), "policy": policy})))
        return [
            {**one, "action": "block" if one["measure"] == "slice_loss_ratio" else "warn"}
            for one in found
        ]

    return judge


def tables(limits: Any) -> list[Table]:
    section = localised(limits_section(limits))
    return [block for block in section.blocks if isinstance(block, Table)]


def test_the_worst_come_first_with_everything_beside_the_figure(limits_of: Any) -> None:
    limits = limits_of(WITHIN, THIN, BEYOND)
    broken, held = tables(limits)
    assert [[cell_text(cell) for cell in row] for row in broken.rows] == [
        [
            "loss in a slice, by the loss over all rows",
            "slice: night",
            "9 [8.5, 9.5]",
            "at most 3",
            "✗ beyond",
            "model owner",
            "blocks the release",
        ],
        [
            "decisions changed by noise in the inputs",
            "all rows",
            "0.1 [0, 0.9]",
            "at most 0.1",
            "? insufficient evidence",
            "model owner",
            "warns",
        ],
    ]
    assert [row[3] for row in held.rows] == [Judgement("within", "within")]
    assert held.caption == (
        "Limits that are held: expected calibration error, or shortfall of the interval's coverage"
    )
    assert limits_section(limits).outcome == "beyond"
    assert limits_section(limits[:2]).outcome == "insufficient"
    assert limits_section(limits[:1]).outcome == "within"


def test_a_deviation_is_printed_with_the_limit(limits_of: Any) -> None:
    lax = {"limit": 0.2, "reason": "too few rows in winter"}
    limits = limits_of(WITHIN, calibration_error=[lax])
    assert tables(limits)[0].rows[0][2] == (
        "at most 0.2; the policy says 0.1. Reason for deviating: too few rows in winter"
    )
    strict = limits_of(WITHIN, calibration_error=[{"limit": 0.05}])
    assert tables(strict)[0].rows[0][2] == "at most 0.05; the policy says 0.1"


def test_many_that_hold_are_summarised_by_the_nearest(limits_of: Any) -> None:
    many = [
        Finding("slice_loss_ratio", f"slice: {i}", 1 + i / 100, 0.5, 1 + i / 50)
        for i in range(MOST_HELD + 1)
    ]
    section = localised(limits_section(limits_of(WITHIN, *many, BEYOND)))
    broken, held = (block for block in section.blocks if isinstance(block, Table))
    assert len(broken.rows) == 1
    assert [row[1] for row in held.rows] == [
        f"slice: {MOST_HELD} (and {MOST_HELD} more)",
        "all rows",
    ]
    (plot,) = (block for block in section.blocks if isinstance(block, IntervalPlot))
    assert plot.intervals[0].label == "slice: night"
    assert (plot.limit, plot.limit_name) == (3.0, "at most")


def test_many_that_are_not_held_are_folded_below_the_worst(limits_of: Any) -> None:
    beyond = [Finding("slice_loss_ratio", f"slice: {i}", 9.0 + i, 8.5, 9.5 + i) for i in range(20)]
    few = [
        Finding("slice_loss_ratio", f"few: {i}", None, None, None, enough=False) for i in range(9)
    ]
    limits = limits_of(*beyond, *few)
    (broken,) = tables(limits)
    assert broken.caption.endswith(": loss in a slice, by the loss over all rows")
    listed, (rest, unmeasured) = broken.rows[:MOST_BROKEN], broken.rows[MOST_BROKEN:]
    assert [row[0] for row in listed] == [f"slice: {19 - i}" for i in range(MOST_BROKEN)]
    assert rest[:2] == ("slice: 7; slice: 6; slice: 5; and 5 more", "9 to 16")
    assert unmeasured[:2] == ("few: 0; few: 1; few: 2; and 6 more", "too few rows")
    assert unmeasured[3] == Judgement("insufficient evidence", "insufficient")
    (plot,) = (one for one in limits_section(limits).blocks if isinstance(one, IntervalPlot))
    assert len(plot.intervals) == MOST_DRAWN
    assert in_language(plot.alt).endswith(
        "12 of 20 figures that are worst or nearest to the limit, "
        "with their 95% intervals, 12 beyond"
    )


def test_an_unknown_figure_is_missing_and_no_pass(limits_of: Any) -> None:
    limits = limits_of(Finding("calibration_error", "", None, None, None))
    (row,) = tables(limits)[0].rows
    assert row[1] is None and row[3] == Judgement("unknown", "insufficient")
    assert "insufficient for 1 of 1 limits" in in_language(limits_verdict(limits))


@pytest.mark.parametrize(
    ("findings", "english", "french"),
    [
        ([WITHIN], "All limits hold (1).", "Toutes les limites sont respectées (1)."),
        ([], "No limit of the policy applies here.", "Aucune limite de la politique"),
        (
            [WITHIN, BEYOND],
            "Not held: 1 of 2 limits (loss in a slice, by the loss over all rows). This blocks a "
            "release.",
            "Limites non respectées\u00a0: 1 sur 2 (perte dans une tranche",
        ),
        (
            [THIN],
            "Evidence is insufficient for 1 of 1 limits (decisions changed by noise in the "
            "inputs). This warns; it blocks nothing.",
            "Limites aux preuves insuffisantes\u00a0: 1 sur 1",
        ),
    ],
)
def test_the_verdict(limits_of: Any, findings: Any, english: str, french: str) -> None:
    said = limits_verdict(limits_of(*findings))
    assert in_language(said) == english
    assert in_language(said, "fr").startswith(french)


def test_the_page_tells_the_verdict_by_symbol_and_words(limits_of: Any) -> None:
    section = limits_section(limits_of(WITHIN, BEYOND))
    text = to_html(Page("t", "v", (), (section,)), "fr")
    assert '<html lang="fr">' in text
    assert (
        '<p class="verdict beyond"><strong><span aria-hidden="true">✗</span> Hors limites' in text
    )
    assert "✓ dans la limite" in text
    assert "9 [8,5\u202f; 9,5]" in text


def test_nothing_limited_is_said() -> None:
    section = localised(limits_section([]))
    assert (section.blocks, section.outcome) == ((), None)
    assert "limits nothing" in section.text
