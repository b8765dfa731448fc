"""The sections on privacy attacks say what was found, in both languages, with plots that draw."""

from collections.abc import Callable
from typing import Any

import pytest
from attacked import declared_for, features, forest

from mlops_assets.evidence.privacy.attribute_inference import attribute_inference
from mlops_assets.evidence.privacy.attribute_inference_section import attribute_inference_section
from mlops_assets.evidence.privacy.membership import membership_inference
from mlops_assets.evidence.privacy.membership_rows import audit_rows
from mlops_assets.evidence.privacy.membership_section import membership_section
from mlops_assets.evidence.privacy.privacy_attacks_words import privacy_attacks_words
from mlops_assets.reporting.page import LinePlot, Section, Table
from mlops_assets.reporting.plots import to_svg
from mlops_assets.reporting.text import Text, in_language, localised
from mlops_assets.use_case import UseCase

Reports = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def reports(make_use_case: Callable[..., UseCase]) -> Reports:
    use_case = make_use_case(**declared_for("binary"))
    rows, fit = features(2000), forest("binary", 5)
    released = fit(rows[rows["split"] == "train"], 99)
    audit = audit_rows(rows, use_case)
    return (
        membership_inference(audit, use_case, released, fit, workers=1),
        attribute_inference(rows[rows["split"] == "test"], use_case, released),
    )


def said(section: Section, language: str = "en") -> Section:
    return localised(section, language)


def test_the_section_says_the_rate_and_how_it_was_found(reports: Reports) -> None:
    report = reports[0]
    section = said(membership_section(report))
    found = report["attacks"][report["attack"]]["recognised"]["membership_tpr_at_1_percent"]
    text = str(section.text)
    assert f"recognises {found['value']:.2%} of the rows" in text
    assert f"({found['low']:.2%} to {found['high']:.2%})" in text
    assert f"{report['members']} train rows" in text
    assert "insufficient evidence" in text  # at one in a thousand
    assert "whole days" not in text


def test_rows_held_out_by_days_are_spoken_of(reports: Reports) -> None:
    section = said(membership_section(reports[0] | {"days": 12}))
    assert "recognised by its day" in str(section.text) and "12 days" in str(section.text)


def test_the_curve_is_on_logarithmic_axes_beside_guessing(reports: Reports) -> None:
    _, plot = said(membership_section(reports[0])).blocks
    assert isinstance(plot, LinePlot)
    *_, guessing = plot.lines
    assert guessing.x == pytest.approx((0.0, 1.0, 2.0, 3.0))
    assert guessing.y == pytest.approx((-3.0, -2.0, -1.0, 0.0))
    assert all(-4.0 < y <= 0.0 for line in plot.lines for y in line.y if y is not None)
    assert all(0.0 <= x <= 3.0 for line in plot.lines for x in line.x)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_plot_draws_and_every_text_is_said(reports: Reports, language: str) -> None:
    sections = membership_section(reports[0]), attribute_inference_section(reports[1])
    for section in (said(one, language) for one in sections):
        for block in section.blocks:
            if not isinstance(block, Table):
                assert to_svg(block).startswith("<svg")


def test_french_is_french(reports: Reports) -> None:
    section = said(membership_section(reports[0]), "fr")
    assert section.title == "Inférence d'appartenance"
    assert "recognises" not in str(section.text)
    for words in privacy_attacks_words(*reports).values():
        for text in (words.hazard, words.done, words.residual):
            assert in_language(text, "fr") != in_language(text, "en")


def test_each_sensitive_column_has_its_line(reports: Reports) -> None:
    table = said(attribute_inference_section(reports[1])).blocks[0]
    assert isinstance(table, Table)
    (line,) = table.rows
    column = reports[1]["columns"][0]
    assert line[0] == "group" and line[1] == column["rows"]
    assert line[3] == "50.0%"
    assert line[7] == f"{column['gain']:+.1%}"


def test_a_column_without_evidence_is_said_to_have_none(reports: Reports) -> None:
    nothing = dict.fromkeys(
        ("chance", "from_inputs", "revealed", "imputed", "inferred", "gain", "low", "high")
    )
    report = reports[1] | {"columns": [{**reports[1]["columns"][0], **nothing, "enough": False}]}
    section = said(attribute_inference_section(report))
    assert "insufficient evidence" in str(section.text)
    assert len(section.blocks) == 1
    words = privacy_attacks_words(reports[0], report)["attribute_inference"]
    assert "insufficient evidence" in in_language(words.residual)


def test_without_sensitive_columns_there_is_nothing_to_show(reports: Reports) -> None:
    section = attribute_inference_section(reports[1] | {"columns": []})
    assert isinstance(section.text, Text) and not section.blocks
    privacy_attacks_words(reports[0], reports[1] | {"columns": []})


def test_the_register_says_the_bounds(reports: Reports) -> None:
    words = privacy_attacks_words(*reports)
    most = reports[0]["attacks"][reports[0]["attack"]]["recognised"]["membership_tpr_at_1_percent"]
    assert f"at most {most['high']:.2%}" in in_language(words["membership_inference"].residual)
    high = max(reports[1]["columns"][0]["high"], 0.0)
    assert f"at most {high:.1%}" in in_language(words["attribute_inference"].residual)
