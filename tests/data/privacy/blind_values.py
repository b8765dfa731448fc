"""Personal data as people and systems write it, for the blind test of the scan.

Written from the published rules of each notation without reading ``mlops_assets/data/privacy`` or
its other tests, so that recall on these values says something about values not thought of there.
Check digits are computed here, not by python-stdnum, which the scan itself uses. Every value is
made up. Values that only look personal are in ``blind_lookalikes``.
"""

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

Generator = Callable[[Random], str]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
GIVEN = ("Anna", "Jan", "Zoë", "Mohammed", "Łukasz", "José", "Mary Ann", "Wei", "Jean-Luc", "Aylin")
FAMILY = ("de Vries", "Müller", "O'Brien", "García López", "Nowak", "Smith", "Rossi", "Nguyễn")


def digits(rng: Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def grouped(text: str, sizes: tuple[int, ...], separator: str) -> str:
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    parts = [text[a : a + size] for a, size in zip(starts, sizes, strict=True)]
    return separator.join(parts)


def shaped(rng: Random, shape: str) -> str:
    """``#`` becomes any digit, ``*`` a digit from 2 to 9; the rest stays."""
    fill = {"#": "0123456789", "*": "23456789"}
    return "".join(rng.choice(fill[sign]) if sign in fill else sign for sign in shape)


def weighted(number: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True))


def luhn_digit(number: str) -> str:
    doubled = [int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(reversed(number))]
    return str(-sum(d // 10 + d % 10 for d in doubled) % 10)


def ean_digit(number: str) -> str:
    return str(-sum(int(d) * (3, 1)[p % 2] for p, d in enumerate(reversed(number))) % 10)


def iso7064_digit(number: str) -> str:
    """ISO 7064 mod 11,10: the check digit of German tax and VAT numbers."""
    product = 10
    for digit in number:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def birth(rng: Random) -> tuple[int, int, int]:
    return rng.randint(1935, 2009), rng.randint(1, 12), rng.randint(1, 28)


def _ascii(text: str) -> str:
    return "".join(sign for sign in text.lower() if "a" <= sign <= "z")


def email(rng: Random) -> str:
    local = _ascii(rng.choice(GIVEN)) + rng.choice([".", "_", "-", ""]) + _ascii(rng.choice(FAMILY))
    domains = ["gmail.com", "web.de", "student.uva.nl", "mail.city.gov.uk", "o2.pl", "firma.museum"]
    return f"{local}{rng.randint(1, 9999)}@{rng.choice(domains)}"


def email_plus(rng: Random) -> str:
    return email(rng).replace("@", rng.choice(["+news", "+shop.2024", "%x", "'s"]) + "@")


def email_upper(rng: Random) -> str:
    return email(rng).upper()


def email_international(rng: Random) -> str:
    local = f"{rng.choice(['jürgen', 'żaneta', '用户', 'иван', 'josé'])}{rng.randint(1, 9999)}"
    domain = ["bücher.de", "пример.рф", "例え.jp", "xn--bcher-kva.example.org", "correo.es"]
    return f"{local}@{rng.choice(domain)}"


def email_decorated(rng: Random) -> str:
    frames = ["mailto:{}", "<{}>", "Jan <{}>", '"Jan de Vries" <{}>', " {} ", "{};"]
    return rng.choice(frames).format(email(rng))


PHONES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "phone_international": (
            "+31 6 *### ####",
            "+31 (0)20 *## ####",
            "+4915*########",
            "+49 (0) 30 *#######",
            "+44 79## ######",
            "+44 (0)20 79## ####",
            "+33 6 *# ## ## ##",
            "+1 (212) *34-01##",
            "+1-415-*34-####",
            "+34 6## ### ###",
            "+48 60# ### ###",
            "+46 70 *## ## ##",
            "+55 11 9*###-####",
            "+91 98### #####",
            "0031 6 *#######",
            "0049 171 *######",
            "+32.475.##.##.##",
            "+39 347 *## ####",
            "+61 4## ### ###",
        ),
        "phone_extension": ("+1 212-*34-#### ext. ##", "+44 20 79## #### x###"),
        "phone_nl": ("06-*#######", "06 *### ####", "06*#######", "020-*######", "(020) *## ## ##"),
        "phone_de": ("0171/*######", "030 *#######", "0151-*#######", "(089) *## ## ##"),
        "phone_uk": ("07911 ######", "020 79## ####", "(0161) 496 ####", "07700 9#####"),
        "phone_fr": ("06 *# ## ## ##", "01.4#.##.##.##", "06*#######", "01-45-##-##-##"),
        "phone_us": ("(212) *34-####", "415-*34-####", "212.*34.####", "1-312-*34-#### x##"),
        "phone_es": ("6## ### ###", "91 *## ## ##", "6## ## ## ##"),
        "phone_it": ("347 *######", "347-*######", "06 *### ####"),
        "phone_be": ("0475 ## ## ##", "0475/##.##.##", "02 *## ## ##"),
        "phone_se": ("070-*## ## ##", "08-*## ### ##", "0730-## ## ##"),
        "phone_br": ("(11) 9*###-####", "(21) 9*###-####", "11 9*###-####"),
        "phone_au": ("04## ### ###", "(02) 9### ####"),
    }
)


def phone(kind: str) -> Generator:
    return lambda rng: shaped(rng, rng.choice(PHONES[kind]))


def _belgian(rng: Random) -> str:
    number = rng.choice(["001", "310", "363", "737"]) + digits(rng, 7)
    return number + f"{int(number) % 97 or 97:02d}"


def _spanish(rng: Random) -> str:
    bank, account = digits(rng, 8), digits(rng, 10)
    weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
    checks = [11 - weighted(part, weights) % 11 for part in ("00" + bank, account)]
    return bank + "".join(str({10: 1, 11: 0}.get(check, check)) for check in checks) + account


def _french(rng: Random) -> str:
    bank, branch, account = digits(rng, 5), digits(rng, 5), digits(rng, 11)
    key = 97 - (89 * int(bank) + 15 * int(branch) + 3 * int(account)) % 97
    return f"{bank}{branch}{account}{key:02d}"


def _bank_letters(rng: Random) -> str:
    return rng.choice(["ABNA", "INGB", "RABO", "NWBK", "BARC", "AIBK"])


BBANS: Mapping[str, Generator] = MappingProxyType(
    {
        "NL": lambda rng: _bank_letters(rng) + digits(rng, 10),
        "GB": lambda rng: _bank_letters(rng) + digits(rng, 14),
        "IE": lambda rng: _bank_letters(rng) + digits(rng, 14),
        "DE": lambda rng: digits(rng, 18),
        "AT": lambda rng: digits(rng, 16),
        "CH": lambda rng: digits(rng, 17),
        "SE": lambda rng: digits(rng, 20),
        "LU": lambda rng: digits(rng, 16),
        "DK": lambda rng: digits(rng, 14),
        "FR": _french,
        "BE": _belgian,
        "ES": _spanish,
    }
)


def iban(rng: Random) -> str:
    country = rng.choice(sorted(BBANS))
    bban = BBANS[country](rng)
    check = 98 - int("".join(str(int(sign, 36)) for sign in f"{bban}{country}00")) % 97
    return f"{country}{check:02d}{bban}"


def iban_written(rng: Random) -> str:
    """Grouped in fours, by blanks or dashes, lower case, or with the word before it."""
    whole = iban(rng)
    fours = [whole[start : start + 4] for start in range(0, len(whole), 4)]
    lower, dashed = " ".join(fours).lower(), "-".join(fours)
    return rng.choice([" ".join(fours), lower, whole.lower(), "IBAN " + " ".join(fours), dashed])


def card(rng: Random) -> str:
    starts = {16: ("4", "51", "55", "2221", "2720", "6011", "3530", "6221"), 15: ("34", "37")}
    size = rng.choice([16, 16, 16, 15])
    start = rng.choice(starts[size])
    number = start + digits(rng, size - len(start) - 1)
    return number + luhn_digit(number)


def card_written(rng: Random) -> str:
    number = card(rng)
    sizes = (4, 6, 5) if len(number) == 15 else (4, 4, 4, 4)
    return grouped(number, sizes, rng.choice(" -"))


def ipv4(rng: Random) -> str:
    return ".".join([str(rng.randint(11, 223)), *(str(rng.randint(0, 255)) for _ in range(3))])


def ipv4_written(rng: Random) -> str:
    return ipv4(rng) + rng.choice([f":{rng.randint(1024, 65535)}", "/32", ", 10.0.0.1"])


def ipv6(rng: Random) -> str:
    parts = ["2001", "0db8", *(f"{rng.getrandbits(16):04x}" for _ in range(6))]
    short = f"2a02:{parts[2]}::{parts[3]}:{parts[4]}"
    full = ":".join(parts)
    return rng.choice([full, full.upper(), short, f"fe80::{parts[5]}:{parts[6]}", f"[{short}]:443"])


def mac(rng: Random) -> str:
    parts = [f"{rng.getrandbits(8):02x}" for _ in range(6)]
    cisco = ".".join(parts[a] + parts[a + 1] for a in (0, 2, 4))
    return rng.choice([":".join(parts), "-".join(parts).upper(), cisco])


def birth_date(rng: Random) -> str:
    year, month, day = birth(rng)
    iso, slashed = f"{year}-{month:02d}-{day:02d}", f"{day:02d}/{month:02d}/{year}"
    return rng.choice([iso, slashed, f"{day}.{month}.{year}", f"{day}-{month}-{year}"])


def person_name(rng: Random) -> str:
    given, family = rng.choice(GIVEN), rng.choice(FAMILY)
    written = [f"{given} {family}", f"{family}, {given}", f"{given[0]}. {family}", family.upper()]
    return f"{rng.choice(['', '', 'Dr. ', 'Mevr. '])}{rng.choice(written)}"


def postal_address(rng: Random) -> str:
    number, code = rng.randint(1, 250), digits(rng, 5)
    written = [
        f"Keizersgracht {number}-2, 10{code[:2]} AB Amsterdam",
        f"Hauptstr. {number}a, {code} Berlin",
        f"{number} Elm Street, Apt {code[0]}B, Springfield, IL {code}",
        f"{number}, rue de la Paix\n{code} Paris",
        f"Flat {code[0]}, {number} High Road, London N{code[0]} 1AB",
        f"C/ Mayor {number}, 3º B",
        f"ul. Długa {number}/{code[0]}, 00-{code[:3]} Warszawa",
    ]
    return rng.choice(written)


PERSONAL: Mapping[str, Generator] = MappingProxyType(
    {
        "email": email,
        "email_plus": email_plus,
        "email_upper": email_upper,
        "email_international": email_international,
        "email_decorated": email_decorated,
        **{kind: phone(kind) for kind in PHONES},
        "iban": iban,
        "iban_written": iban_written,
        "card": card,
        "card_written": card_written,
        "ipv4": ipv4,
        "ipv4_written": ipv4_written,
        "ipv6": ipv6,
        "mac": mac,
    }
)

HEADERS = (
    "customer_name surname contact LastName full_name achternaam Vorname nom apellidos passenger",
    "address street home_address ShippingAddress adres Anschrift adresse direccion addr_line_1",
    "date_of_birth dob birth_date BirthDate geboortedatum Geburtsdatum date_naissance birthday",
)
BY_NAME: Mapping[str, tuple[Generator, list[str]]] = MappingProxyType(
    {
        "person_name": (person_name, [*HEADERS[0].split(), "cognome", "guest_name"]),
        "postal_address": (postal_address, [*HEADERS[1].split(), "straat", "indirizzo"]),
        "birth_date": (birth_date, [*HEADERS[2].split(), "fecha_nacimiento", "born"]),
    }
)
