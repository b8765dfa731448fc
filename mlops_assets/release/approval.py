"""Approval: a named person's signature under the exact evidence of a release.

Belongs here: what is signed, signing and checking it (Ed25519, RFC 8032), and whether the
signatures there are suffice. Does not belong here: reading files (``resources/approvals.py``), or
what else a release needs (``gate.py``).
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mlops_assets.responsibility_declaration import Approver

PURPOSE = "mlops-assets: approval of a release, version 1"
"""Is signed with each statement, so that a signature made for another purpose is none here."""


@dataclass(frozen=True)
class Subject:
    """What there is to approve: the use case, the digest of the evidence (``evidence_digest``), the
    policy class and the digest of all limits in force (``governance/policy_summary.py``)."""

    use_case: str
    evidence: str
    policy: str
    limits: str


@dataclass(frozen=True)
class Statement(Subject):
    """What a person signs: the subject, who they are, and what they say about it."""

    approver: str
    role: str
    comment: str

    def to_bytes(self) -> bytes:
        """The one form that is signed: JSON with sorted keys, no spaces, ASCII."""
        said = {"purpose": PURPOSE, **asdict(self)}
        return json.dumps(said, sort_keys=True, separators=(",", ":")).encode("ascii")

    @property
    def subject(self) -> Subject:
        return Subject(self.use_case, self.evidence, self.policy, self.limits)


@dataclass(frozen=True)
class Signed:
    """A statement with its Ed25519 signature, 64 bytes in Base64."""

    statement: Statement
    signature: str

    def to_dict(self) -> dict[str, Any]:
        return {"statement": asdict(self.statement), "signature": self.signature}


@dataclass(frozen=True)
class Refused:
    """A signature that does not count: the file or person it came from, and why not."""

    source: str
    reason: str


@dataclass(frozen=True)
class Approval:
    """Whether a release may be made as far as approval goes.

    ``approved_by`` are the statements that count, ``refused`` what does not. ``missing`` says what
    is still needed; it is empty where the approval ``holds``.
    """

    required: bool
    holds: bool
    approved_by: tuple[Statement, ...]
    refused: tuple[Refused, ...]
    missing: str


def evidence_digest(files: Mapping[str, Mapping[str, str]]) -> str:
    """SHA-256 (hex) of the SHA-256 of every file, by artifact and path."""
    listing = {artifact: dict(found) for artifact, found in files.items()}
    content = json.dumps(listing, sort_keys=True, separators=(",", ":")).encode("ascii")
    return sha256(content).hexdigest()


def sign(statement: Statement, key: Ed25519PrivateKey) -> Signed:
    signature = key.sign(statement.to_bytes())
    return Signed(statement, base64.b64encode(signature).decode("ascii"))


def public_text(key: Ed25519PublicKey) -> str:
    """A public key as the YAML has it: 32 bytes in Base64."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode("ascii")


def is_signed_by(signed: Signed, public_key: str) -> bool:
    """Whether ``public_key`` (Base64) made the signature under exactly this statement."""
    raw, signature = _decoded(public_key), _decoded(signed.signature)
    if raw is None or signature is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, signed.statement.to_bytes())
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_signed(text: str, source: str) -> Signed | Refused:
    """What a signature file says; ``Refused`` where it is none. ``source`` is the file's name."""
    try:
        record = json.loads(text)
        said = record["statement"]
        names = {field.name for field in fields(Statement)}
        if set(record) != {"statement", "signature"} or set(said) != names:
            return Refused(source, "it is no signed statement: it has other fields")
        if not all(isinstance(value, str) for value in (*said.values(), record["signature"])):
            return Refused(source, "it is no signed statement: a field is no text")
        return Signed(Statement(**said), record["signature"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return Refused(source, "it is no signed statement in JSON")


def verdict(
    signatures: Mapping[str, Signed | Refused],
    now: Subject,
    approvers: Sequence[Approver],
    trained_by: Sequence[str],
    *,
    required: bool,
) -> Approval:
    """Whether the ``signatures``, by source, approve ``now``.

    Only statements of declared ``approvers`` about exactly ``now`` count. Who trained may not
    approve alone: of those who sign, one at least must be nobody of the accounts ``trained_by``;
    where it is not known who trained, two different people must sign.
    """
    valid: dict[str, Statement] = {}
    refused: list[Refused] = []
    signers: list[Approver] = []
    for source, signed in sorted(signatures.items()):
        checked = (
            signed if isinstance(signed, Refused) else _checked(source, signed, now, approvers)
        )
        if isinstance(checked, Refused):
            refused.append(checked)
        elif not isinstance(signed, Refused) and signed.statement.approver not in valid:
            valid[signed.statement.approver] = signed.statement
            signers.append(checked)
    missing = _missing(signers, approvers, trained_by) if required else ""
    return Approval(required, not missing, tuple(valid.values()), tuple(refused), missing)


def file_name(statement: Statement) -> str:
    """The name of the file that a signature is kept in: of its evidence and its approver."""
    slug = re.sub(r"[^a-z0-9]+", "-", statement.approver.casefold()).strip("-")
    # Names without a Latin letter would all have the same one.
    own = sha256(statement.approver.encode()).hexdigest()[:8]
    return f"{statement.evidence[:16]}-{slug or 'approver'}-{own}.json"


def _checked(
    source: str, signed: Signed, now: Subject, approvers: Sequence[Approver]
) -> Approver | Refused:
    said = signed.statement
    declared = [approver for approver in approvers if approver.name == said.approver]
    if len(declared) != 1:
        return Refused(source, f"{said.approver!r} is not declared once in policy.approvers")
    approver = declared[0]
    if not is_signed_by(signed, approver.public_key):
        return Refused(
            source, f"the signature is not one of {said.approver!r} under this statement"
        )
    if said.role != approver.role:
        return Refused(source, f"{said.approver!r} signed as {said.role!r}, not {approver.role!r}")
    for field in fields(Subject):
        if getattr(said, field.name) != getattr(now, field.name):
            return Refused(source, f"it is about another {field.name.replace('_', ' ')}")
    return approver


def _missing(
    signers: Sequence[Approver], approvers: Sequence[Approver], trained_by: Sequence[str]
) -> str:
    if not approvers:
        return "policy.approvers names nobody who may approve"
    if not signers:
        return "nobody who may approve has signed this evidence"
    trainers = {_account(account) for account in trained_by}
    if not trainers:
        people = min(
            len({_account(signer.account) for signer in signers}),
            len({_decoded(signer.public_key) for signer in signers}),
        )
        return "" if people >= 2 else "it is not known who trained, so two people must sign"
    # A person who is declared twice is known by the key as well.
    keys = {_decoded(a.public_key) for a in approvers if _account(a.account) in trainers}
    independent = [
        signer
        for signer in signers
        if _account(signer.account) not in trainers and _decoded(signer.public_key) not in keys
    ]
    return "" if independent else "only who trained has signed, and may not approve alone"


def _account(account: str) -> str:
    return account.strip().casefold()


def _decoded(text: str) -> bytes | None:
    """The bytes of Base64 in its one form; ``None`` where it is not."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode("ascii") == text else None
