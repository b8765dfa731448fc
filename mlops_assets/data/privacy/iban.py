"""IBANs: their lengths, the notations they are written in, and their check (ISO 13616).

Belongs here: everything about one IBAN. Does not belong here: how many make a column a finding
(``beyond_chance.py``).
"""

import re

from stdnum.iban import is_valid

IBAN_LENGTHS = {
    15: "no", 16: "be", 18: "dk|fi|fk|fo|gl|nl|sd", 19: "mk|si", 20: "at|ba|ee|kz|lt|lu|mn|xk",
    21: "ch|hr|li|lv", 22: "bg|bh|cr|de|gb|ge|ie|me|rs|va", 23: "ae|gi|il|iq|om|so|tl",
    24: "ad|cz|es|md|pk|ro|sa|se|sk|tn|vg", 25: "ly|pt|st", 26: "is|tr",
    27: "bi|dj|fr|gr|it|mc|mr|sm", 28: "al|az|by|cy|do|gt|hn|hu|lb|ni|pl|sv", 29: "br|eg|ps|qa|ua",
    30: "jo|kw|mu|ye", 31: "mt|sc", 32: "lc", 33: "ru",
}  # fmt: skip
"""The countries of each length in the IBAN registry (SWIFT, release 101)."""
ACCOUNTS = "iban|bank|account|konto|rekening|compte|cuenta|conto|rachunek"
"""Words in the name of a column in which a single IBAN is a finding."""
_AFTER_IBAN = r"iban(?: (?:number|no|nr|is))*\W{0,3}"
LOOSE = "|".join(rf"(?:{c})\d\d(?: ?[a-z0-9]){{{n - 4}}}" for n, c in IBAN_LENGTHS.items())
"""With or without spaces, which arbitrary codes are written like as well."""
_IN_FOURS = "|".join(
    rf"(?:{c})\d\d(?: [a-z0-9]{{4}}){{{n // 4 - 1}}}(?: [a-z0-9]{{{n % 4}}})?"
    for n, c in IBAN_LENGTHS.items()
)
UNMISTAKABLE = rf"{_IN_FOURS}|{_AFTER_IBAN}(?:{LOOSE})"
"""In groups of four, or after the word."""


def is_iban(text: str) -> bool:
    """ISO 13616: the country's structure, and ISO 7064 mod 97-10."""
    compact = "".join(re.sub(rf"(?i)^{_AFTER_IBAN}", "", text).split()).upper()
    # python-stdnum reads the country's structure first, at twenty times the cost.
    remainder = int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97
    return remainder == 1 and bool(is_valid(compact, check_country=False))
