"""Whether numbers pass a check more often than arbitrary ones.

Belongs here: the decision by counts. Does not belong here: the checks and their chance rates
(``personal_patterns.py``), or which numbers of a column are put to them (``personal_data.py``).

**Numbers with check digits** pass by chance: one arbitrary number of ten passes one check. A
column is of such a kind where, among its distinct numbers of that shape, the share that passes is
at least three times the chance rate and a twentieth, and the probability of so many by chance is
at most 1e-6 (Chernoff's bound). This asks for a minimum of distinct numbers by itself: 6 that all
pass one check digit, 4 that pass two. With some fifty such tests a column, a table of a hundred
columns of arbitrary numbers raises a false alarm in one of 150 tables at most. Counters pass at
the chance rate; numbers that all end in 0 pass at most twice as often (2/11 where two remainders
share a digit), for which the factor three leaves room.

**IBANs** in groups of four or after the word IBAN are unmistakable. Others are numbers with two
check digits, of which fewer will do where at least half of those with a country's length pass: one
or two arbitrary codes of that shape, and no more, are a false alarm in one of 48 such columns.
"""

import math
from collections.abc import Iterator, Mapping

from mlops_assets.data.privacy.recogniser import IBAN, Recogniser

TIMES_CHANCE = 3.0
SMALLEST_SHARE = 0.05
FALSE_ALARM = 1e-6


def beyond_chance(
    candidates: Mapping[Recogniser, list[str]], announced: bool
) -> Iterator[tuple[str, int, int]]:
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
        few = best.kind == IBAN and (announced or counts[best] >= examined / 2)
        if (few and counts[best]) or exceeds_chance(counts[best], examined, best.chance):
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
