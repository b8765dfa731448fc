"""A sentence is said in each language with its numbers as that language writes them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.reporting.page import BarPlot, Page, Section, Table
from mlops_assets.reporting.text import (
    Digits,
    Text,
    as_data,
    from_data,
    in_language,
    join,
    localised,
    say,
)

NARROW, NO_BREAK = "\u202f", "\u00a0"


def test_the_parts_are_written_as_the_template_says() -> None:
    words = say("{rows:,} rows, {share:.1%}, {value}", rows=12345, share=0.5, value=0.123456)
    assert in_language(words) == "12,345 rows, 50.0%, 0.1235"


@pytest.mark.parametrize(
    ("part", "spec", "said"),
    [
        (1234567, ":,", f"1{NARROW}234{NARROW}567"),
        (0.95, ":.0%", f"95{NARROW}%"),
        (-1234.5, ":,.1f", f"-1{NARROW}234,5"),
        (0.000012, "", "1,2e-05"),
        (12.5, "", "12,5"),
        (2013, "", "2013"),
        (Digits("0.25"), "", "0,25"),
    ],
)
def test_french_numbers(part: Any, spec: str, said: str) -> None:
    assert in_language(Text(f"{{n{spec}}}", {"n": part}), "fr") == said


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf, -math.inf])
def test_what_is_unknown_is_said_to_be_missing(unknown: float | None) -> None:
    words = say("{share:.1%}", share=unknown)
    assert in_language(words) == "MISSING"
    assert in_language(words, "fr") == "MANQUANT"


def test_texts_are_parts_of_texts_whatever_the_format() -> None:
    words = say("{first} to {last}", first=say("missing"), last="a {brace}")
    assert in_language(words, "fr") == "manquant à a {brace}"
    assert in_language(say("{rows:,}", rows=say("none")), "fr") == "aucun"


def test_french_has_spaces_that_do_not_break() -> None:
    words = say("The reference is: {source}.", source="a census: 2020?")
    assert in_language(words, "fr") == f"La référence est{NO_BREAK}: a census: 2020?."
    listed = join(["a", "b"], "; ")
    assert in_language(listed, "fr") == f"a{NARROW}; b"
    assert in_language(listed) == "a; b"


def test_a_sentence_without_a_translation_is_said_in_english() -> None:
    assert in_language(say("Nobody translated {this}.", this=1.5), "fr") == (
        "Nobody translated 1,5."
    )


def test_joining_nothing_says_nothing() -> None:
    assert in_language(join([]), "fr") == ""
    assert in_language(Text(""), "fr") == ""


def test_a_part_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError, match="rows"):
        in_language(say("{rows:,} rows"))


def test_a_page_is_localised_down_to_its_cells_and_labels() -> None:
    page = Page(
        say("Limits"),
        say("Nothing."),
        ((say("Rows"), 1), (say("Batch"), say("all rows"))),
        (
            Section(
                say("Groups"),
                "as it is",
                (
                    Table(say("Group"), (say("Rows"), "x"), ((say("missing"), None),)),
                    BarPlot(say("Share"), say("share"), (say("missing"), "a"), (1.0, None)),
                ),
            ),
        ),
    )
    french = localised(page, "fr")
    assert french.title == "Limites"
    assert french.facts == (("Lignes", 1), ("Lot", "toutes les lignes"))
    (section,) = french.sections
    assert section.blocks == (
        Table("Groupe", ("Lignes", "x"), (("manquant", None),)),
        BarPlot("Part", "part", ("manquant", "a"), (1.0, None)),
    )
    assert "Text(" not in repr(french)


@given(
    st.recursive(
        st.one_of(
            st.builds(say, st.just("{a} of {b:,}"), a=st.text(), b=st.integers()),
            st.builds(lambda n: say("{n}", n=Digits(n)), st.just("1.5")),
        ),
        lambda inner: st.one_of(
            st.builds(join, st.lists(inner, max_size=3), st.sampled_from([" ", "; "])),
            st.builds(lambda part: say("({part})", part=part), inner),
        ),
        max_leaves=6,
    )
)
def test_words_survive_json(words: Text) -> None:
    for language in ("en", "fr"):
        assert in_language(from_data(as_data(words)), language) == in_language(words, language)
