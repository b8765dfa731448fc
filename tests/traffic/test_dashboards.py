"""The dashboard, the alerts and the files around them name what is really there."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_assets.serving.refusal import STATUS
from mlops_assets.serving.service import ServingService
from mlops_assets.serving.settings import parse_settings
from mlops_assets.serving_declaration import Budget

OURS = re.compile(r"\b(?:mlops_serving|process)_\w+")
VARIABLES = {"$__rate_interval": "5m", "$use_case": "a", "$instance": "b"}
NEEDS_PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="not run: promtool, which checks Prometheus's files (Debian's package prometheus)",
)


@pytest.fixture(scope="module")
def dashboard(project: Path) -> dict[str, Any]:
    path = project / "deploy" / "grafana" / "dashboards" / "serving.json"
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


@pytest.fixture(scope="module")
def rules(project: Path) -> list[dict[str, Any]]:
    content = yaml.safe_load((project / "deploy" / "prometheus" / "alerts.yaml").read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a server that has answered, refused and shadowed shows to Prometheus."""
    service = ServingService(parse_settings([str(tmp_path_factory.mktemp("use_case"))]))
    service.metrics.request("infer", 200, 0.01)
    for answered in (True, False):
        service.metrics.batch(3, 2, "champion", "0" * 32, answered, 0.01)
    service.metrics.refused("malformed")
    return service.metrics.render().decode()


def panels_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries_of(dashboard: dict[str, Any]) -> Iterator[str]:
    for panel in panels_of(dashboard):
        for target in panel["targets"]:
            yield target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        yield variable["definition"]


def labels_in(rendered: str, metric: str) -> set[str]:
    lines = [line for line in rendered.splitlines() if re.match(rf"{metric}[{{ ]", line)]
    return {label for line in lines for label in re.findall(r'(\w+)="', line)}


def unknown(queries: list[str], rendered: str) -> set[str]:
    exported = {re.split(r"[{ ]", line)[0] for line in rendered.splitlines()}
    return {metric for query in queries for metric in OURS.findall(query)} - exported


def test_every_metric_of_the_dashboard_is_exported(
    dashboard: dict[str, Any], rendered: str
) -> None:
    queries = [*queries_of(dashboard)]
    assert unknown(queries, rendered) == set()
    assert unknown(["rate(mlops_serving_invented_total[5m])"], rendered)


def test_every_metric_and_kind_of_the_alerts_is_exported(
    rules: list[dict[str, Any]], rendered: str
) -> None:
    expressions = [rule["expr"] for rule in rules]
    assert unknown(expressions, rendered) == set()
    kinds = {
        k for e in expressions for m in re.findall(r'kind=~"([^"]+)"', e) for k in m.split("|")
    }
    assert kinds <= {*STATUS}


def test_labels_that_are_shown_are_there(dashboard: dict[str, Any], rendered: str) -> None:
    for panel in panels_of(dashboard):
        for target in panel["targets"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            metrics = OURS.findall(target["expr"])
            known = {label for metric in metrics for label in labels_in(rendered, metric)}
            assert named <= known | {"instance"}, panel["title"]


def test_every_panel_says_what_it_shows(dashboard: dict[str, Any]) -> None:
    panels = panels_of(dashboard)
    for panel in panels:
        assert panel["title"] and len(panel["description"]) > 20
        assert panel["fieldConfig"]["defaults"]["unit"]
    assert len({panel["title"] for panel in panels}) == len(panels)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_panels_do_not_overlap(dashboard: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_lines_and_alerts_are_at_the_default_budget(
    dashboard: dict[str, Any], rules: list[dict[str, Any]]
) -> None:
    budget = Budget()
    seconds, size = budget.p99_milliseconds / 1e3, budget.memory_megabytes * 1e6
    by_title = {panel["title"]: panel for panel in panels_of(dashboard)}
    for title, limit in (("Latency", seconds), ("99th percentile", seconds), ("Memory", size)):
        steps = by_title[title]["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert steps[-1]["value"] == limit
    by_name = {rule["alert"]: rule["expr"] for rule in rules}
    for name, limit in (("LatencyBeyondBudget", seconds), ("MemoryBeyondBudget", size)):
        assert float(by_name[name].rsplit(">", 1)[1]) == limit


def test_every_alert_says_what_is_wrong_and_is_tested(
    rules: list[dict[str, Any]], project: Path
) -> None:
    tested = yaml.safe_load((project / "tests" / "traffic" / "alerts_test.yaml").read_text())
    cases = [case for test in tested["tests"] for case in test["alert_rule_test"]]
    for fires in (True, False):
        named = {case["alertname"] for case in cases if bool(case["exp_alerts"]) == fires}
        assert named == {rule["alert"] for rule in rules}
    guide = (project / "docs" / "operations.md").read_text(encoding="utf-8")
    for rule in rules:
        assert rule["annotations"]["summary"] and rule["annotations"]["description"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert f"`{rule['alert']}`" in guide


def test_the_files_fit_into_compose(project: Path, dashboard: dict[str, Any]) -> None:
    deploy = project / "deploy"
    compose = yaml.safe_load((deploy / "compose.yaml").read_text())["services"]
    mounted = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"])
    provider = yaml.safe_load((deploy / "grafana/provisioning/dashboards/serving.yaml").read_text())
    assert mounted["./grafana/dashboards"] == provider["providers"][0]["options"]["path"]
    assert mounted["./grafana/provisioning"] == "/etc/grafana/provisioning"
    sources = yaml.safe_load(
        (deploy / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )["datasources"]
    used = {panel["datasource"]["uid"] for panel in panels_of(dashboard)}
    assert {source["uid"] for source in sources} == used
    assert sources[0]["url"] == "http://prometheus:9090"
    assert "--config.file=/etc/prometheus/prometheus.yaml" in compose["prometheus"]["command"]
    config = yaml.safe_load((deploy / "prometheus/prometheus.yaml").read_text())
    (job,) = config["scrape_configs"]
    assert Path(job["authorization"]["credentials_file"]).name in compose["prometheus"]["secrets"]
    (target,) = job["static_configs"][0]["targets"]
    assert target.partition(":")[0] in compose


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@NEEDS_PROMTOOL
def test_promtool_accepts_configuration_and_rules(project: Path) -> None:
    prometheus = project / "deploy" / "prometheus"
    promtool("check", "config", "--syntax-only", prometheus / "prometheus.yaml")
    promtool("check", "rules", "--lint=all", "--lint-fatal", prometheus / "alerts.yaml")


@NEEDS_PROMTOOL
def test_alerts_fire_when_they_should_and_only_then(project: Path) -> None:
    promtool("test", "rules", project / "tests" / "traffic" / "alerts_test.yaml")


@NEEDS_PROMTOOL
def test_promtool_accepts_every_query_of_the_dashboard(
    dashboard: dict[str, Any], tmp_path: Path
) -> None:
    records = []
    for number, query in enumerate(queries_of(dashboard)):
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        if not query.startswith("label_values("):
            records.append({"record": f"query:{number}", "expr": query})
    assert len(records) > 20
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}))
    promtool("check", "rules", path)
