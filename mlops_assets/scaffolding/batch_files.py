"""The files a new use case starts from: which they are, and what their batches are called.

Belongs here: finding and naming. Does not belong here: reading them (``source_sample.py``), cutting
their rows into batches by a date (``batch_guess.py``), or copying a file (``scaffolder.py``).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_assets.data.text.delimited import ENDINGS as TEXT_ENDINGS
from mlops_assets.source_declaration import Period

FIRST_BATCH, FIRST_BATCH_PATTERN = "batch-001", r"batch-\d{3}"
"""A single file's batch, so named that the next one sorts after it."""

SAFE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"
PERIODS = (r"\d{4}-\d{2}-\d{2}", r"\d{4}-\d{2}", r"\d{4}-Q[1-4]", r"\d{4}-W\d{2}", r"\d{4}")
"""How the names of periods are written."""
_ENDINGS = (".parquet", *TEXT_ENDINGS)


class ScaffoldError(Exception):
    """A source or target that no use case can be written for; the message says what to do."""


@dataclass(frozen=True)
class Cut:
    """How rows become batches by a column of theirs: as ``source.batches`` says it, the names of
    the batches that makes, oldest first, and why."""

    column: str
    period: Period
    batches: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Database:
    """A table of a database, as ``source.sql`` says it. ``order_by`` is empty where the table has a
    primary key, and else a guess, with what it rests on."""

    address: str
    table: str
    credentials: str | None = None
    order_by: tuple[str, ...] = ()
    order_why: str = ""


@dataclass(frozen=True)
class Located:
    """The files of this machine, oldest first, and by what name each would be a batch; none where
    ``database`` is the source. ``folder`` is where they stay, if they do: a single file is copied.
    ``pattern`` and ``batch_name`` are as the YAML says them; with ``cut``, the rows are cut into
    batches, and names of files say nothing."""

    files: tuple[Path, ...]
    names: tuple[str, ...]
    folder: Path | None
    ending: str
    batch_name: str
    padded: bool = True
    """Whether the order of the names is the order of the numbers in them."""
    cut: Cut | None = None
    database: Database | None = None

    @property
    def is_copied(self) -> bool:
        return bool(self.files) and self.folder is None

    @property
    def pattern(self) -> str:
        return f"*{self.ending}"

    @property
    def batches(self) -> tuple[str, ...]:
        return self.names if self.cut is None else self.cut.batches

    @property
    def named_by_period(self) -> bool:
        return self.batch_name in PERIODS


def locate(source: Path) -> Located:
    """Find the batches of a file or a folder. Raises ``ScaffoldError``."""
    if source.is_dir():
        return _locate_folder(source)
    if not source.is_file():
        raise ScaffoldError(f"--source {source}: there is no such file or folder")
    ending = _ending(source)
    if ending is None:
        raise ScaffoldError(
            f"--source {source.name}: not a kind of file that is read; use {', '.join(_ENDINGS)}"
        )
    stem = source.name.removesuffix(ending)
    period = next((p for p in PERIODS if re.fullmatch(p, stem)), None)
    name, pattern = (stem, period) if period else (FIRST_BATCH, FIRST_BATCH_PATTERN)
    return Located((source,), (name,), None, ending, pattern)


def _locate_folder(folder: Path) -> Located:
    located = located_in(str(folder), [path for path in folder.iterdir() if path.is_file()])
    return replace(located, folder=folder)


def located_in(folder: str, paths: Iterable[Path]) -> Located:
    """The batches among the files of a folder. Raises ``ScaffoldError``."""
    files = sorted(path for path in paths if _ending(path))
    if not files:
        raise ScaffoldError(
            f"--source {folder}: holds no file {', '.join('*' + e for e in _ENDINGS)}"
        )
    counts = Counter(_ending(path) for path in files)
    ending = str(max(sorted(counts, key=str), key=lambda e: counts[e]))
    files = [path for path in files if _ending(path) == ending]
    names = [path.name.removesuffix(ending) for path in files]
    for path, name in zip(files, names, strict=True):
        if not re.fullmatch(SAFE_NAME, name):
            raise ScaffoldError(
                f"{path.name}: a file's name is its batch's name, and may have letters, digits, "
                "'.', '_' and '-' only: rename it"
            )
    names, files = zip(*sorted(zip(names, files, strict=True)), strict=True)  # type: ignore[assignment]
    pattern, padded = batch_name_pattern(names)
    return Located(tuple(files), tuple(names), None, ending, pattern, padded)


def _ending(path: Path) -> str | None:
    if path.name.startswith("."):
        return None
    found = [ending for ending in _ENDINGS if path.name.endswith(ending)]
    return max(found, key=len) if found and path.name not in found else None


def batch_name_pattern(names: tuple[str, ...] | list[str]) -> tuple[str, bool]:
    """A regular expression that all batch names and likely later ones match in full, and whether
    sorting the names sorts the numbers in them."""
    for period in PERIODS:
        if all(re.fullmatch(period, name) for name in names):
            return period, True
    shapes = {re.sub(r"\d+", lambda found: f"\0{len(found[0])}\0", name) for name in names}
    if len(shapes) == 1 and "\0" in (shape := shapes.pop()):
        return _as_pattern(shape, lambda length: rf"\d{{{length}}}"), True
    loose = {re.sub(r"\d+", "\0" + "1" + "\0", name) for name in names}
    if len(loose) == 1 and "\0" in (shape := loose.pop()):
        return _as_pattern(shape, lambda _: r"\d+"), False
    return SAFE_NAME, True


def _as_pattern(shape: str, digits: Callable[[str], str]) -> str:
    pieces = shape.split("\0")
    return "".join(
        digits(piece) if position % 2 else _escape(piece) for position, piece in enumerate(pieces)
    )


def _escape(text: str) -> str:
    return text.replace(".", r"\.")  # all else that a batch name may have stands for itself
