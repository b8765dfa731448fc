"""Whether a batch differs from what its champion was trained on, and in what.

Belongs here: the distance that chance alone explains, the verdict of a batch, and its report. Does
not belong here: the bins and their distance (``histograms.py``), how the report is shown
(``drift_page.py``), or what drift leads to (``sensors/``).

The statistic of a series is the Jensen-Shannon distance in base 2: the square root of the
divergence, 0 for equal shares and 1 for disjoint ones (J. Lin, "Divergence measures based on the
Shannon entropy", 1991; D. Endres and J. Schindelin, "A new metric for probability distributions",
2003). Its limit is a quantile of the distances between two samples of the sizes at hand, both drawn
from the reference's shares (a parametric bootstrap), so that it holds whatever the batch's size.
The shares of each pair of samples are themselves drawn from what the reference's counts leave
possible, Dirichlet(counts + 1): a bin that is empty in it need not be impossible.

The false-alarm rate is the whole batch's. Each of k series is held to 1 - (1 - rate)^(1/k)
(Z. Sidak, 1967) rather than to the maximum over all of them, so that each has a limit of its own
and needs no joint sample, of which histograms know nothing. For independent series the rate is
exact; where series move together it is lower, and however they depend on each other, as the answers
for several classes do, it is never above -log(1 - rate). Rows are taken as independent.

The outcomes have no part in the verdict: they come later than the batch, and a report that had to
wait for them would come too late. Where they are there, their distance is reported beside it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np

from mlops_assets.monitoring.histograms import Counts, Series, Shares, Summary, jensen_shannon
from mlops_assets.policy_declaration import Monitoring
from mlops_assets.reporting.page import Number

DRAWS_BEYOND = 10
"""Simulated distances beyond a limit: fewer would leave it to chance where the limit lies."""
DRAWS_AT_ONCE = 2_500
"""As many as stay in the processor's cache."""
OUTCOMES = "outcomes"


@dataclass(frozen=True)
class SeriesDrift:
    """One series of a batch against the reference.

    ``limit`` is the largest distance that chance explains, ``floor`` the smallest that matters;
    the series drifted where ``statistic`` exceeds both. ``statistic``, ``limit``, ``drifted`` and
    the shares are ``None`` where there was nothing to compare. ``column`` is ``None`` for the
    champion's answers.
    """

    name: str
    column: str | None
    statistic: Number
    limit: Number
    floor: float
    drifted: bool | None
    bins: list[str]
    reference_shares: list[float] | None
    current_shares: list[float] | None


@dataclass(frozen=True)
class DriftResult:
    """Every series of a batch, strongest first. ``false_alarm_rate`` is the chance that a batch
    from the reference's own distribution is called drifted."""

    rows: int
    false_alarm_rate: float
    series: tuple[SeriesDrift, ...]

    @property
    def could_not_run(self) -> tuple[str, ...]:
        return tuple(series.name for series in self.series if series.drifted is None)

    @property
    def drifted(self) -> bool | None:
        """Whether any series drifted; ``None`` where none did but some could not be compared."""
        if any(series.drifted for series in self.series):
            return True
        return None if self.could_not_run or not self.series else False

    @property
    def drift_features(self) -> tuple[str, ...]:
        """The columns that drifted, strongest first, each once."""
        columns = (series.column for series in self.series if series.drifted)
        return tuple(dict.fromkeys(column for column in columns if column is not None))


def chance_limit(counts: Counts, rows: int, *, tail: float, seed: int, name: str) -> float:
    """The distance that a sample of ``rows`` exceeds with probability ``tail``, though it comes
    from the shares of ``counts`` ``[bins]`` as the reference did.

    The random stream is that of (``seed``, ``name``). Time and accuracy grow with ``1 / tail``.
    """
    rng = np.random.default_rng(_stable_seed(seed, name))
    blocks = ceil(DRAWS_BEYOND / tail / DRAWS_AT_ONCE)
    distances = [_chance_distances(counts, rows, rng) for _ in range(blocks)]
    # The Weibull plotting position is the one whose expected exceedance is the tail itself.
    return float(np.quantile(np.concatenate(distances), 1.0 - tail, method="weibull"))


def detect(
    reference: Summary, counts: Mapping[str, Counts], *, monitoring: Monitoring, seed: int
) -> DriftResult:
    """Compare a batch's ``counts`` with the ``reference`` summary, series by series.

    A series without counts, with counts of other bins, or empty on either side could not run.
    """
    tail = 1.0 - (1.0 - monitoring.false_alarm_rate) ** (1.0 / max(len(reference["series"]), 1))
    found = [
        _compare(name, series, counts.get(name), monitoring.min_distance, tail, seed)
        for name, series in reference["series"].items()
    ]
    found.sort(key=lambda s: (-1.0 if s.statistic is None else s.statistic, s.name), reverse=True)
    rows = max((int(c.sum()) for c in counts.values()), default=0)
    return DriftResult(rows, monitoring.false_alarm_rate, tuple(found))


def outcome_drift(
    reference: Series, counts: Counts, *, monitoring: Monitoring, seed: int
) -> SeriesDrift:
    """The outcomes of a batch, as ``histograms.count_outcomes`` counts them, against those that the
    champion was made from. The false-alarm rate is that of this one series."""
    rate, floor = monitoring.false_alarm_rate, monitoring.min_distance
    return _compare(OUTCOMES, reference, counts, floor, rate, seed)


def weighted_distance(result: DriftResult, attribution: Mapping[str, float | None]) -> float:
    """The mean distance of the drifted columns, each with its share of the champion's attribution
    as weight; a column that did not drift counts as 0, and one with several series as its largest.

    ``attribution`` is each input column's share of the SHAP attribution, adding up to 1.
    """
    largest: dict[str, float] = {}
    for series in result.series:
        if series.drifted and series.column is not None and series.statistic is not None:
            largest[series.column] = max(largest.get(series.column, 0.0), series.statistic)
    return sum((attribution.get(column) or 0.0) * found for column, found in largest.items())


def drift_report(
    result: DriftResult,
    *,
    use_case: str,
    batch: str,
    champion: str,
    monitoring: Monitoring,
    attribution: Mapping[str, float | None] | None = None,
    outcomes: SeriesDrift | None = None,
    served: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The report as JSON-able data. ``use_case`` is its title, ``champion`` the release's hash;
    without ``attribution`` the weighted distance is ``None``, and ``outcomes`` (of
    ``outcome_drift``) are where the batch has some. ``served`` are the inputs as they were sent (of
    ``skew.served_inputs``), which have no part in the verdict either."""
    weighted = None if attribution is None else weighted_distance(result, attribution)
    return {
        "use_case": use_case,
        "batch": batch,
        "champion": champion,
        "rows": result.rows,
        "false_alarm_rate": result.false_alarm_rate,
        "min_distance": monitoring.min_distance,
        "drifted": result.drifted,
        "drift_features": list(result.drift_features),
        "could_not_run": list(result.could_not_run),
        "weighted_distance": weighted,
        "min_weighted_distance": monitoring.min_weighted_distance,
        "series": [asdict(series) for series in result.series],
        "outcomes": None if outcomes is None else asdict(outcomes),
        "served": None if served is None else dict(served),
    }


def _chance_distances(counts: Counts, rows: int, rng: np.random.Generator) -> Shares:
    weights = rng.standard_gamma(counts + 1.0, (DRAWS_AT_ONCE, len(counts)))
    shares = weights / weights.sum(axis=1, keepdims=True)
    total = int(counts.sum())
    return jensen_shannon(
        rng.multinomial(total, shares) / total, rng.multinomial(rows, shares) / rows
    )


def _stable_seed(seed: int, name: str) -> int:
    # Not hash(): it differs from process to process.
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest(), "big")


def _compare(
    name: str,
    series: Mapping[str, Any],
    counts: Counts | None,
    floor: float,
    tail: float,
    seed: int,
) -> SeriesDrift:
    bins, column = list(series["bins"]), series["column"]
    reference = np.array(series["counts"], dtype=np.int64)
    if counts is None or len(counts) != len(reference) or 0 in (counts.sum(), reference.sum()):
        return SeriesDrift(name, column, None, None, floor, None, bins, None, None)
    before, now = reference / reference.sum(), counts / counts.sum()
    statistic = float(jensen_shannon(before, now))
    limit = chance_limit(reference, int(counts.sum()), tail=tail, seed=seed, name=name)
    drifted = statistic > max(limit, floor)
    shares = before.tolist(), now.tolist()
    return SeriesDrift(name, column, statistic, limit, floor, drifted, bins, *shares)
