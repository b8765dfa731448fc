"""The operations report: how fast the servers answered on a day, and what they took.

Belongs here: what is in the report, and its verdicts. Does not belong here: counting
(``requests.py``, ``day_samples.py``), or how it is shown (``operations_page.py``).

Everything in it was measured on some machine on some day: it is no artifact that could be made
again with the same bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mlops_assets.serving_declaration import Budget
from mlops_assets.traffic.day_samples import BYTES_A_MEGABYTE, DaySamples, InstanceDay
from mlops_assets.traffic.latencies import percentiles
from mlops_assets.traffic.requests import HOURS, DayRequests

Verdict = Literal["within", "beyond"] | None


def operations_report(
    day: str,
    use_case: str,
    requests: DayRequests,
    samples: DaySamples,
    manifest: Mapping[str, Any],
    budget: Budget,
) -> dict[str, Any]:
    """The report as JSON-able values; a figure that is not known is ``None``, and so is a verdict
    on it. ``manifest`` is that of the day's log.

    The latency that the budget limits is that of requests about one row; its 99th percentile is
    not known of fewer than 100. Memory is the most that one server took. How long a server takes to
    start is not seen in traffic: the check before a release measures it.
    """
    single = percentiles(requests.single.sum(axis=0))
    # Of servers of which it is not known, nobody can say that they kept within the budget.
    known = [one.resident_bytes for one in samples.instances]
    memory = max((size for size in known if size is not None), default=None)
    judged = [
        _judged("p99_milliseconds", single["p99"], budget.p99_milliseconds),
        _judged("memory_megabytes", _megabytes(memory), budget.memory_megabytes, None not in known),
    ]
    return {
        "day": day,
        "use_case": use_case,
        "measured": True,
        "budget": judged,
        "verdict": _overall([one["verdict"] for one in judged]),
        "requests": _requests(requests, samples),
        "by_hour": [_hour(requests, samples, hour) for hour in range(HOURS)],
        "parts": _parts(requests, manifest["parts"]),
        "statuses": [
            {"status": status, "requests": n} for status, n in sorted(samples.answers.items())
        ],
        "errors": [
            {"reason": kind, "requests": n} for kind, n in sorted(samples.errors.items()) if n
        ],
        "instances": _instances(samples.instances, manifest["instances"]),
        "log": _log(samples, manifest),
    }


def _judged(
    name: str, value: float | None, limit: float, is_complete: bool = True
) -> dict[str, Any]:
    """The number beside its limit; what is known in part may be beyond it, and never within."""
    verdict: Verdict = None
    if value is not None and (is_complete or value > limit):
        verdict = "within" if value <= limit else "beyond"
    return {"name": name, "value": value, "limit": limit, "verdict": verdict}


def _overall(verdicts: Sequence[Verdict]) -> Verdict:
    if "beyond" in verdicts:
        return "beyond"
    return None if None in verdicts else "within"


def _requests(requests: DayRequests, samples: DaySamples) -> dict[str, Any]:
    seconds = sum(samples.seconds)
    cpu = sum(samples.cpu_seconds)
    return {
        "requests": requests.requests,
        "single_row": int(requests.single.sum()),
        "latency_ms": percentiles(requests.latencies.sum(axis=0)),
        "single_row_ms": percentiles(requests.single.sum(axis=0)),
        "busiest_minute_per_second": int(requests.by_minute.max()) / 60.0,
        "per_second": requests.requests / seconds if seconds else None,
        "cpu_share": cpu / seconds if seconds else None,
        "sampled_seconds": round(seconds, 3),
        "pending_rows_high": samples.pending_rows_high if samples.instances else None,
    }


def _hour(requests: DayRequests, samples: DaySamples, hour: int) -> dict[str, Any]:
    seconds, resident = samples.seconds[hour], samples.resident_bytes[hour]
    return {
        "hour": hour,
        "requests": int(requests.latencies[hour].sum()),
        "latency_ms": percentiles(requests.latencies[hour]),
        "single_row_ms": percentiles(requests.single[hour]),
        "refused": samples.refused[hour] if seconds else None,
        "cpu_share": samples.cpu_seconds[hour] / seconds if seconds else None,
        "memory_megabytes": _megabytes(resident),
    }


def _parts(requests: DayRequests, parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    total = sum(part["answered"] for part in parts)
    return [
        {
            **part,
            "share": part["answered"] / total if total else None,
            "latency_ms": percentiles(requests.parts[part["release"], part["variant"]]),
        }
        for part in parts
    ]


def _instances(
    instances: Sequence[InstanceDay], logged: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Every server that left samples or answers."""
    by_name = {one["instance"]: one for one in logged}
    sampled = {one.instance: one for one in instances}
    return [
        {
            "instance": name,
            **_of_samples(sampled.get(name)),
            "rows": by_name[name]["rows"] if name in by_name else 0,
            "lost": by_name[name]["missing"] if name in by_name else 0,
        }
        for name in sorted({*by_name, *sampled})
    ]


def _of_samples(one: InstanceDay | None) -> dict[str, Any]:
    if one is None:
        names = ("first", "last", "seconds", "cores", "cpu_share", "highest_cpu_share")
        return dict.fromkeys((*names, "memory_megabytes"))
    return {
        "first": one.first,
        "last": one.last,
        "seconds": round(one.seconds, 3),
        "cores": one.cores,
        "cpu_share": one.cpu_seconds / one.seconds if one.seconds else None,
        "highest_cpu_share": one.highest_cpu_share,
        "memory_megabytes": _megabytes(one.resident_bytes),
    }


def _log(samples: DaySamples, manifest: Mapping[str, Any]) -> dict[str, Any]:
    scored = sum(samples.rows.values())
    names = ("rows", "answered", "shadow", "outside_envelope", "envelope_unknown", "lost_rows")
    return {
        **{name: manifest[name] for name in names},
        "scored_rows": scored if samples.instances else None,
        "lost_as_counted": samples.log.get("lost", 0) if samples.instances else None,
        "states": [
            {"state": state, "seconds": n} for state, n in sorted(samples.log_states.items())
        ],
    }


def _megabytes(size: int | None) -> float | None:
    return None if size is None else size / BYTES_A_MEGABYTE
