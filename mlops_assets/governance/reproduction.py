"""Whether what was made again is what had been made: hash by hash, and where not, how it differs.

Belongs here: the comparison and its words. Does not belong here: making anything again
(``mlops_assets/reproduce.py``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_assets.content_hash import FileHash

NOTHING_KNOWN = "MISSING"


@dataclass(frozen=True)
class Remade:
    """One artifact of a release: its hash then, and now (``None`` where it could not be made)."""

    name: str
    recorded: str
    made: str | None

    @property
    def agrees(self) -> bool:
        return self.recorded == self.made


@dataclass(frozen=True)
class Reproduction:
    """What came of making a release again, in the order in which its artifacts are made.

    ``failures`` are the messages of runs that failed, ``how`` is what differs in the first
    artifact that does, ``environment`` what differs in code, libraries and processor.
    """

    artifacts: tuple[Remade, ...]
    failures: tuple[str, ...] = ()
    how: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    @property
    def first_difference(self) -> Remade | None:
        return next((artifact for artifact in self.artifacts if not artifact.agrees), None)

    @property
    def is_exact(self) -> bool:
        """Whether there was something to compare, and every hash is the same."""
        return bool(self.artifacts) and not self.failures and self.first_difference is None

    def to_text(self) -> str:
        """The answer for a person to read."""
        width = max((len(artifact.name) for artifact in self.artifacts), default=0)
        lines = [
            f"{a.name.ljust(width)}  {a.recorded}  "
            + ("the same" if a.agrees else f"now {a.made or NOTHING_KNOWN}")
            for a in self.artifacts
        ]
        lines += ["", *(f"FAILED: {failure}" for failure in self.failures)]
        first = self.first_difference
        if self.is_exact:
            lines.append(f"All {len(self.artifacts)} hashes are equal.")
        elif first is not None:
            lines.append(f"The first artifact that differs is {first.name}:")
            lines += [f"  {difference}" for difference in self.how]
        if self.environment:
            lines.append("What is different from when the release was made:")
            lines += [f"  {difference}" for difference in self.environment]
        elif not self.is_exact:
            lines.append("Code, libraries and processor are those the release was made with.")
        return "\n".join(lines)


def environment_differences(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs between two environments, each nested JSON-able values by name."""
    return tuple(_differences(recorded, now, ""))


def folder_differences(
    recorded: Sequence[FileHash], before: Path, made: Sequence[FileHash], after: Path
) -> tuple[str, ...]:
    """How two versions of an artifact differ, file by file; in a JSON file, the first value."""
    old, new = ({file.path: file for file in files} for files in (recorded, made))
    found = [f"{path} is missing now" for path in sorted(set(old) - set(new))]
    found += [f"{path} is new" for path in sorted(set(new) - set(old))]
    for path in sorted(set(old) & set(new)):
        if old[path].md5 != new[path].md5:
            found.append(_file_difference(path, before / path, after / path))
    return tuple(found)


def _file_difference(name: str, before: Path, after: Path) -> str:
    if name.endswith(".json"):
        first = next(_differences(json.loads(before.read_bytes()), json.loads(after.read_bytes())))
        return f"{name}: {first}"
    old, new = before.read_bytes(), after.read_bytes()
    place = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
    where = "one is the beginning of the other" if place is None else f"from byte {place:,} on"
    return f"{name}: {len(old):,} bytes, now {len(new):,}, different {where}"


def _differences(before: Any, now: Any, path: str = "") -> Iterator[str]:
    where = path or "the content"
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in sorted({*before, *now}):
            inside = f"{path}.{name}" if path else str(name)
            yield from _differences(
                before.get(name, NOTHING_KNOWN), now.get(name, NOTHING_KNOWN), inside
            )
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for position, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from _differences(old, new, f"{path}[{position}]")
    elif before != now:
        yield f"{where} was {_short(before)}, and is {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
