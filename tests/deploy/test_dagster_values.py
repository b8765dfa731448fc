"""The values of Dagster's Helm chart: that all of them fit together and are what the images are.

The chart is not at hand; docs/deployment.md says how it is rendered.
"""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml


@pytest.fixture(scope="module")
def values(project: Path) -> dict[str, Any]:
    path = project / "deploy" / "kubernetes" / "dagster-values.yaml"
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def test_no_password_is_among_them(values: dict[str, Any]) -> None:
    assert "postgresqlPassword" not in values["postgresql"]
    assert values["generatePostgresqlPasswordSecret"] is False
    assert values["global"]["postgresqlSecretName"]


def test_each_run_is_a_job_with_the_image_and_the_volumes_of_its_code(
    values: dict[str, Any],
) -> None:
    launcher = values["runLauncher"]
    (deployment,) = values["dagster-user-deployments"]["deployments"]

    assert launcher["type"] == "K8sRunLauncher"
    assert launcher["config"].keys() == {"k8sRunLauncher"}
    assert "image" not in launcher["config"]["k8sRunLauncher"]
    assert deployment["includeConfigInLaunchedRuns"] == {"enabled": True}
    images = [values["dagsterWebserver"]["image"], values["dagsterDaemon"]["image"]]
    assert images == [deployment["image"]] * 2


def test_volumes_are_claims_of_the_storage(project: Path, values: dict[str, Any]) -> None:
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    storage = (project / "deploy" / "kubernetes" / "storage.yaml").read_text(encoding="utf-8")
    claims = {one["metadata"]["name"] for one in yaml.safe_load_all(storage)}
    dockerfile = (project / "Dockerfile").read_text(encoding="utf-8")

    used = {one["persistentVolumeClaim"]["claimName"] for one in deployment["volumes"]}
    assert used == claims
    assert {one["name"] for one in deployment["volumeMounts"]} == {
        one["name"] for one in deployment["volumes"]
    }
    for mount in deployment["volumeMounts"]:
        assert f"{mount['mountPath']} " in dockerfile


def test_kubernetes_would_take_the_pods_that_come_of_them(values: dict[str, Any]) -> None:
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    container = {
        "name": "code",
        "image": f"{deployment['image']['repository']}:{deployment['image']['tag']}",
        "env": deployment["env"],
        "envFrom": [{"secretRef": one} for one in deployment["envSecrets"]],
        "volumeMounts": deployment["volumeMounts"],
    }
    specs = [
        {
            "securityContext": deployment["podSecurityContext"],
            "containers": [
                {
                    **container,
                    "securityContext": deployment["securityContext"],
                    "resources": deployment["resources"],
                }
            ],
        },
        {
            **launcher["runK8sConfig"]["podSpecConfig"],
            "containers": [
                {
                    **container,
                    **launcher["runK8sConfig"]["containerConfig"],
                    "resources": launcher["resources"],
                }
            ],
        },
    ]
    for spec in specs:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "code"},
            "spec": {**spec, "volumes": deployment["volumes"]},
        }
        kubernetes_validate.validate(pod, "1.37", strict=True)


def test_the_chart_is_of_the_version_that_is_locked(project: Path) -> None:
    path = project / "deploy" / "kubernetes" / "dagster-values.yaml"
    chart = re.search(r"--version (\S+)", path.read_text(encoding="utf-8"))
    lock = (project / "requirements-deploy.lock").read_text(encoding="utf-8")

    assert chart is not None and f"\ndagster=={chart[1]} " in lock


def test_runs_are_limited_as_on_one_machine(project: Path, values: dict[str, Any]) -> None:
    local = yaml.safe_load((project / ".dagster" / "dagster.yaml").read_text(encoding="utf-8"))
    config = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]

    assert config["tagConcurrencyLimits"] == local["concurrency"]["runs"]["tag_concurrency_limits"]
    assert values["dagsterDaemon"]["runMonitoring"]["enabled"]
