"""The record of tests: what was tried on whom, when, by whom, and how it was planned.

Belongs here: the form of the record and what follows from it. Does not belong here: the plan that a
server reads (``serving/traffic_plan.py``), or writing files (``cli_traffic.py``).

The record is a list of events that only ever grows, in ``experiments.json`` beside the releases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ab_test.planning import Plan
from mlops_assets.serving.traffic_plan import Mode, TrafficPlan

FILE = "experiments.json"
Happened = Literal["started", "changed", "stopped"]
HAPPENED: tuple[Happened, ...] = get_args(Happened)
SETTLING_SECONDS = 5
"""Time around a change in which servers may follow the old share or the new one: what is answered
in it is not counted."""
MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Event:
    """A test began, its share changed, or it was stopped, at the moment ``at`` (ISO 8601, UTC), by
    the account ``by``. ``plan`` is of an event that begins a test."""

    experiment: str
    happened: Happened
    at: str
    by: str
    challenger: str
    champion: str
    mode: Mode
    share: float
    plan: dict[str, Any] | None = None

    @classmethod
    def parse(cls, record: Mapping[str, Any]) -> "Event":
        return cls(**record)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Period:
    """A time in which a share held: microseconds since 1970, without an end while it holds."""

    start: int
    end: int | None
    share: float


@dataclass(frozen=True)
class Experiment:
    """One test with its plan and the times in which each share held."""

    id: str
    challenger: str
    champion: str
    mode: Mode
    plan: Plan
    started: str
    by: str
    periods: tuple[Period, ...]

    @property
    def is_running(self) -> bool:
        """Whether it was not stopped; a promotion ends it as well, which the record does
        not say."""
        return self.periods[-1].end is None

    def to_dict(self) -> dict[str, Any]:
        """The test as JSON-able values."""
        return asdict(self)

    def shares_at(self, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """The challenger's share at each of ``times`` (microseconds since 1970), ``[n]``; 0 where
        the test was not under way, or a change had just been asked for."""
        shares = np.zeros(len(times))
        for period in self.periods:
            start = period.start + SETTLING_SECONDS * MICROSECONDS
            end = np.iinfo(np.int64).max if period.end is None else period.end
            shares[(times >= start) & (times < end)] = period.share
        return shares


def next_id(events: Sequence[Event], challenger: str) -> str:
    """The id of a test that is to begin: its number, and the beginning of the challenger's hash."""
    number = len({event.experiment for event in events}) + 1
    return f"{number:04d}-{challenger[:8].strip('.')}"


def under_way(events: Sequence[Event]) -> Event | None:
    """The latest event of the test that was not stopped, where there is one."""
    return events[-1] if events and events[-1].happened != "stopped" else None


def latest_experiment(events: Sequence[Event]) -> Experiment | None:
    """The test that began last, over or not.

    Raises ``ValueError`` for a record that begins with something else than a test's start.
    """
    if not events:
        return None
    own = [event for event in events if event.experiment == events[-1].experiment]
    first = own[0]
    if first.happened != "started" or first.plan is None:
        raise ValueError(f"{FILE}: test {first.experiment} has no start with a plan")
    ends = [_microseconds(event.at) for event in own[1:]]
    starts = [_microseconds(event.at) for event in own]
    periods = tuple(
        Period(start, end, event.share)
        for event, start, end in zip(own, starts, [*ends, None], strict=True)
        if event.happened != "stopped"
    )
    return Experiment(
        first.experiment,
        first.challenger,
        first.champion,
        first.mode,
        Plan.parse(first.plan),
        first.at,
        first.by,
        periods,
    )


def traffic_plan(event: Event) -> TrafficPlan:
    """What servers are told of a test that began or changed."""
    return TrafficPlan(event.experiment, event.challenger, event.champion, event.mode, event.share)


def days_of(experiment: Experiment, days: Sequence[str]) -> list[str]:
    """Those of ``days`` (``YYYY-MM-DD``) on which the test was under way."""
    last = experiment.periods[-1].end
    first = experiment.started[:10]
    end = "9999" if last is None else str(np.datetime64(last, "us"))[:10]
    return [day for day in days if first <= day <= end]


def _microseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * MICROSECONDS)
