"""A day of answers as the servers wrote them, taken in: one file a release, in one order.

Belongs here: taking in the answers of all instances, the manifest of the day, and what it was made
from. Does not belong here: where answers are (``answer_sources.py``), reading them in one order
(``merging.py``), finding lost rows (``serving/prediction_log/completeness.py``), how long a day is
kept (``retention.py``), or reading the log again (``joining.py``, ``operations/``).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops_assets.content_hash import file_md5, json_md5
from mlops_assets.data.parquet_files import ChunkWriter
from mlops_assets.serving.prediction_log.completeness import completeness_of
from mlops_assets.traffic.answer_sources import FILES, SEGMENTS, AnswerSource
from mlops_assets.traffic.merging import Part, in_order

SUFFIX = ".parquet"
KIND = ("release", "variant", "experiment", "answered", "outside_envelope")
Kind = tuple[Any, ...]
Pieces = Mapping[str, Sequence[Mapping[str, Any]]]


def written(sources: Sequence[AnswerSource], day: str) -> Pieces:
    """What the servers have written of ``day``: of each kind of source its pieces, in order."""
    return {source.kind: source.pieces(day) for source in sources}


def made_from(manifest: Mapping[str, Any]) -> Pieces:
    """As ``written``, of what the day of ``manifest`` was made from."""
    files = [{name: one[name] for name in ("path", "size")} for one in manifest[FILES]]
    return {FILES: files, SEGMENTS: manifest.get(SEGMENTS, [])}


def content_of(pieces: Pieces) -> str:
    """What tells the contents of days apart."""
    return json_md5({kind: found for kind, found in pieces.items() if found})


def lacking(known: Pieces, there: Pieces) -> int:
    """How many of the pieces that are ``known`` are no longer ``there``."""
    return sum(one not in there.get(kind, ()) for kind, found in known.items() for one in found)


def take_in(
    sources: Sequence[AnswerSource], served: Path, day: str, target: Path
) -> dict[str, Any]:
    """Write ``<release>.parquet`` for each release that answered on ``day`` into ``target``, and
    return the day's manifest: rows in all, of each release, variant and experiment (answered,
    shadow, outside the envelope); of each instance, with what it lost; what it was made from: the
    files with their hashes, and the segments of the database. What several sources have is all
    taken in, a row that several have once.

    ``served`` is the use case's ``served/``, where the journals are. Memory is bounded by what
    overlaps in time, about a row group an instance. Raises ``BatchError`` naming a file that cannot
    be read, or whose columns have other types than those of the same release.
    """
    # Listed first: what is written from now on makes the day another, and is taken in again.
    pieces = {FILES: [], SEGMENTS: [], **written(sources, day)}
    counts: Counter[Kind] = Counter()
    repeated = 0
    for release in sorted({name for source in sources for name in source.releases(day)}):
        schema = pa.schema([])
        for source in sources:
            schema = pa.unify_schemas(
                [schema, source.schema(day, release)], promote_options="permissive"
            )
        read = _Counted()
        parts = [read.counted(source.parts(day, release)) for source in sources]
        with ChunkWriter(schema, target / f"{release}{SUFFIX}") as writer:
            for chunk in in_order(parts, schema):
                writer.write(chunk)
                _count(chunk, counts)
                repeated -= chunk.num_rows
        repeated += read.rows
    found = completeness_of([source.numbers() for source in sources], day, served)
    instances = [asdict(one) for one in found]
    return {
        "day": day,
        **_totals(counts),
        "repeated_rows": repeated,
        "instances": instances,
        "lost_rows": sum(one["missing"] for one in instances),
        FILES: [
            {**file, "md5": file_md5(served / "answers" / day / file["path"])}
            for file in pieces[FILES]
        ],
        SEGMENTS: pieces[SEGMENTS],
    }


class _Counted:
    """Counts the rows of what is read; those that are there twice twice."""

    def __init__(self) -> None:
        self.rows = 0

    def counted(self, parts: Iterator[Part]) -> Iterator[Part]:
        for rows, bound in parts:
            self.rows += rows.num_rows
            yield rows, bound


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
