"""A candidate: the bundle that is released, byte for byte, if the gate says so.

Belongs here: the content of ``candidate.json``, and what speaks against a candidate as it was read
again. Does not belong here: making its bundle (``bundling.py``), reading it (``gathering.py``), or
what a server of it showed (``infra_check.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_assets.release.bundle import MADE_OF

CANDIDATE = "candidate"
FILE = "candidate.json"


@dataclass(frozen=True)
class Candidate:
    """A candidate as it was read again: its bundle is whole, and of the SHA-256 recorded.

    ``bundle`` is its hash, ``made_of`` the hashes of the artifacts and ``compared_with`` the
    champion that its manifest names. ``altered`` are those of its files that are not the evidence's
    as it stands now, ``is_as_declared`` says whether the use case is still what it was made for.
    """

    bundle: str
    made_of: Mapping[str, str]
    compared_with: str | None
    altered: tuple[str, ...]
    is_as_declared: bool


def candidate_record(
    bundle: str,
    manifest: Mapping[str, Any],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """The content of ``candidate.json``. ``manifest`` is that of the bundle, ``files`` the SHA-256
    (hex) of each of its files by path: who signs the record signs these bytes."""
    return {
        "bundle": bundle,
        "serves": manifest["serves"],
        "made_of": dict(manifest["made_of"]),
        "compared_with": manifest["compared_with"],
        "files": dict(files),
    }


def candidate_objections(
    candidate: Candidate | None, current: Mapping[str, str | None], compared_with: str | None
) -> list[str]:
    """What speaks against releasing this bundle: ``current`` are the hashes of the evidence as it
    stands now, ``compared_with`` is the champion that the evaluation names."""
    if current.get(CANDIDATE) is None:
        # That it is missing is said with all else that is.
        return []
    if candidate is None:
        return ["the candidate's bundle is lost or was changed: materialize candidate again"]
    against = [
        f"the candidate is about another {name} than the one to be released"
        for name in MADE_OF
        if candidate.made_of.get(name) != current.get(name)
    ]
    against += [
        f"the candidate holds another {path} than the evidence" for path in candidate.altered
    ]
    if not candidate.is_as_declared:
        against.append(
            "the candidate was made as the use case was declared before: materialize it again"
        )
    if candidate.compared_with != compared_with:
        against.append("the candidate names another champion than the evaluation compares with")
    return against
