"""The page says in words who is treated how, in both languages."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from treated_people import REGRESSION, MakeUseCase, fair_use_case, people, report_of

from mlops_assets.answers import DecisionRule
from mlops_assets.evidence.fairness.fairness import BeforeMitigation
from mlops_assets.evidence.fairness.fairness_page import fairness_page
from mlops_assets.evidence_declaration import FAIRNESS_DEFINITIONS
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.page import IntervalPlot, Page
from mlops_assets.reporting.text import in_language, localised
from mlops_assets.use_case import UseCase

Spoilt = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _halved(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    return chances * 0.5


def _raised(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    return chances**0.2


def _harmful(use_case: UseCase, spoilt: Spoilt = _halved, **more: Any) -> dict[str, Any]:
    """A report on answers that are spoilt for ``region = c``."""
    test, chances = people(1, rows=6000)
    harmed = (test["region"] == "c").to_numpy()
    return report_of(test, np.where(harmed, spoilt(chances), chances), use_case, **more)


def _verdict(page: Page, language: str = "en") -> str:
    return in_language(page.verdict, language)


SAID = {
    "selection_rate": "region = c is given the favourable decision less often",
    "equal_opportunity": "Of those to whom the favourable outcome happens, region = c is given the "
    "favourable decision less often",
    "equalized_odds": "region = c is given the favourable decision less often",
    "predictive_parity": "The favourable decision is right less often for region = c",
    "calibration": "What is answered for region = c is not what happens",
    "error_cost": "Mistakes cost region = c more",
}


@pytest.mark.parametrize("definition", FAIRNESS_DEFINITIONS)
def test_the_verdict_names_who_is_treated_how(make_use_case: MakeUseCase, definition: str) -> None:
    fairness = {"definition": definition, "crossings": False}
    spoilt = _raised if definition in ("predictive_parity", "error_cost") else _halved
    page = fairness_page(_harmful(fair_use_case(make_use_case, fairness=fairness), spoilt))
    assert SAID[definition] in _verdict(page)
    assert "beyond the limit" in _verdict(page)


def test_limits_come_first_and_each_column_is_drawn_with_its_limit(
    make_use_case: MakeUseCase,
) -> None:
    page = localised(fairness_page(_harmful(fair_use_case(make_use_case))))
    titles = [section.title for section in page.sections]
    assert titles == [
        "Limits",
        "Which definition of fair applies",
        "Groups of group",
        "Groups of region",
        "Crossings",
        "Mitigation",
        "How to read this",
    ]
    for section in page.sections[2:5]:
        (plot,) = [block for block in section.blocks if isinstance(block, IntervalPlot)]
        assert plot.limit == 0.1
        assert len(plot.intervals) >= 2


def test_a_missing_reason_is_said_to_be_missing(make_use_case: MakeUseCase) -> None:
    silent = fairness_page(_harmful(fair_use_case(make_use_case)))
    assert "MISSING" in in_language(silent.sections[1].text)
    assert ("Reason for the definition", None) in localised(silent).facts
    reason = "people who could pay must be heard"
    told = fairness_page(_harmful(fair_use_case(make_use_case, fairness={"reason": reason})))
    assert reason in in_language(told.sections[1].text)


def test_nobody_looked_at_is_said_so(make_use_case: MakeUseCase) -> None:
    columns = {name: make_use_case().columns[name] for name in ("due", "parcels")}
    page = fairness_page(report_of(*people(), make_use_case(columns=columns)))
    assert _verdict(page) == "Nobody was looked at: no column is declared sensitive."
    assert _verdict(page, "fr") == (
        "Personne n'a été examiné : aucune colonne n'est déclarée sensible.".replace(
            " :", "\N{NO-BREAK SPACE}:"
        )
    )


def test_a_policy_without_limits_says_what_stands_out(make_use_case: MakeUseCase) -> None:
    use_case = fair_use_case(make_use_case, policy={"ai_act_class": "minimal"})
    said = _verdict(fairness_page(_harmful(use_case)))
    assert "sets no limit" in said
    assert "region = c" in said


def test_alike_is_said_only_of_limits_that_hold(make_use_case: MakeUseCase) -> None:
    fairness = {"crossings": False, "min_rows": 10}
    columns = {**fair_use_case(make_use_case).columns}
    del columns["region"]
    use_case = fair_use_case(make_use_case, fairness=fairness, columns=columns)
    test, chances = people(2, rows=6000)
    said = _verdict(fairness_page(report_of(test, chances, use_case)))
    assert said == "By “equal opportunity”, all 2 groups and crossings are within the limit."


def test_insufficient_evidence_is_no_pass(make_use_case: MakeUseCase) -> None:
    test, chances = people(3)
    test["region"] = np.where(np.arange(len(test)) < 30, "z", test["region"])
    said = _verdict(fairness_page(report_of(test, chances, fair_use_case(make_use_case))))
    assert "insufficient evidence, which is no pass" in said
    assert "region = z" in said


def test_a_definition_that_does_not_fit_is_said_so(make_use_case: MakeUseCase) -> None:
    test, chances = people(4)
    answers = np.column_stack([chances, chances - 1.0, chances + 1.0])
    report = report_of(test, answers, fair_use_case(make_use_case, target=REGRESSION))
    text = in_language(fairness_page(report).sections[1].text)
    assert "Declared is “equal opportunity”" in text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_whole_page_is_said_in_each_language(make_use_case: MakeUseCase, language: str) -> None:
    fairness = {"mitigation": {"reweighing": ["region"]}}
    use_case = fair_use_case(make_use_case, fairness=fairness)
    test, chances = people(5)
    before = BeforeMitigation(chances[:, None] * 0.8, DecisionRule())
    report = report_of(test, chances, use_case, before=before)
    html = to_html(fairness_page(report), language)
    assert ("What mitigation costs" in html) == (language == "en")
    assert ("Ce que coûte l" in html) == (language == "fr")
    assert len(html) < 1_000_000
