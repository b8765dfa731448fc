"""The compose file: what it promises of every service, and that all it names is there.

Structure alone: `docker compose config` is what reads it for real (docs/deployment.md).
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

SERVICE_FIELDS = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "deploy",
    "environment",
    "healthcheck",
    "image",
    "init",
    "logging",
    "network_mode",
    "networks",
    "ports",
    "read_only",
    "restart",
    "secrets",
    "security_opt",
    "shm_size",
    "stop_grace_period",
    "tmpfs",
    "user",
    "volumes",
}
"""Of the compose specification, those that are used: a misspelt one is none of them."""
WRITES_TO_ITS_ROOT = {"code-server"}


@pytest.fixture(scope="module")
def text(project: Path) -> str:
    return (project / "deploy" / "compose.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose(text: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(text)
    return content


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def test_everything_that_is_asked_for_is_there(services: dict[str, dict[str, Any]]) -> None:
    assert {
        "postgres",
        "code-server",
        "webserver",
        "daemon",
        "serving",
        "prometheus",
        "grafana",
    } <= services.keys()


def test_every_field_is_one_of_the_specification(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    fields = {name for name in compose if not name.startswith("x-")}
    assert fields == {"name", "services", "networks", "volumes", "secrets"}
    for name, service in services.items():
        assert service.keys() <= SERVICE_FIELDS, name


def test_no_service_can_do_more_than_it_must(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is (name not in WRITES_TO_ITS_ROOT), name
        limits = service["deploy"]["resources"]["limits"]
        assert limits.keys() == {"cpus", "memory", "pids"}, name


def test_every_port_is_published_on_loopback(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]

    assert len(ports) == len(set(ports)) >= 4
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)


def test_what_is_named_is_declared(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    for name, service in services.items():
        assert set(service.get("networks", ())) <= compose["networks"].keys(), name
        assert set(service.get("depends_on", ())) <= services.keys(), name
        for secret in service.get("secrets", ()):
            source = secret["source"] if isinstance(secret, dict) else secret
            assert source in compose["secrets"], name
        for volume in service.get("volumes", ()):
            source = volume["source"] if isinstance(volume, dict) else volume.partition(":")[0]
            assert source.startswith("./") or source in compose["volumes"], name


def test_files_that_are_mounted_are_there(
    project: Path, services: dict[str, dict[str, Any]]
) -> None:
    volumes = [volume for one in services.values() for volume in one.get("volumes", ())]
    files = [v.partition(":")[0] for v in volumes if isinstance(v, str) and v.startswith("./")]

    assert len(files) >= 2
    assert all((project / "deploy" / file).exists() for file in files)
    assert (project / "deploy" / "prometheus" / "prometheus.yaml").is_file()


def test_a_service_waits_for_one_that_has_a_health_check(
    services: dict[str, dict[str, Any]],
) -> None:
    waits = [
        (name, other, how["condition"])
        for name, service in services.items()
        for other, how in service.get("depends_on", {}).items()
    ]

    assert ("webserver", "postgres", "service_healthy") in waits
    for name, other, condition in waits:
        # That of our own serving image is in its Dockerfile.
        has_check = "healthcheck" in services[other]
        assert has_check or condition == "service_completed_successfully", name


def test_the_server_is_reached_with_a_token_alone(
    project: Path, services: dict[str, dict[str, Any]]
) -> None:
    dockerfile = (project / "Dockerfile").read_text(encoding="utf-8")
    secrets = {one["target"]: one["source"] for one in services["serving"]["secrets"]}

    assert '"--tokens", "/run/secrets/tokens"' in dockerfile
    assert secrets == {"tokens": "serving_tokens"} and "command" not in services["serving"]


def test_serving_reads_the_releases_and_writes_nowhere_else(
    services: dict[str, dict[str, Any]],
) -> None:
    volumes = {one["target"]: one for one in services["serving"]["volumes"]}

    assert volumes["/releases"]["read_only"] is True
    assert "read_only" not in volumes["/served"]
    assert volumes.keys() == {"/releases", "/served"}


def test_no_secret_is_written_in_it(text: str, services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for key, value in (service.get("environment") or {}).items():
            if "PASSWORD" in key or "KEY" in key or "TOKEN" in key:
                given = value or ""
                assert given == "" or given.startswith(("${", "/run/secrets/")), key
    assert "${DAGSTER_POSTGRES_PASSWORD:?" in text


def test_the_instance_asks_for_what_the_services_are_given(
    project: Path, services: dict[str, dict[str, Any]]
) -> None:
    instance = yaml.safe_load((project / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    asked = {
        value["env"]
        for value in instance["storage"]["postgres"]["postgres_db"].values()
        if isinstance(value, dict)
    }
    workspace = yaml.safe_load((project / "deploy" / "workspace.yaml").read_text(encoding="utf-8"))
    server = workspace["load_from"][0]["grpc_server"]

    for name in ("webserver", "daemon", "code-server"):
        assert asked <= services[name]["environment"].keys()
    assert server["host"] in services and str(server["port"]) == "4000"


def test_the_instance_limits_runs_as_the_one_of_this_machine_does(project: Path) -> None:
    deployed = yaml.safe_load((project / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    local = yaml.safe_load((project / ".dagster" / "dagster.yaml").read_text(encoding="utf-8"))

    for field in ("concurrency", "run_monitoring", "run_retries", "telemetry"):
        assert deployed[field] == local[field]
