"""Whether the released model's answers give away from which rows it learned.

Belongs here: the attacker's own models, and what the attack amounts to. Does not belong here: whom
it is tried on (``membership_rows.py``), the attacks (``likelihood_ratios.py``), rates and their
intervals (``recognition.py``), how it is shown (``membership_section.py``).

The attacker is a strong one: knows rows with their outcomes, how the model was made, and most of
what it learned from, and asks which of the rows it learned from as well. Half of members and of
non-members go into each of the attacker's models, so that every row is known to some of them and
unknown to others.

With a time column, rows of a day have much in common, and whole days were held out. The attacker's
models then learn from whole days or nothing of them too: otherwise they would know the days of
non-members, as the released model does not, and what is called recognised would be the difference.
A row may then be recognised by its day, and intervals count days rather than rows.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Ask
from mlops_assets.evidence.privacy.likelihood_ratios import (
    ATTACKS,
    Attack,
    Inside,
    Signals,
    row_signals,
)
from mlops_assets.evidence.privacy.membership_rows import Audit, Places
from mlops_assets.evidence.privacy.membership_rows import audit_rows as audit_rows
from mlops_assets.evidence.privacy.recognition import area, recognition, roc_points
from mlops_assets.governance.policy import Finding
from mlops_assets.use_case import UseCase

Fit = Callable[[pd.DataFrame, int], Ask]
"""Makes a model of rows and a seed: what it answers to other rows. Pure, and a function or partial
that can travel to another process."""

RATES: dict[str, float] = {
    "membership_tpr_at_1_percent": 0.01,
    "membership_tpr_at_01_percent": 0.001,
}
REHEARSED_AT = 0.01


def membership_inference(
    audit: Audit,
    use_case: UseCase,
    released: Ask,
    fit: Fit,
    *,
    variance: float = 1.0,
    workers: int | None = None,
) -> dict[str, Any]:
    """Attack the released model, as JSON-able values.

    ``released`` and what ``fit`` makes answer on the same calibrated scale; ``variance`` is that of
    the train labels (see ``row_losses``). Of the attacks, the one is used that recognises more of
    the attacker's own models' rows at 1% false positives, which is tried without the released
    model. The result does not depend on ``workers``, how many fits run side by side (as many as
    there are cores unless told).
    """
    shadows, inside, rows = _shadow_signals(audit, use_case, fit, variance, workers)
    task, labels = use_case.target.task, audit.pool[use_case.target.column].to_numpy()
    signals = row_signals(task, labels, released(audit.pool), variance)
    scores = {name: attack(task, signals, shadows, inside) for name, attack in ATTACKS.items()}
    rehearsed = {name: _rehearsed(name, use_case, shadows, inside) for name in ATTACKS}
    chosen = max(ATTACKS, key=lambda name: rehearsed[name])
    return {
        "attack": chosen,
        "task": task,
        "members": audit.members,
        "non_members": len(audit.pool) - audit.members,
        "days": len(np.unique(audit.clusters)) if audit.by_day else None,
        "shadow_models": len(shadows),
        "shadow_rows": rows,
        "seed": use_case.training.seed,
        "attacks": {
            name: {"rehearsed": rehearsed[name], **_amounts_to(values, audit)}
            for name, values in scores.items()
        },
    }


def membership_findings(report: Mapping[str, Any]) -> list[Finding]:
    """What a policy may limit in the result of ``membership_inference``."""
    found = report["attacks"][report["attack"]]["recognised"]
    rows = report["members"] + report["non_members"]
    return [
        Finding(name, "", one["value"], one["low"], one["high"], rows, one["enough"])
        for name, one in found.items()
    ]


def _amounts_to(scores: Signals, audit: Audit) -> dict[str, Any]:
    members, non_members = scores[audit.is_member], scores[~audit.is_member]
    clusters = audit.clusters_by_side
    return {
        "auc": area(members, non_members),
        "recognised": {
            name: recognition(members, non_members, rate, clusters=clusters).to_dict()
            for name, rate in RATES.items()
        },
        "roc": roc_points(members, non_members),
    }


def _rehearsed(attack: Attack, use_case: UseCase, shadows: Signals, inside: Inside) -> float:
    """How many rows the attack recognises where each of the attacker's models in turn is the one
    that is attacked, with the help of all others. A model that learned from all rows of the pool,
    or from none, as happens where they are of a few days, has nobody to be told apart; 0 where all
    are such."""
    found = []
    for place in range(len(shadows)):
        if inside[place].all() or not inside[place].any():
            continue
        own, of_others = inside[place], np.delete(inside, place, axis=0)
        helpers = np.delete(shadows, place, axis=0)
        scores = ATTACKS[attack](use_case.target.task, shadows[place], helpers, of_others)
        found.append(recognition(scores[own], scores[~own], REHEARSED_AT).value)
    return float(np.mean(found)) if found else 0.0


def _shadow_signals(
    audit: Audit, use_case: UseCase, fit: Fit, variance: float, workers: int | None
) -> tuple[Signals, Inside, int]:
    """What each of the attacker's models says of each row of the pool, ``[m, n]``, which of the
    rows it learned from, and how many rows the largest of them learned from."""
    import joblib

    rng = np.random.default_rng([use_case.training.seed, 2])
    models, pool = use_case.risk.shadow_models, audit.pool
    _, clusters = np.unique(audit.clusters, return_inverse=True)
    draws = rng.random((models, int(clusters.max()) + 1))
    inside = (np.argsort(draws, axis=0) < models // 2)[:, clusters]
    samples = [_sample(audit, own, use_case.risk.max_shadow_rows, rng) for own in inside]
    jobs = (
        joblib.delayed(_signals_of)(fit, rows, seed, pool, use_case, variance)
        for seed, rows in enumerate(
            _shadow_rows(audit, inside, samples), use_case.training.seed + 1
        )
    )
    at_once = min(models, workers or joblib.cpu_count())
    found = joblib.Parallel(n_jobs=at_once, pre_dispatch="n_jobs")(jobs)
    rows = max(int(own.sum()) + len(chosen) for own, chosen in zip(inside, samples, strict=True))
    return np.stack(found), inside, rows


def _sample(audit: Audit, own: NDArray[np.bool_], most: int, rng: np.random.Generator) -> Places:
    """Places among the other rows that a model learns from beside its ``own`` of the pool."""
    room = max(most - int(own.sum()) - audit.needed, 0)
    spare = audit.needed + rng.permutation(len(audit.others) - audit.needed)[:room]
    places: Places = np.concatenate([np.arange(audit.needed), np.sort(spare)])
    return places


def _shadow_rows(audit: Audit, inside: Inside, samples: list[Places]) -> Iterator[pd.DataFrame]:
    pool = audit.pool
    for own, others in zip(inside, samples, strict=True):
        yield pd.concat([audit.others.take(others), pool[own]], ignore_index=True)


def _signals_of(
    fit: Fit, rows: pd.DataFrame, seed: int, pool: pd.DataFrame, use_case: UseCase, variance: float
) -> Signals:
    from threadpoolctl import threadpool_limits

    labels = pool[use_case.target.column].to_numpy()
    with threadpool_limits(limits=1):
        answers = fit(rows, seed)(pool)
    return row_signals(use_case.target.task, labels, answers, variance)
