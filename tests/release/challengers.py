"""A use case with a finished challenger whose evidence is made up, in a folder."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mlops_assets.catalog import BY_NAME
from mlops_assets.governance.measures import MEASURES
from mlops_assets.governance.policy import Finding, effective_policy, judged, read_policy
from mlops_assets.release.approval import Signed, Statement, public_text, sign
from mlops_assets.release.assets import build_assets
from mlops_assets.release.bundle import MADE_OF, copied_files
from mlops_assets.release.candidate import candidate_record
from mlops_assets.release.gate import JUDGED_REPORTS
from mlops_assets.release.infra_check import QUESTIONS, Asked, Measurements, infra_report
from mlops_assets.use_case import UseCase
from resources.approvals import evidence_files, sha256_of_files, subject_of
from resources.artifact_store import ArtifactKey
from resources.assets import asset_key
from resources.dvc_lock import fields_md5
from resources.workspace import Workspace

WITHIN_BUDGET = Measurements(
    problem=None,
    start_seconds=0.5,
    memory_megabytes=100.0,
    asked=tuple(Asked(question, "JSON", 64, ()) for question in QUESTIONS),
    latencies=(1.0, 2.0, 3.0),
    failed=0,
    seconds=0.01,
    connections=4,
)
KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(name[:1].encode() * 32)
    for name in ("First Approver", "Second Approver", "Stranger")
}
APPROVERS = [
    {
        "name": name,
        "role": "risk officer",
        "account": name.split()[0].lower(),
        "public_key": public_text(KEYS[name].public_key()),
    }
    for name in ("First Approver", "Second Approver")
]


def declared_policy(**changes: Any) -> dict[str, Any]:
    """All that class ``high`` asks to be declared."""
    return {
        "ai_act_class": "high",
        "class_reason": "made up for the tests",
        "purpose": "none",
        "people_affected": "nobody",
        "impact_of_error": "serious",
        "availability": "best effort",
        "roles": dict.fromkeys({r.role for r in read_policy("high").limits.values()}, "team:tests"),
        "approvers": APPROVERS,
        **changes,
    }


def challenge(
    root: Path, make_use_case: Callable[..., UseCase], *, noise: float = 0.01, **policy: Any
) -> Workspace:
    """A first challenger whose evidence is within every limit, but for ``noise``."""
    use_case = make_use_case(policy=declared_policy(**policy))
    workspace = Workspace("deliveries", use_case, root / "defs" / "deliveries", root)
    for name in BY_NAME["candidate"].upstream:
        remake(workspace, name, noise=noise)
    make_candidate(workspace)
    check_infra(workspace)
    return workspace


def make_candidate(workspace: Workspace, *, also: Mapping[str, bytes] | None = None) -> str:
    """A candidate of the present evidence, without what only a server reads; ``also`` are files
    that it holds besides, or instead. Returns its bundle's hash."""
    store = workspace.store
    folders = {name: store.folder(ArtifactKey(name)) for name in MADE_OF}
    champion = store.report(ArtifactKey("evaluation_report")).get("champion") or {}
    manifest = {
        "made_of": {name: store.hash(ArtifactKey(name)) for name in MADE_OF},
        "compared_with": champion.get("release"),
        "serves": "model.onnx",
    }

    def write(folder: Path) -> None:
        held = {name: [p.name for p in place.iterdir()] for name, place in folders.items()}
        copied = {
            path: (folders[artifact] / source).read_bytes()
            for path, (artifact, source) in copied_files(held).items()
        }
        own = {"manifest.json": json.dumps(manifest).encode(), **(also or {})}
        for path, content in {**copied, **own}.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)

    name = workspace.releases.add(write)
    record = candidate_record(name, manifest, sha256_of_files(workspace.releases.bundle(name)))
    store_artifact(workspace, "candidate", {"candidate.json": record})
    return name


def check_infra(workspace: Workspace, **changes: Any) -> None:
    """An infra check of the present candidate, within budget but for ``changes`` of what was
    measured."""
    bundle = workspace.store.json(ArtifactKey("candidate"), "candidate.json")["bundle"]
    budget = workspace.use_case.serving.budget
    measured = replace(WITHIN_BUDGET, **changes)
    report = infra_report(workspace.use_case.title, bundle, "model.onnx", measured, budget)
    store_artifact(workspace, "infra_check", {"report.json": report})


def store_artifact(workspace: Workspace, name: str, contents: Mapping[str, Any]) -> None:
    """Store ``contents``, JSON by file, as an artifact made of what there is now."""
    upstream = workspace.upstream_hashes(name, None)
    settings = {"fields": fields_md5(workspace, BY_NAME[name]), "last_batch": "2020-01"}
    with workspace.store.write(ArtifactKey(name), upstream=upstream, settings=settings) as folder:
        for file, content in contents.items():
            (folder / file).write_text(json.dumps(content))


def remake(workspace: Workspace, name: str, *, noise: float = 0.01, remark: str = "") -> None:
    """Store an artifact of the challenger, about its upstream as it stands now."""
    store_artifact(workspace, name, _contents(workspace, name, noise, remark))


def _contents(workspace: Workspace, name: str, noise: float, remark: str) -> dict[str, Any]:
    if name == "features":
        return {
            "features.json": {"last_batch": "2020-01"},
            "leakage.json": {"tests": [{"verdict": "ok"}]},
            "representation.json": {"shortfalls": []},
        }
    if name in ("model", "onnx_model", "quantized_model"):
        facts = {"parity": {"agrees": True}, "beats_baseline": True, "is": remark}
        return {"model.json": facts, **({"model.onnx": remark} if name == "onnx_model" else {})}
    report: dict[str, Any] = {"remark": remark, "last_batch": "2020-01"}
    if name in JUDGED_REPORTS:
        upstream = BY_NAME[name].upstream
        report["subject"] = {n: workspace.store.hash(ArtifactKey(n)) for n in upstream}
        report["limits"] = judged(
            _findings(workspace, name, noise), effective_policy(workspace.use_case)
        )
        report["not_applicable"] = {"attribution_change": "there is no champion yet"}
    if name == "evaluation_report":
        report["verdicts"] = {"forms_agree": True}
        report["baseline"] = {"difference": {"loss_low": 0.1}}
        report["forms"] = {"onnx": {"roc_auc": {"low": 0.8}}}
    envelope = {"envelope.json": {}} if name == "risk_report" else {}
    return {"report.json": report, **envelope}


def _findings(workspace: Workspace, report: str, noise: float) -> list[Finding]:
    rules = effective_policy(workspace.use_case).rules
    return [
        Finding.exact(name, "", noise if name == "noise_flips" else rules[name].limit)
        for name in rules
        if MEASURES[name].report == report and name != "attribution_change"
    ]


def signature(workspace: Workspace, name: str = "First Approver", **changes: Any) -> Signed:
    """What ``name`` signs under the present evidence."""
    subject = subject_of(workspace, evidence_files(workspace))
    said = {"approver": name, "role": "risk officer", "comment": "as it should be", **changes}
    return sign(Statement(**{**vars(subject), **said}), KEYS[name])


def materialize(
    workspace: Workspace, name: str, config: dict[str, Any] | None = None
) -> tuple[dg.ExecuteInProcessResult, str]:
    """Materialize an asset of the room alone; returns the run and why it failed."""
    assets = {asset.key: asset for asset in build_assets(workspace)}
    asset = assets[asset_key(workspace, name)]
    run_config = {"ops": {f"{workspace.name}__{name}": {"config": config or {}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [asset], instance=instance, run_config=run_config, raise_on_error=False
        )
    failures = [
        event.step_failure_data.user_failure_data.description
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data
    ]
    return result, " ".join(str(why) for why in failures)
