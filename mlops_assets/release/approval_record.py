"""What is kept of an approval: the content of ``approval.json``.

Belongs here: its form, and reading the signatures in it again. Does not belong here: the verdict
(``approval.py``), which is kept to be read by people and never trusted by the gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mlops_assets.release.approval import Approval, Refused, Signed, Subject, parse_signed


def approval_record(
    subject: Subject,
    files: Mapping[str, Mapping[str, str]],
    approval: Approval,
    signatures: Mapping[str, str],
    *,
    trained_by: Sequence[str],
    against: Sequence[str],
) -> dict[str, Any]:
    """The JSON-able record of an approval asked about ``subject``.

    ``files`` are the SHA-256 that the digest of the evidence is made of, ``signatures`` the texts
    of the signature files by name, ``against`` what the gate would say beside the approval. Who
    trained is kept where it decides, so that the record of a model which nobody has to approve is
    the same whoever trained it.
    """
    return {
        **asdict(subject),
        "files": {artifact: dict(found) for artifact, found in files.items()},
        "required": approval.required,
        "holds": approval.holds,
        "missing": approval.missing,
        "approved_by": [
            {"name": said.approver, "role": said.role, "comment": said.comment}
            for said in approval.approved_by
        ],
        "signatures": [{"file": name, "text": text} for name, text in sorted(signatures.items())],
        "refused": [asdict(refused) for refused in approval.refused],
        "trained_by": list(trained_by) if approval.required else [],
        "against": list(against),
    }


def texts_of(record: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the signature files that a record keeps, by name."""
    return {str(kept["file"]): str(kept["text"]) for kept in record.get("signatures", ())}


def read_signatures(texts: Mapping[str, str]) -> dict[str, Signed | Refused]:
    """The signatures in the texts of signature files, by name."""
    return {name: parse_signed(text, name) for name, text in texts.items()}
