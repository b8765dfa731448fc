"""What a kind of personal data is called, and what it takes to recognise one notation of it.

Belongs here: the words and the type. Does not belong here: the notations themselves
(``personal_patterns.py``), or their checks (``value_checks.py``, ``iban.py``).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

E_MAIL = "e-mail address"
PHONE = "phone number"
IBAN = "IBAN"
CARD = "payment card number"
NATIONAL = "national number"
IP = "IP address"
MAC = "MAC address"

Check = Callable[[str], bool]


@dataclass(frozen=True)
class Recogniser:
    """How one notation of one kind is recognised.

    ``shape`` is a regular expression that RE2 and Python read alike, of what is put to ``check``.
    ``chance`` is the share of arbitrary texts of that shape that pass the check: one over the
    values its check characters can take, or 0 where a single occurrence is proof.
    ``alone``: a value seen without the rest of its column is called by this kind.
    """

    kind: str
    shape: str
    check: Check
    chance: float = 0.0
    alone: bool = True


@cache
def bounded(shape: str) -> re.Pattern[str]:
    """``shape`` in any case, neither within a word or number nor beside a decimal mark."""
    return re.compile(rf"(?<![\w+-])(?<!\d[.,])(?a:{shape})(?![\w-])(?!\.\d)", re.IGNORECASE)
