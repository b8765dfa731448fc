"""Evidence that nothing speaks against, of a challenger and of a first release."""

from dataclasses import replace

from mlops_assets.catalog import BY_NAME
from mlops_assets.governance.policy import EffectivePolicy, Finding, Rule
from mlops_assets.policy_declaration import Promotion
from mlops_assets.release.approval import Approval
from mlops_assets.release.bundle import MADE_OF
from mlops_assets.release.candidate import Candidate
from mlops_assets.release.gate import JUDGED_REPORTS, Evidence
from mlops_assets.release.limits import Demands, Measured

CURRENT = {name: f"hash of {name}" for name in BY_NAME["release"].upstream}
APPROVED = [name for name in CURRENT if name != "approval"]
PROMOTION = Promotion(confidence=0.9, first_min_roc_auc=0.7)
NAN = float("nan")
SUBJECTS = {
    report: {name: CURRENT[name] for name in BY_NAME[report].upstream} for report in JUDGED_REPORTS
}
DEMANDS = Demands(
    EffectivePolicy(
        "minimal",
        "for the tests",
        approval=False,
        rules={"noise_flips": Rule(limit=0.1, role="model_owner", action="block")},
        deviations={},
    ),
    fairness="equal_opportunity",
)
NEEDLESS = Approval(required=False, holds=True, approved_by=(), refused=(), missing="")

CANDIDATE = Candidate(
    bundle="bundle",
    made_of={name: CURRENT[name] for name in MADE_OF},
    compared_with="champion",
    altered=(),
    is_as_declared=True,
)
BETTER = Evidence(
    task="binary",
    current=CURRENT,
    subjects=SUBJECTS,
    measured={"risk_report": Measured((Finding.exact("noise_flips", "all", 0.05),))},
    champion="champion",
    compared_with="champion",
    champion_saw_test_rows=False,
    onnx_agrees=True,
    forms_agree=True,
    beats_baseline=True,
    no_leakage=True,
    nobody_left_out=True,
    baseline_gain_low=0.01,
    roc_auc_low=0.75,
    gain_low=0.001,
    withdrawn=False,
    candidate=CANDIDATE,
    serving_against=(),
    digest="digest",
    approval_of="digest",
    approval=NEEDLESS,
)
FIRST = replace(
    BETTER,
    champion=None,
    compared_with=None,
    champion_saw_test_rows=None,
    gain_low=None,
    candidate=replace(CANDIDATE, compared_with=None),
)
FIRST_NUMBER = replace(FIRST, task="regression", roc_auc_low=None)
