"""Personal data made from the standards, and what only looks like it.

Belongs here: makers of values for the tests of recall and precision. Nothing of the recognisers is
used to make one: check digits are computed by this file.
"""

import random
from collections.abc import Callable

Make = Callable[[random.Random], str]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def _day(rng: random.Random) -> tuple[int, int, int]:
    return rng.randint(1930, 1999), rng.randint(1, 12), rng.randint(1, 28)


def _luhn_digit(number: str) -> str:
    """ISO/IEC 7812-1 annex B: every second digit from the right counts double."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def e_mail(rng: random.Random) -> str:
    local = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 9)))
    middle = rng.choice([".", "_", "-", "+", ""])
    domain = rng.choice(
        ["example.com", "mail.example.org", "uni-x.example.ac.uk", "bücher.example"]
    )
    return f"{local}{middle}{rng.randint(0, 99)}x@{domain}"


def phone(rng: random.Random) -> str:
    """ITU-T E.164: numbers of the Belgian and French mobile plans and of Berlin and New York."""
    n = _digits(rng, 7)
    return rng.choice(
        [
            f"+3247{rng.randint(0, 9)}{n[:6]}",
            f"+32 47{rng.randint(0, 9)} {n[:2]} {n[2:4]} {n[4:6]}",
            f"+33 6 {rng.randint(10, 69)} {n[:2]} {n[2:4]} {n[4:6]}",
            f"+49 (0)30 2{n[:6]}",
            f"+1 212-{rng.randint(220, 500)}-{n[:4]}",
        ]
    )


def iban(rng: random.Random) -> str:
    """ISO 13616: the check digits make the number, letters as 10 to 35, 1 modulo 97."""
    country = rng.choice(["BE", "DE", "FR", "NL"])
    account = {
        "BE": lambda: (lambda n: f"{n}{int(n) % 97 or 97:02d}")(_digits(rng, 10)),
        "DE": lambda: _digits(rng, 18),
        "FR": lambda: _digits(rng, 23),
        "NL": lambda: "".join(rng.choice(LETTERS) for _ in range(4)) + _digits(rng, 10),
    }[country]()
    as_number = "".join(
        str(LETTERS.index(c) + 10) if c in LETTERS else c for c in account + country
    )
    whole = f"{country}{98 - int(as_number + '00') % 97:02d}{account}"
    grouped = " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))
    return rng.choice([whole, grouped])


def card(rng: random.Random) -> str:
    prefix, length = rng.choice([("4", 16), ("51", 16), ("2221", 16), ("34", 15), ("6011", 16)])
    body = prefix + _digits(rng, length - len(prefix) - 1)
    number = body + _luhn_digit(body)
    grouped = " ".join(number[i : i + 4] for i in range(0, 16, 4))
    return rng.choice([number, grouped]) if length == 16 else number


def ssn(rng: random.Random) -> str:
    area = rng.choice([n for n in (rng.randint(1, 899), 123) if n != 666])
    return f"{area:03d}-{rng.randint(1, 99):02d}-{rng.randint(1, 9999):04d}"


def belgian(rng: random.Random) -> str:
    year, month, day = _day(rng)
    body = f"{year % 100:02d}{month:02d}{day:02d}{rng.randint(1, 998):03d}"
    check = f"{97 - int(body) % 97:02d}"
    return f"{body[:2]}.{body[2:4]}.{body[4:6]}-{body[6:]}.{check}"


def dutch(rng: random.Random) -> str:
    """Elfproef: weights 9 to 2 and -1 sum to a multiple of 11."""
    while True:
        body = str(rng.randint(1, 9)) + _digits(rng, 7)
        check = sum((9 - i) * int(d) for i, d in enumerate(body)) % 11
        if check < 10:
            return f"{body}{check}"


def polish(rng: random.Random) -> str:
    year, month, day = _day(rng)
    body = f"{year % 100:02d}{month:02d}{day:02d}{_digits(rng, 4)}"
    total = sum(int(d) * w for d, w in zip(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True))
    return f"{body}{-total % 10}"


def french(rng: random.Random) -> str:
    year, month, _ = _day(rng)
    body = f"{rng.randint(1, 2)}{year % 100:02d}{month:02d}{rng.randint(1, 95):02d}"
    body += f"{rng.randint(1, 600):03d}{rng.randint(1, 999):03d}"
    return f"{body}{97 - int(body) % 97:02d}"


def spanish(rng: random.Random) -> str:
    number = rng.randint(10**7, 10**8 - 1)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def finnish(rng: random.Random) -> str:
    year, month, day = _day(rng)
    body = f"{day:02d}{month:02d}{year % 100:02d}{rng.randint(2, 899):03d}"
    return f"{body[:6]}-{body[6:]}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(body) % 31]}"


def swedish(rng: random.Random) -> str:
    year, month, day = _day(rng)
    body = f"{year % 100:02d}{month:02d}{day:02d}{_digits(rng, 3)}"
    return f"{body[:6]}-{body[6:]}{_luhn_digit(body)}"


def norwegian(rng: random.Random) -> str:
    while True:
        year, month, day = _day(rng)
        body = f"{day:02d}{month:02d}{year % 100:02d}{rng.randint(0, 499):03d}"
        first = (
            -sum(int(d) * w for d, w in zip(body, (3, 7, 6, 1, 8, 9, 4, 5, 2), strict=True)) % 11
        )
        if first == 10:
            continue
        body += str(first)
        weights = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
        second = -sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11
        if second < 10:
            return f"{body}{second}"


def danish(rng: random.Random) -> str:
    while True:
        year, month, day = _day(rng)
        body = f"{day:02d}{month:02d}{year % 100:02d}{rng.randint(0, 399):03d}"
        weights = (4, 3, 2, 7, 6, 5, 4, 3, 2)
        check = -sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11
        if check < 10:
            return f"{body[:6]}-{body[6:]}{check}"


def german(rng: random.Random) -> str:
    """ISO 7064 mod 11, 10; of the first ten digits one comes twice and one is absent."""
    digits = list("1234567890")
    rng.shuffle(digits)
    digits[rng.randrange(1, 9)] = digits[9]
    if digits[0] == "0":
        digits[0], digits[1] = digits[1], digits[0]
    if digits[0] == "0":
        return german(rng)
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return "".join(digits) + str((11 - product) % 10)


def codice_fiscale(rng: random.Random) -> str:
    """Decreto ministeriale 23 December 1976: odd places count by a table, even ones by value."""
    year, month, day = _day(rng)
    consonants = "BCDFGLMNPRSTVZ"
    name = "".join(rng.choice(consonants) for _ in range(6))
    body = f"{name}{year % 100:02d}{'ABCDEHLMPRST'[month - 1]}{day:02d}H501"
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25)
    odd = (*odd, 24, 23)
    values = [int(c) if c.isdigit() else LETTERS.index(c) for c in body]
    total = sum(odd[v] if place % 2 == 0 else v for place, v in enumerate(values))
    return body + LETTERS[total % 26]


def ip_v4(rng: random.Random) -> str:
    return f"{rng.randint(1, 223)}." + ".".join(str(rng.randint(0, 255)) for _ in range(3))


def ip_v6(rng: random.Random) -> str:
    groups = [f"{rng.randint(4096, 65535):x}" for _ in range(6)]
    return "2001:db8:" + ":".join(groups) if rng.random() < 0.5 else "2001:db8::" + groups[0]


def mac(rng: random.Random) -> str:
    pairs = ["0a", *(f"{rng.randint(0, 255):02x}" for _ in range(5))]
    return rng.choice([":", "-"]).join(pairs)


KINDS: dict[Make, str] = {
    e_mail: "e-mail address",
    phone: "phone number",
    iban: "IBAN",
    card: "payment card number",
    ssn: "national number (US SSN)",
    belgian: "national number (BE)",
    codice_fiscale: "national number (IT codice fiscale)",
    french: "national number (FR NIR)",
    spanish: "national number (ES DNI)",
    finnish: "national number (FI)",
    swedish: "national number (SE)",
    danish: "national number (DK CPR)",
    dutch: "national number (NL BSN)",
    polish: "national number (PL PESEL)",
    norwegian: "national number (NO)",
    german: "national number (DE IdNr)",
    ip_v4: "IP address",
    ip_v6: "IP address",
    mac: "MAC address",
}
BARE = (dutch, polish, norwegian, german)

HARD: dict[str, Make] = {
    "order": lambda rng: str(rng.randint(10**10, 10**11 - 1)),
    "invoice": lambda rng: f"{rng.randint(10, 99)}{_digits(rng, 7)}",
    "ticket": lambda rng: str(rng.randint(10**15, 10**16 - 1)),
    "reference": lambda rng: _digits(rng, 10),
    "barcode": lambda rng: f"4{_digits(rng, 12)}",
    "hash": lambda rng: f"{rng.getrandbits(128):032x}",
    "uuid": lambda rng: "-".join(f"{rng.getrandbits(4 * n):0{n}x}" for n in (8, 4, 4, 4, 12)),
    "version": lambda rng: ".".join(str(rng.randint(0, 30)) for _ in range(rng.randint(3, 4))),
    "decimal": lambda rng: f"{rng.uniform(-1, 1):.12f}",
    "hhmm": lambda rng: f"{rng.randint(0, 23):02d}{rng.randint(0, 59):02d}",
    "clock": lambda rng: (
        f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
    ),
    "product": lambda rng: f"{rng.choice(LETTERS)}{rng.choice(LETTERS)}-{_digits(rng, 5)}",
    "article": lambda rng: f"{_digits(rng, 8)}{rng.choice(LETTERS)}",
    "dated_number": lambda rng: (
        "{:02d}{:02d}{:02d}-".format(*(rng.randint(1, 12) for _ in "abc")) + _digits(rng, 4)
    ),
    "iso_date": lambda rng: (
        f"20{rng.randint(10, 24)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    ),
    "iso_time": lambda rng: f"20{rng.randint(10, 24)}-01-02T{rng.randint(0, 23):02d}:05:06.123456",
    "package": lambda rng: (
        f"left-pad@{rng.randint(0, 30)}.{rng.randint(0, 30)}.{rng.randint(0, 30)}"
    ),
    "image": lambda rng: f"icon{rng.randint(0, 999)}@2x.png",
    "offset": lambda rng: f"+{rng.randint(0, 99999)}",
    "coordinate_free": lambda rng: f"{rng.randint(1, 9)} rooms, {rng.randint(20, 200)} m2",
}
