"""The fault matrix: what is planted, what has to catch it, and what the gate then says.

Belongs here: the table, and how it is written into ``docs/fault-matrix.md``. Does not belong here:
planting (``faults.py``, ``test_fault_matrix.py``). Each entry is asserted by a run before it is
rendered.
"""

from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "fault-matrix.md"
BEGIN, END = "<!-- matrix: begin -->\n", "<!-- matrix: end -->\n"


@dataclass(frozen=True)
class Entry:
    """A fault. ``checks`` are Dagster checks that fail here and not in the clean control,
    ``figures`` verdicts by measure and subject, ``gate`` its outcome and the reason it gives."""

    fault: str
    planted: str
    gate: str
    reason: str
    checks: tuple[str, ...] = ()
    figures: tuple[tuple[str, str, str], ...] = ()
    caught: str = ""
    """What catches it where that is neither a check nor a figure."""

    def row(self) -> str:
        checks = [f"check `{name}`" for name in self.checks]
        figures = [
            f"`{measure}`{f' of {subject}' if subject else ''}: {verdict}"
            for measure, subject, verdict in self.figures
        ]
        by = "; ".join([*checks, *figures, *([self.caught] if self.caught else [])])
        return f"| {self.fault} | {self.planted} | {by} | {self.gate}: “{self.reason}” |"


def within_limit(*measures: str) -> tuple[str, ...]:
    return tuple(f"{measure}_within_limit" for measure in measures)


ANOTHER = "is about another"
MATRIX: tuple[Entry, ...] = (
    Entry(
        "leak",
        "a column that is known only once the loan is repaid",
        "rejected",
        "the features give the target away",
        ("no_leakage",),
    ),
    Entry(
        "label noise 20%",
        "a fifth of the labels of one batch flipped",
        "rejected",
        "training labels that look flipped, 2020-01",
        within_limit("suspect_labels"),
        (("suspect_labels", "2020-01", "beyond"),),
    ),
    Entry(
        "biased label for one group",
        "every third loan of group 2 that was repaid is written down as not repaid",
        "rejected",
        "mean answer and mean outcome of a group, difference, group = 2",
        within_limit("group_calibration_difference"),
        (("group_calibration_difference", "group = 2", "beyond"),),
    ),
    Entry(
        "a group of 30 rows",
        "a third group of 30 rows in the newest batch",
        "rejected",
        "the training rows leave a group out",
        ("nobody_left_out", *within_limit("slice_loss_ratio", "group_calibration_difference")),
        (
            ("slice_loss_ratio", "group = 3", "insufficient evidence"),
            ("group_calibration_difference", "group = 3", "insufficient evidence"),
        ),
    ),
    Entry(
        "swapped column",
        "income and debt in each other's column in the newest batch",
        "rejected",
        "newest rows outside the input envelope",
        within_limit("training_production_distance", "outside_envelope"),
        (
            ("training_production_distance", "income", "beyond"),
            ("training_production_distance", "debt", "beyond"),
            ("outside_envelope", "", "beyond"),
        ),
    ),
    Entry(
        "unit error",
        "debts a thousand times as large in the newest batch",
        "rejected",
        "newest rows outside the input envelope",
        within_limit("training_production_distance", "outside_envelope"),
        (
            ("training_production_distance", "debt", "beyond"),
            ("outside_envelope", "", "beyond"),
        ),
    ),
    Entry(
        "overfitted model that memorises",
        "the only candidate is a forest of full trees on all rows",
        "rejected",
        "training rows recognised by an attacker, at 1% false positives",
        within_limit("membership_tpr_at_1_percent"),
        (("membership_tpr_at_1_percent", "", "beyond"),),
    ),
    Entry(
        "poisoned rows",
        "one train row in fifty becomes the same made-up application, repaid",
        "rejected",
        "training rows unlike all the others, rows alike with one label",
        within_limit("training_outliers"),
        (("training_outliers", "rows alike with one label", "beyond"),),
    ),
    Entry(
        "stale evidence",
        "features and model made again after the reports",
        "rejected",
        f"evaluation_report {ANOTHER} model than the one to be released",
        caught="the hashes in each report",
    ),
    Entry(
        "evidence of another model",
        "the risk report of another project in the place of this one's",
        "rejected",
        f"risk_report {ANOTHER} model than the one to be released",
        caught="the hashes in the report",
    ),
    Entry(
        "forged approval",
        "a signed statement altered; signed with another key; signed for other evidence",
        "awaits approval",
        "does not count",
        caught="the signature, and the digest under it",
    ),
    Entry(
        "ONNX with one altered weight, before the reports",
        "one weight of the stored model changed by 0.02",
        "rejected",
        "the ONNX form does not agree in every slice",
        caught="the comparison of the forms on the test rows, in all rows and slices",
    ),
    Entry(
        "ONNX with one altered weight, after the reports",
        "the same in the file on disk",
        "rejected",
        "onnx_model is missing",
        caught="the hash of the file",
    ),
    Entry(
        "quantization that damages one slice",
        "a smaller form with another weight for one of four cities",
        "first release",
        "no champion yet",
        caught="the comparison of the forms in `slice: Metz`, while over all rows every figure is "
        "within its limit: the float form is the one released",
    ),
)
BY_FAULT = {entry.fault: entry for entry in MATRIX}


def rendered() -> str:
    lines = ["| fault | how planted | caught by | at the gate |", "|---|---|---|---|"]
    return "\n".join([*lines, *(entry.row() for entry in MATRIX)]) + "\n"


def with_matrix(document: str) -> str:
    """The ``document`` with the table between its markers."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{rendered()}{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_matrix(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
