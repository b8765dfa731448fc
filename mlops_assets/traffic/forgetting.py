"""Deleting a day of answers so that it is really gone: its files, its versions, its objects.

Belongs here: which objects of the cache may go, and removing them. Does not belong here: which days
have expired (``retention.py``).

An object goes where some version of the day has it, and no version of anything else has: the cache
is shared with DVC and with other use cases, and equal content is kept once. The day's lineage goes
as well; the ledger of days says that it was there, under which hash, and when it went.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

LISTING = ".dir"


def forget(artifacts: Path, use_case: str, cache: Path, name: str, batches: Iterable[str]) -> int:
    """Delete every version of the artifact ``name`` for ``batches``; returns the number of objects
    deleted from the cache. To be called while nothing else writes to the store. What an earlier
    call that was cut off left is deleted by the next one: the records go last."""
    root = artifacts / use_case
    records = {path for batch in batches for path in _records(root, name, batch)}
    going = set(_objects(cache, _versions_in(records)))
    if going:
        kept = (path for path in _all_records(artifacts) if path not in records)
        going -= set(_objects(cache, _versions_in(kept)))
    for batch in batches:
        shutil.rmtree(root / name / batch, ignore_errors=True)
    # Listings go after what they list: until then they say what is to be deleted.
    for object_name in sorted(going, key=lambda one: one.endswith(LISTING)):
        _object(cache, object_name).unlink(missing_ok=True)
    for path in sorted(records):
        path.unlink(missing_ok=True)
    return len(going)


def remains(cache: Path, hashes: Iterable[str]) -> set[str]:
    """Which of the versions ``hashes`` still have their listing in the cache."""
    return {one for one in hashes if _object(cache, one).is_file()}


def _records(root: Path, name: str, batch: str) -> Iterator[Path]:
    for kind in ("versions", "lineage"):
        path = root / kind / name / f"{batch}.json"
        if path.is_file():
            yield path


def _all_records(artifacts: Path) -> Iterator[Path]:
    for kind in ("versions", "lineage"):
        yield from artifacts.glob(f"*/{kind}/**/*.json")


def _versions_in(records: Iterable[Path]) -> Iterator[str]:
    for path in records:
        content = json.loads(path.read_bytes())
        yield from [content["hash"]] if isinstance(content, dict) else content


def _objects(cache: Path, versions: Iterable[str]) -> Iterator[str]:
    """Every object that makes up the versions: their listings and the files these name."""
    for version in set(versions):
        yield version
        listing = _object(cache, version)
        if version.endswith(LISTING) and listing.is_file():
            yield from (entry["md5"] for entry in json.loads(listing.read_bytes()))


def _object(cache: Path, name: str) -> Path:
    return cache / name[:2] / name[2:]
