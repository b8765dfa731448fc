"""Decisions about personal data: what is dropped, hashed, coarsened, and what risk remains."""

import hashlib
import hmac
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.column_declaration import Column
from mlops_assets.data.privacy.protection import MissingKeyError, protect, reidentification_risk

KEY = b"k" * 32
TEXTS = st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=8), max_size=20)


def _column(type: str, personal: str | None, **more: object) -> Column:
    return Column.model_validate({"type": type, "role": "ignored", "personal": personal, **more})


def _protected(values: pa.Array, column: Column, key: bytes | None = KEY) -> list[object]:
    result = protect(pa.table({"c": values}), {"c": column}, key)
    assert result.schema.field("c").type == values.type
    answers: list[object] = result["c"].to_pylist()
    return answers


@given(TEXTS)
def test_pseudonyms_are_equal_where_and_only_where_values_are(texts: list[str | None]) -> None:
    pseudonyms = _protected(pa.array(texts, pa.string()), _column("string", "pseudonymise"))

    assert [p is None for p in pseudonyms] == [t is None for t in texts]
    assert len(set(zip(texts, pseudonyms, strict=True))) == len(set(texts)) == len(set(pseudonyms))


@given(st.text(st.characters(codec="utf-8"), max_size=8))
def test_pseudonyms_are_the_standards_keyed_hash(text: str) -> None:
    expected = hmac.digest(KEY, text.encode(), hashlib.sha256).hex()[:16]

    assert _protected(pa.array([text]), _column("string", "pseudonymise")) == [expected]


def test_another_key_gives_other_pseudonyms() -> None:
    texts = pa.array(["a", "b", "a"])
    column = _column("string", "pseudonymise")

    assert not {*_protected(texts, column)} & {*_protected(texts, column, b"other" * 8)}


def test_hmac_agrees_with_a_published_vector() -> None:
    """RFC 4231, test case 2."""
    values = pa.array(["what do ya want for nothing?"])

    assert _protected(values, _column("string", "pseudonymise"), b"Jefe") == ["5bdcc146bf60754e"]


@pytest.mark.parametrize("key", [None, b""])
def test_a_missing_key_is_an_error_that_says_what_to_set_and_holds_no_value(
    key: bytes | None,
) -> None:
    rows = pa.table({"who": ["secret person"], "other": ["x"]})

    with pytest.raises(
        MissingKeyError, match=r"\['who'\].*MLOPS_PSEUDONYM_KEY.*token_hex"
    ) as error:
        protect(
            rows, {"who": _column("string", "pseudonymise"), "other": _column("string", None)}, key
        )

    assert "secret person" not in repr(error.value)


def test_no_key_is_needed_where_nothing_in_the_rows_is_pseudonymised() -> None:
    rows = pa.table({"c": ["x"]})
    columns = {"c": _column("string", "drop"), "absent": _column("string", "pseudonymise")}

    assert protect(rows, columns, None)["c"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        (pa.array([0, 9, 10, -1, -10, -11, None]), "integer", [0, 0, 10, -10, -10, -20, None]),
        (pa.array([9.99, -0.5, 10.0, None]), "number", [0.0, -10.0, 10.0, None]),
        (pa.array(["Ghent", "é", "", None]), "string", ["Gh", "é", "", None]),
        (
            pa.array([datetime.fromisoformat("1969-12-31T23:00"), None], pa.timestamp("us")),
            "timestamp",
            [datetime.fromisoformat("1969-01-01"), None],
        ),
    ],
)
def test_generalised_values_are_rounded_down(
    values: pa.Array, type: str, expected: list[object]
) -> None:
    assert _protected(values, _column(type, "generalise")) == expected


@given(st.lists(st.none() | st.integers(-(2**52), 2**52), min_size=1))
def test_generalised_integers_are_the_tens_below(numbers: list[int | None]) -> None:
    got = _protected(pa.array(numbers, pa.int64()), _column("integer", "generalise"))

    assert got == [None if n is None else n // 10 * 10 for n in numbers]


def test_what_cannot_be_generalised_is_an_error_that_names_the_column() -> None:
    with pytest.raises(ValueError, match="'c' of type bool"):
        _protected(pa.array([True]), _column("integer", "generalise"))


@given(
    st.lists(st.tuples(st.none() | st.text("ab", max_size=3), st.none() | st.integers(-99, 99))),
    st.sampled_from([None, "drop", "generalise", "keep"]),
    st.sampled_from([None, "drop", "generalise", "keep", "pseudonymise"]),
)
def test_rows_order_and_types_stay_and_only_decided_columns_change(
    pairs: list[tuple[str | None, int | None]], numbers: str | None, texts: str | None
) -> None:
    rows = pa.table(
        {
            "undeclared": pa.array([t for t, _ in pairs], pa.string()),
            "number": pa.array([n for _, n in pairs], pa.int64()),
            "text": pa.array([t for t, _ in pairs], pa.string()),
        }
    )
    decisions = {"number": ("integer", numbers), "text": ("string", texts)}
    columns = {name: _column(type, p, reason="why") for name, (type, p) in decisions.items()}

    result = protect(rows, columns, KEY)

    assert result.schema.equals(rows.schema) and result.num_rows == rows.num_rows
    for name, (_, personal) in {**decisions, "undeclared": ("string", None)}.items():
        if personal in (None, "keep"):
            assert result[name].equals(rows[name])
        if personal == "drop":
            assert result[name].null_count == rows.num_rows


def test_a_column_without_nulls_can_be_dropped() -> None:
    schema = pa.schema([pa.field("c", pa.string(), nullable=False)])
    rows = pa.table({"c": ["x"]}, schema=schema)

    protect(rows, {"c": _column("string", "drop")}, None).validate(full=True)


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(0, 3), st.none() | st.text("ab", max_size=1), st.booleans()
        ),
        min_size=1,
        max_size=40,
    )
)
def test_risk_agrees_with_pandas(rows: list[tuple[int | None, str | None, bool]]) -> None:
    table = pa.table(
        {
            "a": pa.array([r[0] for r in rows], pa.int64()),
            "b": pa.array([r[1] for r in rows], pa.string()),
            "c": [r[2] for r in rows],
        }
    )
    frame = pd.DataFrame(rows, columns=["a", "b", "c"]).astype({"a": "Int64", "b": "string"})
    sizes = frame.groupby(["a", "b"], dropna=False).size()

    assert reidentification_risk(table, ["a", "b"]) == {
        "rows": len(rows),
        "groups": len(sizes),
        "k": int(sizes.min()),
        "unique_rows": int((sizes == 1).sum()),
        "unique_share": float((sizes == 1).sum() / len(rows)),
    }


def test_risk_is_none_where_it_is_undefined() -> None:
    rows = pa.table({"a": [1, 2]})

    assert reidentification_risk(rows, []) == {
        "rows": 2,
        "groups": None,
        "k": None,
        "unique_rows": None,
        "unique_share": None,
    }
    empty = reidentification_risk(rows.slice(0, 0), ["a"])
    assert (empty["groups"], empty["k"], empty["unique_share"]) == (0, None, None)


def test_an_unknown_quasi_identifier_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"\['b'\] are no columns: \['a'\]"):
        reidentification_risk(pa.table({"a": [1]}), ["a", "b"])


def test_missing_numbers_are_one_group() -> None:
    rows = pa.table({"a": [float("nan"), float("nan"), 1.0]})

    assert reidentification_risk(rows, ["a"])["groups"] == 2
