"""Who is affected by the model, who answers for it, and what is demanded of it, as declared.

Belongs here: every field below ``policy`` in ``defs.yaml``. Does not belong here: the limits of
each class (``governance/policies/``), or what follows from them (``governance/policy.py``,
``release/gate.py``).
"""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from mlops_assets.specification import Specification

PolicyClass = Literal["minimal", "limited", "high"]


class Deviation(Specification):
    """Another limit than the policy's. A stricter one needs no reason; a laxer one does, and is
    printed with it wherever the limit is."""

    limit: FiniteFloat
    reason: str = ""
    subjects: tuple[str, ...] = ()
    """What it is for, as the report names it (``AGEP from 65``); empty: everything."""


class Approver(Specification):
    """A person who may approve a release of this use case."""

    name: Annotated[str, Field(min_length=2)]
    role: Annotated[str, Field(min_length=2)]
    account: Annotated[str, Field(min_length=1)]
    """The account that this person trains with, if ever: who trained may not approve alone."""
    public_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
    """Ed25519 public key (RFC 8032), 32 bytes in Base64: ``mlops new-key`` prints it."""


class Policy(Specification):
    """The classification of the use case, which picks the policy it is held to."""

    ai_act_class: PolicyClass
    """Of Regulation (EU) 2024/1689: ``high`` for the uses of its Annex III and products of its
    Annex I, ``limited`` where only its duties of transparency apply, else ``minimal``. What its
    Article 5 prohibits has no class here."""
    class_reason: str = ""
    """Why it is in this class."""
    purpose: str = ""
    """What the answers are used for, and what they must not be used for."""
    people_affected: str = ""
    """Whom decisions are about; ``nobody`` where they are about no person."""
    impact_of_error: Literal["negligible", "moderate", "serious"] | None = None
    availability: Literal["best effort", "working hours", "always"] | None = None
    """When answers are needed."""
    roles: dict[str, str] = Field(default={})
    """Who fills each role that the policy names: an e-mail address or ``team:name``."""
    limits: dict[str, tuple[Deviation, ...]] = Field(default={})
    """Deviations by the name of the limit; the first whose subjects match applies."""
    approvers: tuple[Approver, ...] = ()
