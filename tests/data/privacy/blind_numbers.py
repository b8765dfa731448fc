"""National numbers of persons, for the blind test of the scan; see ``blind_values``.

``NATIONAL`` holds those with check digits, ``UNCHECKED`` those that have none (the United States'
SSN, the United Kingdom's national insurance number, written with their separators).
"""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from blind_values import (
    LETTERS,
    Generator,
    birth,
    digits,
    ean_digit,
    grouped,
    iso7064_digit,
    luhn_digit,
    weighted,
)


def nl_bsn(rng: Random) -> str:
    while True:
        body = digits(rng, 8)
        check = weighted(body, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
        if check < 10 and body[:2] != "00":
            return body + str(check)


def be_number(rng: Random) -> str:
    year, month, day = birth(rng)
    body = f"{year % 100:02d}{month:02d}{day:02d}{rng.randint(1, 997):03d}"
    return body + f"{97 - int(('2' if year > 1999 else '') + body) % 97:02d}"


def fr_nir(rng: Random) -> str:
    year, month, _ = birth(rng)
    head = f"{rng.randint(1, 2)}{year % 100:02d}{month:02d}{rng.randint(21, 95):02d}"
    body = f"{head}{rng.randint(1, 600):03d}{rng.randint(1, 999):03d}"
    return body + f"{97 - int(body) % 97:02d}"


def es_dni(rng: Random) -> str:
    number = digits(rng, 8)
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def es_nie(rng: Random) -> str:
    first, number = rng.randint(0, 2), digits(rng, 7)
    return f"{'XYZ'[first]}{number}" + "TRWAGMYFPDXBNJZSQVHLCKE"[int(f"{first}{number}") % 23]


ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def it_codice_fiscale(rng: Random) -> str:
    year, month, day = birth(rng)
    consonants = "".join(rng.choices("BCDFGLMNPRSTVZ", k=6))
    place = rng.choice("ABCDEFGHL") + f"{rng.randint(1, 999):03d}"
    born = f"{year % 100:02d}{'ABCDEHLMPRST'[month - 1]}{day + rng.choice([0, 40]):02d}"
    body = consonants + born + place
    values = [int(sign) if sign.isdigit() else LETTERS.index(sign) for sign in body]
    total = sum(ODD[value] if at % 2 == 0 else value for at, value in enumerate(values))
    return body + LETTERS[total % 26]


def pl_pesel(rng: Random) -> str:
    year, month, day = birth(rng)
    body = f"{year % 100:02d}{month + (20 if year > 1999 else 0):02d}{day:02d}{digits(rng, 4)}"
    return body + str(-weighted(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


def se_personnummer(rng: Random) -> str:
    year, month, day = birth(rng)
    body = f"{year % 100:02d}{month:02d}{day:02d}{rng.randint(1, 999):03d}"
    return f"{year // 100}{body}{luhn_digit(body)}"


def de_tax_number(rng: Random) -> str:
    signs = rng.sample("0123456789", 9)
    signs.insert(rng.randint(0, 9), rng.choice(signs))
    if signs[0] == "0":
        return de_tax_number(rng)
    body = "".join(signs)
    return body + iso7064_digit(body)


def br_cpf(rng: Random) -> str:
    number = digits(rng, 9)
    for size in (9, 10):
        number += str(-weighted(number, tuple(range(size + 1, 1, -1))) % 11 % 10)
    return number


def uk_nhs(rng: Random) -> str:
    while True:
        body = rng.choice("4679") + digits(rng, 8)
        check = -weighted(body, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
        if check < 10:
            return body + str(check)


def fi_hetu(rng: Random) -> str:
    year, month, day = birth(rng)
    born, serial = f"{day:02d}{month:02d}{year % 100:02d}", f"{rng.randint(2, 899):03d}"
    sign = "A" if year > 1999 else "-"
    return f"{born}{sign}{serial}" + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(born + serial) % 31]


def no_number(rng: Random) -> str:
    while True:
        year, month, day = birth(rng)
        serial = rng.randint(500, 999) if year > 1999 else rng.randint(0, 499)
        body = f"{day:02d}{month:02d}{year % 100:02d}{serial:03d}"
        first = -weighted(body, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
        second = -(weighted(body, (5, 4, 3, 2, 7, 6, 5, 4, 3)) + 2 * first) % 11
        if first < 10 and second < 10:
            return f"{body}{first}{second}"


def ch_ahv(rng: Random) -> str:
    body = "756" + digits(rng, 9)
    return body + ean_digit(body)


def ca_sin(rng: Random) -> str:
    body = rng.choice("1234567") + digits(rng, 7)
    return body + luhn_digit(body)


def cn_identity(rng: Random) -> str:
    year, month, day = birth(rng)
    place = rng.choice(["110101", "310104", "440106", "510107", "330106", "420106"])
    body = f"{place}{year}{month:02d}{day:02d}{rng.randint(1, 999):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[weighted(body, weights) % 11]


def in_aadhaar(rng: Random) -> str:
    """Verhoeff's scheme: multiplication in the dihedral group of ten elements."""
    body = rng.choice("23456789") + digits(rng, 10)
    step = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    total = 0
    for place, digit in enumerate(reversed(body), start=1):
        value = int(digit)
        for _ in range(place % 8):
            value = step[value]
        total = _dihedral(total, value)
    return body + str(next(d for d in range(10) if _dihedral(total, d) == 0))


def _dihedral(first: int, second: int) -> int:
    turn = first % 5 + (second % 5 if first < 5 else -(second % 5))
    return turn % 5 + (5 if (first < 5) != (second < 5) else 0)


def us_ssn(rng: Random) -> str:
    area = rng.choice([n for n in range(1, 900) if n != 666])
    return f"{area:03d}-{rng.randint(1, 99):02d}-{rng.randint(1, 9999):04d}"


def uk_nino(rng: Random) -> str:
    prefix = rng.choice("ABCEHJLMPRSTWY") + rng.choice("ABCEHJKLMPRSTWXYZ")
    body = digits(rng, 6)
    compact = f"{prefix}{body}{rng.choice('ABCD')}"
    return rng.choice([compact, grouped(compact, (2, 2, 2, 2, 1), " ")])


def be_written(rng: Random) -> str:
    number = be_number(rng)
    return f"{grouped(number[:6], (2, 2, 2), '.')}-{number[6:9]}.{number[9:]}"


def fr_written(rng: Random) -> str:
    return grouped(fr_nir(rng), (1, 2, 2, 2, 3, 3, 2), " ")


def es_written(rng: Random) -> str:
    plain, nie = es_dni(rng), es_nie(rng)
    dotted = grouped(plain, (2, 3, 3), ".") + "-" + plain[-1]
    return rng.choice(
        [dotted, f"{plain[:8]}-{plain[8]}", plain.lower(), f"{nie[0]}-{nie[1:8]}-{nie[8]}"]
    )


def se_written(rng: Random) -> str:
    whole = se_personnummer(rng)
    return rng.choice([f"{whole[2:8]}-{whole[8:]}", f"{whole[:8]}-{whole[8:]}"])


def br_written(rng: Random) -> str:
    number = br_cpf(rng)
    return f"{grouped(number, (3, 3, 3), '.')}-{number[9:]}"


def ch_written(rng: Random) -> str:
    return grouped(ch_ahv(rng), (3, 4, 4, 2), ".")


def spaced(plain: Generator, sizes: tuple[int, ...], separator: str = " ") -> Generator:
    return lambda rng: grouped(plain(rng), sizes, separator)


NATIONAL: Mapping[str, Generator] = MappingProxyType(
    {
        "nl_bsn": nl_bsn,
        "nl_bsn_dotted": spaced(nl_bsn, (4, 2, 3), "."),
        "be_number": be_number,
        "be_written": be_written,
        "fr_nir": fr_nir,
        "fr_written": fr_written,
        "es_dni": es_dni,
        "es_nie": es_nie,
        "es_written": es_written,
        "it_codice_fiscale": it_codice_fiscale,
        "it_lower": lambda rng: it_codice_fiscale(rng).lower(),
        "pl_pesel": pl_pesel,
        "se_personnummer": se_personnummer,
        "se_written": se_written,
        "de_tax_number": de_tax_number,
        "de_tax_spaced": spaced(de_tax_number, (2, 3, 3, 3)),
        "br_cpf": br_cpf,
        "br_written": br_written,
        "uk_nhs": uk_nhs,
        "uk_nhs_spaced": spaced(uk_nhs, (3, 3, 4)),
        "fi_hetu": fi_hetu,
        "no_number": no_number,
        "ch_ahv": ch_ahv,
        "ch_written": ch_written,
        "ca_sin": ca_sin,
        "ca_sin_written": spaced(ca_sin, (3, 3, 3), "-"),
        "cn_identity": cn_identity,
        "in_aadhaar": in_aadhaar,
        "in_aadhaar_spaced": spaced(in_aadhaar, (4, 4, 4)),
    }
)
UNCHECKED: Mapping[str, Generator] = MappingProxyType({"us_ssn": us_ssn, "uk_nino": uk_nino})
