"""What the limits of the policy say of a challenger, judged again at the moment of the decision.

Belongs here: which figures speak against a release, which are only noted, and in what words. Does
not belong here: the verdict on one figure (``governance/policy.py``), or what else a release needs
(``gate.py``). The verdict that a report wrote down is never read, only its figures.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_assets.evidence_declaration import FairnessDefinition
from mlops_assets.governance.policy import (
    FAIRNESS_MEASURES,
    MEASURES,
    EffectivePolicy,
    Finding,
    Limit,
    Verdict,
    action_of,
    findings_of,
    judge,
)

MOST_NAMED = 3
"""Of the figures of one measure that speak against a release, so many are named."""
SEVERITY: dict[Verdict, int] = {"beyond": 0, "unknown": 1, "insufficient evidence": 2, "within": 3}
LIMITED_REPORTS = tuple(dict.fromkeys(measure.report for measure in MEASURES.values()))
"""The reports with figures that a policy may limit."""


@dataclass(frozen=True)
class Measured:
    """The figures in a report that a policy may limit, and why others do not apply to this use
    case, by measure."""

    findings: tuple[Finding, ...]
    not_applicable: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, report: Mapping[str, Any]) -> "Measured | None":
        """What a ``report.json`` says under ``limits`` and ``not_applicable``; ``None`` where that
        cannot be read."""
        try:
            reasons = dict(report.get("not_applicable") or {})
            found = cls(tuple(findings_of(report["limits"])), reasons)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return found if all(_is_readable(finding) for finding in found.findings) else None


@dataclass(frozen=True)
class Demands:
    """What a use case is held to: its policy, the definition of fair it chose, its sensitive
    columns, and who fills each role."""

    policy: EffectivePolicy
    fairness: FairnessDefinition
    sensitive: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    undeclared: tuple[str, ...] = ()
    """The fields that every use case of its class has to declare, and this one does not."""

    def is_binding(self, measure: str) -> bool:
        """Whether a figure of ``measure`` can speak against a release: of the definitions of fair,
        only the chosen one can."""
        chosen = FAIRNESS_MEASURES[self.fairness]
        return measure == chosen or measure not in FAIRNESS_MEASURES.values()

    def accepts_absence(self, measure: str, has_champion: bool) -> bool:
        """Whether a report may say that ``measure`` does not apply, where that is known here."""
        if measure == FAIRNESS_MEASURES[self.fairness]:
            return not self.sensitive
        return not (measure == "attribution_change" and has_champion)


@dataclass(frozen=True)
class Judgement:
    """Sentences: what speaks ``against`` a release, and the ``notes`` that are kept with it."""

    against: tuple[str, ...]
    notes: tuple[str, ...]


def judge_limits(
    reports: Mapping[str, Measured | None], demands: Demands, *, has_champion: bool
) -> Judgement:
    """Judge every limit of the policy by the figures in ``reports``.

    A blocking limit that is not shown to be kept speaks against the release; one that only warns,
    and every deviation that lets more pass, becomes a note. A report that cannot be read, or lacks
    a figure without saying why it does not apply, leaves that limit unknown.
    """
    against: list[str] = []
    notes: list[str] = [*_deviations(demands.policy)]
    for report in LIMITED_REPORTS:
        limited = [n for n in demands.policy.rules if MEASURES[n].report == report]
        measured = reports.get(report)
        if measured is None:
            # Without a limit, nothing in the report is asked for.
            against += [f"{report} has no limits that can be read"] if limited else []
            continue
        for name in limited:
            blocking, noted = _of_measure(name, measured, demands, has_champion)
            against += blocking
            notes += noted
    return Judgement(tuple(against), tuple(notes))


def _of_measure(
    name: str, measured: Measured, demands: Demands, has_champion: bool
) -> tuple[list[str], list[str]]:
    found = [finding for finding in measured.findings if finding.measure == name]
    if not found:
        return _absent(name, measured, demands, has_champion)
    failing: dict[str, list[tuple[Verdict, Finding, Limit]]] = {"block": [], "warn": []}
    for finding in found:
        limit = demands.policy.limit(name, finding.subject)
        if limit is None:
            continue
        verdict = judge(finding, limit)
        if verdict != "within":
            action = action_of(finding, limit) if demands.is_binding(name) else "warn"
            failing[action].append((verdict, finding, limit))
    blocking, noted = (_sentences(failing[action], demands) for action in ("block", "warn"))
    return blocking, noted


def _absent(
    name: str, measured: Measured, demands: Demands, has_champion: bool
) -> tuple[list[str], list[str]]:
    if not demands.is_binding(name):
        return [], []
    limit = demands.policy.limit(name)
    reason = measured.not_applicable.get(name, "").strip()
    if limit is None or (reason and demands.accepts_absence(name, has_champion)):
        return [], []
    sentence = (
        f"{limit.measure.words}: unknown, for {limit.measure.report} does not say it"
        f"{_limit_words(limit, demands)}"
    )
    return ([sentence], []) if limit.action == "block" else ([], [sentence])


def _sentences(failing: list[tuple[Verdict, Finding, Limit]], demands: Demands) -> list[str]:
    """The worst first; of many, how many more there are."""
    ordered = sorted(failing, key=lambda each: (SEVERITY[each[0]], each[1].subject))
    said = [_sentence(*each, demands) for each in ordered[:MOST_NAMED]]
    rest = len(ordered) - MOST_NAMED
    if rest > 0:
        measure = ordered[0][2].measure
        said.append(f"{measure.words}: the same of {rest} more, see {measure.report}")
    return said


def _sentence(verdict: Verdict, finding: Finding, limit: Limit, demands: Demands) -> str:
    about = f", {finding.subject}" if finding.subject else ""
    return (
        f"{limit.measure.words}{about}: {_figure(finding)}, {verdict}{_limit_words(limit, demands)}"
    )


def _figure(finding: Finding) -> str:
    rows = "" if finding.rows is None else f" of {finding.rows:,} rows"
    if finding.value is None:
        return f"no figure{rows}"
    exact = finding.low == finding.value == finding.high
    if exact or finding.low is None or finding.high is None:
        return f"{finding.value:.4g}{rows}"
    return f"{finding.value:.4g} ({finding.low:.4g} to {finding.high:.4g}){rows}"


def _limit_words(limit: Limit, demands: Demands) -> str:
    person = demands.roles.get(limit.role, "").strip()
    who = f"{limit.role}, {person}" if person else limit.role
    deviates = (
        f", not {limit.policy_limit:g} as the policy says, for: {limit.reason or 'it is stricter'}"
        if limit.limit != limit.policy_limit
        else ""
    )
    return f"; the limit is {limit.measure.bound} {limit.limit:g}{deviates} ({who})"


def _deviations(policy: EffectivePolicy) -> Iterable[str]:
    for name, deviations in policy.deviations.items():
        rule, measure = policy.rules[name], MEASURES[name]
        for deviation in deviations:
            where = f", {', '.join(deviation.subjects)}" if deviation.subjects else ""
            yield (
                f"{measure.words}{where}: the limit is {measure.bound} {deviation.limit:g} instead "
                f"of the policy's {rule.limit:g}, for: {deviation.reason or 'it is stricter'}"
            )


def _is_readable(finding: Finding) -> bool:
    numbers = (finding.value, finding.low, finding.high)
    return (
        isinstance(finding.measure, str)
        and isinstance(finding.subject, str)
        and isinstance(finding.enough, bool)
        and all(_is_number_or_none(number) for number in numbers)
        and (finding.rows is None or type(finding.rows) is int)
    )


def _is_number_or_none(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
