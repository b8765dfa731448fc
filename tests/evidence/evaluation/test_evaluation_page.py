"""What a reader of the evaluation sees: the verdict first, then what it rests on."""

from typing import Any

import numpy as np
import pytest
from evaluated import Case, MakeUseCase, make_case
from scored_rows import TASKS

from mlops_assets.answers import LOSS_NAMES
from mlops_assets.evidence.evaluation.evaluation_page import evaluation_page as composed
from mlops_assets.evidence.metrics.metrics import METRICS
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.markdown import to_markdown
from mlops_assets.reporting.page import Page, Table
from mlops_assets.reporting.text import localised


@pytest.fixture(scope="module", params=TASKS)
def case(request: pytest.FixtureRequest, make_use_case: MakeUseCase) -> Case:
    return make_case(request.param, make_use_case)


@pytest.fixture(scope="module")
def report(case: Case) -> dict[str, Any]:
    return case.report(quantized=case.poor)


@pytest.fixture(scope="module")
def binary(make_use_case: MakeUseCase) -> dict[str, Any]:
    return make_case("binary", make_use_case).report()


def evaluation_page(report: dict[str, Any]) -> Page:
    return localised(composed(report), "en")


def tables(page: Page, title: str) -> list[Table]:
    (section,) = (section for section in page.sections if section.title == title)
    return [block for block in section.blocks if isinstance(block, Table)]


def with_bound(report: dict[str, Any], other: str, low: float | None) -> dict[str, Any]:
    difference = {**report[other]["difference"], "loss_low": low}
    return {**report, other: {**report[other], "difference": difference}}


def test_the_verdict_says_how_good_it_is_and_what_it_is_better_than(
    report: dict[str, Any],
) -> None:
    page, loss = evaluation_page(report), LOSS_NAMES[report["task"]]
    for other in ("baseline", "champion"):
        low = report[other]["difference"]["loss_low"]
        assert f"It is better than the {other}: {loss} gain" in page.verdict
        assert f"at least {low:+.4f} at 95% confidence" in page.verdict
    assert "in every slice and group" in page.verdict
    assert ("Hash of onnx_model", "o" * 8) in page.facts


def test_baseline_champion_and_challenger_are_side_by_side(report: dict[str, Any]) -> None:
    (table,) = tables(evaluation_page(report), "Baseline, champion and challenger")
    assert table.columns == ("Metric", "Baseline", "Champion", "Challenger")
    assert [row[0] for row in table.rows[:-1]] == list(METRICS[report["task"]].values())
    found = report["forms"]["onnx"]["loss"]
    shown = f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
    assert shown in [row[3] for row in table.rows]


def test_the_three_forms_are_side_by_side(report: dict[str, Any]) -> None:
    (table,) = tables(evaluation_page(report), "The model and its forms")
    assert [row[0] for row in table.rows] == [
        "model (scikit-learn)",
        "float ONNX form",
        "8-bit ONNX form",
    ]


def test_agreement_is_shown_slice_by_slice_with_limit_and_verdict(report: dict[str, Any]) -> None:
    page = evaluation_page(report)
    onnx, quantized = tables(page, "Do the forms agree")
    assert onnx.caption == "float ONNX form against model (scikit-learn): they agree"
    assert quantized.caption.endswith("they do not agree")
    assert "limit 0.0001" in onnx.columns[2]
    assert [row[0] for row in onnx.rows][:2] == ["all rows", "slice: far"]
    assert quantized.rows[0][-1].words.startswith("beyond: largest difference")
    assert "insufficient evidence" in onnx.rows[2][-1].words


def test_the_released_form_and_the_reason_are_said(report: dict[str, Any], case: Case) -> None:
    beyond, within = (
        next(s.text for s in evaluation_page(r).sections if s.title == "Do the forms agree")
        for r in (report, case.report())
    )
    assert "float ONNX form is the one to release: all rows: largest difference" in beyond
    assert "8-bit ONNX form is the one to release" in within


def test_decisions_are_shown_for_classes_only_and_limits_come_first(
    report: dict[str, Any],
) -> None:
    titles = [section.title for section in evaluation_page(report).sections]
    assert ("Decisions" in titles) is (report["task"] != "regression")
    assert titles[0] == "Limits"


def test_the_page_is_said_in_french_without_an_english_sentence_of_this_room(
    report: dict[str, Any],
) -> None:
    shown = to_markdown(composed(report), "fr")
    assert "Évaluation : " in shown.replace("\N{NO-BREAK SPACE}", " ")
    for words in ("It is better", "Test rows", "By group", "insufficient evidence", "answered by"):
        assert words not in shown


def test_the_page_becomes_one_file(report: dict[str, Any]) -> None:
    html = to_html(evaluation_page(report))
    assert html.startswith("<!DOCTYPE html>")
    assert "slice: far" in html


@pytest.mark.parametrize("other", ["baseline", "champion"])
@pytest.mark.parametrize(
    ("low", "words"),
    [
        (0.0, "It is not shown to be better than the {}"),
        (-0.01, "It is not shown to be better than the {}"),
        (None, "The difference to the {} could not be computed"),
    ],
)
def test_nothing_is_called_better_that_is_not_shown_to_be(
    other: str, low: float | None, words: str, binary: dict[str, Any]
) -> None:
    page = evaluation_page(with_bound(binary, other, low))
    assert words.format(other) in page.verdict


def test_the_verdict_says_where_the_forms_do_not_agree(binary: dict[str, Any]) -> None:
    found = {**binary, "verdicts": {**binary["verdicts"], "forms_agree": False}}
    assert "The ONNX form does not agree with what was trained" in evaluation_page(found).verdict


def test_the_page_says_what_is_missing(make_use_case: MakeUseCase) -> None:
    case = make_case("binary", make_use_case)
    use_case = make_use_case(
        columns={"distance": {"type": "number"}}, training={"first_batches": 1}
    )
    bare = Case(
        use_case,
        case.test.assign(late=1).drop(columns="group"),
        case.good,
        case.poor,
        case.same,
        1.0,
    )
    page = evaluation_page(bare.report(champion=False, quantized=None))
    assert "ROC AUC could not be computed: one class only." in page.verdict
    shown = to_markdown(page)
    for words in (
        "MISSING",
        "not made",
        "There was no champion to compare with.",
        "There was no champion when this was measured.",
        "No slice is declared and no column is sensitive.",
    ):
        assert words in shown


def test_groups_without_evidence_are_listed_and_not_drawn(binary: dict[str, Any]) -> None:
    few = [g for g in binary["groups"] if g["verdict"] != "measured"]
    section = next(
        s for s in evaluation_page({**binary, "groups": few}).sections if s.title == "By group"
    )
    assert [type(block) for block in section.blocks] == [Table]
    assert "insufficient evidence" in str(section.blocks[0])


def test_rows_without_a_number_are_counted(make_use_case: MakeUseCase) -> None:
    case = make_case("binary", make_use_case)
    answers = case.good.copy()
    answers[:3] = np.nan
    found = tables(evaluation_page(case.report(quantized=answers)), "Do the forms agree")[1]
    assert found.rows[0][-1].words == "beyond: 3 rows without a number"
