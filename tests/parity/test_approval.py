"""An approval is DVC's as well as Dagster's: a signature outdates what it must, and no more."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from command_project import MORE, OFFICER, approvers_of, high_risk
from dvc_project import NAME, YAML, commit, copy, dvc, git, mlops, path_of
from small_project import deliver_into

from resources.workspace import Workspace

MONTH = "2013-01"
DECIDED = (f"{NAME}__approval", f"{NAME}__release")


@dataclass(frozen=True)
class Approved:
    """A project that a person approved, and what DVC said of its evidence before that."""

    root: Path
    status_before: str


@pytest.fixture(scope="module")
def approved(template: Path) -> Approved:
    root = copy(template, "approved")
    keys = [root.with_name(f"{name}.pem") for name in ("trainer", "officer")]
    public = [mlops(root, "new-key", str(key)).split("public_key: ")[1].strip() for key in keys]
    declared = yaml.safe_load((root / YAML).read_text(encoding="utf-8"))
    declared["attributes"] |= high_risk(approvers_of(*public))
    (root / YAML).write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")
    source = (root / YAML).parent / "data"
    for batch in source.iterdir():
        batch.unlink()
    deliver_into(source, MONTH, MORE)
    (root / "params.yaml").write_text(f"{NAME}:\n  last_batch: {MONTH}\n", encoding="utf-8")
    mlops(root, "dvc-yaml")
    commit(root, "A use case of class high")
    mlops(root, "run", NAME)
    before = dvc(root, "status", "--with-deps", DECIDED[0])
    mlops(root, "approve", NAME, "--key", str(keys[1]), "--comment", "the reports were read")
    return Approved(root, before)


def champions_of(root: Path) -> list[tuple[str | None, tuple[str, ...]]]:
    workspace = Workspace.read((root / YAML).parent, root)
    return [(entry.release, entry.approved_by) for entry in workspace.releases.entries()]


def test_while_a_person_is_awaited_the_evidence_is_up_to_date(approved: Approved) -> None:
    assert "up to date" in approved.status_before


def test_the_status_is_clean_after_the_approval(approved: Approved) -> None:
    assert "up to date" in dvc(approved.root, "status")
    changed = git(approved.root, "status", "--short", "--untracked-files=all")
    assert f"{Path(YAML).parent.as_posix()}/approvals/" in changed


def test_made_again_by_dvc_it_is_the_same_release_and_the_same_approval(
    approved: Approved,
) -> None:
    root = copy(approved.root, "made_again")
    [(release, by)] = champions_of(root)
    assert release is not None and by == (OFFICER,)
    files = [root / path_of("approval/approval.json"), root / path_of("release/release.json")]
    before = [path.read_bytes() for path in files]

    said = dvc(root, "repro", "--single-item", "--force", *DECIDED)

    assert all(f"Running stage '{stage}'" in said for stage in DECIDED)
    assert [path.read_bytes() for path in files] == before
    assert champions_of(root) == [(release, by)]
    assert "up to date" in dvc(root, "status")


def test_a_withdrawn_signature_outdates_the_approval_alone(approved: Approved) -> None:
    root = copy(approved.root, "withdrawn")
    [signature] = ((root / YAML).parent / "approvals").iterdir()
    signature.unlink()

    status = dvc(root, "status")

    assert f"{NAME}__approval" in status
    assert f"{NAME}__risk_report" not in status and f"{NAME}__model" not in status
