"""Values that look personal and are not, and sentences; for the blind test of the scan."""

import uuid
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from blind_values import Generator, digits, ean_digit, grouped, iso7064_digit, luhn_digit, weighted

SENTENCES = (
    "Please call me back on {} after six.",
    "Customer wrote: {}, then hung up",
    "Bitte überweisen oder melden unter {}, danke!",
    "Mijn gegevens zijn {}; graag snel antwoord.",
    "Vous pouvez utiliser {} (urgent).",
    "Mi dato es {}. Gracias por todo.",
    "Proszę o kontakt: {} albo wcale.",
    "re: ticket 48213 - client id={} checked by night shift",
)
PLAIN_SENTENCES = (
    "Parcel arrived damaged on 3 May, refund of € 24,95 agreed.",
    "Lieferung 2 von 3 kam am 12.03.2024 um 14:30 Uhr an.",
    "Order 4500012345 shipped, 12 items, 3.5 kg, see invoice 2024-0193.",
    "Klant wil tussen 9-17 uur bezorging, kamer 204.",
    "Le produit n'est pas conforme : 10 pièces @ 4,50 manquent.",
    "upgraded from 2.10.1 to 3.0.0-rc1 without trouble, uptime 99.95%",
    "Flight at 06:45 delayed 2h 10min; gate B12; rated 4/5.",
    "",
)


def sentence(rng: Random, value: str) -> str:
    return rng.choice(SENTENCES).format(value)


def plain_sentence(rng: Random) -> str:
    return rng.choice(PLAIN_SENTENCES) + rng.choice(["", f" Case {rng.randint(1, 10**6)}."])


def moment(rng: Random) -> str:
    day = f"20{rng.randint(10, 26)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    return f"{day}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"


def _hex(rng: Random, size: int) -> str:
    return f"{rng.getrandbits(size * 4):0{size}x}"


def _number(size: int) -> Generator:
    return lambda rng: str(rng.randint(10 ** (size - 1), 10**size - 1))


def _ean13(rng: Random) -> str:
    body = rng.choice(["87", "40", "54", "500", "07"]) + digits(rng, 10)
    return body[:12] + ean_digit(body[:12])


def _isbn13(rng: Random) -> str:
    body = "978" + digits(rng, 9)
    return rng.choice([body, grouped(body, (3, 2, 4, 3), "-") + "-"]) + ean_digit(body)


def _isbn10(rng: Random) -> str:
    body = digits(rng, 9)
    return body + "0123456789X"[-weighted(body, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11]


def _vat(rng: Random) -> str:
    german, belgian = rng.choice("123456789") + digits(rng, 7), "04" + digits(rng, 6)
    written = [f"DE{german}{iso7064_digit(german)}", f"BE{belgian}{97 - int(belgian) % 97:02d}"]
    return rng.choice([*written, f"ATU{german}"])


def _tracking(rng: Random) -> str:
    eight = digits(rng, 8)
    check = {10: 0, 11: 5}.get(c := 11 - weighted(eight, (8, 6, 4, 2, 3, 5, 9, 7)) % 11, c)
    usps = "94001" + digits(rng, 16)
    parcels = [f"RR{eight}{check}NL", f"1Z{_hex(rng, 6).upper()}{digits(rng, 10)}"]
    return rng.choice([*parcels, usps + ean_digit(usps), f"3S{_hex(rng, 11).upper()}"])


def _log_line(rng: Random) -> str:
    name, level = rng.choice(["loader", "api.v2"]), rng.choice(["INFO", "WARN"])
    took = f"{rng.randint(1, 99999)} rows in {rng.random() * 9:.3f}s"
    return f"{moment(rng)}.{digits(rng, 3)}Z {level} [{name}-{rng.randint(1, 16)}] {took}"


LOOKALIKES: Mapping[str, Generator] = MappingProxyType(
    {
        "order_number": lambda rng: f"ORD-20{rng.randint(18, 26)}-{digits(rng, 6)}",
        "purchase_order": lambda rng: "45000" + digits(rng, 5),
        "ean13": _ean13,
        "ean8": lambda rng: (body := digits(rng, 7)) + ean_digit(body),
        "isbn13": _isbn13,
        "isbn10": _isbn10,
        "moment_iso": moment,
        "moment_compact": lambda rng: "".join(s for s in moment(rng) if s.isdigit()),
        "epoch_seconds": lambda rng: str(rng.randint(1_500_000_000, 1_760_000_000)),
        "epoch_millis": lambda rng: str(rng.randint(1_500_000_000_000, 1_760_000_000_000)),
        "day_iso": lambda rng: moment(rng)[:10],
        "day_compact": lambda rng: moment(rng)[:10].replace("-", ""),
        "day_dotted": lambda rng: ".".join(reversed(moment(rng)[:10].split("-"))),
        "clock": lambda rng: moment(rng)[11:],
        "uuid": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "md5": lambda rng: _hex(rng, 32),
        "short_hash": lambda rng: _hex(rng, 12),
        "version": lambda rng: f"{rng.randint(0, 20)}.{rng.randint(0, 40)}.{rng.randint(0, 99)}",
        "build": lambda rng: f"10.0.{rng.randint(10000, 26000)}.{rng.randint(1, 4000)}",
        "amount": lambda rng: f"{rng.random() * 1e5:,.2f}",
        "amount_euro": lambda rng: f"€ {rng.randint(1, 999)}.{digits(rng, 3)},{digits(rng, 2)}",
        "fraction": lambda rng: repr(rng.random()),
        "coordinates": lambda rng: f"{rng.uniform(-90, 90):.5f}, {rng.uniform(-180, 180):.5f}",
        "vat": _vat,
        "sku": lambda rng: f"{rng.choice('ABXQ')}{_hex(rng, 2).upper()}-{digits(rng, 4)}-XL",
        "tracking": _tracking,
        "log_line": _log_line,
        "sentences": plain_sentence,
        "cas_like": lambda rng: f"{rng.randint(50, 99999)}-{digits(rng, 2)}-{digits(rng, 1)}",
        "part_number": lambda rng: f"{digits(rng, 3)}-{digits(rng, 4)}-{digits(rng, 2)}",
        "year_range": lambda rng: f"{(y := rng.randint(1950, 2020))}-{y + rng.randint(1, 9)}",
        "blood_pressure": lambda rng: f"{rng.randint(90, 180)}/{rng.randint(50, 110)}",
        "ratio": lambda rng: f"{rng.randint(1, 99)}:{rng.randint(1, 99)}",
        "icd": lambda rng: f"{rng.choice('ACEIJKZ')}{digits(rng, 2)}.{digits(rng, 1)}",
        "matricule": lambda rng: f"{rng.choice('SPK')}{digits(rng, 7)}",
        "luhn_account": lambda rng: (body := "90" + digits(rng, 9)) + luhn_digit(body),
        "invoice_slash": lambda rng: f"{rng.randint(2015, 2026)}/{digits(rng, 5)}",
        "handle": lambda rng: f"@{_hex(rng, 6)}",
        "url": lambda rng: f"https://shop.example.com/p/{digits(rng, 7)}?ref={_hex(rng, 8)}",
        **{
            f"digits_{size}": (
                lambda rng, size=size: str(rng.randint(10 ** (size - 1), 10**size - 1))
            )
            for size in (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20)
        },
    }
)

INNOCENT_HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "product_name": ("Oak table", "LED lamp 9W", "Garden hose"),
        "company_name": ("Northwind BV", "ACME GmbH", "Delta & Co"),
        "file_name": ("a_2024.csv", "b.parquet", "c.txt"),
        "host_name": ("db-eu-1", "web-02", "cache-3"),
        "event_name": ("login", "add_to_cart", "purchase"),
        "city_name": ("Utrecht", "Lyon", "Gdynia"),
        "contact_type": ("phone", "letter", "visit"),
        "address_type": ("home", "work", "post"),
        "email_opt_in": ("yes", "no", "unknown"),
        "phone_model": ("Pixel 8", "Galaxy S24", "iPhone 15"),
        "street_lighting": ("lit", "unlit", "unknown"),
        "surname_known": ("true", "false", ""),
        "born_in_country": ("NL", "FR", "PL"),
        "payment_card_type": ("visa", "amex", "maestro"),
        "first_named_storm": ("Ciara", "Dennis", "Eunice"),
    }
)
