"""What makes a column a finding: names, types, chance, and what must never be one."""

import datetime
import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from mlops_assets.column_declaration import Column
from mlops_assets.data.privacy.beyond_chance import exceeds_chance
from mlops_assets.data.privacy.personal_data import Finding, find_personal_data
from mlops_assets.data.privacy.personal_patterns import CERTAIN, NUMBERS, PROBABLE, recognise
from mlops_assets.data.privacy.recogniser import Recogniser
from mlops_assets.use_case import UseCase

MAILS = ["ann.secret@example.com", None, "x"]


def _kinds(name: str, cells: Any, **declared: Any) -> list[tuple[str, str]]:
    columns = {name: Column.model_validate(declared)} if declared else {}
    found = find_personal_data(pa.table({name: cells}), columns)
    return [(finding.kind, finding.by) for finding in found]


BUNDLED = [("flight_delays", "2013-07"), ("employment", "2017")]


@pytest.mark.parametrize(("use_case", "batch"), BUNDLED)
def test_the_bundled_data_give_no_finding(project: Path, use_case: str, batch: str) -> None:
    folder = project / "mlops_assets" / "defs" / use_case
    attributes = yaml.safe_load((folder / "defs.yaml").read_text("utf-8"))["attributes"]
    rows = pq.read_table(folder / "data" / f"{batch}.parquet")

    assert find_personal_data(rows, UseCase(**attributes).columns) == ()


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris", "diabetes"])
def test_measurements_give_no_finding(name: str) -> None:
    import sklearn.datasets

    frame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame

    assert find_personal_data(pa.Table.from_pandas(frame), {}) == ()


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PEOPLE = ["Ann Peeters", "O'Brien, Mr. John (Jack)", "José Núñez-García"]
BY_NAME = [
    ("person name", PEOPLE, ["name", "Name", "full_name", "surname", "lastName", "CustomerName",
        "first_name_2", "prénom", "Nachname", "achternaam", "apellidos", "passenger_names",
        "nom"]),
    ("user name", ["ann_p", "jj99"], ["username", "user_name", "nickname", "login"]),
    ("street address", ["Kerkstraat 12, Ghent", "5 Main St"], ["address", "home_address",
        "street", "address_line_1", "Adresse", "straat"]),
    ("date of birth", ["1980-02-03", "1999-12-31"], ["dob", "date_of_birth", "birthDate",
        "Geburtsdatum", "date_naissance"]),
    ("date of birth", [19800203, 19991231], ["dob"]),
    ("date of birth", [datetime.date(1980, 2, 3)], ["birthday"]),
    ("GPS position", [51.05432, -3.7167], ["lat", "longitude", "home_lat"]),
    ("GPS position", ["51.05432, 3.71667"], ["gps", "coordinates"]),
    ("phone number", ["0470 12 34 56", "(212) 555-0147"], ["phone", "mobile", "home_phone",
        "telefoonnummer", "phoneNumber"]),
    ("phone number", [470123456, 470123457], ["tel"]),
    ("national number", ["12345678", "22345679"], ["ssn", "national_id", "passport_no", "tax_id"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "values", "name"),
    [(kind, values, name) for kind, values, names in BY_NAME for name in names],
)
def test_a_name_announces_the_kind_where_the_values_agree(
    kind: str, values: list[Any], name: str
) -> None:
    assert _kinds(name, values) == [(kind, "name")]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *[(name, PEOPLE) for name in ("filename", "product_name", "city_name", "column_name",
            "brand", "first_name_type", "names_hash", "street_name_count")],
        ("name", ["sepal_length", "item 12"]),
        ("ip_address", ["main gate 1", "gate 2"]),
        ("street", ["Pave", "Grvl"]),
        ("birth_weight", [3100, 2900]),
        ("birth_year", [1980, 1999]),
        ("birth", [7, 9]),
        ("born", [True, False]),
        ("position", [1.0, 2.5, 3.25]),
        ("latency", [51.05432, 3.7]),
        ("lat", [1851.05432, 3003.7]),
        ("phone", [1, 2, 3]),
        ("phone_model", ["0470123456"]),
        ("passport", ["yes", "no"]),
        ("cc", [1600, 2000]),
        ("tax_number", [12.5, 1234567.25]),
    ],
)  # fmt: skip
def test_a_name_alone_is_no_finding(name: str, values: list[Any]) -> None:
    assert _kinds(name, values) == []


def test_a_closed_list_of_values_is_not_taken_for_names() -> None:
    declared = {"type": "string", "role": "ignored", "values": ["Large", "Small"]}

    assert _kinds("name", ["Large", "Small"], **declared) == []
    assert _kinds("name", ["Large", "Small"]) == [("person name", "name")]


def test_what_is_declared_missing_is_not_looked_at() -> None:
    declared = {"type": "string", "role": "ignored", "missing": ["nobody@example.com"]}

    assert _kinds("contact", ["nobody@example.com", "x"], **declared) == []


@pytest.mark.parametrize(
    "values",
    [
        pa.array(MAILS),
        pa.array(MAILS, pa.large_string()),
        pa.array(MAILS, pa.string_view()),
        pa.array(MAILS).dictionary_encode(),
        pa.array([[mail, "x"] for mail in MAILS]),
        pa.array([{"a": 1, "b": [{"c": mail}]} for mail in MAILS]),
        pa.array([[("k", mail)] for mail in MAILS], pa.map_(pa.string(), pa.string())),
        pa.array([b"ann.secret@example.com", None, b"\xff"]),
        pa.chunked_array([MAILS, MAILS, []], pa.string()),
    ],
    ids=lambda values: str(values.type),
)
def test_texts_are_looked_through_however_they_are_stored(values: pa.Array) -> None:
    assert _kinds("c", values) == [("e-mail address", "values")]


@pytest.mark.parametrize(
    "values",
    [
        pa.nulls(3),
        pa.array([], pa.string()),
        pa.chunked_array([], pa.string()),
        pa.array([True, None]),
        pa.array([1.5, float("nan"), float("inf"), 1e300, None]),
        pa.array([datetime.time(1, 2)]),
        pa.array([datetime.timedelta(1)]),
    ],
    ids=lambda values: str(values.type),
)
def test_what_holds_no_text_and_no_number_is_no_finding(values: pa.Array) -> None:
    assert _kinds("c", values) == []


def test_a_finding_counts_distinct_values_and_holds_none() -> None:
    rows = pa.table({"c": ["ann.secret@example.com"] * 7 + ["b@example.com", "x", "y", None]})

    (finding,) = find_personal_data(rows, {})

    assert finding == Finding("c", "e-mail address", "values", 2, 0.5)
    assert "secret" not in repr(finding) + str(finding)


def test_counting_stops_at_a_thousand_matches_and_the_share_is_estimated() -> None:
    mails = [f"u{n}@example.com" for n in range(1_500)]

    texts = [f"text {n}" for n in range(1_500)]

    (finding,) = find_personal_data(pa.table({"c": [*texts, *mails]}), {})

    assert finding.values == 1_000
    assert finding.share == pytest.approx(0.5, rel=0.15)


def test_an_address_in_a_column_of_versions_is_a_version() -> None:
    assert _kinds("firmware_version", ["4.120.32.1"]) == []
    assert _kinds("host", ["4.120.32.1"]) == [("IP address", "values")]


@given(st.integers(1, 400), st.floats(0, 1), st.sampled_from([1 / 10, 1 / 11, 1 / 23, 1 / 97]))
def test_chance_is_accepted_only_where_it_is_as_rare_as_promised(
    examined: int, share: float, chance: float
) -> None:
    passed = round(share * examined)

    if exceeds_chance(passed, examined, chance):
        assert binom.sf(passed - 1, examined, chance) <= 1.001e-6
        assert passed / examined >= 3 * chance


@pytest.mark.parametrize(("chance", "fewest"), [(1 / 10, 6), (1 / 11, 6), (1 / 97, 4)])
def test_the_fewest_numbers_that_can_be_a_finding(chance: float, fewest: int) -> None:
    assert exceeds_chance(fewest, fewest, chance)
    assert not exceeds_chance(fewest - 1, fewest - 1, chance)
    assert not exceeds_chance(0, 0, chance)


@cache
def _arbitrary() -> list[str]:
    """Arbitrary digits and letters in every shape that is put to a check, 3,000 of each."""
    rng = random.Random(1)
    texts = []
    for _ in range(3_000):
        d = "".join(rng.choices("0123456789", k=19))
        c = rng.choice(LETTERS)
        texts += [d[:length] for length in range(9, 20)]
        texts += [f"{d[:4]} {d[4:8]} {d[8:12]} {d[12:16]}", f"{d[:4]} {d[4:8]} {d[8:12]}"]
        texts += [f"{d[:3]}-{d[3:6]}-{d[6:9]}", f"{d[:6]}-{d[6:10]}", f"{d[:6]}-{d[6:13]}"]
        texts += [f"{d[:6]}/{d[6:10]}", f"{d[:6]}-{d[6:9]}{c}", f"{d[:8]}{c}", f"X{d[:7]}{c}"]
        texts += [f"{d[:2]} {d[2:4]} {d[4:6]} {d[6:8]} {d[8:10]}", f"{d[:3]}-{d[3:10]}"]
        texts += [f"{d[:4]}.{d[4:6]}.{d[6:9]}", f"{d[:2]} {d[2:5]} {d[5:8]} {d[8:11]}"]
        texts += [
            f"{d[:3]} {d[3:6]} {d[6:10]}",
            f"{c}{rng.choice(LETTERS)}{d[:6]}{rng.choice(LETTERS)}",
        ]
        texts += [f"{d[:7]}{c}", f"BE{d[:14]}", f"NO{d[:13]}"]
    return texts


@pytest.mark.parametrize("recogniser", [*PROBABLE, *NUMBERS], ids=lambda r: r.kind)
def test_arbitrary_texts_pass_no_more_often_than_stated(recogniser: Recogniser) -> None:
    shaped = [t for t in _arbitrary() if re.fullmatch(recogniser.shape, t, re.IGNORECASE)]

    passed = sum(map(recogniser.check, shaped))

    # Dates and prefixes make it rarer than the check digits alone; half as often again is noise.
    assert len(shaped) >= 1_000
    assert passed / len(shaped) <= 1.5 * recogniser.chance


@given(st.text() | st.text("0123456789-+./: @aXé٣\n\0", max_size=60))
def test_any_text_can_be_looked_at(text: str) -> None:
    known = {recogniser.kind for recogniser in (*CERTAIN, *PROBABLE, *NUMBERS)}

    assert set(recognise(text)) <= known


@given(st.lists(st.text("0123456789-+./:@aX\n", max_size=30), max_size=20))
def test_any_column_can_be_looked_through_and_order_does_not_matter(texts: list[str]) -> None:
    encodable = pa.array(texts, pa.string())

    found = {finding.kind for finding in find_personal_data(pa.table({"c": encodable}), {})}

    backwards = find_personal_data(pa.table({"c": encodable[::-1]}), {})
    assert found == {finding.kind for finding in backwards}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a@example.com,b@example.org,12", ("e-mail address",)),
        ("<ann@example.com>; see 'o.k@example.org'.", ("e-mail address",)),
        ("git@github.com:owner/name", ()),
        ("user@host", ()),
        ("BE68 5390 0754 7034 is where it goes", ("IBAN",)),
        ("be68539007547034", ("IBAN",)),
        ("BE69 5390 0754 7034", ()),
        ("be68 539007547034, please", ("IBAN",)),
        ("IBAN number is BE68539007547034", ("IBAN",)),
        ("BE68 5390 0754 70341", ()),
        ("4111 1111 1111 1111 and 4111111111111111.", ("payment card number",)),
        ("4111 1111 1111 1112", ()),
        ("4831 0122 2834 5981", ("payment card number",)),
        ("0.4111111111111111", ()),
        ("192.168.1.1:8080 or fe80::1ff:fe23:4567:890a", ("IP address",)),
        ("version 10.120.30.2 and 1.2.3.4 and 1.2.3.256", ()),
        ("12:30:45 std::vector", ()),
        ("001A.2B3C.4D5E", ("MAC address",)),
        ("aa:bb:cc:dd:ee:ff:00:11:22:33", ()),
        ("call +32 470 12 34 56 at 5", ("phone number",)),
        ("+1234567890", ()),
        ("078-05-1120", ()),
    ],
)
def test_one_value(text: str, kinds: tuple[str, ...]) -> None:
    assert recognise(text) == kinds
