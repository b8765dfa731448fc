"""Personal data in what is logged: the decision of a column, carried out on served values.

Belongs here: pseudonyms and coarser values with numpy and the standard library. Does not belong
here: the same for batches of data (``data/privacy/protection.py``, which a server does not have; a
test holds both to the same values, so that labels can be joined by a pseudonymised id), or which
columns are concerned (``plan.py``).

What is missing (the empty string, NaN) stays missing.
"""

import hmac
from collections.abc import Sequence
from math import floor, isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

KEY_VARIABLE = "MLOPS_PSEUDONYM_KEY"
PSEUDONYM_LENGTH = 16
KEPT_CHARACTERS = 2


def pseudonym(text: str, key: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) of the UTF-8 text, its first 16 hexadecimal digits."""
    return hmac.digest(key, text.encode(), "sha256").hex()[:PSEUDONYM_LENGTH]


def protect_texts(
    texts: Sequence[str], how: Literal["pseudonymise", "generalise"], key: bytes | None
) -> list[str]:
    """Texts hashed under ``key``, or cut to two characters. Raises ``ValueError`` without a key
    where one is needed."""
    if how == "generalise":
        return [text[:KEPT_CHARACTERS] for text in texts]
    if not key:
        raise ValueError("a column is to be pseudonymised, and there is no key")
    pseudonyms = {text: pseudonym(text, key) for text in {*texts} if text}
    return [pseudonyms.get(text, "") for text in texts]


def generalise_numbers(values: NDArray[Any], declared: str) -> NDArray[Any]:
    """Numbers rounded down to tens; a ``declared`` timestamp (int64, microseconds since 1970) to
    the first moment of its year."""
    if declared == "timestamp":
        years = values.astype(np.int64).view("datetime64[us]").astype("datetime64[Y]")
        return years.astype("datetime64[us]").view(np.int64)
    if values.dtype.kind == "f":
        return np.floor(values / 10.0) * 10.0
    return values // 10 * 10


def protect_row_id(
    text: str, how: Literal["pseudonymise", "generalise"], declared: str, key: bytes | None
) -> str | None:
    """A row's id, sent as text, as its column (of type ``declared``) says; ``None`` where it is not
    of that type."""
    if how == "pseudonymise" or declared == "string":
        return protect_texts([text], how, key)[0]
    try:
        if declared == "integer":
            return str(int(text) // 10 * 10)
        number = float(text)
    except ValueError:
        return None
    if declared != "number" or not isfinite(number):
        return None
    return repr(float(floor(number / 10.0)) * 10.0)
