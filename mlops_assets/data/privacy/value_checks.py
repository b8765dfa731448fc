"""Whether one value of the right shape is what it looks like: exact checks, without a register.

Belongs here: check digits, ranges and dates within a value. Does not belong here: shapes and
chance rates (``personal_patterns.py``), or IBANs (``iban.py``).

Check digits are python-stdnum's, except where its answer depends on today's date (Belgium,
Denmark, Norway, South Africa, Sweden): the same batch must give the same answer in every year.
"""

import re
from importlib import import_module
from ipaddress import IPv6Address, ip_address

from stdnum import luhn

from mlops_assets.data.privacy.recogniser import Check

FILE_ENDINGS = re.compile("(?i)gif|html?|ico|jpe?g|js|json|md|pdf|png|py|svg|txt|webp|xml|ya?ml")

PHONE_PLANS = ("AU", "BE", "DE", "FR", "GB", "IT", "NL", "SE")

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


def by_stdnum(module: str) -> Check:
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


def is_email(text: str) -> bool:
    """RFC 5321 lengths; ``icon@2x.png``, ``lodash@4.17.rc`` and ``git@host.org`` are none."""
    local, _, domain = text.rpartition("@")
    *labels, ending = domain.split(".")
    if len(domain) > 255 or local.lower() == "git" or ".." in local:
        return False
    return not FILE_ENDINGS.fullmatch(ending) and not all(label.isdecimal() for label in labels)


def is_phone(text: str) -> bool:
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


def is_national_phone(text: str) -> bool:
    """Written with the trunk prefix 0, or (area code) number, as one of ``PHONE_PLANS`` has it."""
    import phonenumbers

    if len(_digits(text)) < 9 or re.search(r"555-01\d\d$", text):
        return False  # too short to be told from a figure, or reserved for fiction: nobody's
    plans: tuple[str, ...] = ("US", "CA", "BR") if text[0] == "(" else ()
    if _digits(text)[0] == "0":
        plans = PHONE_PLANS
    for plan in plans:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(text, plan)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def is_insurance_number(text: str) -> bool:
    """The United Kingdom's NINO, which has no check digit: letters that are given out."""
    unused = "BG|GB|KN|NK|NT|TN|ZZ"
    shape = rf"(?i)(?!{unused})[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][\d ]+[A-D]"
    return re.fullmatch(shape, text) is not None


def is_card(text: str) -> bool:
    """ISO/IEC 7812-1: an issuer's range and length, and the Luhn check digit."""
    number = _digits(text)
    return CARD_ISSUERS.fullmatch(number) is not None and luhn.is_valid(number)


def is_ip(text: str) -> bool:
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


def is_mac(text: str) -> bool:
    """IEEE EUI-48; digits alone between hyphens or points may as well be a time or a code."""
    digits = re.sub(r"[:.-]", "", text)
    return len(digits) == 12 and len(set(digits)) > 2 and (":" in text or not digits.isdecimal())


def is_belgian(text: str) -> bool:
    """97 minus the first nine digits modulo 97, with a 2 before them since the year 2000."""
    number = _digits(text)
    if int(number[2:4]) > 12 or int(number[4:6]) > 31:
        return False
    return any(97 - int(f"{century}{number[:9]}") % 97 == int(number[9:]) for century in ("", "2"))


def is_danish(text: str) -> bool:
    """DDMMYY, and the modulus 11 that all numbers had until 2007."""
    number = _digits(text)
    checksum: int = import_module("stdnum.dk.cpr").checksum(number)
    return checksum == 0 and _is_day(int(number[2:4]), int(number[:2]))


def is_norwegian(text: str) -> bool:
    """DDMMYY (a D-number adds 40 to the day) and two check digits modulo 11."""
    module = import_module("stdnum.no.fodselsnummer")
    day = int(text[:2])
    return (
        _is_day(int(text[2:4]), day - 40 if day > 40 else day)
        and module.calc_check_digit1(text) == text[9]
        and module.calc_check_digit2(text) == text[10]
    )


def is_swedish(text: str) -> bool:
    return is_dated_luhn(_digits(text)[-10:])  # any century before them is not checked


def is_dated_luhn(number: str) -> bool:
    """YYMMDD (60 is added to the day of a Swedish samordningsnummer), then a Luhn check digit."""
    day = int(number[4:6])
    return _is_day(int(number[2:4]), day - 60 if day > 60 else day) and luhn.is_valid(number)
