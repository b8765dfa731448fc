"""What a column's name alone suggests: a protected attribute, an identifier, a code, a number that
may be negative.

Belongs here: words, and nothing but words. Does not belong here: what the values say
(``column_guess.py``). A name is weak evidence, so each answer ends in a comment for a person.
"""

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")

_SENSITIVE = {
    "sex": "sex",
    "gender": "sex",
    "female": "sex",
    "race": "race or ethnic origin",
    "rac1p": "race or ethnic origin",
    "hisp": "race or ethnic origin",
    "caste": "race or ethnic origin",
    "agep": "age",
    "dob": "age",
    "dis": "disability",
    "nativity": "national origin",
    "immigrant": "national origin",
    "married": "marital status",
    "partyid": "political opinion",
    "pregnant": "pregnancy",
    "pregnancy": "pregnancy",
}
_SENSITIVE_STEMS = {
    "ethnic": "race or ethnic origin",
    "hispan": "race or ethnic origin",
    "politic": "political opinion",
    "religio": "religion",
    "disab": "disability",
    "handicap": "disability",
    "nationalit": "national origin",
    "citizen": "national origin",
    "marital": "marital status",
    "sexual": "sexual orientation",
}
_SENSITIVE_TOGETHER = {
    frozenset({"senior", "citizen"}): "age",
    frozenset({"party", "id"}): "political opinion",
    frozenset({"skin", "color"}): "race or ethnic origin",
    frozenset({"native", "country"}): "national origin",
    frozenset({"foreign", "worker"}): "national origin",
    frozenset({"birth", "country"}): "national origin",
    frozenset({"personal", "status"}): "marital status",
    frozenset({"union", "member"}): "trade union membership",
}


def _all_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OF_THINGS = _all_of(
    "account building car condition device distance equipment home horse house housing loan "
    "machine policy product property rate running time vehicle weight"
)
"""Beside ``age``, ``birth`` or ``race``: the age of a thing, a weight at birth, a horse race."""

_IDENTIFIERS = _all_of("guid id identifier index key rowid rownames uuid unnamed")
_CODES = _all_of("category class code group kind mode region sector state status type zone")
_ORDERED = _all_of(
    "age amount count day days degree duration grade hour hours level minutes month months n nb no "
    "num number parch priority quality quantity rank rating score size stars step tenure term time "
    "total units week year years"
)
_SIGNED = _all_of(
    "altitude anomaly balance bias celsius change delay delta dew diff difference elevation error "
    "gain growth lat latitude lon lng log longitude loss margin net offset profit residual return "
    "returns score slope temp temperature trend x y z"
)
_DATES = _all_of("at created date day dob month period start end time timestamp updated")
_EVENT_TIMES = _all_of(
    "at created date datetime day dteday event month ordered period quarter recorded start time "
    "timestamp ts week when year"
)
_OTHER_TIMES = _all_of(
    "due expiration expires expiry hire hired joined maturity modified renewal until updated valid"
)
"""Times that rows have besides the one at which they came about."""
_PERSONS = _all_of(
    "address client contact customer email employee family first last mail name nurse patient "
    "person phone surname user"
)


def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: ``houseAge_2`` is house, age, 2."""
    return tuple(word.lower() for word in _WORD.findall(_CAMEL.sub(" ", name)))


def sensitive_attribute(name: str) -> str | None:
    """The protected attribute a name suggests (EU Charter article 21, GDPR article 9), or
    ``None``. ``usage`` is no age, and ``vehicle_age`` no person's."""
    found = words(name)
    whole = name.strip().lower()
    of_thing = bool(_OF_THINGS.intersection(found))
    for together, attribute in _SENSITIVE_TOGETHER.items():
        if together <= set(found):
            return attribute
    if {"age", "birth", "born", "birthday", "birthdate"}.intersection(found):
        return None if of_thing else "age"
    for word in (whole, *found):
        if word in _SENSITIVE and not (word == "race" and of_thing):
            return _SENSITIVE[word]
        for stem, attribute in _SENSITIVE_STEMS.items():
            if word.startswith(stem):
                return attribute
    return None


def names_identifier(name: str) -> bool:
    """Whether a name says that the column tells rows or things apart."""
    found = words(name)
    return bool(found) and (found[-1] in _IDENTIFIERS or found[0] in ("id", "unnamed", "uuid"))


def names_code(name: str) -> bool:
    """Whether a name says that integers are codes without order."""
    return bool(_CODES.intersection(words(name)))


def names_order(name: str) -> bool:
    """Whether a name says that integers are counts, ranks or parts of a date."""
    return bool(_ORDERED.intersection(words(name)))


def names_signed(name: str) -> bool:
    """Whether a name says that values below zero may come, though none is there yet."""
    return bool(_SIGNED.intersection(words(name)))


def names_date(name: str) -> bool:
    """Whether a name says that the column holds dates or times."""
    return bool(_DATES.intersection(words(name)))


def names_event_time(name: str) -> bool:
    """Whether a name says when what the row tells of came about."""
    return bool(_EVENT_TIMES.intersection(words(name))) and not names_other_time(name)


def names_other_time(name: str) -> bool:
    """Whether a name says another time than that, such as an expiry or a birth."""
    return bool(_OTHER_TIMES.intersection(words(name))) or sensitive_attribute(name) is not None


def names_person(name: str) -> bool:
    """Whether values may name people, so that none of them is shown."""
    return bool(_PERSONS.intersection(words(name)))
