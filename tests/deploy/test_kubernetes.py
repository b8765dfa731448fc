"""The manifests: against the schemas of Kubernetes itself, and what they promise.

KServe's definitions are not among those: what is used of them is checked field by field.
"""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

VERSIONS = ("1.30", "1.37")
POD_FIELDS = {
    "automountServiceAccountToken",
    "containers",
    "securityContext",
    "volumes",
}
PREDICTOR_FIELDS = {"maxReplicas", "minReplicas", "model", "scaleMetric", "scaleTarget", "timeout"}
MODEL_FIELDS = {"modelFormat", "protocolVersion", "resources", "runtime", "storageUri"}
"""Of KServe's InferenceService v1beta1, those that are used."""


def documents(project: Path, name: str) -> list[dict[str, Any]]:
    text = (project / "deploy" / "kubernetes" / name).read_text(encoding="utf-8")
    return [*yaml.safe_load_all(text)]


@pytest.fixture(scope="module")
def serving(project: Path) -> dict[str, dict[str, Any]]:
    """The objects of the server, by kind."""
    return {one["kind"]: one for one in documents(project, "serving.yaml")}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["serving.yaml", "storage.yaml"])
def test_kubernetes_would_take_it(project: Path, name: str, version: str) -> None:
    for document in documents(project, name):
        kubernetes_validate.validate(document, version, strict=True)


def test_kubernetes_would_refuse_a_misspelt_field(serving: dict[str, dict[str, Any]]) -> None:
    wrong = {**serving["Service"], "spec": {**serving["Service"]["spec"], "selectors": {}}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_all_that_keeps_a_server_up_is_there(serving: dict[str, dict[str, Any]]) -> None:
    assert serving.keys() == {
        "Deployment",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    }


def test_every_selector_finds_the_pods(serving: dict[str, dict[str, Any]]) -> None:
    labels = serving["Deployment"]["spec"]["template"]["metadata"]["labels"]
    spec = {kind: one.get("spec", {}) for kind, one in serving.items()}

    assert spec["Deployment"]["selector"]["matchLabels"] == labels
    assert spec["Service"]["selector"] == labels
    assert spec["PodDisruptionBudget"]["selector"]["matchLabels"] == labels
    assert spec["NetworkPolicy"]["podSelector"]["matchLabels"] == labels
    target = spec["HorizontalPodAutoscaler"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (
        "Deployment",
        serving["Deployment"]["metadata"]["name"],
    )
    # Else each rollout would undo what the autoscaler decided.
    assert "replicas" not in spec["Deployment"]


def pods(project: Path) -> dict[str, dict[str, Any]]:
    """The specification of the server's pod, by file."""
    deployment = next(d for d in documents(project, "serving.yaml") if d["kind"] == "Deployment")
    return {
        "serving.yaml": deployment["spec"]["template"]["spec"],
        "kserve.yaml": documents(project, "kserve.yaml")[0]["spec"]["predictor"],
    }


@pytest.mark.parametrize("name", ["serving.yaml", "kserve.yaml"])
def test_the_pod_meets_the_restricted_standard(project: Path, name: str) -> None:
    pod = pods(project)[name]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", ["serving.yaml", "kserve.yaml"])
def test_probes_ask_what_they_are_for(project: Path, name: str) -> None:
    (container,) = pods(project)[name]["containers"]
    asked = {
        probe: container[f"{probe}Probe"]["httpGet"]["path"]
        for probe in ("startup", "liveness", "readiness")
    }

    assert asked == {
        "startup": "/v2/health/ready",
        "liveness": "/v2/health/live",
        "readiness": "/v2/health/ready",
    }


@pytest.mark.parametrize("name", ["serving.yaml", "kserve.yaml"])
def test_the_command_line_is_one_of_the_server(project: Path, name: str) -> None:
    from mlops_assets.serving.settings import parse_settings

    pod = pods(project)[name]
    (container,) = pod["containers"]
    root = container.get("command", ["/releases"])[-1]

    settings = parse_settings([root, *container["args"]])

    mounts = {one["mountPath"]: one for one in container["volumeMounts"]}
    volumes = {one["name"] for one in pod["volumes"]}
    assert settings.tokens is not None and settings.log_folder is not None
    assert str(settings.tokens.parent) in mounts
    assert not mounts[str(settings.log_folder)].get("readOnly", False)
    assert root == "/mnt/models" or mounts[root]["readOnly"]
    assert {one["name"] for one in mounts.values()} == volumes
    assert settings.port == container["ports"][0]["containerPort"]


def test_a_request_in_flight_is_waited_for(serving: dict[str, dict[str, Any]]) -> None:
    pod = serving["Deployment"]["spec"]["template"]["spec"]
    rollout = serving["Deployment"]["spec"]["strategy"]["rollingUpdate"]

    assert pod["terminationGracePeriodSeconds"] >= 30
    assert "preStop" in pod["containers"][0]["lifecycle"]
    assert rollout["maxUnavailable"] == 0


@pytest.mark.parametrize("name", ["kserve.yaml", "kserve-triton.yaml"])
def test_what_is_used_of_kserve_is_what_it_has(project: Path, name: str) -> None:
    (service,) = documents(project, name)
    predictor = service["spec"]["predictor"]

    assert service["apiVersion"] == "serving.kserve.io/v1beta1"
    assert service["kind"] == "InferenceService"
    assert service["spec"].keys() == {"predictor"}
    assert predictor.keys() <= PREDICTOR_FIELDS | POD_FIELDS
    # A predictor is either a pod of one's own or a model for a runtime of KServe's.
    assert ("model" in predictor) != ("containers" in predictor)
    assert predictor.get("model", {}).keys() <= MODEL_FIELDS
    assert predictor["scaleMetric"] in {"cpu", "memory", "concurrency", "rps"}


def test_a_predictor_of_ones_own_is_a_pod_that_kubernetes_takes(project: Path) -> None:
    predictor = documents(project, "kserve.yaml")[0]["spec"]["predictor"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "predictor"},
        "spec": {key: value for key, value in predictor.items() if key in POD_FIELDS},
    }

    assert predictor["containers"][0]["name"] == "kserve-container"
    kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)
