"""The whole loop with real traffic: what a server answered is kept, judged by the labels that come
later, and decides in a test which release serves next."""

import shutil
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from command_project import launch, mlops, run_until_quiet, workspace_of
from served_project import (
    DELAY,
    ENTITY_ID,
    INPUTS,
    ROW_ID,
    Answer,
    Row,
    ask,
    champion_of,
    decision,
    deliver_flights,
    flights,
    logged_rows,
    make_served_project,
    outcomes,
    questions,
    report_of,
    served,
    take_in_today,
    wait_for_status,
    wait_until_settled,
)
from sklearn import metrics
from small_project import NAME, FinishedRun

from mlops_assets.answers import PROBABILITY_FLOOR
from mlops_assets.serving.traffic_plan import is_challenger, read_plan
from resources.artifact_store import ArtifactKey

pytestmark = pytest.mark.loop

BEFORE, SERVED, TRIED = ["2013-01", "2013-02"], "2013-03", "2013-04"


@dataclass(frozen=True)
class Served:
    """A project after a month that was served before it was delivered: the answers by the id of
    the row, the days of the log, and the runs since the month's labels came."""

    root: Path
    answers: dict[str, Answer]
    days: list[str]
    runs: list[FinishedRun]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The champion was trained on a delay in hours and is asked with one in minutes: it errs, and
    once the labels are there, a better challenger is trained."""
    root = make_served_project(tmp_path_factory.mktemp("served") / "project", BEFORE)
    before = run_until_quiet(root)
    assert [run.message for run in before if not run.success] == []
    with served(root) as server:
        answers = ask(server, questions(root, SERVED))
    days = take_in_today(root)
    deliver_flights(root, SERVED)
    return Served(root, answers, days, run_until_quiet(root))


@pytest.fixture
def copied(month: Served, tmp_path: Path) -> Path:
    """A copy of that project for a test to go on with."""
    return Path(shutil.copytree(month.root, tmp_path / "copy"))


def labels_of(name: str) -> dict[str, bool]:
    """Of the flights of a month that have one."""
    rows = flights(name).select([ROW_ID, "late"]).to_pylist()
    return {row[ROW_ID]: row["late"] for row in rows if row["late"] is not None}


def loss(late: bool, chance: float) -> float:
    likely = min(max(chance, PROBABILITY_FLOOR), 1.0 - PROBABILITY_FLOOR)
    return -log(likely if late else 1.0 - likely)


def test_a_first_release_needs_no_test_and_serves(month: Served) -> None:
    [entry] = workspace_of(month.root).releases.entries()
    assert (entry.outcome, entry.batch) == ("first release", BEFORE[0])
    assert {answer.release for answer in month.answers.values()} == {entry.release}
    assert month.answers.keys() == set(flights(SERVED).column(ROW_ID).to_pylist())


def test_every_answer_is_in_the_log_of_its_day(month: Served) -> None:
    rows = logged_rows(month.root)
    assert {row["row_id"]: row["output.probabilities"][1] for row in rows} == pytest.approx(
        {flight: answer.chance for flight, answer in month.answers.items()}, rel=1e-6
    )
    assert len(rows) == len(month.answers)
    assert {(row["variant"], row["answered"], row["experiment"]) for row in rows} == {
        ("champion", True, None)
    }
    said = outcomes(month.root, "prediction_log")
    assert said.keys() >= {
        "no_answer_was_lost",
        "log_is_kept_as_long_as_declared",
        "no_personal_data_in_log",
    }
    assert {passed for found in said.values() for passed in found} == {True}


def test_the_day_is_reported_on(month: Served) -> None:
    reports = [report_of(month.root, "operations_report", day) for day in month.days]
    asked = {row["request_id"] for row in logged_rows(month.root)}
    assert sum(report["requests"]["requests"] for report in reports) == len(asked)
    for said in outcomes(month.root, "operations_report").values():
        assert set(said) == {True}


def test_the_answers_that_were_given_are_held_against_the_labels(month: Served) -> None:
    known = labels_of(SERVED)
    labels = [known[flight] for flight in month.answers if flight in known]
    given = [answer for flight, answer in month.answers.items() if flight in known]
    chances, decided = [one.chance for one in given], [one.is_late for one in given]

    served = report_of(month.root, "performance_report", SERVED)["served"]

    assert (served["status"], served["rows"]) == ("served", len(month.answers))
    assert served["served_rows"] == len(month.answers)
    [found] = served["answered_by"]
    assert (found["release"], found["variant"]) == (champion_of(month.root), "champion")
    assert (found["rows"], found["labelled"]) == (len(month.answers), len(labels))
    assert len(labels) < len(month.answers)
    values = {name: one["value"] for name, one in found["metrics"].items()}
    assert values.pop("calibration_error") > 0.0
    assert values == pytest.approx(
        {
            "roc_auc": metrics.roc_auc_score(labels, chances),
            "pr_auc": metrics.average_precision_score(labels, chances),
            "loss": fmean(map(loss, labels, chances)),
            "brier": metrics.brier_score_loss(labels, chances),
            "precision": metrics.precision_score(labels, decided),
            "recall": metrics.recall_score(labels, decided),
            "f1": metrics.f1_score(labels, decided),
        },
        rel=1e-5,
    )


def test_what_was_sent_is_what_was_delivered(month: Served) -> None:
    found = report_of(month.root, "drift_report", SERVED)["served"]
    assert found["skewed"] is False
    assert {column["column"] for column in found["columns"]} == {*INPUTS, DELAY}
    for column in found["columns"]:
        assert (column["compared"], column["differing"]) == (len(month.answers), 0)


def test_a_column_that_was_sent_otherwise_is_found(copied: Path) -> None:
    rows = [row for row in questions(copied, SERVED) if row["temperature"] is not None][:300]
    with served(copied) as server:
        ask(server, [{**row, "temperature": (row["temperature"] - 32.0) / 1.8} for row in rows])
    take_in_today(copied)

    assert launch(copied, "monitor", "drift_report", partition_key=SERVED) is None

    found = report_of(copied, "drift_report", SERVED)["served"]
    assert found["skewed"] is True
    assert [one["column"] for one in found["columns"] if one["skewed"]] == ["temperature"]
    assert found["columns"][0]["differing"] == len(rows)


def test_a_better_challenger_awaits_its_test(month: Served) -> None:
    assert [run.message for run in month.runs if not run.success] == []
    assert [run.intent.split()[0] for run in month.runs] == ["ingest", "train", "decide"]
    assert len(workspace_of(month.root).releases.entries()) == 1
    said = decision(month.root)
    assert said["outcome"] == "awaits A/B test"
    assert "no A/B test was reported" in str(said["reasons"])
    assert candidate_of(month.root) != champion_of(month.root) == said["champion"]


def test_traffic_decides_and_running_servers_follow(copied: Path) -> None:
    champion, challenger = champion_of(copied), candidate_of(copied)
    answers = try_out(copied, ["--share", "0.5"], questions(copied, TRIED))
    assert_divided_by_connection(copied, answers)
    assert decision(copied)["outcome"] == "awaits A/B test"
    deliver_flights(copied, TRIED)

    with served(copied) as running:
        wait_for_status(running, champion=champion)
        runs = run_until_quiet(copied)
        wait_for_status(running, champion=challenger, traffic=None)
        later = ask(running, questions(copied, TRIED)[:20])

    assert [run.message for run in runs if not run.success] == []
    assert [run.intent.split()[0] for run in runs] == ["ingest", "compare", "decide"]
    assert {answer.release for answer in later.values()} == {challenger}
    report = report_of(copied, "ab_report")
    assert (report["mode"], report["verdict"]) == ("ab", "better")
    assert [guard["name"] for guard in report["guards"] if guard["holds"] is not True] == []
    assert_losses_are_those_of_the_answers(report, answers)
    assert promoted(copied) == (champion, challenger)
    over = mlops(copied, "traffic", NAME)
    assert "another champion serves now" in over.stdout, over.stderr
    assert mlops(copied, "traffic", NAME, "--stop").returncode == 0
    assert run_until_quiet(copied) == []
    take_in_today(copied)
    kept = [
        row for row in logged_rows(copied) if row["experiment"] is None and row["row_id"] in later
    ]
    assert {(one["release"], one["variant"]) for one in kept} == {(challenger, "champion")}
    assert {one["row_id"] for one in kept} == later.keys()


def test_a_shadow_is_asked_about_every_row_and_answers_none(copied: Path) -> None:
    champion, challenger = champion_of(copied), candidate_of(copied)
    answers = try_out(copied, ["--shadow"], questions(copied, TRIED)[:1200])
    assert {answer.release for answer in answers.values()} == {champion}
    rows = [row for row in logged_rows(copied) if row["experiment"] is not None]
    shadows = {row["row_id"]: row for row in rows if not row["answered"]}
    assert shadows.keys() == answers.keys() == {r["row_id"] for r in rows if r["answered"]}
    assert {(s["release"], s["variant"]) for s in shadows.values()} == {(challenger, "challenger")}
    deliver_flights(copied, TRIED)

    assert [run.message for run in run_until_quiet(copied) if not run.success] == []

    report = report_of(copied, "ab_report")
    assert (report["mode"], report["verdict"]) == ("shadow", "better")
    known = labels_of(TRIED)
    connections: dict[str, list[float]] = {}
    for row in questions(copied, TRIED):
        flight = row[ROW_ID]
        if flight in answers and flight in known:
            chance = shadows[flight]["output.probabilities"][1]
            apart = loss(known[flight], chance) - loss(known[flight], answers[flight].chance)
            connections.setdefault(row[ENTITY_ID], []).append(apart)
    assert report["entities"] == len(connections)
    assert report["difference"]["value"] == pytest.approx(
        fmean(map(fmean, connections.values())), rel=1e-4
    )
    assert promoted(copied) == (champion, challenger)


def try_out(root: Path, options: list[str], rows: list[Row]) -> dict[str, Answer]:
    """Begin a test of the candidate beside a server that runs, ask about ``rows`` in it, and take
    the day in."""
    with served(root) as server:
        said = mlops(root, "traffic", NAME, "--challenger", "candidate", *options)
        assert said.returncode == 0, f"{said.stdout}\n{said.stderr}"
        wait_until_settled(root)
        plan = read_plan(workspace_of(root).store.root / "traffic.json")
        assert plan is not None
        wait_for_status(server, champion=plan.champion, traffic=asdict(plan))
        answers = ask(server, rows)
    take_in_today(root)
    assert champion_of(root) == plan.champion
    return answers


def assert_divided_by_connection(root: Path, answers: dict[str, Answer]) -> None:
    plan = read_plan(workspace_of(root).store.root / "traffic.json")
    assert plan is not None
    by_challenger = {flight for flight, one in answers.items() if one.release == plan.challenger}
    wanted = {r[ROW_ID] for r in questions(root, TRIED) if is_challenger(plan, r[ENTITY_ID])}
    assert by_challenger == wanted
    assert 0 < len(wanted) < len(answers)


def assert_losses_are_those_of_the_answers(
    report: dict[str, Any], answers: dict[str, Answer]
) -> None:
    known = labels_of(TRIED)
    for variant in ("champion", "challenger"):
        losses = [
            loss(known[flight], one.chance)
            for flight, one in answers.items()
            if one.release == report[variant] and flight in known
        ]
        assert report["variants"][variant]["labelled"] == len(losses)
        assert report["variants"][variant]["loss"] == pytest.approx(fmean(losses), rel=1e-4)


def candidate_of(root: Path) -> str:
    record = workspace_of(root).store.json(ArtifactKey("candidate"), "candidate.json")
    return str(record["bundle"])


def promoted(root: Path) -> tuple[str | None, str | None]:
    """The champion before the latest promotion, and the one since."""
    entry = workspace_of(root).releases.entries()[-1]
    assert entry.outcome == "promoted", entry.reasons
    return entry.champion_before, champion_of(root)
