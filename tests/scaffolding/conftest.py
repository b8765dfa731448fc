"""What the scaffolding tests share: tables as people bring them, and finders that find nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from mlops_assets.scaffolding.batch_files import locate
from mlops_assets.scaffolding.batch_guess import cut_by_date
from mlops_assets.scaffolding.sample_trial import Finders
from mlops_assets.scaffolding.source_sample import read_sample
from mlops_assets.scaffolding.use_case_guess import guess_use_case, read_text
from mlops_assets.scaffolding.yaml_text import to_yaml
from mlops_assets.use_case import UseCase

NOTHING = Finders(
    personal_data=lambda *_: {},
    identifiers=lambda *_: {},
    leaks=lambda *_: {},
)


@pytest.fixture(scope="session")
def nothing() -> Finders:
    """Finders that find nothing."""
    return NOTHING


@pytest.fixture(scope="session")
def passengers() -> pa.Table:
    """A ship's passengers, much as a famous data set has them: 900 rows."""
    random = np.random.default_rng(1912)
    n = 900
    sex = random.choice(["female", "male"], n)
    survived = random.random(n) < np.where(sex == "female", 0.7, 0.2)
    age = random.normal(30.0, 12.0, n).clip(0.5, 80.0).round(1)
    return pa.table(
        {
            "PassengerId": np.arange(1, n + 1),
            "Survived": survived.astype(np.int64),
            "Pclass": random.choice([1, 2, 3], n, p=[0.24, 0.21, 0.55]),
            "Name": [f"Doe, Mr. {i}" for i in range(n)],
            "Sex": sex,
            "Age": pa.array(age, mask=random.random(n) < 0.2),
            "SibSp": random.poisson(0.5, n),
            "Ticket": [f"A/{t}" for t in random.integers(0, 700, n)],
            "Fare": random.gamma(2.0, 16.0, n).round(2),
            "Embarked": random.choice(["C", "Q", "S", ""], n, p=[0.2, 0.1, 0.69, 0.01]),
        }
    )


@pytest.fixture
def scaffold(tmp_path: Path) -> Callable[..., tuple[str, UseCase]]:
    """Writes the table (or a dictionary of batches) and scaffolds it: the text, and parsed."""

    def run(
        tables: pa.Table | pd.DataFrame | dict[str, pa.Table],
        target: str,
        finders: Finders = NOTHING,
    ) -> tuple[str, UseCase]:
        if isinstance(tables, pd.DataFrame):
            tables = pa.Table.from_pandas(tables, preserve_index=False)
        batches = tables if isinstance(tables, dict) else {"only": tables}
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        for name, table in batches.items():
            pq.write_table(table, folder / f"{name}.parquet")
        return parsed(folder, target, finders)

    return run


def parsed(source: Path, target: str, finders: Finders) -> tuple[str, UseCase]:
    located = locate(source)
    sample = read_sample(located, read_text)
    located, sample = cut_by_date(located, sample, target)
    guess = guess_use_case(located, sample, target, finders)
    text = to_yaml(guess, located, sample, title="A title", folder="data")
    declared: dict[str, Any] = yaml.safe_load(text)
    assert declared["type"] == "mlops_assets.lifecycle.Lifecycle"
    return text, UseCase(**declared["attributes"])


@pytest.fixture(scope="session")
def line_of() -> Callable[[str, str], str]:
    """The line of a text that declares a column."""

    def find(text: str, column: str) -> str:
        (line,) = [line for line in text.splitlines() if line.startswith(f"    {column}: {{")]
        return line

    return find
