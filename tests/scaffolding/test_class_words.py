"""Words for classes."""

import pytest

from mlops_assets.scaffolding.class_words import AFFIRMATIVE, NEGATIVE, affirms, negates


def test_no_word_is_both() -> None:
    assert not AFFIRMATIVE & NEGATIVE
    assert all(word == word.lower() for word in AFFIRMATIVE | NEGATIVE)


@pytest.mark.parametrize("word", ["YES", " y ", "True.", "Charged_Off", "+", "Sí"])
def test_spelling_does_not_decide(word: str) -> None:
    assert affirms(word) and not negates(word)


@pytest.mark.parametrize("word", ["No", "not_spam", "NO-RECURRENCE", "on-time", "-", "-1", "0"])
def test_a_negation_is_known_by_its_first_word(word: str) -> None:
    assert negates(word) and not affirms(word)


@pytest.mark.parametrize("word", [">50K", "1", "2", "north", "nobody", "notary", ""])
def test_other_words_say_nothing(word: str) -> None:
    assert not affirms(word) and not negates(word)
