"""Which columns hold personal data, found by their values and names, over chunks of rows.

Belongs here: looking through columns, and deciding whether one is of a kind. Does not belong here:
how one value is recognised (``personal_patterns.py``), what a name says (``announced_kinds.py``),
how many numbers pass a check by chance (``beyond_chance.py``), what values an array holds
(``single_values.py``), how distinct values are sampled (``group_sizes.py``), or what is done about
a finding (``protection.py``).

**Unmistakable notations** (e-mail, +phone ...): any occurrence is a finding, in a text too, so that
every value is looked at. **Numbers with check digits** pass by chance: which are put to a check is
drawn by their hashes, which do not follow check digits.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.data.privacy.announced_kinds import announced_kinds, plain_words
from mlops_assets.data.privacy.beyond_chance import beyond_chance
from mlops_assets.data.privacy.group_sizes import SAMPLE, DistinctSample
from mlops_assets.data.privacy.iban import ACCOUNTS
from mlops_assets.data.privacy.personal_patterns import CERTAIN, NUMBERS, PROBABLE
from mlops_assets.data.privacy.recogniser import IP, Recogniser, bounded
from mlops_assets.data.privacy.single_values import as_texts, long_numbers, single_values
from mlops_assets.data.row_hashes import Hashes, text_hashes

ROWS_AT_ONCE = 131_072
LONG_NUMBER = r"\d{9,19}"
REMEMBERED = 16_384
"""Distinct texts of a column, by hash, that are not looked at again."""
PLAUSIBLE_SHARE = 0.5
"""Share of distinct values that must look like what the column's name says."""


@dataclass(frozen=True)
class Finding:
    """One kind of personal data in one column; it holds no value of the column.

    ``by``: what gave it away. ``values``: how many distinct values match. ``share``: that number
    divided by the distinct values examined. Both are exact up to a thousand distinct values, and
    beyond that never depend on order or chunks: of an unmistakable notation ``values`` stops at a
    thousand and ``share`` is an estimate (standard error 4 percent of itself); of numbers with
    check digits a thousand of a notation or length are examined (also within texts), and by name a
    thousand values, those with the smallest hashes.
    """

    column: str
    kind: str
    by: Literal["values", "name"]
    values: int
    share: float | None


class PersonalDataScan:
    """Looks through a table in chunks; what it keeps is bounded for each column.

    The findings are the same for any chunks and any order of the same rows. What ``columns`` call
    missing is not looked at, and a closed list of ``values`` is not taken for names. Undeclared
    columns are looked through as well; lists and structures value by value.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._declared = columns
        self._columns: dict[str, _ColumnScan] = {}

    def look(self, table: pa.Table) -> None:
        """Look through every value of a chunk."""
        for name, column in zip(table.column_names, table.columns, strict=True):
            if name not in self._columns:
                self._columns[name] = _ColumnScan(name, self._declared.get(name))
            for chunk in column.chunks:
                for start in range(0, len(chunk), ROWS_AT_ONCE):
                    for leaf in single_values(chunk.slice(start, ROWS_AT_ONCE)):
                        self._columns[name].look(leaf.drop_null())

    def findings(self) -> tuple[Finding, ...]:
        """Every kind found so far in every column, in the order of the columns."""
        return tuple(found for column in self._columns.values() for found in column.findings())


def find_personal_data(table: pa.Table, columns: Mapping[str, Column]) -> tuple[Finding, ...]:
    """The findings of a ``PersonalDataScan`` of one table."""
    scan = PersonalDataScan(columns)
    scan.look(table)
    return scan.findings()


class _ColumnScan:
    def __init__(self, name: str, declared: Column | None) -> None:
        self._name = name
        self._missing = [str(code) for code in declared.missing] if declared else []
        closed = declared is not None and declared.values is not None
        self._announced = [] if closed else [*announced_kinds(name)]
        self._certain = [(k, tuple(rs)) for k, rs in groupby(_certain(name), lambda r: r.kind)]
        self._seen: Hashes = np.empty(0, np.uint64)
        self._distinct: DistinctSample[None] = DistinctSample()
        self._matches: dict[str, DistinctSample[None]] = defaultdict(DistinctSample)
        self._candidates: dict[Recogniser | int, DistinctSample[str]] = defaultdict(DistinctSample)
        self._plausible: DistinctSample[tuple[bool, ...]] = DistinctSample()

    def look(self, values: pa.Array) -> None:
        is_number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
        is_time = pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)
        if is_time and not self._announced:
            return
        if is_number and not self._announced:
            values = long_numbers(values)
        texts, hashes = self._new_texts(values)
        if not len(texts):
            return
        if self._announced:
            self._look_for_what_is_announced(texts, hashes)
        if not (is_number or is_time):
            self._look_for_notations(texts, hashes)
        if not is_time:
            self._look_for_numbers(texts)

    def _new_texts(self, values: pa.Array) -> tuple[pa.Array, Hashes]:
        texts = pc.unique(as_texts(pc.unique(values)))
        if self._missing:
            codes = pa.array(self._missing, pa.large_string())
            texts = texts.filter(pc.invert(pc.is_in(texts, codes)))
        hashes = text_hashes(texts)
        new = np.flatnonzero(~np.isin(hashes, self._seen))
        if len(self._seen) < REMEMBERED:
            room = REMEMBERED - len(self._seen)
            self._seen = np.concatenate([self._seen, hashes[new][:room]])
        return texts.take(pa.array(new)), hashes[new]

    def _look_for_what_is_announced(self, texts: pa.Array, hashes: Hashes) -> None:
        wanted = self._plausible.wanted(hashes)
        texts = texts.take(pa.array(wanted))
        looks = [pc.match_substring_regex(texts, looks).to_pylist() for _, looks in self._announced]
        self._plausible.add(hashes[wanted], [*zip(*looks, strict=True)])

    def _look_for_notations(self, texts: pa.Array, hashes: Hashes) -> None:
        wanted = self._distinct.wanted(hashes)
        self._distinct.add(hashes[wanted], [None] * len(wanted))
        noted = _containing(texts, _any_of(CERTAIN))
        texts, hashes = texts.take(pa.array(noted)), hashes[noted]
        # In the order of their hashes, the first matches are those that the sample keeps; one more
        # tells it that there are others.
        order = np.argsort(hashes)
        texts, hashes = texts.take(pa.array(order)), hashes[order]
        for kind, recognisers in self._certain:
            wanted = self._matches[kind].wanted(hashes)
            shaped = _containing(texts.take(pa.array(wanted)), _any_of(recognisers))
            holding = (p for p in wanted[shaped].tolist() if _holds(texts[p].as_py(), recognisers))
            matches = [*islice(holding, SAMPLE + 1)]
            self._matches[kind].add(hashes[matches], [None] * len(matches))

    def _look_for_numbers(self, texts: pa.Array) -> None:
        noted = texts.take(pa.array(_containing(texts, _any_of(PROBABLE))))
        for recogniser in PROBABLE:
            found = _matching(noted, recogniser.shape)
            self._candidates[recogniser].add(text_hashes(found), found)
        long = texts.take(pa.array(_containing(texts, LONG_NUMBER)))
        bare = pc.match_substring_regex(long, r"^\d+$")
        self._draw_numbers(long.filter(bare))
        within = _matching(long.filter(pc.invert(bare)), LONG_NUMBER)
        self._draw_numbers(pa.array(within, pa.large_string()))

    def _draw_numbers(self, numbers: pa.Array) -> None:
        hashes, lengths = text_hashes(numbers), pc.binary_length(numbers).to_numpy()
        for length in np.unique(lengths).tolist():
            places = np.flatnonzero(lengths == length)
            drawn = self._candidates[length]
            places = places[drawn.wanted(hashes[places])]
            drawn.add(hashes[places], numbers.take(pa.array(places)).to_pylist())

    def findings(self) -> Iterator[Finding]:
        known = set()
        for kind, _ in self._certain:
            if matches := self._matches[kind]:
                known.add(kind)
                share = min(1.0, matches.distinct / self._distinct.distinct)
                yield Finding(self._name, kind, "values", len(matches), share)
        announced = re.search(ACCOUNTS, plain_words(self._name)) is not None
        for kind, passed, examined in beyond_chance(self._numbers_to_check(), announced):
            if kind not in known:
                known.add(kind)
                yield Finding(self._name, kind, "values", passed, passed / examined)
        plausible = [*zip(*self._plausible.items(), strict=True)]
        for (kind, _), looks in zip(self._announced, plausible, strict=bool(plausible)):
            share = sum(looks) / len(looks)
            if share >= PLAUSIBLE_SHARE and kind not in {k.partition(" (")[0] for k in known}:
                yield Finding(self._name, kind, "name", sum(looks), share)

    def _numbers_to_check(self) -> dict[Recogniser, list[str]]:
        """The drawn candidates of every recogniser, and of those of a kind together."""
        candidates = {r: self._candidates[r].items() for r in PROBABLE}
        drawn = [number for length in range(9, 20) for number in self._candidates[length].items()]
        for recogniser in NUMBERS:
            shape = bounded(recogniser.shape)
            candidates[recogniser] = [number for number in drawn if shape.fullmatch(number)]
        for kind in dict.fromkeys(recogniser.kind for recogniser in candidates):
            # Few numbers in two notations say together what neither says alone.
            same = [r for r in candidates if r.kind == kind]
            together = replace(same[0], shape="|".join(recogniser.shape for recogniser in same))
            candidates[together] = [number for one in same for number in candidates[one]]
        return candidates


def _containing(texts: pa.Array, shape: str) -> NDArray[np.int64]:
    """Positions in ``texts`` of those that contain ``shape``, in any case."""
    if not len(texts):
        return np.empty(0, np.int64)
    # Upper limits of repetitions make the automaton large; what they exclude is excluded later.
    loose = r"(?:^|\W)(?:" + re.sub(r"\{(\d+),\d+\}", r"{\1,}", shape) + r")(?:\W|$)"
    found = pc.indices_nonzero(pc.match_substring_regex(texts, loose, ignore_case=True))
    return np.asarray(found, dtype=np.int64)


def _certain(name: str) -> Sequence[Recogniser]:
    # 4.120.32.1 is an address in one column and a release in another.
    versions = re.search("version|release|firmware|build", plain_words(name))
    return [r for r in CERTAIN if not (versions and r.kind == IP)]


def _holds(text: str, recognisers: Sequence[Recogniser]) -> bool:
    return any(r.check(m[0]) for r in recognisers for m in bounded(r.shape).finditer(text))


def _any_of(recognisers: Sequence[Recogniser]) -> str:
    return "|".join(recogniser.shape for recogniser in recognisers)


def _matching(texts: pa.Array, shape: str) -> list[str]:
    found: dict[str, None] = {}
    for text in texts.take(pa.array(_containing(texts, shape))).to_pylist():
        found.update((match[0], None) for match in bounded(shape).finditer(text))
    return list(found)
