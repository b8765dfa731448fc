"""Words for the two classes of a target, and which of them is the positive one.

Belongs here: words, and nothing but words. Does not belong here: which values a target has
(``target_guess.py``).
"""

import re

_AFFIRMATIVE = """
    + abnormal affirmative attrited bad bankrupt canceled cancelled case chargeback churn churned
    click clicked converted da default defaulted delayed event fail failed failure fraud fraudulent
    ja late left malicious malignant oui phishing poisonous pos positive present recurrence sick si
    sim spam stroke sí t true y yes
"""
"""For what somebody would want to know beforehand."""
_NEGATIVE = """
    - -1 0 absent alive authentic benign control f false genuine good ham healthy legit legitimate n
    neg negative nein never no none nonevent normal not não ok paid retained stayed
"""
"""For what is usual."""

AFFIRMATIVE = frozenset(_AFFIRMATIVE.split()) | {"charged off"}
NEGATIVE = frozenset(_NEGATIVE.split()) | {"on time", "fully paid"}
_NEGATING = frozenset({"no", "non", "not", "never", "without"})


def affirms(value: str) -> bool:
    """Whether a class is called by a word for what is to be known beforehand."""
    return _plain(value) in AFFIRMATIVE


def negates(value: str) -> bool:
    """Whether a class is called by a word for what is usual, or by the negation of another."""
    return _plain(value) in NEGATIVE or _plain(value).split(" ")[0] in _NEGATING


def _plain(value: str) -> str:
    """``Charged_Off.`` is charged off."""
    lower = value.strip().rstrip(".").lower()
    return re.sub(r"(?<=\w)[\s_-]+", " ", lower)
