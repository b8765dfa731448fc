"""The kinds of personal data, and how one value of each is recognised.

Belongs here: the shape, the exact check and the chance rate of every kind. Does not belong here:
deciding whether a column is of a kind, by its values or its name (``personal_data.py``), or what
is then done about it (``protection.py``).

Check digits are python-stdnum's, except where its answer depends on today's date (Belgium,
Denmark, Norway, South Africa, Sweden): the same batch must give the same answer in every year.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from ipaddress import IPv6Address, ip_address

from stdnum import iban, luhn

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


def _by_stdnum(module: str) -> Check:
    def check(text: str) -> bool:
        # Loading every country's module at once costs more than most tables need.
        try:
            return bool(import_module(f"stdnum.{module}").is_valid(text))
        except (LookupError, ValueError):
            return False  # it trips over places that its registers do not know

    return check


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdecimal())


def _is_day(month: int, day: int) -> bool:
    longest = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}.get(month, 31)
    return 1 <= month <= 12 and 1 <= day <= longest


def _is_email(text: str) -> bool:
    """RFC 5321 lengths; ``icon@2x.png``, ``lodash@4.17.rc`` and ``git@host.org`` are none."""
    local, _, domain = text.rpartition("@")
    *labels, ending = domain.split(".")
    if len(domain) > 255 or local.lower() == "git" or ".." in local:
        return False
    return not FILE_ENDINGS.fullmatch(ending) and not all(label.isdecimal() for label in labels)


def _is_phone(text: str) -> bool:
    """A number assigned under ITU-T E.164, after the longest beginning that is one."""
    import phonenumbers

    groups = re.split(r"(?=[\s(/.\-])", text)
    for end in range(len(groups), 0, -1):
        given = "".join(groups[:end])
        if len(_digits(given)) < 8:
            return False
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(given, None)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _is_iban(text: str) -> bool:
    """ISO 13616: the country's structure, and ISO 7064 mod 97-10."""
    compact = "".join(re.sub(rf"(?i)^{_AFTER_IBAN}", "", text).split()).upper()
    # python-stdnum reads the country's structure first, at twenty times the cost.
    remainder = int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97
    return remainder == 1 and bool(iban.is_valid(compact, check_country=False))


def _is_card(text: str) -> bool:
    """ISO/IEC 7812-1: an issuer's range and length, and the Luhn check digit."""
    number = _digits(text)
    return CARD_ISSUERS.fullmatch(number) is not None and luhn.is_valid(number)


def _is_ip(text: str) -> bool:
    """IPv4 with an octet above 31 (else it reads like a version number), or IPv6 in use."""
    if text[0].isalpha() and ":" not in text[:5]:
        return False
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        groups = [group for group in text.split(":") if group]
        return len(groups) >= 3 and any(character.isdecimal() for character in text)
    return address.packed[0] > 0 and max(address.packed) > 31 and int(address) < 0xFFFFFFFF


def _is_mac(text: str) -> bool:
    """IEEE EUI-48; digits alone between hyphens or points may as well be a time or a code."""
    digits = re.sub(r"[:.-]", "", text)
    return len(digits) == 12 and len(set(digits)) > 2 and (":" in text or not digits.isdecimal())


def _is_belgian(text: str) -> bool:
    """97 minus the first nine digits modulo 97, with a 2 before them since the year 2000."""
    number = _digits(text)
    if int(number[2:4]) > 12 or int(number[4:6]) > 31:
        return False
    return any(97 - int(f"{century}{number[:9]}") % 97 == int(number[9:]) for century in ("", "2"))


def _is_danish(text: str) -> bool:
    """DDMMYY, and the modulus 11 that all numbers had until 2007."""
    number = _digits(text)
    checksum: int = import_module("stdnum.dk.cpr").checksum(number)
    return checksum == 0 and _is_day(int(number[2:4]), int(number[:2]))


def _is_norwegian(text: str) -> bool:
    """DDMMYY (a D-number adds 40 to the day) and two check digits modulo 11."""
    module = import_module("stdnum.no.fodselsnummer")
    day = int(text[:2])
    return (
        _is_day(int(text[2:4]), day - 40 if day > 40 else day)
        and module.calc_check_digit1(text) == text[9]
        and module.calc_check_digit2(text) == text[10]
    )


def _is_swedish(text: str) -> bool:
    return _is_dated_luhn(_digits(text)[-10:])  # any century before them is not checked


def _is_dated_luhn(number: str) -> bool:
    """YYMMDD (60 is added to the day of a Swedish samordningsnummer), then a Luhn check digit."""
    day = int(number[4:6])
    return _is_day(int(number[2:4]), day - 60 if day > 60 else day) and luhn.is_valid(number)


FILE_ENDINGS = re.compile("(?i)gif|html?|ico|jpe?g|js|json|md|pdf|png|py|svg|txt|webp|xml|ya?ml")

CARD_ISSUERS = re.compile(
    r"4(\d{15}|\d{18})"  # Visa, whose numbers of 13 digits are no longer issued
    r"|(5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(30[0-5]|3095|36|38|39)\d{10,17}"  # Diners Club
    r"|(6011|64[4-9]\d|65\d\d)\d{12,15}"  # Discover
    r"|35(2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
    r"|220[0-4]\d{12}"  # Mir
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
_IBAN = "|".join(rf"(?:{c})\d\d(?: ?[a-z0-9]){{{n - 4}}}" for n, c in IBAN_LENGTHS.items())
_IBAN_IN_FOURS = "|".join(
    rf"(?:{c})\d\d(?: [a-z0-9]{{4}}){{{n // 4 - 1}}}(?: [a-z0-9]{{{n % 4}}})?"
    for n, c in IBAN_LENGTHS.items()
)
_CODICE = r"[a-z]{6}\d{2}[a-ehlmprst]\d{2}[a-z]\d{3}[a-z]"
_NIR = r"[12378] ?\d{2} ?\d{2} ?\d[0-9ab] ?\d{3} ?\d{3} ?\d{2}"

CERTAIN: tuple[Recogniser, ...] = (
    Recogniser(E_MAIL, rf"{_LOCAL}@(?:{_LABEL}\.){{1,8}}[a-z]{{2,63}}", _is_email),
    Recogniser(IBAN, rf"{_IBAN_IN_FOURS}|{_AFTER_IBAN}(?:{_IBAN})", _is_iban),
    Recogniser(PHONE, r"\+\d(?:[ ().\-/]{0,2}\d){7,14}", _is_phone),
    Recogniser(MAC, rf"{_HEX}{{2}}(?:[:-]{_HEX}{{2}}){{5,}}", _is_mac),
    Recogniser(MAC, rf"(?:{_HEX}{{4}}\.){{2}}{_HEX}{{4}}", _is_mac),
    Recogniser(IP, rf"{_VERSION}\d{{1,3}}(?:\.\d{{1,3}}){{3}}", _is_ip),
    Recogniser(IP, rf"(?:{_HEX}{{0,4}}:){{2,}}(?:{_HEX}{{1,4}}|\d+(?:\.\d+){{3}})?", _is_ip),
    _national("US SSN", r"\d{3}-\d{2}-\d{4}", _by_stdnum("us.ssn")),
    _national("IT codice fiscale", _CODICE, _by_stdnum("it.codicefiscale")),
    _national("MX CURP", r"[a-z]{4}\d{6}[hmx][a-z]{5}\w\d", _by_stdnum("mx.curp")),
    _national("BE", r"\d{2}\.\d{2}\.\d{2}[- ]\d{3}[. ]\d{2}", _is_belgian),
    _national("CH AHV", r"756\.\d{4}\.\d{4}\.\d{2}", _by_stdnum("ch.ssn")),
    _national("BR CPF", r"\d{3}\.\d{3}\.\d{3}-\d{2}", _by_stdnum("br.cpf")),
)
"""Unmistakable notations: any occurrence is a finding."""

PROBABLE: tuple[Recogniser, ...] = (
    Recogniser(IBAN, _IBAN, _is_iban, 1 / 97),
    Recogniser(CARD, r"\d{4}(?:[ -]\d{4}){3}|\d{4}[ -]\d{6}[ -]\d{5}", _is_card, 1 / 10),
    _national("ES DNI", r"\d{8}-?[a-z]", _by_stdnum("es.dni"), 1 / 23),
    _national("ES NIE", r"[xyz]-?\d{7}-?[a-z]", _by_stdnum("es.nie"), 1 / 23),
    _national("IE PPS", r"\d{7}[a-w][a-i]?", _by_stdnum("ie.pps"), 1 / 23),
    _national("FI", r"\d{6}[-+a-fu-y]\d{3}[0-9a-y]", _by_stdnum("fi.hetu"), 1 / 31),
    _national("DK CPR", r"\d{6}-\d{4}", _is_danish, 1 / 11),
    _national("SE", r"(?:\d{2})?\d{6}[-+]\d{4}", _is_swedish, 1 / 10),
    _national("CZ, SK", r"\d{6}/\d{4}", _by_stdnum("cz.rc"), 1 / 11),
    _national("KR RRN", r"\d{6}-\d{7}", _by_stdnum("kr.rrn"), 1 / 10),
    _national("CA SIN", r"\d{3}[- ]\d{3}[- ]\d{3}", _by_stdnum("ca.sin"), 1 / 10),
    _national("FR NIR", _NIR, _by_stdnum("fr.nir"), 1 / 97),
    _national("CN", r"\d{17}[0-9x]", _by_stdnum("cn.ric"), 1 / 11),
    _national("IN Aadhaar", r"\d{4} \d{4} \d{4}", _by_stdnum("in_.aadhaar"), 1 / 10),
)
"""Notations with a check that an arbitrary text passes by chance: the share that passes decides."""

NUMBERS: tuple[Recogniser, ...] = (
    Recogniser(CARD, r"\d{12,19}", _is_card, 1 / 10),
    _number("NL BSN", 9, _by_stdnum("nl.bsn"), 1 / 11),
    _number("PT NIF", 9, _by_stdnum("pt.nif"), 1 / 11),
    _number("CA SIN", 9, _by_stdnum("ca.sin"), 1 / 10),
    _number("GB NHS", 10, _by_stdnum("gb.nhs"), 1 / 11),
    _number("AT SVNR", 10, _by_stdnum("at.vnr"), 1 / 11),
    _number("BG EGN", 10, _by_stdnum("bg.egn"), 1 / 10),
    _number("CZ, SK", 10, _by_stdnum("cz.rc"), 1 / 11),
    _number("DK CPR", 10, _is_danish, 1 / 11),
    _number("SE", 10, _is_swedish, 1 / 10),
    _number("IS kennitala", 10, _by_stdnum("is_.kennitala"), 1 / 11),
    _number("BE", 11, _is_belgian, 2 / 97),
    _number("DE IdNr", 11, _by_stdnum("de.idnr"), 1 / 10),
    _number("PL PESEL", 11, _by_stdnum("pl.pesel"), 1 / 10),
    _number("NO", 11, _is_norwegian, 1 / 121),
    _number("EE, LT", 11, _by_stdnum("ee.ik"), 1 / 10),
    _number("HR OIB", 11, _by_stdnum("hr.oib"), 1 / 10),
    _number("GR AMKA", 11, _by_stdnum("gr.amka"), 1 / 10),
    _number("TR", 11, _by_stdnum("tr.tckimlik"), 1 / 100),
    _number("BR CPF", 11, _by_stdnum("br.cpf"), 1 / 100),
    _number("SE", 12, _is_swedish, 1 / 10),
    _number("IN Aadhaar", 12, _by_stdnum("in_.aadhaar"), 1 / 10),
    _number("RO CNP", 13, _by_stdnum("ro.cnp"), 1 / 11),
    _number("SI EMSO", 13, _by_stdnum("si.emso"), 1 / 11),
    _number("CH AHV", 13, _by_stdnum("ch.ssn"), 1 / 10),
    _number("KR RRN", 13, _by_stdnum("kr.rrn"), 1 / 10),
    _number("ZA", 13, _is_dated_luhn, 1 / 10),
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
