"""The kinds of personal data that the name of a column announces.

Belongs here: words in names, in several languages, and what the values of each kind look like.
Does not belong here: looking at the values (``personal_data.py``).
"""

import re
from collections.abc import Iterator
from unicodedata import combining, normalize

from mlops_assets.data.privacy.recogniser import CARD, NATIONAL, PHONE

_LETTERS = r"\pL[\pL\pM'’.\-]*"
_DEGREES = r"[-+]?(1[0-7]\d|\d?\d)[.,]\d{3,}"
_DAY = r"(18|19|20)\d\d[-/.]?\d{1,2}[-/.]?\d{1,2}([ T].*)?|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}"
_WRITTEN = r"\d{1,2} \pL+ \d{4}|\pL+ \d{1,2},? \d{4}"
_PEOPLE = (
    "(account|applicant|author|borrower|buyer|candidate|card|child|citizen|client|contact|customer"
    "|doctor|donor|driver|employee|father|guest|holder|manager|member|mother|nurse|owner|parent"
    "|passenger|patient|person|physician|player|pupil|recipient|resident|seller|sender|spouse"
    "|staff|student|subscriber|teacher|tenant|worker)s?_?"
)
_NAMES = (
    r"(first|last|full|given|family|middle|maiden|sur|fore)_?name|prenom|nom_de_famille|imie"
    r"|(vor|nach|familien)_?name|(voor|achter)_?naa?m|apellido|cognome|sobrenome|nazwisko"
    rf"|(for|etter|efter)na[vm]n|^({_PEOPLE})*(name|nom|naam|nombre|nome|namn|navn)"
)
_ADDRESSES = (
    "address|addr|adress?e?|anschrift|street|strasse|straat|rue|direccion|indirizzo|endereco"
    "|domicil[ei]o?"
)
_BIRTHS = (
    "dob|birth_?(day|date)|date_?of_?birth|birth|born|geburts(datum|tag)|geboortedatum|naissance"
    "|nacimiento|nascita|nascimento"
)
_PLACES = "lat(itude)?|lon|lng|long(itude)?|gps|coord(inate)?|position|location"
_PHONES = (
    "tel|tele(ph|f)oo?n[eo]?|((cell|mobile)_?)?phone|mobile|mobiel|cell|gsm|fax|handy|msisdn"
    "|whatsapp|(telefoo?n|handy)_?nummer"
)
_NATIONALS = (
    "ssn|nino|bsn|niss|insz|dni|pesel|cpf|cpr|hetu|idnr|aadhaar|passport|personnummer"
    "|social_security|(national|national_identity|tax|personal)_?(id|number|no|nr)"
)
NAME_RULES = (
    ("person name", _NAMES, rf"^\s*{_LETTERS}([ ,/]+[(\"']*{_LETTERS}[)\"']*){{0,12}}\s*$"),
    ("user name", r"user_?name|nick_?name|screen_name|login(_name)?", r"^\S{2,64}$"),
    ("street address", _ADDRESSES, r"\pL.*[\s\d]|[\s\d].*\pL"),
    ("date of birth", _BIRTHS, rf"^({_DAY}|{_WRITTEN})$"),
    ("GPS position", _PLACES, rf"^(POINT ?\()?{_DEGREES}(°.*|[,;\s]+{_DEGREES}\)?)?$"),
    (PHONE, _PHONES, r"^[+(]?\d(?:[ ().\-/]{0,2}\d){6,14}(?: ?(x|ext\.?) ?\d+)?$"),
    (CARD, "card|cc|pan", r"^\d(?:[ -]?\d){11,18}$"),
    (NATIONAL, _NATIONALS, r"^(?:[A-Za-z \-/]*\d){5,18}[A-Za-z]?$"),
)
"""A kind, the words that end a column's name and announce it, what its values look like (RE2)."""
_ENDINGS = r"(?:.*_)?(?:{})s?(?:_?(?:number|no|nr|num|id|line|home|\d+))*"
_OTHERWISE = frozenset({"count", "hash", "type", "model", "ip", "mac", "web", "email", "url"})


def announced_kinds(name: str) -> Iterator[tuple[str, str]]:
    """The kinds that a column's name announces, and what their values look like."""
    words = plain_words(name)
    for kind, endings, looks in NAME_RULES:
        announced = re.fullmatch(_ENDINGS.format(endings), words)
        if announced and not _OTHERWISE & {*words.split("_")}:
            yield kind, looks


def plain_words(name: str) -> str:
    """A column name in lower case without accents, its words joined: ``prénomClient`` has two."""
    plain = "".join(c for c in normalize("NFKD", name) if not combining(c))
    parted = re.sub(r"([a-z])([A-Z])", r"\1_\2", plain)
    return "_".join(re.findall(r"[a-z]+|\d+", parted.lower()))
