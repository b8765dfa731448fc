"""A day of answers as the servers wrote them, taken in: one file a release, in one order.

Belongs here: taking in the files of all instances, and the manifest of the day. Does not belong
here: reading them in one order (``merging.py``), finding lost rows
(``serving/prediction_log/completeness.py``), how long a day is kept (``retention.py``), or reading
the log again (``joining.py``, ``operations/``).
"""

from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops_assets.content_hash import file_md5
from mlops_assets.data.parquet_files import ChunkWriter
from mlops_assets.serving.prediction_log import reading
from mlops_assets.serving.prediction_log.completeness import completeness
from mlops_assets.traffic.merging import common_schema, in_order, rows_in

SUFFIX = ".parquet"
KIND = ("release", "variant", "experiment", "answered", "outside_envelope")
Kind = tuple[Any, ...]


def written_files(served: Path, day: str) -> list[dict[str, Any]]:
    """What the servers have written of ``day`` below ``served/``: ``path`` relative to the day's
    folder and ``size`` in bytes, in order. A file is never changed once it has its name."""
    return [
        {"path": f"{path.parent.name}/{path.name}", "size": path.stat().st_size}
        for path in reading.files(served, day)
    ]


def take_in(served: Path, day: str, target: Path) -> dict[str, Any]:
    """Write ``<release>.parquet`` for each release that answered on ``day`` into ``target``, and
    return the day's manifest: rows in all, of each release, variant and experiment (answered,
    shadow, outside the envelope); of each instance, with what it lost; the files and their hashes.

    Memory is bounded by the row groups that overlap in time, about one an instance. Raises
    ``BatchError`` naming a file that cannot be read, or whose columns have other types than those
    of the same release.
    """
    files = [
        {**file, "md5": file_md5(served / "answers" / day / file["path"])}
        for file in written_files(served, day)
    ]
    counts: Counter[Kind] = Counter()
    repeated = 0
    for release in reading.releases(served, day):
        paths = reading.files(served, day, release)
        schema = common_schema(paths, day)
        repeated += rows_in(paths)
        with ChunkWriter(schema, target / f"{release}{SUFFIX}") as writer:
            for chunk in in_order(paths, schema, day):
                writer.write(chunk)
                _count(chunk, counts)
                repeated -= chunk.num_rows
    instances = [asdict(one) for one in completeness(served, day)]
    return {
        "day": day,
        **_totals(counts),
        "repeated_rows": repeated,
        "instances": instances,
        "lost_rows": sum(one["missing"] for one in instances),
        "files": files,
    }


def log_files(folder: Path) -> list[Path]:
    """The files of a day that was taken into ``folder``, one a release, in order."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def _count(rows: pa.Table, counts: Counter[Kind]) -> None:
    """Rows by what tells them apart in the manifest."""
    grouped = rows.group_by([*KIND], use_threads=False).aggregate([([], "count_all")])
    for one in grouped.to_pylist():
        counts[tuple(one[name] for name in KIND)] += one["count_all"]


def _totals(counts: Counter[Kind]) -> dict[str, Any]:
    """How many rows there are in all, and of each release, variant and experiment."""
    parts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for (release, variant, experiment, answered, outside), rows in counts.items():
        envelope = {None: "envelope_unknown", True: "outside_envelope"}.get(outside, "inside")
        part = parts[release, variant, experiment or ""]
        part.update({"rows": rows, "answered" if answered else "shadow": rows, envelope: rows})
    names = ("rows", "answered", "shadow", "outside_envelope", "envelope_unknown")
    listed = [
        {
            **{"release": release, "variant": variant, "experiment": experiment or None},
            **{name: part[name] for name in names},
        }
        for (release, variant, experiment), part in sorted(parts.items())
    ]
    return {**{name: sum(one[name] for one in listed) for name in names}, "parts": listed}
