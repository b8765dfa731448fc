"""Personal data that was decided not to be kept is found in a log that has it."""

from collections.abc import Callable
from typing import Any

import pytest

from mlops_assets.column_declaration import Column
from mlops_assets.serving.prediction_log.protection import pseudonym
from mlops_assets.traffic.log_privacy import personal_data_problems

DAY = "2024-03-05"
Make = Callable[..., Any]
HASHED = pseudonym("Ghent", b"key")


def problems(server: Make, city: dict[str, Any], values: list[Any], **logged: Any) -> list[str]:
    """What is said of a log whose cities are ``values``, where ``city`` is declared so."""
    columns = {"city": Column(type="string", **city), "weight": Column(type="number")}
    path = server().write(range(len(values)), DAY, **{"input.city": values}, **logged)
    return personal_data_problems([path], columns, "city" if "row_id" in logged else None)


@pytest.mark.parametrize(
    ("city", "values", "word"),
    [
        ({}, ["Ghent", "Metz"], None),
        ({"personal": "drop", "role": "ignored"}, ["Ghent"], "personal: drop"),
        ({"personal": "pseudonymise"}, [HASHED, "", None], None),
        ({"personal": "pseudonymise"}, [HASHED, "Ghent"], "no pseudonym"),
        ({"personal": "generalise"}, ["Gh", "é", "", None], None),
        ({"personal": "generalise"}, ["Gh", "Ghe"], "more than two"),
        ({}, ["Ghent", "ann.martin@example.com"], "nothing is decided"),
        ({"personal": "keep", "reason": "asked for"}, ["ann.martin@example.com"], None),
    ],
)
def test_each_decision_is_held(
    server: Make, city: dict[str, Any], values: list[Any], word: str | None
) -> None:
    found = problems(server, city, values)
    assert len(found) == (word is not None)
    assert word is None or word in found[0]
    assert not any(value and value in one for one in found for value in values)


def test_the_ids_of_rows_are_held_to_their_column(server: Make) -> None:
    hashed = {"personal": "pseudonymise"}
    assert problems(server, hashed, [HASHED], row_id=[HASHED]) == []
    (found,) = problems(server, hashed, [HASHED], row_id=["Ghent"])
    assert "'row_id'" in found


def test_a_log_without_texts_has_nothing_to_find(server: Make) -> None:
    one = server()
    rows = one.answers([1], DAY).drop_columns(["input.city"])
    columns = {"city": Column(type="string", personal="drop", role="ignored")}
    assert personal_data_problems([one.write_table(rows, DAY)], columns, None) == []
    assert personal_data_problems([], columns, None) == []
