"""What is said about a release that was made again."""

from pathlib import Path

from mlops_assets.content_hash import hash_folder, json_bytes
from mlops_assets.governance.reproduction import (
    Remade,
    Reproduction,
    environment_differences,
    folder_differences,
)

SAME = Remade("features", "a", "a")
OTHER = Remade("model", "b", "c")
LOST = Remade("onnx_model", "d", None)


def test_equal_hashes_are_an_exact_reproduction() -> None:
    answer = Reproduction((SAME, SAME))
    assert answer.is_exact and answer.first_difference is None
    assert "All 2 hashes are equal." in answer.to_text()


def test_nothing_to_compare_is_no_reproduction() -> None:
    assert not Reproduction(()).is_exact


def test_a_failed_run_is_no_reproduction_though_what_was_made_agrees() -> None:
    answer = Reproduction((SAME,), failures=("the disk is full",))
    assert not answer.is_exact
    assert "FAILED: the disk is full" in answer.to_text()


def test_the_first_artifact_that_differs_is_named_and_how() -> None:
    answer = Reproduction((SAME, OTHER, LOST), how=("model.json: seed was 1, and is 2",))
    assert answer.first_difference is OTHER
    text = answer.to_text()
    assert "first artifact that differs is model" in text and "seed was 1, and is 2" in text
    assert "now MISSING" in text
    assert "Code, libraries and processor are those" in text


def test_what_changed_around_it_is_named() -> None:
    then = {"libraries": {"numpy": "2.4.6"}, "instructions": ["X86_V3"], "python": "3.11.7"}
    now = {"libraries": {"numpy": "2.5.0"}, "instructions": ["X86_V3", "X86_V4"]}
    differences = environment_differences(then, now)
    assert differences == (
        'instructions was ["X86_V3"], and is ["X86_V3", "X86_V4"]',
        'libraries.numpy was "2.4.6", and is "2.5.0"',
        'python was "3.11.7", and is "MISSING"',
    )
    assert "libraries.numpy" in Reproduction((OTHER,), environment=differences).to_text()
    assert environment_differences(then, then) == ()


def test_files_are_compared_one_by_one(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, seed, weights in ((before, 1, b"abcd"), (after, 2, b"abXd")):
        folder.mkdir()
        (folder / "model.json").write_bytes(json_bytes({"rows": [1, {"seed": seed}], "same": 0}))
        (folder / "model.onnx").write_bytes(weights)
        (folder / "kept.txt").write_bytes(b"kept")
    (before / "gone.txt").write_bytes(b"")
    (after / "new.txt").write_bytes(b"")
    found = folder_differences(hash_folder(before), before, hash_folder(after), after)
    assert found == (
        "gone.txt is missing now",
        "new.txt is new",
        "model.json: rows[1].seed was 1, and is 2",
        "model.onnx: 4 bytes, now 4, different from byte 2 on",
    )
