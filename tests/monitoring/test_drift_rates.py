"""How often drift is seen where there is none, and what is seen in the bundled data."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import mlops_assets
from mlops_assets.column_declaration import Column
from mlops_assets.monitoring.drift import chance_limit, detect
from mlops_assets.monitoring.histograms import (
    count,
    count_scores,
    jensen_shannon,
    summarise,
    summarise_scores,
    with_scores,
)
from mlops_assets.policy_declaration import Monitoring
from mlops_assets.target_declaration import Target
from mlops_assets.use_case import UseCase


def test_the_limit_is_exceeded_as_often_as_asked() -> None:
    rng, share = np.random.default_rng(0), np.array([0.5, 0.3, 0.2])
    limit = chance_limit(np.array([5000, 3000, 2000]), 800, tail=0.1, seed=0, name="x")
    before, now = (rng.multinomial(n, share, 20_000) / n for n in (10_000, 800))
    assert (jensen_shannon(before, now) > limit).mean() == pytest.approx(0.1, abs=0.015)


def test_the_limit_falls_with_either_size_and_rises_with_confidence() -> None:
    def limit(reference: int, rows: int, tail: float = 0.01) -> float:
        return chance_limit(np.full(5, reference), rows, tail=tail, seed=0, name="x")

    assert limit(1000, 500) > limit(1000, 5000) > limit(10_000, 5000)
    assert limit(1000, 500, 0.001) > limit(1000, 500, 0.01)


def test_the_limit_depends_on_seed_and_name_and_on_nothing_else() -> None:
    code = (
        "import numpy as np; from mlops_assets.monitoring.drift import chance_limit;"
        "print(chance_limit(np.array([60, 30]), 50, tail=0.1, seed=3, name='wind'))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = np.array([60, 30])
    assert {float(p) for p in printed} == {chance_limit(here, 50, tail=0.1, seed=3, name="wind")}
    continuous = np.full(20, 100)
    limits = {
        chance_limit(continuous, 90, tail=0.1, seed=seed, name=name)
        for seed in (1, 2)
        for name in ("a", "b")
    }
    assert len(limits) == 4


@pytest.mark.parametrize("rows", [500, 5000, 50_000])
@pytest.mark.parametrize("reference_rows", [5000, 50_000])
def test_the_batchs_false_alarm_rate_does_not_depend_on_its_size(
    rows: int, reference_rows: int
) -> None:
    rate, batches = 0.05, 2000
    rng = np.random.default_rng(rows + reference_rows)
    tail = 1.0 - (1.0 - rate) ** (1.0 / 15.0)
    alarms = np.zeros(batches, bool)
    for i in range(15):
        share = np.random.default_rng(i).dirichlet(np.full(4 + i, 3.0))
        before = rng.multinomial(reference_rows, share, batches)
        limit = chance_limit(before[0], rows, tail=tail, seed=0, name=str(i))
        now = rng.multinomial(rows, share, batches)
        alarms |= jensen_shannon(before / reference_rows, now / rows) > limit
    # Five standard errors of the count, and as much again for the simulation of the limits.
    assert alarms.mean() == pytest.approx(rate, abs=0.025)


def hostile(rows: int, seed: int) -> pd.DataFrame:
    """Columns whose rare or many values make a reference look unlike its own source."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "identifier": rng.integers(0, 5000, rows),
            "hundred": rng.integers(0, 100, rows),
            "long tail": rng.zipf(1.6, rows).clip(max=10**6),
            "rare": (rng.random(rows) < 0.0005).astype(int),
            "tied": np.where(rng.random(rows) < 0.9, 0.0, rng.exponential(size=rows)),
        }
    )


@pytest.mark.parametrize(("reference_rows", "rows"), [(500, 500), (1000, 8000), (8000, 1000)])
def test_rare_and_countless_values_raise_no_alarm_by_themselves(
    reference_rows: int, rows: int
) -> None:
    category = Column(type="integer", categorical=True)
    columns = dict.fromkeys(("identifier", "hundred", "long tail", "rare"), category)
    columns["tied"] = Column(type="number")
    alarms = 0
    for seed in range(5):
        reference = summarise(hostile(reference_rows, seed), columns)
        now = count(hostile(rows, 100 + seed), reference)
        alarms += bool(
            detect(reference, now, monitoring=Monitoring(min_distance=0.0), seed=seed).drifted
        )
    assert alarms <= 1


def class_answers(rows: int, classes: int, seed: int) -> np.ndarray:
    """Probabilities that depend on each other and, as those of trees, repeat."""
    scores = np.random.default_rng(seed).normal(size=(rows, classes)) - 0.5 * np.arange(classes)
    odds = np.exp(np.round(scores, 1))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(("classes", "reference_rows", "rows"), [(3, 2000, 2000), (12, 3000, 500)])
def test_the_answers_of_a_model_of_several_classes_keep_the_batchs_rate(
    classes: int, reference_rows: int, rows: int
) -> None:
    rate, batches = 0.2, 20
    names = tuple(f"class {k}" for k in range(classes))
    target = Target(column="x", task="multiclass", type="string", classes=names)
    alarms = 0
    for seed in range(batches):
        scores = summarise_scores(target, class_answers(reference_rows, classes, seed))
        reference = with_scores({"rows": reference_rows, "series": {}}, scores)
        now = count_scores(class_answers(rows, classes, 10_000 + seed), reference)
        held = Monitoring(false_alarm_rate=rate, min_distance=0.0)
        alarms += bool(detect(reference, now, monitoring=held, seed=seed).drifted)
    # At most the rate, and three standard errors of the count.
    assert 0.0 < alarms / batches <= rate + 3.0 * np.sqrt(rate * (1.0 - rate) / batches)


def test_a_rare_class_that_becomes_likelier_is_seen_though_it_is_never_answered() -> None:
    target = Target(column="x", task="multiclass", type="string", classes=("often", "some", "rare"))
    rng = np.random.default_rng(0)

    def answers(rows: int, rare: float) -> np.ndarray:
        third = rng.beta(2.0, 2.0 / rare, rows)
        return np.column_stack([0.7 * (1.0 - third), 0.3 * (1.0 - third), third])

    reference = with_scores(
        {"rows": 5000, "series": {}}, summarise_scores(target, answers(5000, 0.05))
    )
    now = answers(3000, 0.1)
    assert (now.argmax(axis=1) == 2).mean() < 0.01
    found = detect(reference, count_scores(now, reference), monitoring=Monitoring(), seed=0)
    assert found.drifted is True
    assert found.drift_features == ()
    assert "champion score: rare" in [s.name for s in found.series if s.drifted]


# The bundled data


def bundled(name: str) -> tuple[UseCase, dict[str, pd.DataFrame]]:
    folder = Path(mlops_assets.__file__).parent / "defs" / name
    attributes = yaml.safe_load((folder / "defs.yaml").read_text())["attributes"]
    files = sorted((folder / "data").glob("*.parquet"))
    return UseCase.model_validate(attributes), {f.stem: pd.read_parquet(f) for f in files}


def against(use_case: UseCase, reference: pd.DataFrame, batch: pd.DataFrame) -> bool | None:
    summarised = summarise(reference, use_case.inputs)
    found = count(batch, summarised)
    return detect(summarised, found, monitoring=use_case.monitoring, seed=0).drifted


def test_employment_does_not_drift_from_2015() -> None:
    use_case, batches = bundled("employment")
    adults = {year: rows[rows["AGEP"] >= 16] for year, rows in batches.items()}
    for year in ("2016", "2017", "2018"):
        assert against(use_case, adults["2015"], adults[year]) is False


def test_flights_in_april_drift_from_january_and_february() -> None:
    use_case, batches = bundled("flight_delays")
    winter = pd.concat([batches["2013-01"], batches["2013-02"]], ignore_index=True)
    assert against(use_case, winter, batches["2013-04"]) is True
