"""Recall and precision of the search for personal data, on values made from the standards."""

import random
import string
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from personal_values import (
    BARE,
    HARD,
    KINDS,
    Make,
    card,
    danish,
    dutch,
    finnish,
    french,
    german,
    norwegian,
    polish,
    spanish,
    swedish,
)
from stdnum import numdb

from mlops_assets.data.privacy.iban import IBAN_LENGTHS
from mlops_assets.data.privacy.personal_data import find_personal_data
from mlops_assets.data.privacy.personal_patterns import recognise

ROWS = 100_000
WORDS = ["the", "parcel", "came", "late", "and", "nobody", "was", "there", "please", "try", "again"]


def _sentence(rng: random.Random, middle: str) -> str:
    return f"{' '.join(rng.choices(WORDS, k=8))} {middle}, {' '.join(rng.choices(WORDS, k=6))}."


def _values(make: Make, rows: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [make(rng) for _ in range(rows)]


@cache
def _planted() -> pa.Table:
    """A column for each kind, whose 2,000 distinct values repeat, a tenth of them hard negatives;
    and a column of hard negatives of each sort."""
    columns = {}
    for number, make in enumerate(KINDS):
        noise = list(HARD.values())[number % len(HARD)]
        distinct = _values(make, 1_800, number) + _values(noise, 200, number)
        columns[f"a{number}"] = (distinct * (ROWS // len(distinct)))[:ROWS]
    for number, make in enumerate(HARD.values()):
        columns[f"b{number}"] = (_values(make, 5_000, 100 + number) * (ROWS // 5_000))[:ROWS]
    return pa.table(columns)


@cache
def _found() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in _planted().column_names}
    for finding in find_personal_data(_planted(), {}):
        found[finding.column].add(finding.kind)
    return found


@pytest.mark.parametrize("number", range(len(KINDS)), ids=[make.__name__ for make in KINDS])
def test_every_column_of_a_kind_is_found_as_that_kind_and_no_other(number: int) -> None:
    assert _found()[f"a{number}"] == {list(KINDS.values())[number]}


def test_recall_and_precision_of_columns_are_one_for_each_kind() -> None:
    truth = {f"a{number}": kind for number, kind in enumerate(KINDS.values())}

    for kind in set(KINDS.values()):
        said = {name for name, kinds in _found().items() if kind in kinds}
        meant = {name for name, true in truth.items() if true == kind}
        assert said == meant, kind


def test_no_column_of_hard_negatives_is_found() -> None:
    assert {sort: _found()[f"b{number}"] for number, sort in enumerate(HARD)} == {
        sort: set() for sort in HARD
    }


@pytest.mark.parametrize("make", [m for m in KINDS if m not in BARE], ids=lambda m: m.__name__)
def test_recall_within_a_text(make: Make) -> None:
    rng = random.Random(5)
    values = _values(make, 500, 6)

    recalled = sum(KINDS[make] in recognise(_sentence(rng, value)) for value in values)

    assert recalled / len(values) >= 0.99


def test_precision_within_a_text() -> None:
    rng = random.Random(7)
    kinds = [(make, kind) for make, kind in KINDS.items() if make not in BARE]
    said = {kind: 0 for _, kind in kinds}
    right = dict(said)
    texts = [(kind, _sentence(rng, make(rng))) for make, kind in kinds for _ in range(300)]
    texts += [("", _sentence(rng, make(rng))) for make in HARD.values() for _ in range(300)]
    for true, text in texts:
        for kind in recognise(text):
            if kind in said:
                said[kind] += 1
                right[kind] += kind == true

    precision = {kind: right[kind] / said[kind] for kind in said}

    # Of arbitrary texts of the right shape, one of 10, 11, 23 or 31 passes the check by chance.
    by_chance = {KINDS[make] for make in (card, spanish, swedish, danish, finnish)}
    assert {k: p for k, p in precision.items() if p < (0.8 if k in by_chance else 1.0)} == {}


@pytest.mark.parametrize("make", KINDS, ids=lambda m: m.__name__)
def test_ten_in_a_hundred_thousand_texts_are_found(make: Make) -> None:
    rng = random.Random(8)
    texts = [_sentence(rng, str(n)) for n in range(2_000)] * (ROWS // 2_000)
    for place, value in enumerate(_values(make, 10, 9)):
        texts[place * 9_973] = _sentence(rng, value)

    found = find_personal_data(pa.table({"note": texts}), {})

    assert {finding.kind for finding in found} == {KINDS[make]}
    assert all(str(value) not in repr(found) for value in _values(make, 10, 9))


@pytest.mark.parametrize("make", [dutch, polish, norwegian, german, french, card])
@pytest.mark.parametrize("type", [pa.int64(), pa.float64()])
def test_integers_are_looked_through_as_their_digits(make: Make, type: pa.DataType) -> None:
    numbers = [int(v.replace(" ", "")) for v in _values(make, 500, 10)]
    values = pa.array([*numbers, None], pa.int64())
    if type == pa.float64():
        values = pa.array([n if n < 2**53 else None for n in values.drop_null().to_pylist()], type)

    found = find_personal_data(pa.table({"code": values}), {})

    assert {finding.kind for finding in found} == {KINDS[make]}


@pytest.mark.parametrize("first", [10**8, 10**9, 10**10, 4 * 10**15, 19_500_101_0000, 850730_000])
@pytest.mark.parametrize("step", [1, 7, 10, 11, 97, 1_000])
def test_counters_of_any_step_are_not_found(first: int, step: int) -> None:
    counter = pa.array(range(first, first + 20_000 * step, step))

    assert find_personal_data(pa.table({"id": counter}), {}) == ()


IBANS = ["BE68539007547034", "NL91ABNA0417164300", "DE89370400440532013000"]


def _kinds(name: str, cells: Any) -> list[str]:
    return [finding.kind for finding in find_personal_data(pa.table({name: cells}), {})]


def test_the_lengths_of_ibans_are_the_registrys() -> None:
    registry = numdb.get("iban")
    known = {c: length for length, codes in IBAN_LENGTHS.items() for c in codes.split("|")}

    for country in (a + b for a in string.ascii_lowercase for b in string.ascii_lowercase):
        facts = registry.info(f"{country.upper()}00")[0][1]
        length = sum(int(part[:-1].rstrip("!")) for part in _parts(facts.get("bban", "")))
        assert known.get(country) == (length + 4 if facts else None), country


def _parts(structure: str) -> list[str]:
    return structure.replace("n", "n ").replace("a", "a ").replace("c", "c ").split()


@pytest.mark.parametrize("code", ["DE{:02d}{:018d}", "BE{:02d}{:012d}", "GB{:02d}ABCD{:014d}"])
@pytest.mark.parametrize("rows", [3, 300, 5_000])
def test_arbitrary_codes_of_an_ibans_shape_are_not_found(code: str, rows: int) -> None:
    rng = random.Random(rows)
    codes = [code.format(rng.randrange(100), rng.randrange(10**12)) for _ in range(rows)]

    assert _kinds("code", codes) == []


@pytest.mark.parametrize("iban", IBANS)
def test_a_single_iban_in_a_text_is_found(iban: str) -> None:
    in_fours = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
    rng = random.Random(0)
    codes = [f"ref DE{rng.randrange(100):02d}{rng.randrange(10**18):018d}" for _ in range(2_000)]

    assert _kinds("note", ["no sign of it", f"paid to {iban} by me"]) == ["IBAN"]
    for written in (in_fours, in_fours.lower(), f"IBAN {iban}", f"IBAN: {iban}", f"iban no {iban}"):
        assert _kinds("note", [*codes, f"paid to {written} by me"]) == ["IBAN"]
    assert _kinds("note", [*codes, iban]) == []
    assert _kinds("bank_account", [*codes, iban]) == ["IBAN"]
