"""What the texts of the reports are called in other languages, read from ``locale/``.

Belongs here: reading the files, and the spaces a language sets around its punctuation. Does not
belong here: the sentences with their parts (``text.py``) or the translations themselves
(``locale/<language>/<room>.po``, gettext's format).
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from mlops_assets.reporting.number_text import NARROW_SPACE

LOCALE = Path(__file__).parent / "locale"

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
FRENCH_SPACES = (
    (re.compile(r" (?=[;?!%])"), NARROW_SPACE),
    (re.compile(r" (?=[:»])|(?<=«) "), NO_BREAK_SPACE),
)
FRENCH_SEPARATORS = str.maketrans({";": f"{NARROW_SPACE};", ":": f"{NO_BREAK_SPACE}:"})


@cache
def translations(language: str) -> Mapping[str, str]:
    """Every English template with its translation; empty for English."""
    # Babel is imported here, as pages in English do without it.
    from babel.messages.pofile import read_po

    found: dict[str, str] = {}
    for path in sorted((LOCALE / language).glob("*.po")):
        with path.open("rb") as file:
            catalog = read_po(file, locale=language, abort_invalid=True)
        found |= {str(one.id): str(one.string) for one in catalog if one.id and one.string}
    return found


def typeset(translation: str, language: str) -> str:
    """A translation whose spaces do not break where the language forbids it: French has one before
    ``: ; ? ! %`` and inside its quotation marks."""
    if language == "fr":
        for pattern, space in FRENCH_SPACES:
            translation = pattern.sub(space, translation)
    return translation


def separator_in(separator: str, language: str) -> str:
    """What stands between two texts of a list, ``; `` or a translated word."""
    found = translations(language).get(separator)
    if found is not None:
        return typeset(found, language)
    return separator.translate(FRENCH_SEPARATORS) if language == "fr" else separator
