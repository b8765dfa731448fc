"""Whether a batch differs from what its champion was trained on, and in what.

Belongs here: the distance that chance alone explains, the verdict of a batch, its report and page.
Does not belong here: the bins and their distance (``histograms.py``), or what drift leads to
(``sensors/``).

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
exact; where series move together it is lower. Rows are taken as independent.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Literal

import numpy as np

from mlops_assets.monitoring.histograms import Counts, Shares, Summary, jensen_shannon
from mlops_assets.reporting.page import BarPlot, Cell, HistogramPlot, Number, Page, Section, Table
from mlops_assets.use_case import Monitoring

DRAWS_BEYOND = 10
"""Simulated distances beyond a limit: fewer would leave it to chance where the limit lies."""
DRAWS_AT_ONCE = 2_500
"""As many as stay in the processor's cache."""
HISTOGRAMS_SHOWN = 6

Verdict = Literal["drifted", "no drift", "could not run"]


@dataclass(frozen=True)
class SeriesDrift:
    """One series of a batch against the reference.

    ``limit`` is the largest distance that chance explains, ``floor`` the smallest that matters;
    the series drifted where ``statistic`` exceeds both. ``statistic``, ``limit``, ``drifted`` and
    the shares are ``None`` where there was nothing to compare. ``column`` is ``None`` for the
    champion's score.
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
) -> dict[str, Any]:
    """The report as JSON-able data. ``use_case`` is its title, ``champion`` the release's hash;
    without ``attribution`` the weighted distance is ``None``."""
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
    }


def drift_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of a ``drift_report``."""
    series = report["series"]
    compared = [s for s in series if s["statistic"] is not None]
    return Page(
        title=f"Drift of {report['batch']}: {report['use_case']}",
        verdict=_verdict_sentence(report),
        facts=(
            ("Batch", report["batch"]),
            ("Rows", report["rows"]),
            ("Champion", report["champion"]),
            ("False-alarm rate", report["false_alarm_rate"]),
            ("Smallest distance that matters", report["min_distance"]),
            ("Distance weighted with attribution", report["weighted_distance"]),
            ("Weighted distance that calls for retraining", report["min_weighted_distance"]),
        ),
        sections=(
            Section("What the verdict means", _meaning(report)),
            Section(
                "Distance by series", _strongest_sentence(compared), (_bars(series), _table(series))
            ),
            Section(
                "The strongest, in shares",
                "Reference against batch, strongest first.",
                tuple(_histogram(s) for s in compared[:HISTOGRAMS_SHOWN]),
            ),
        ),
    )


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


def _verdict(drifted: bool | None) -> Verdict:
    if drifted is None:
        return "could not run"
    return "drifted" if drifted else "no drift"


def _verdict_sentence(report: Mapping[str, Any]) -> str:
    missing = ", ".join(report["could_not_run"])
    unknown = f" Could not be compared: {missing}." if missing else ""
    if report["drifted"] is None:
        return f"The check could not run, which is no pass.{unknown}"
    names = [s["name"] for s in report["series"] if s["drifted"]]
    if not names:
        return "No drift: every series is within what chance explains or too close to matter."
    return f"Drifted: {len(names)} of {len(report['series'])} series, led by {names[0]}.{unknown}"


def _meaning(report: Mapping[str, Any]) -> str:
    return (
        "A batch drifted where the Jensen-Shannon distance (base 2; 0 is equal, 1 is disjoint) of "
        "any series exceeds both its limit, which is what chance explains at this number of rows, "
        f"and {report['min_distance']:.4g}, below which a difference is too small to matter. A "
        "batch from the reference's own distribution, with independent rows, is called drifted "
        f"with a chance of at most {report['false_alarm_rate']:.2%}, all series taken together. "
        "Drift says that the data differ, not that the model is worse."
    )


def _strongest_sentence(compared: list[dict[str, Any]]) -> str:
    strongest = ", ".join(f"{s['name']} ({s['statistic']:.3f})" for s in compared[:3])
    return f"Strongest first: {strongest}." if strongest else "Nothing could be compared."


def _threshold(series: Mapping[str, Any]) -> Number:
    return None if series["limit"] is None else max(series["limit"], series["floor"])


def _bars(series: list[dict[str, Any]]) -> BarPlot:
    return BarPlot(
        alt="Distance of each series from the reference, with the limit it must exceed to drift",
        x_label="Jensen-Shannon distance (base 2)",
        labels=tuple(s["name"] for s in series),
        values=tuple(s["statistic"] for s in series),
        limits=tuple(_threshold(s) for s in series),
    )


def _table(series: list[dict[str, Any]]) -> Table:
    columns = ("Series", "Distance", "Limit by chance", "Smallest that matters", "Verdict")
    rows: list[tuple[Cell, ...]] = [
        (s["name"], s["statistic"], s["limit"], s["floor"], _verdict(s["drifted"])) for s in series
    ]
    return Table("Each series against its limits", columns, tuple(rows))


def _histogram(series: Mapping[str, Any]) -> HistogramPlot:
    return HistogramPlot(
        alt=f"Shares of {series['name']}: reference against batch",
        x_label=series["name"],
        bins=tuple(series["bins"]),
        reference=tuple(series["reference_shares"]),
        current=tuple(series["current_shares"]),
    )
