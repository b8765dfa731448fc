"""The ledger: every decision about a release, in order, with the hashes of its evidence.

Belongs here: the form of an entry and what can be concluded from the entries. Does not belong
here: taking a decision (``release/gate.py``) or writing files (``resources/releases.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_assets.release.candidate import CANDIDATE
from mlops_assets.release.gate import APPROVAL, Outcome

ROLLED_BACK: Outcome = "rolled back"
LISTS = ("reasons", "notes", "approved_by", "trained_by")


@dataclass(frozen=True)
class Entry:
    """One decision.

    ``batch`` is the last batch of the challenger's training window, ``challenger`` the hash of its
    ONNX model, ``release`` the hash of the bundle it became (``None`` where it was rejected),
    ``champion_before`` the release it was compared with; of a rollback, ``batch``, ``challenger``
    and ``release`` are those of the release that came back, ``champion_before`` the one it took
    the place of, and ``decided_by`` the account that asked for it. ``applies_after`` is the newest
    batch that had been watched when the entry was made: its release predicts later ones only.
    ``notes`` are what had to be known beside the reasons, ``approved_by`` the names of those who
    signed, ``trained_by`` the accounts that trained. What an entry of earlier days lacks is empty.
    """

    batch: str
    challenger: str
    outcome: Outcome
    reasons: tuple[str, ...]
    release: str | None
    champion_before: str | None
    evidence: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    policy_class: str | None = None
    approved_by: tuple[str, ...] = ()
    trained_by: tuple[str, ...] = ()
    decided_by: str | None = None
    applies_after: str | None = None

    @classmethod
    def parse(cls, record: dict[str, Any]) -> "Entry":
        lists = {name: tuple(record[name]) for name in LISTS if name in record}
        return cls(**{**record, **lists})

    def predicts(self, batch: str) -> bool:
        """Whether its release, while it is the champion, is asked about ``batch``: it has not
        learned from it, and it was not watched with another one before."""
        return max(self.batch, self.applies_after or "") < batch


def champion(entries: Sequence[Entry]) -> Entry | None:
    """The entry that put the present champion in place."""
    return next((entry for entry in reversed(entries) if entry.release is not None), None)


def champion_at(entries: Sequence[Entry], batch: str) -> Entry | None:
    """The entry of the champion that predicts ``batch``: the latest release that learned from
    earlier batches only. It stays the same however often the question is asked later."""
    return champion([entry for entry in entries if entry.predicts(batch)])


def incumbent(entries: Sequence[Entry], challenger: str) -> Entry | None:
    """The entry of the champion that ``challenger`` has to beat: itself is not asked, nor what a
    rollback took back."""
    gone = withdrawn_releases(entries)
    return champion([e for e in entries if e.challenger != challenger and e.release not in gone])


def decided(entries: Sequence[Entry], batch: str, challenger: str) -> Entry | None:
    """The gate's decision on ``challenger`` trained up to ``batch``, where there is one."""
    return next(
        (
            e
            for e in reversed(entries)
            if e.challenger == challenger and e.batch == batch and e.outcome != ROLLED_BACK
        ),
        None,
    )


def latest_decision(entries: Sequence[Entry]) -> Entry | None:
    """The gate's latest decision; a rollback is none."""
    return next((e for e in reversed(entries) if e.outcome != ROLLED_BACK), None)


def withdrawn_releases(entries: Sequence[Entry]) -> frozenset[str]:
    """The releases that a rollback took back, and that did not come back since."""
    gone: set[str] = set()
    for entry in entries:
        if entry.outcome == ROLLED_BACK and entry.champion_before is not None:
            gone.add(entry.champion_before)
        if entry.release is not None:
            gone.discard(entry.release)
    return frozenset(gone)


def is_withdrawn(entries: Sequence[Entry], evidence: dict[str, str]) -> bool:
    """Whether a release that a rollback took back was made of this very ``evidence``; who approved
    it makes it no other, nor does a bundle made of it again."""
    gone = withdrawn_releases(entries)
    asked = _made_of(evidence)
    return any(_made_of(entry.evidence) == asked for entry in entries if entry.release in gone)


def _made_of(evidence: Mapping[str, str]) -> dict[str, str]:
    return {name: found for name, found in evidence.items() if name not in (APPROVAL, CANDIDATE)}


def previous_release(entries: Sequence[Entry]) -> str | None:
    """The release that the present champion took the place of. Going back goes further back each
    time: a release that was taken back is not the previous one of what it gave way to."""
    line: list[str] = []
    for entry in entries:
        if entry.release is None:
            continue
        if entry.release in line:
            del line[line.index(entry.release) :]
        line.append(entry.release)
    return line[-2] if len(line) > 1 else None


class RollbackError(Exception):
    """A rollback that cannot be; the message says why, and what could be."""


def rollback_entry(
    entries: Sequence[Entry], release: str, reason: str, *, by: str, watched: Sequence[str]
) -> Entry:
    """The entry that brings ``release`` back, for ``reason``, asked for by the account ``by``.
    ``watched`` are the batches that a champion was asked about.

    Raises ``RollbackError`` without a reason, to the present champion, and to what never was a
    release of this use case.
    """
    if len(reason.split()) < 2:
        raise RollbackError("a rollback needs a reason of two words at least: it is kept for good")
    present = champion(entries)
    released = next((e for e in reversed(entries) if e.release == release), None)
    if present is None or released is None:
        known = list(dict.fromkeys(e.release for e in entries if e.release is not None))
        raise RollbackError(
            f"{release} was never released here: choose from {', '.join(known) or 'none'}"
        )
    if present.release == release:
        raise RollbackError(f"{release} is the present champion already")
    return Entry(
        batch=released.batch,
        challenger=released.challenger,
        outcome=ROLLED_BACK,
        reasons=(" ".join(reason.split()),),
        release=release,
        champion_before=present.release,
        evidence=released.evidence,
        policy_class=released.policy_class,
        approved_by=released.approved_by,
        trained_by=released.trained_by,
        decided_by=by,
        applies_after=max(watched, default=None),
    )
