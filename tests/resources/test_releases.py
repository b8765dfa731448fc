"""The release store: bundles that are what their name says, and a ledger that repeats nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_assets.content_hash import folder_md5, hash_folder
from mlops_assets.governance.ledger import Entry
from resources.artifact_store import ArtifactStore, MissingArtifactError
from resources.releases import ReleaseStore


@pytest.fixture
def releases(tmp_path: Path) -> ReleaseStore:
    return ReleaseStore(ArtifactStore(tmp_path / "artifacts", "deliveries", tmp_path / "cache"))


def _files(**files: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, content in files.items():
            path = folder / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)

    return write


def _entry(batch: str, release: str | None = None) -> Entry:
    return Entry(batch, f"model of {batch}", "rejected", ("why",), release, None, {"model": "m"})


def test_a_release_is_named_by_its_content(releases: ReleaseStore) -> None:
    name = releases.add(_files(model="1", report__page="2"))

    bundle = releases.bundle(name)
    assert bundle.name == name == folder_md5(hash_folder(bundle))
    assert (bundle / "report" / "page").read_text() == "2"


def test_the_same_content_is_the_same_release(releases: ReleaseStore) -> None:
    names = {releases.add(_files(model="1", report__page="2")) for _ in range(2)}
    names.add(releases.add(_files(model="another")))

    assert len(names) == 2
    kept = releases.bundle(min(names)).parent
    assert {path.name for path in kept.iterdir()} == names


@pytest.mark.parametrize("file", ["model", "report/page", "added"])
def test_a_release_that_was_changed_is_not_used(file: str, releases: ReleaseStore) -> None:
    name = releases.add(_files(model="1", report__page="2"))
    (releases.bundle(name) / file).write_text("tampered")

    with pytest.raises(MissingArtifactError, match=f"release {name} was changed on disk: delete"):
        releases.bundle(name)


def test_a_file_taken_out_of_a_release_is_noticed(releases: ReleaseStore) -> None:
    name = releases.add(_files(model="1", report__page="2"))
    (releases.bundle(name) / "model").unlink()

    with pytest.raises(MissingArtifactError, match="was changed on disk"):
        releases.bundle(name)


def test_a_release_that_was_deleted_comes_back_from_the_cache(
    releases: ReleaseStore, tmp_path: Path
) -> None:
    name = releases.add(_files(model="1", report__page="2"))
    releases.bundle(name).rename(tmp_path / "elsewhere")

    assert (releases.bundle(name) / "model").read_text() == "1"


def test_a_release_that_never_was_is_missing(releases: ReleaseStore) -> None:
    with pytest.raises(MissingArtifactError, match="no version with the hash"):
        releases.bundle("0" * 32 + ".dir")


def test_decisions_are_kept_in_order(releases: ReleaseStore) -> None:
    assert releases.entries() == ()
    entries = (_entry("2020-01"), _entry("2020-02", "release"), _entry("2020-03"))

    for entry in entries:
        releases.record(entry)

    assert releases.entries() == entries


def test_a_decision_that_is_the_latest_already_is_not_repeated(releases: ReleaseStore) -> None:
    first, second = _entry("2020-01"), _entry("2020-02")

    for entry in (first, first, second, second):
        releases.record(entry)

    assert releases.entries() == (first, second)
    releases.record(first)
    assert releases.entries() == (first, second, first)


def test_another_outcome_for_the_same_challenger_is_another_decision(
    releases: ReleaseStore,
) -> None:
    releases.record(_entry("2020-01"))
    releases.record(_entry("2020-01", "release"))

    assert [entry.release for entry in releases.entries()] == [None, "release"]
