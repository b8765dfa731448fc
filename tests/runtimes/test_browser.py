"""The released files give the same answers in a browser, without a server that computes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golden_changes import CHANGES

pytestmark = pytest.mark.browser


def test_every_family_and_task_agrees(
    bundle: Any, ask_browser: Callable[[Any], dict[str, Any]]
) -> None:
    verdicts = ask_browser(bundle)
    assert {file: verdict["findings"] for file, verdict in verdicts.items()} == {
        file: [] for file in bundle.files
    }
    assert all(verdict["agrees"] for verdict in verdicts.values())


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_is_wrong_is_found(
    change: str, bundle_of: Any, ask_browser: Callable[[Any], dict[str, Any]], bundles: Path
) -> None:
    task, finding, do = CHANGES[change]
    changed = bundle_of(task, "linear").changed(bundles / f"changed-{change}", do)
    verdict = ask_browser(changed)["model.onnx"]
    assert not verdict["agrees"]
    assert any(found.startswith(finding) for found in verdict["findings"]), verdict["findings"]
