"""The plan of a test as a server reads it, and the division of entities by it."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.serving.traffic_plan import (
    TrafficPlan,
    TrafficPlanError,
    is_challenger,
    read_plan,
    write_plan,
)

PLAN = TrafficPlan("0001-ab", "ab" * 16 + ".dir", "cd" * 16 + ".dir", "ab", 0.1)
ENTITIES = [f"customer {number}" for number in range(20_000)]


def answered_by_challenger(plan: TrafficPlan) -> np.ndarray:
    return np.array([is_challenger(plan, entity) for entity in ENTITIES])


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 1.0])
def test_the_challenger_has_its_share_of_the_entities(share: float) -> None:
    found = answered_by_challenger(replace(PLAN, share=share)).mean()

    assert abs(found - share) < 4 * np.sqrt(share * (1 - share) / len(ENTITIES)) + 1e-12


@given(st.text(), st.floats(0.001, 1.0), st.floats(0.001, 1.0))
def test_a_larger_share_keeps_everybody_who_had_the_challenger(
    entity: str, one: float, other: float
) -> None:
    small, large = sorted((one, other))

    had = is_challenger(replace(PLAN, share=small), entity)

    assert is_challenger(replace(PLAN, share=large), entity) or not had
    assert is_challenger(replace(PLAN, share=small), entity) == had
    assert is_challenger(replace(PLAN, share=1.0), entity)


def test_tests_are_divided_independently() -> None:
    one = answered_by_challenger(replace(PLAN, share=0.5))
    other = answered_by_challenger(replace(PLAN, share=0.5, experiment="0002-ab"))

    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(len(ENTITIES))


def test_the_division_does_not_depend_on_the_releases_or_the_process() -> None:
    moved = replace(PLAN, challenger="other", champion="another", share=0.5)

    assert [is_challenger(moved, f"e{number}") for number in range(8)] == [
        is_challenger(replace(PLAN, share=0.5), f"e{number}") for number in range(8)
    ]
    # Written down, for everybody would change sides with a new release of the server.
    found = "".join("x" if is_challenger(moved, f"e{n}") else "." for n in range(24))
    assert found == EXPECTED


EXPECTED = "..x.....xxx..xxxxx..xx.."


def test_what_was_written_is_read_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "artifacts" / "traffic.json"

    write_plan(path, PLAN)
    assert read_plan(path) == PLAN
    write_plan(path, replace(PLAN, mode="shadow", share=1))
    assert read_plan(path) == replace(PLAN, mode="shadow", share=1.0)
    write_plan(path, None)

    assert read_plan(path) is None
    assert [found.name for found in path.parent.iterdir()] == ["traffic.json"]


def test_no_file_is_no_test(tmp_path: Path) -> None:
    assert read_plan(tmp_path / "traffic.json") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("experiment", ""),
        ("experiment", "x" * 65),
        ("experiment", 7),
        ("challenger", "../../elsewhere"),
        ("challenger", None),
        ("champion", PLAN.challenger),
        ("mode", "canary"),
        ("mode", None),
        ("share", 0.0),
        ("share", 1.5),
        ("share", True),
        ("share", "0.1"),
        ("share", float("nan")),
        ("share", None),
    ],
)
def test_a_broken_plan_is_refused_by_its_field(tmp_path: Path, field: str, value: Any) -> None:
    path = tmp_path / "traffic.json"
    path.write_text(json.dumps({**asdict(PLAN), field: value}))

    with pytest.raises(TrafficPlanError, match=r"traffic\.json") as raised:
        read_plan(path)

    assert field in str(raised.value)
    with pytest.raises(TrafficPlanError, match=field):
        write_plan(path, replace(PLAN, **{field: value}))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'"off"', b"[" * 100_000])
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "traffic.json"
    path.write_bytes(content)

    with pytest.raises(TrafficPlanError, match=r"traffic\.json"):
        read_plan(path)


def test_a_file_that_cannot_be_read_is_no_end_of_the_test(tmp_path: Path) -> None:
    (tmp_path / "traffic.json").mkdir()

    with pytest.raises(TrafficPlanError, match=r"traffic\.json cannot be read"):
        read_plan(tmp_path / "traffic.json")


def test_a_plan_that_is_refused_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "traffic.json"
    write_plan(path, PLAN)

    with pytest.raises(TrafficPlanError):
        write_plan(path, replace(PLAN, share=2.0))

    assert read_plan(path) == PLAN
