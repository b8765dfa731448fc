"""The ledger: every decision about a release, in order, with the hashes of its evidence.

Belongs here: the form of an entry and what can be concluded from the entries. Does not belong
here: taking a decision (``release/gate.py``) or writing files (``resources/releases.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_assets.release.gate import Outcome


@dataclass(frozen=True)
class Entry:
    """One decision.

    ``batch`` is the last batch of the challenger's training window, ``challenger`` the hash of its
    ONNX model, ``release`` the hash of the bundle it became (``None`` where it was rejected),
    ``champion_before`` the release it was compared with.
    """

    batch: str
    challenger: str
    outcome: Outcome
    reasons: tuple[str, ...]
    release: str | None
    champion_before: str | None
    evidence: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, record: dict[str, Any]) -> "Entry":
        return cls(**{**record, "reasons": tuple(record["reasons"])})


def champion(entries: Sequence[Entry]) -> Entry | None:
    """The entry that put the present champion in place."""
    return next((entry for entry in reversed(entries) if entry.release is not None), None)


def champion_at(entries: Sequence[Entry], batch: str) -> Entry | None:
    """The entry of the champion that predicts ``batch``: the latest release that learned from
    earlier batches only. It stays the same however often the question is asked later."""
    return champion([entry for entry in entries if entry.batch < batch])


def incumbent(entries: Sequence[Entry], challenger: str) -> Entry | None:
    """The entry of the champion that ``challenger`` has to beat: itself is not asked."""
    return champion([entry for entry in entries if entry.challenger != challenger])


def decided(entries: Sequence[Entry], batch: str, challenger: str) -> Entry | None:
    """The decision on ``challenger`` trained up to ``batch``, where there is one."""
    return next(
        (e for e in reversed(entries) if e.challenger == challenger and e.batch == batch), None
    )
