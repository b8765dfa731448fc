"""Which columns of a table hold personal data, found by their values and by their names.

Belongs here: looking through a table, and deciding whether a column is of a kind. Does not belong
here: how one value is recognised (``personal_patterns.py``), or what is done about a finding
(``protection.py``).

**Unmistakable notations** (e-mail, IBAN, +phone ...): any occurrence is a finding, in a text too.

**Numbers with check digits** pass by chance: one arbitrary number of ten passes one check. A
column is of such a kind where, among its distinct numbers of that shape, the share that passes is
at least three times the chance rate and a twentieth, and the probability of so many by chance is
at most 1e-6 (Chernoff's bound). This asks for a minimum of distinct numbers by itself: 6 that all
pass one check digit, 4 that pass two. With some fifty such tests a column, a table of a hundred
columns of arbitrary numbers raises a false alarm in one of 150 tables at most. Counters pass at
the chance rate; numbers that all end in 0 pass at most twice as often (2/11 where two remainders
share a digit), for which the factor three leaves room.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal
from unicodedata import combining, normalize

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_assets.column_declaration import Column
from mlops_assets.data import personal_patterns as patterns
from mlops_assets.data.personal_patterns import CERTAIN, NUMBERS, PROBABLE, Recogniser, bounded

ENOUGH = 1_000
"""Matches after which counting stops, and numbers of one length that are put to their checks."""
TIMES_CHANCE = 3.0
SMALLEST_SHARE = 0.05
FALSE_ALARM = 1e-6
PLAUSIBLE_SHARE = 0.5
"""Share of distinct values that must look like what the column's name says."""


@dataclass(frozen=True)
class Finding:
    """One kind of personal data in one column; it holds no value of the column.

    ``by``: what gave it away. ``values``: how many of the distinct values examined match.
    ``share``: that number divided by the distinct values examined. Examined are, for an
    unmistakable notation, all up to the thousandth match; for numbers with check digits, those of
    the shape (also within texts), at most 1,000 of a length; by name, all.
    """

    column: str
    kind: str
    by: Literal["values", "name"]
    values: int
    share: float | None


def find_personal_data(table: pa.Table, columns: Mapping[str, Column]) -> tuple[Finding, ...]:
    """Every kind found in every column of ``table``, in the order of its columns.

    What ``columns`` call missing is not looked at, and a closed list of ``values`` is not taken for
    names. Undeclared columns are looked through as well; lists and structures value by value.
    """
    findings: list[Finding] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        declared = columns.get(name)
        texts = _distinct_texts(column, declared)
        found = [] if pa.types.is_temporal(column.type) else list(_by_values(name, texts))
        if declared is None or declared.values is None:
            found += _by_name(name, texts, {finding.kind.partition(" (")[0] for finding in found})
        findings += found
    return tuple(findings)


def _distinct_texts(column: pa.ChunkedArray, declared: Column | None) -> pa.Array:
    leaves = (leaf for chunk in column.chunks for leaf in _leaves(chunk))
    parts = [_as_texts(pc.unique(leaf.drop_null())) for leaf in leaves]
    texts = pc.unique(pa.chunked_array(parts, pa.large_string())).drop_null()
    missing = [str(code) for code in declared.missing] if declared else []
    return texts.filter(pc.invert(pc.is_in(texts, pa.array(missing, pa.large_string()))))


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    """The arrays of single values within ``array``."""
    if pa.types.is_struct(array.type):
        parts = array.flatten()
    elif pa.types.is_map(array.type):
        parts = [array.keys, array.items]
    elif pa.types.is_dictionary(array.type):
        parts = [array.dictionary_decode()]
    elif pa.types.is_string_view(array.type):
        parts = [array.cast(pa.large_string())]
    elif pa.types.is_nested(array.type):
        parts = [pc.list_flatten(array)]
    else:
        yield array
        return
    for part in parts:
        yield from _leaves(part)


def _as_texts(values: pa.Array) -> pa.Array:
    if pa.types.is_floating(values.type):
        # A gap makes floats of integers, and 123456782.0 hides the number that was there.
        doubles = values.cast(pa.float64())
        whole = pc.and_(pc.equal(pc.floor(doubles), doubles), pc.less(pc.abs(doubles), 2.0**53))
        integers = pc.if_else(whole, doubles, None).cast(pa.int64())
        return pc.coalesce(integers.cast(pa.large_string()), doubles.cast(pa.large_string()))
    if "binary" in str(values.type):
        decoded = [value.decode("utf-8", "replace") for value in values.to_pylist()]
        return pa.array(decoded, pa.large_string())
    return values.cast(pa.large_string())


def _containing(texts: pa.Array, shape: str) -> pa.Array:
    """Positions in ``texts`` of those that contain ``shape``, in any case."""
    # Upper limits of repetitions make the automaton large; what they exclude is excluded later.
    loose = r"(?:^|\W)(?:" + re.sub(r"\{(\d+),\d+\}", r"{\1,}", shape) + r")(?:\W|$)"
    return pc.indices_nonzero(pc.match_substring_regex(texts, loose, ignore_case=True))


def _by_values(name: str, texts: pa.Array) -> Iterator[Finding]:
    positions = _containing(texts, _any_of(CERTAIN))
    noted = texts.take(positions)
    for kind, recognisers in groupby(_certain(name), lambda recogniser: recogniser.kind):
        matches, last = _occurrences(noted, tuple(recognisers))
        if matches:
            examined = len(texts) if last is None else positions[last].as_py() + 1
            yield Finding(name, kind, "values", matches, matches / examined)
    for kind, passed, examined in _beyond_chance(_numbers_to_check(texts)):
        yield Finding(name, kind, "values", passed, passed / examined)


def _certain(name: str) -> Sequence[Recogniser]:
    # 4.120.32.1 is an address in one column and a release in another.
    versions = re.search("version|release|firmware|build", _words(name))
    return [r for r in CERTAIN if not (versions and r.kind == patterns.IP)]


def _occurrences(texts: pa.Array, recognisers: Sequence[Recogniser]) -> tuple[int, int | None]:
    """How many of ``texts`` hold the kind, and the position at which counting stopped."""
    matches = 0
    for position in _containing(texts, _any_of(recognisers)).to_pylist():
        text = texts[position].as_py()
        matches += any(r.check(m[0]) for r in recognisers for m in bounded(r.shape).finditer(text))
        if matches == ENOUGH:
            return matches, position
    return matches, None


def _any_of(recognisers: Sequence[Recogniser]) -> str:
    return "|".join(recogniser.shape for recogniser in recognisers)


def _numbers_to_check(texts: pa.Array) -> dict[Recogniser, list[str]]:
    """The distinct candidates of every recogniser, at most ``ENOUGH`` of a notation or length."""
    noted = texts.take(_containing(texts, _any_of(PROBABLE)))
    candidates = {recogniser: _drawn(_matching(noted, recogniser.shape)) for recogniser in PROBABLE}
    by_length: dict[int, list[str]] = {}
    for number in _matching(texts, r"\d{9,19}"):
        by_length.setdefault(len(number), []).append(number)
    drawn = {length: _drawn(numbers) for length, numbers in sorted(by_length.items())}
    for recogniser in NUMBERS:
        shape = bounded(recogniser.shape)
        candidates[recogniser] = [n for some in drawn.values() for n in some if shape.fullmatch(n)]
    for kind in dict.fromkeys(recogniser.kind for recogniser in candidates):
        # Few numbers in two notations say together what neither says alone.
        same = [r for r in candidates if r.kind == kind]
        together = replace(same[0], shape="|".join(recogniser.shape for recogniser in same))
        candidates[together] = [number for one in same for number in candidates[one]]
    return candidates


def _matching(texts: pa.Array, shape: str) -> list[str]:
    found: dict[str, None] = {}
    for text in texts.take(_containing(texts, shape)).to_pylist():
        found.update((match[0], None) for match in bounded(shape).finditer(text))
    return list(found)


def _drawn(numbers: Sequence[str]) -> list[str]:
    """At most ``ENOUGH`` of ``numbers``; not every n-th, which could follow the check digits."""
    order = np.random.default_rng(0).permutation(len(numbers))
    return [numbers[position] for position in order[:ENOUGH]]


def _beyond_chance(candidates: Mapping[Recogniser, list[str]]) -> Iterator[tuple[str, int, int]]:
    """Kinds whose numbers pass more often than by chance: kind, passed, examined.

    The kind that explains most numbers comes first; they say nothing for or against the others.
    """
    passed = {r: {n for n in numbers if r.check(n)} for r, numbers in candidates.items()}
    explained: set[str] = set()
    undecided_kinds = list(candidates)
    while undecided_kinds:
        counts = {r: len(passed[r] - explained) for r in undecided_kinds}
        best = max(undecided_kinds, key=lambda r: counts[r])
        examined = len(set(candidates[best]) - explained)
        undecided_kinds = [r for r in undecided_kinds if r != best and counts[r]]
        if exceeds_chance(counts[best], examined, best.chance):
            yield best.kind, counts[best], examined
            explained |= passed[best]
            undecided_kinds = [r for r in undecided_kinds if r.kind != best.kind]


def exceeds_chance(passed: int, examined: int, chance: float) -> bool:
    """Whether ``passed`` of ``examined`` numbers are more than the rate ``chance`` explains.

    The probability is bounded by Chernoff (1952): exp(-n KL(share || chance)).
    """
    share = passed / examined if examined else 0.0
    if share < max(TIMES_CHANCE * chance, SMALLEST_SHARE):
        return False
    divergence = share * math.log(share / chance)
    if share < 1.0:
        divergence += (1.0 - share) * math.log((1.0 - share) / (1.0 - chance))
    # 6 numbers of 6 at 1/10 are exactly 1e-6, and stay it when rounded.
    return -examined * divergence <= math.log(FALSE_ALARM) + 1e-9


_LETTERS = r"\pL[\pL\pM'’.\-]*"
_DEGREES = r"[-+]?(1[0-7]\d|\d?\d)[.,]\d{3,}"
_DAY = r"(18|19|20)\d\d[-/.]?\d{1,2}[-/.]?\d{1,2}([ T].*)?|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}"
_WRITTEN = r"\d{1,2} \pL+ \d{4}|\pL+ \d{1,2},? \d{4}"
_PEOPLE = (
    "(account|applicant|author|borrower|buyer|candidate|card|child|citizen|client|contact|customer"
    "|doctor|donor|driver|employee|father|guest|holder|manager|member|mother|nurse|owner|parent"
    "|passenger|patient|person|physician|player|pupil|recipient|resident|seller|sender|spouse"
    "|staff|student|subscriber|teacher|tenant|worker)s?_?"
)
_NAMES = (
    r"(first|last|full|given|family|middle|maiden|sur|fore)_?name|prenom|nom_de_famille|imie"
    r"|(vor|nach|familien)_?name|(voor|achter)_?naa?m|apellido|cognome|sobrenome|nazwisko"
    rf"|(for|etter|efter)na[vm]n|^({_PEOPLE})*(name|nom|naam|nombre|nome|namn|navn)"
)
_ADDRESSES = (
    "address|addr|adresse?|street|strasse|straat|rue|direccion|indirizzo|endereco|domicil[ei]o?"
)
_BIRTHS = (
    "dob|birth_?(day|date)|date_?of_?birth|birth|born|geburts(datum|tag)|geboortedatum|naissance"
    "|nacimiento|nascita|nascimento"
)
_PLACES = "lat(itude)?|lon|lng|long(itude)?|gps|coord(inate)?|position|location"
_PHONES = (
    "tel|tele(ph|f)oo?n[eo]?|((cell|mobile)_?)?phone|mobile|mobiel|cell|gsm|fax|handy|msisdn"
    "|whatsapp|(telefoo?n|handy)_?nummer"
)
_NATIONALS = (
    "ssn|nino|bsn|niss|insz|dni|pesel|cpf|cpr|hetu|idnr|aadhaar|passport|personnummer"
    "|social_security|(national|national_identity|tax|personal)_?(id|number|no|nr)"
)
NAME_RULES = (
    ("person name", _NAMES, rf"^\s*{_LETTERS}([ ,/]+[(\"']*{_LETTERS}[)\"']*){{0,12}}\s*$"),
    ("user name", r"user_?name|nick_?name|screen_name|login(_name)?", r"^\S{2,64}$"),
    ("street address", _ADDRESSES, r"\pL.*[\s\d]|[\s\d].*\pL"),
    (
        "date of birth",
        _BIRTHS,
        rf"^({_DAY}|{_WRITTEN})$",
    ),
    ("GPS position", _PLACES, rf"^(POINT ?\()?{_DEGREES}(°.*|[,;\s]+{_DEGREES}\)?)?$"),
    (patterns.PHONE, _PHONES, r"^[+(]?\d(?:[ ().\-/]{0,2}\d){6,14}(?: ?(x|ext\.?) ?\d+)?$"),
    (patterns.CARD, "card|cc|pan", r"^\d(?:[ -]?\d){11,18}$"),
    (patterns.NATIONAL, _NATIONALS, r"^(?:[A-Za-z \-/]*\d){5,18}[A-Za-z]?$"),
)
"""A kind, the words that end a column's name and announce it, what its values look like (RE2)."""
_ENDINGS = r"(?:.*_)?(?:{})s?(?:_?(?:number|no|nr|num|id|line|home|\d+))*"
_OTHERWISE = frozenset({"count", "hash", "type", "model", "ip", "mac", "web", "email", "url"})


def _by_name(name: str, texts: pa.Array, known: set[str]) -> Iterator[Finding]:
    words = _words(name)
    for kind, endings, looks in NAME_RULES:
        announced = re.fullmatch(_ENDINGS.format(endings), words)
        if announced and kind not in known and not _OTHERWISE & {*words.split("_")}:
            plausible = len(pc.indices_nonzero(pc.match_substring_regex(texts, looks)))
            if plausible and plausible / len(texts) >= PLAUSIBLE_SHARE:
                yield Finding(name, kind, "name", plausible, plausible / len(texts))


def _words(name: str) -> str:
    """A column name in lower case without accents, its words joined: ``prénomClient`` has two."""
    plain = "".join(c for c in normalize("NFKD", name) if not combining(c))
    parted = re.sub(r"([a-z])([A-Z])", r"\1_\2", plain)
    return "_".join(re.findall(r"[a-z]+|\d+", parted.lower()))
