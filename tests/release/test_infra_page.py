"""The infra check's page: the verdict first, figures beside their limits, in two languages."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from challengers import WITHIN_BUDGET

sys.path.append(str(Path(__file__).parents[1] / "reporting"))

from pseudo import unsaid

from mlops_assets.release.infra_check import Asked, infra_report
from mlops_assets.release.infra_page import infra_page
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.markdown import to_markdown
from mlops_assets.reporting.text import localised
from mlops_assets.serving_declaration import Budget

SAMPLE = Asked("sample", "binary", 2000, ("output label: not the same bits",))


def report(**changes: Any) -> dict[str, Any]:
    measured = replace(WITHIN_BUDGET, **changes)
    return infra_report("Lates", "b.dir", "model.onnx", measured, Budget())


CASES = {
    "within": report(),
    "slow": report(latencies=(80.0, 81.0)),
    "wrong": report(asked=(SAMPLE,)),
    "not started": report(
        problem="the server was not ready in time",
        start_seconds=None,
        memory_megabytes=None,
        asked=(),
        latencies=(),
        seconds=0.0,
    ),
    "nothing asked": report(asked=()),
}


@pytest.mark.parametrize(
    ("case", "said", "outcome"),
    [
        ("within", "answers as it must, and keeps its budget", "within"),
        ("slow", "not within budget: 99th percentile of the time to answer one row", "beyond"),
        ("wrong", "the server does not answer as it must", "beyond"),
        ("not started", "Not to be released: the server was not ready in time.", "beyond"),
        ("nothing asked", "not everything was asked", "beyond"),
    ],
)
def test_the_verdict_comes_first_and_says_why(case: str, said: str, outcome: str) -> None:
    page = localised(infra_page(CASES[case]))
    assert said in page.verdict
    assert "measurements of one machine at one time" in page.verdict
    assert page.outcome == outcome


def test_the_candidate_is_named_and_limits_stand_beside_figures() -> None:
    shown = to_markdown(infra_page(CASES["slow"]))
    for words in ("b.dir", "model.onnx", "99th percentile", "81", "50", "beyond", "within"):
        assert words in shown


@pytest.mark.parametrize("case", CASES)
def test_every_word_is_said_and_the_page_becomes_one_file(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = to_html(infra_page(CASES[case]), "fr")
    assert "Contrôle d" in html and "Infra check" not in html
    assert unsaid(infra_page(CASES[case]), CASES[case], monkeypatch) == []


def test_the_distribution_is_drawn_up_to_the_slowest_answer() -> None:
    page = infra_page(report(latencies=(0.5, 1.0, 2.0, 40.0)))
    [plot] = [block for block in page.sections[2].blocks if hasattr(block, "lines")]
    [line] = plot.lines
    assert line.y[0] == 0.0 and line.y[-1] == 1.0
    assert list(line.y) == sorted(line.y)
    assert line.x[-1] >= 40.0
