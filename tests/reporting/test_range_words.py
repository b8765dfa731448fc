"""Names of bins and groups are the same in English, and said in French where they are ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.reporting.range_words import group_words, range_words
from mlops_assets.reporting.text import in_language


@pytest.mark.parametrize(
    ("label", "french"),
    [
        ("under -1.5", "moins de -1,5"),
        ("from 2e+06", "à partir de 2e+06"),
        ("0.5 to 1", "0,5 à 1"),
        ("30 to below 65", "de 30 à moins de 65"),
        ("from 2020-01-01 to below 2020-02-01", "de 2020-01-01 à moins de 2020-02-01"),
        ("0.25", "0,25"),
        ("(other)", "(autre)"),
        ("Ghent", "Ghent"),
        ("from here to there", "from here to there"),
    ],
)
def test_a_label(label: str, french: str) -> None:
    assert in_language(range_words(label), "fr") == french


@pytest.mark.parametrize(
    ("name", "french"),
    [
        ("AGEP below 30", "AGEP moins de 30"),
        ("AGEP from 65, SEX = 1", "AGEP à partir de 65, SEX = 1"),
        ("AGEP missing", "AGEP manquant"),
        ("slice: night", "tranche\u00a0: night"),
        ("city = from 3", "city = from 3"),
    ],
)
def test_a_group(name: str, french: str) -> None:
    assert in_language(group_words(name), "fr") == french


@given(st.text() | st.from_regex(r"(a|b c) (below|from|missing) ?[0-9.]{0,3}", fullmatch=True))
def test_english_is_the_name_itself(name: str) -> None:
    assert in_language(group_words(name)) == name
    assert in_language(range_words(name)) == name
