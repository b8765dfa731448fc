"""The Dockerfile: its linter's verdict, and what it promises about each image."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HADOLINT = Path(sys.executable).with_name("hadolint")


@pytest.fixture(scope="module")
def stages(project: Path) -> dict[str, str]:
    """The instructions of each stage, by its name."""
    text = (project / "Dockerfile").read_text(encoding="utf-8")
    parts = re.split(r"^FROM .* AS (\S+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def pins(lock: Path) -> dict[str, set[str]]:
    """The versions that a lock file names, by package."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_hadolint_finds_nothing(project: Path) -> None:
    linted = subprocess.run(
        [HADOLINT, "--no-color", project / "Dockerfile"], capture_output=True, text=True
    )

    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


def test_hadolint_would_find_something() -> None:
    bad = b"FROM debian:latest\nRUN cd /tmp && sudo ls\nCMD ls\n"

    linted = subprocess.run([HADOLINT, "-"], input=bad, capture_output=True)

    assert linted.returncode == 1 and b"DL3007" in linted.stdout


@pytest.mark.parametrize("image", ["serving", "pipeline"])
def test_an_image_runs_as_a_number_that_is_not_root(stages: dict[str, str], image: str) -> None:
    assert re.findall(r"^USER (.*)$", stages[image], re.MULTILINE) == ["10001:10001"]


def test_the_server_is_the_process_that_signals_reach(stages: dict[str, str]) -> None:
    assert '\nENTRYPOINT ["python", "-m", "mlops_assets.serving"' in stages["serving"]
    assert '\n    CMD ["python", "/app/healthcheck.py"]' in stages["serving"]
    assert '\nCMD ["dagster", "api", "grpc"' in stages["pipeline"]


def test_packages_come_from_the_lock_files_by_hash(stages: dict[str, str]) -> None:
    installs = re.findall(
        r"pip --python \S+ install (.*?)(?:&&|$)",
        "\n".join(stages.values()).replace("\\\n", ""),
        re.MULTILINE,
    )

    assert len(installs) == 4
    for install in installs:
        assert "--no-deps" in install
        assert "--require-hashes" in install or "--editable ." in install
    assert "apt" not in "".join(stages.values())


def test_the_serving_image_copies_its_own_code_alone(stages: dict[str, str]) -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", stages["serving-builder"], re.MULTILINE)

    assert [source for line in copied for source in line.split()] == [
        "requirements-serving.lock",
        "mlops_assets/__init__.py",
        "mlops_assets/content_hash.py",
        "mlops_assets/serving",
        "deploy/healthcheck.py",
    ]
    assert re.findall(r"^COPY (?!--from)", stages["serving"], re.MULTILINE) == []


def test_every_file_that_is_copied_enters_the_build(project: Path, stages: dict[str, str]) -> None:
    listed = (project / ".dockerignore").read_text(encoding="utf-8").split()
    allowed = {line.removeprefix("!") for line in listed if line.startswith("!")}
    for stage in stages.values():
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", stage, re.MULTILINE):
            for source in line.split():
                parents = {source, *(str(parent) for parent in Path(source).parents)}
                assert parents & allowed, source
                assert (project / source).exists()


def test_the_pipeline_image_has_the_versions_that_are_tested(project: Path) -> None:
    deployed, tested = (
        pins(project / "requirements-deploy.lock"),
        pins(project / "requirements.lock"),
    )

    assert tested.items() <= deployed.items()
    assert {"dagster-postgres", "dagster-k8s"} <= deployed.keys() - tested.keys()


def test_the_serving_image_has_the_versions_that_are_tested(project: Path) -> None:
    served, tested = (
        pins(project / "requirements-serving.lock"),
        pins(project / "requirements.lock"),
    )

    assert served.items() <= tested.items()
    assert not {"dagster", "pandas", "scikit-learn", "scipy", "onnx"} & served.keys()
