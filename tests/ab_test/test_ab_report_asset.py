"""The asset ``ab_report`` and its check, from the record, the log and the labels."""

import sys
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import trials
from logged import START_MICROSECONDS

from mlops_assets import cli_traffic
from mlops_assets.ab_test.assets import NO_ROW_ID, NO_TEST, build_assets
from mlops_assets.ab_test.checks import build_checks
from mlops_assets.ab_test.gathering import REPORT, read_events
from mlops_assets.ab_test.verdict import ab_objection
from mlops_assets.use_case import UseCase
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

MakeUseCase = Callable[..., UseCase]


def started(
    folder: Path, make_use_case: MakeUseCase, scale: float = 0.9, **options: Any
) -> tuple[Workspace, str, str]:
    """A use case with a test under way: itself, the champion and the challenger."""
    found = trials.workspace(folder, make_use_case)
    champion, challenger = (trials.add_bundle(found, one) for one in (1.0, scale))
    trials.promote(found, champion)
    given = {"challenger": challenger, "share": None, "shadow": False, "stop": False, **options}
    assert cli_traffic.traffic(found, Namespace(**given), print) == 0
    return found, champion, challenger


def served(
    found: Workspace, champion: str, challenger: str, seed: int = 0, lost_rows: int = 0
) -> str:
    """Log a day of the answers of a shadow test to every row of a batch; returns the day."""
    test = read_events(found)[-1]
    rng = np.random.default_rng(seed)
    amount = rng.normal(0.0, 1.0, trials.ROWS)
    ids = [f"r{1_000 * seed + number}" for number in range(trials.ROWS)]
    own, others = (1.0 / (1.0 + np.exp(-2.0 * amount * scale)) for scale in (1.0, 0.9))
    moment = datetime.fromisoformat(test.at) + timedelta(days=seed, minutes=1)
    trials.add_day(
        found,
        f"{moment.astimezone(UTC):%Y-%m-%d}",
        {champion: ("champion", ids, own), challenger: ("challenger", ids, others)},
        test.experiment,
        moment.timestamp() - START_MICROSECONDS / 1e6 - 60.0,
        lost_rows,
    )
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def materialized(found: Workspace) -> tuple[dict[str, Any], dg.ExecuteInProcessResult]:
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [*build_assets(found), *build_checks(found)], instance=instance, raise_on_error=True
        )
    return found.store.report(REPORT), result


def check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    return result.get_asset_check_evaluations()[0]


def test_a_shadow_test_on_logged_answers_is_reported_and_satisfies_the_gate(
    tmp_path: Path, make_use_case: MakeUseCase
) -> None:
    found, champion, challenger = started(tmp_path, make_use_case, shadow=True)
    day = served(found, champion, challenger)

    report, result = materialized(found)

    assert report["verdict"] in ("better", "not worse")
    assert report["labelled"] == trials.ROWS
    assert ab_objection(report, challenger, champion) is None
    assert check(result).passed and check(result).check_name == "traffic_is_divided_as_planned"
    cleaned = ArtifactKey("cleaned_dataset", "2024-01")
    assert report["compared_on"] == {
        "cleaned_dataset/2024-01": found.store.hash(cleaned),
        f"prediction_log/{day}": found.store.hash(ArtifactKey("prediction_log", day)),
    }
    lineage = found.store.lineage(REPORT)
    assert lineage is not None and lineage.upstream == report["compared_on"]
    assert (found.store.folder(REPORT) / "report.html").is_file()


def test_a_batch_that_comes_late_comes_after_those_that_were_known(
    tmp_path: Path, make_use_case: MakeUseCase
) -> None:
    found, champion, challenger = started(tmp_path, make_use_case, shadow=True)
    served(found, champion, challenger)
    first, _ = materialized(found)
    trials.add_batch(found, "2023-11", seed=1)
    served(found, champion, challenger, seed=1)

    second, _ = materialized(found)

    assert (first["batches"], second["batches"]) == (["2024-01"], ["2024-01", "2023-11"])
    assert second["labelled"] == 2 * first["labelled"]
    before = {point["entities"]: point["value"] for point in first["sequence"]}
    after = {point["entities"]: point["value"] for point in second["sequence"]}
    shared = before.keys() & after.keys()
    assert shared and all(before[n] == pytest.approx(after[n], abs=1e-12) for n in shared)


def test_lost_rows_fail_the_check_and_the_gate(tmp_path: Path, make_use_case: MakeUseCase) -> None:
    found, champion, challenger = started(tmp_path, make_use_case, shadow=True)
    served(found, champion, challenger, lost_rows=100)

    report, result = materialized(found)

    assert not check(result).passed
    assert check(result).severity == dg.AssetCheckSeverity.WARN
    assert "log complete" in str(ab_objection(report, challenger, champion))


def test_a_test_without_a_day_of_answers_is_undecided(
    tmp_path: Path, make_use_case: MakeUseCase
) -> None:
    found, champion, challenger = started(tmp_path, make_use_case, share=0.5)

    report, result = materialized(found)

    assert report["verdict"] == "undecided" and not check(result).passed
    assert ab_objection(report, challenger, champion) is not None


def test_no_test_and_no_row_id_are_reports_that_object(
    tmp_path: Path, make_use_case: MakeUseCase
) -> None:
    none = trials.workspace(tmp_path / "a", make_use_case)
    report, result = materialized(none)
    assert report["why"] == NO_TEST and not check(result).passed
    assert ab_objection(report, "one", "other") is not None

    found = trials.workspace(tmp_path / "b", make_use_case, row_id=None)
    trials.promote(found, trials.add_bundle(found, 1.0))
    given = {"challenger": trials.add_bundle(found, 0.9), "share": 0.1, "shadow": False}
    cli_traffic.traffic(found, Namespace(**given, stop=False), print)
    report, result = materialized(found)
    assert report["why"] == NO_ROW_ID and not check(result).passed


def test_a_broken_record_is_said_clearly(tmp_path: Path, make_use_case: MakeUseCase) -> None:
    found = trials.workspace(tmp_path, make_use_case)
    (found.store.root / "experiments.json").write_text('[{"experiment": "0001"}]')

    with pytest.raises(dg.Failure, match=r"experiments\.json cannot be read"):
        materialized(found)
