"""The kinds of personal data, and how one value of each is recognised.

Belongs here: the shape and the chance rate of every notation, with its check. Does not belong here:
the checks (``value_checks.py``, ``iban.py``), deciding whether a column is of a kind
(``personal_data.py``), or what is then done about it (``protection.py``).
"""

import re

from mlops_assets.data.privacy import iban
from mlops_assets.data.privacy.recogniser import (
    CARD,
    E_MAIL,
    IBAN,
    IP,
    MAC,
    NATIONAL,
    PHONE,
    Check,
    Recogniser,
    bounded,
)
from mlops_assets.data.privacy.value_checks import (
    by_stdnum,
    is_belgian,
    is_card,
    is_danish,
    is_dated_luhn,
    is_email,
    is_insurance_number,
    is_ip,
    is_mac,
    is_national_phone,
    is_norwegian,
    is_phone,
    is_swedish,
)

_HEX = "[0-9a-f]"
_VERSION = r"(?:(?:version|ver|release|firmware|build|driver)[.:]? ?)?"
_LOCAL = r"[^\s@<>()\[\]{},;:\"'|/\\]{1,64}"
_LABEL = r"[^\s@<>()\[\]{},;:\"'|/\\_!?=.]{1,63}"


def _national(
    name: str, shape: str, check: Check, chance: float = 0.0, alone: bool = True
) -> Recogniser:
    return Recogniser(f"{NATIONAL} ({name})", shape, check, chance, alone)


def _number(name: str, length: int, check: Check, chance: float) -> Recogniser:
    return _national(name, rf"\d{{{length}}}", check, chance, alone=False)


_CODICE = r"[a-z]{6}\d{2}[a-ehlmprst]\d{2}[a-z]\d{3}[a-z]"
_NIR = r"[12378] ?\d{2} ?\d{2} ?\d[0-9ab] ?\d{3} ?\d{3} ?\d{2}"
_AREA_CODE = r"\(\d{2,5}\) ?\d{3,5}(?:[ -]\d{2,4}){0,2}"
_TRUNK = (
    r"\d{2}(?: \d{2}){4}|\d{2}(?:\.\d{2}){4}|\d{2}(?:-\d{2}){4}"
    r"|\d{2}[- ]\d{8}|\d{3,4}[-/ ]\d{7,8}|\d{4}[-/]\d{6}|\d{5} \d{6}"
    r"|\d{2,4} \d{3,4} \d{4}|\d{4} \d{3} \d{3}|\d{2,3}-\d{3} \d{2,3} \d{2}"
    r"|\d{4}[ /]\d{2}(?: \d{2}){2}|\d{4}[ /]\d{2}(?:\.\d{2}){2}|\d{2} \d{3} \d{2} \d{2}"
)

CERTAIN: tuple[Recogniser, ...] = (
    Recogniser(E_MAIL, rf"{_LOCAL}@(?:{_LABEL}\.){{1,8}}[a-z]{{2,63}}", is_email),
    Recogniser(IBAN, iban.UNMISTAKABLE, iban.is_iban),
    Recogniser(PHONE, r"\+\d(?:[ ().\-/]{0,2}\d){7,14}", is_phone),
    Recogniser(PHONE, _AREA_CODE, is_national_phone),
    Recogniser(MAC, rf"{_HEX}{{2}}(?:[:-]{_HEX}{{2}}){{5,}}", is_mac),
    Recogniser(MAC, rf"(?:{_HEX}{{4}}\.){{2}}{_HEX}{{4}}", is_mac),
    Recogniser(IP, rf"{_VERSION}\d{{1,3}}(?:\.\d{{1,3}}){{3}}", is_ip),
    Recogniser(IP, rf"(?:{_HEX}{{0,4}}:){{2,}}(?:{_HEX}{{1,4}}|\d+(?:\.\d+){{3}})?", is_ip),
    _national("GB NINO", r"[a-z]{2}(?: \d{2}){3} [a-d]", is_insurance_number),
    _national("US SSN", r"\d{3}-\d{2}-\d{4}", by_stdnum("us.ssn")),
    _national("IT codice fiscale", _CODICE, by_stdnum("it.codicefiscale")),
    _national("MX CURP", r"[a-z]{4}\d{6}[hmx][a-z]{5}\w\d", by_stdnum("mx.curp")),
    _national("BE", r"\d{2}\.\d{2}\.\d{2}[- ]\d{3}[. ]\d{2}", is_belgian),
    _national("CH AHV", r"756\.\d{4}\.\d{4}\.\d{2}", by_stdnum("ch.ssn")),
    _national("BR CPF", r"\d{3}\.\d{3}\.\d{3}-\d{2}", by_stdnum("br.cpf")),
)
"""Unmistakable notations: any occurrence is a finding."""

PROBABLE: tuple[Recogniser, ...] = (
    Recogniser(IBAN, iban.LOOSE, iban.is_iban, 1 / 97),
    Recogniser(CARD, r"\d{4}(?:[ -]\d{4}){3}|\d{4}[ -]\d{6}[ -]\d{5}", is_card, 1 / 10),
    _national("ES DNI", r"\d{8}-?[a-z]", by_stdnum("es.dni"), 1 / 23),
    _national("ES NIE", r"[xyz]-?\d{7}-?[a-z]", by_stdnum("es.nie"), 1 / 23),
    _national("IE PPS", r"\d{7}[a-w][a-i]?", by_stdnum("ie.pps"), 1 / 23),
    _national("FI", r"\d{6}[-+a-fu-y]\d{3}[0-9a-y]", by_stdnum("fi.hetu"), 1 / 31),
    _national("DK CPR", r"\d{6}-\d{4}", is_danish, 1 / 11),
    _national("SE", r"(?:\d{2})?\d{6}[-+]\d{4}", is_swedish, 1 / 10),
    _national("CZ, SK", r"\d{6}/\d{4}", by_stdnum("cz.rc"), 1 / 11),
    _national("KR RRN", r"\d{6}-\d{7}", by_stdnum("kr.rrn"), 1 / 10),
    _national("CA SIN", r"\d{3}[- ]\d{3}[- ]\d{3}", by_stdnum("ca.sin"), 1 / 10),
    _national("FR NIR", _NIR, by_stdnum("fr.nir"), 1 / 97),
    Recogniser(PHONE, _TRUNK, is_national_phone, 1 / 10, alone=False),
    _national("NL BSN", r"\d{4}\.\d{2}\.\d{3}", by_stdnum("nl.bsn"), 1 / 11),
    _national("DE IdNr", r"\d{2} \d{3} \d{3} \d{3}", by_stdnum("de.idnr"), 1 / 10),
    _national("GB NHS", r"\d{3} \d{3} \d{4}", by_stdnum("gb.nhs"), 1 / 11, alone=False),
    _national("GB NINO", r"[a-z]{2}\d{6}[a-z]", is_insurance_number, 1 / 11),
    _national("CN", r"\d{17}[0-9x]", by_stdnum("cn.ric"), 1 / 11),
    _national("IN Aadhaar", r"\d{4} \d{4} \d{4}", by_stdnum("in_.aadhaar"), 1 / 10),
)
"""Notations with a check that an arbitrary text passes by chance: the share that passes decides."""

NUMBERS: tuple[Recogniser, ...] = (
    Recogniser(CARD, r"\d{12,19}", is_card, 1 / 10),
    _number("NL BSN", 9, by_stdnum("nl.bsn"), 1 / 11),
    _number("PT NIF", 9, by_stdnum("pt.nif"), 1 / 11),
    _number("CA SIN", 9, by_stdnum("ca.sin"), 1 / 10),
    _number("GB NHS", 10, by_stdnum("gb.nhs"), 1 / 11),
    _number("AT SVNR", 10, by_stdnum("at.vnr"), 1 / 11),
    _number("BG EGN", 10, by_stdnum("bg.egn"), 1 / 10),
    _number("CZ, SK", 10, by_stdnum("cz.rc"), 1 / 11),
    _number("DK CPR", 10, is_danish, 1 / 11),
    _number("SE", 10, is_swedish, 1 / 10),
    _number("IS kennitala", 10, by_stdnum("is_.kennitala"), 1 / 11),
    _number("BE", 11, is_belgian, 2 / 97),
    _number("DE IdNr", 11, by_stdnum("de.idnr"), 1 / 10),
    _number("PL PESEL", 11, by_stdnum("pl.pesel"), 1 / 10),
    _number("NO", 11, is_norwegian, 1 / 121),
    _number("EE, LT", 11, by_stdnum("ee.ik"), 1 / 10),
    _number("HR OIB", 11, by_stdnum("hr.oib"), 1 / 10),
    _number("GR AMKA", 11, by_stdnum("gr.amka"), 1 / 10),
    _number("TR", 11, by_stdnum("tr.tckimlik"), 1 / 100),
    _number("BR CPF", 11, by_stdnum("br.cpf"), 1 / 100),
    _number("SE", 12, is_swedish, 1 / 10),
    _number("IN Aadhaar", 12, by_stdnum("in_.aadhaar"), 1 / 10),
    _number("RO CNP", 13, by_stdnum("ro.cnp"), 1 / 11),
    _number("SI EMSO", 13, by_stdnum("si.emso"), 1 / 11),
    _number("CH AHV", 13, by_stdnum("ch.ssn"), 1 / 10),
    _number("KR RRN", 13, by_stdnum("kr.rrn"), 1 / 10),
    _number("ZA", 13, is_dated_luhn, 1 / 10),
)
"""Digits without any sign between them, as counters and order numbers have them too."""


def recognise(text: str) -> tuple[str, ...]:
    """The kinds of personal data that occur in one value, sorted.

    Of ``NUMBERS`` only cards: one arbitrary number in ten passes as some country's, and only a
    column tells. Digits of an IBAN are not read as a card too, nor those of a card as a number.
    """
    kinds = set()
    for recogniser in (*CERTAIN, *PROBABLE, *NUMBERS):
        rest = _without(text, recogniser) if recogniser.alone else text
        if rest != text:
            kinds.add(recogniser.kind)
            text = rest if recogniser.kind in (CARD, IBAN) or not recogniser.chance else text
    return tuple(sorted(kinds))


def _without(text: str, recogniser: Recogniser) -> str:
    def blank(match: re.Match[str]) -> str:
        return "\0" * len(match[0]) if recogniser.check(match[0]) else match[0]

    return bounded(recogniser.shape).sub(blank, text)
