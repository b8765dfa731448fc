"""What names suggest, and what they must not."""

import pytest

from mlops_assets.scaffolding.column_names import (
    names_identifier,
    names_signed,
    sensitive_attribute,
    words,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("houseAge_2", ("house", "age", "2")),
        ("PassengerId", ("passenger", "id")),
        ("HTTPStatus", ("http", "status")),
        ("marital-status", ("marital", "status")),
        ("température", ("température",)),
        ("#", ()),
    ],
)
def test_names_are_split_into_words(name: str, expected: tuple[str, ...]) -> None:
    assert words(name) == expected


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("Sex", "sex"),
        ("GENDER", "sex"),
        ("RAC1P", "race or ethnic origin"),
        ("ethnicity", "race or ethnic origin"),
        ("Religion", "religion"),
        ("AGEP", "age"),
        ("customer_age", "age"),
        ("date_of_birth", "age"),
        ("DIS", "disability"),
        ("has_disability", "disability"),
        ("Nationality", "national origin"),
        ("native-country", "national origin"),
        ("marital.status", "marital status"),
        ("married", "marital status"),
        ("senior_citizen", "age"),
        ("hispaniccat", "race or ethnic origin"),
        ("partyid", "political opinion"),
        ("political_views", "political opinion"),
    ],
)
def test_protected_attributes_are_recognised(name: str, attribute: str) -> None:
    assert sensitive_attribute(name) == attribute


@pytest.mark.parametrize(
    "name",
    [
        *("usage", "page", "average", "mileage", "vehicle_age", "HouseAge", "birth_weight"),
        *("race_time", "international_plan", "SkinThickness", "discount", "distance", "Sussex"),
        *("party_size", "third_party", "policy", "senior_manager"),
    ],
)
def test_likenesses_are_not(name: str) -> None:
    assert sensitive_attribute(name) is None


def test_identifiers_and_signed_numbers_are_told_by_name() -> None:
    assert all(names_identifier(n) for n in ("id", "Customer ID", "uuid", "Unnamed: 0", "row_key"))
    assert not any(names_identifier(n) for n in ("idle", "keyboard", "", "paid"))
    assert names_signed("temperature") and names_signed("arrival_delay")
    assert not names_signed("attempts")
