"""Who may open a release: real keys, real signatures, and every way in which one does not count."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.release.approval import (
    Approval,
    Refused,
    Signed,
    Statement,
    Subject,
    evidence_digest,
    file_name,
    is_signed_by,
    parse_signed,
    public_text,
    sign,
    verdict,
)
from mlops_assets.responsibility_declaration import Approver

NOW = Subject("deliveries", "e" * 64, "high", "f" * 64)
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode() * 32) for name in "abx"}


def approver(letter: str, **changes: Any) -> Approver:
    declared = {
        "name": f"Person {letter}",
        "role": "risk officer",
        "account": letter,
        "public_key": public_text(KEYS[letter].public_key()),
    }
    return Approver(**{**declared, **changes})


A, B = approver("a"), approver("b")
BOTH = (A, B)


def signed(who: Approver, key: str | None = None, **changes: str) -> Signed:
    said = {"approver": who.name, "role": who.role, "comment": "read", **changes}
    return sign(Statement(**{**vars(NOW), **said}), KEYS[key or who.account])


def asked(
    *given: Signed | Refused, approvers: tuple[Approver, ...] = BOTH, trained_by: Any = ("t",)
) -> Approval:
    named = {f"{i}.json": each for i, each in enumerate(given)}
    return verdict(named, NOW, approvers, trained_by, required=True)


def test_a_signature_of_a_declared_person_under_the_present_evidence_holds() -> None:
    found = asked(signed(A))

    assert found.holds and found.missing == "" and found.refused == ()
    assert [said.approver for said in found.approved_by] == ["Person a"]


def test_without_a_signature_it_does_not_hold() -> None:
    assert asked().missing == "nobody who may approve has signed this evidence"
    assert asked(approvers=()).missing == "policy.approvers names nobody who may approve"
    assert verdict({}, NOW, (), (), required=False).holds


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        (signed(A, key="x"), "the signature is not one of 'Person a'"),
        (signed(A, key="b"), "the signature is not one of 'Person a'"),
        (signed(approver("x")), "'Person x' is not declared once"),
        (signed(A, approver="Person b"), "the signature is not one of 'Person b'"),
        (signed(A, role="owner"), "'Person a' signed as 'owner', not 'risk officer'"),
        (signed(A, evidence="0" * 64), "it is about another evidence"),
        (signed(A, use_case="another"), "it is about another use case"),
        (signed(A, policy="minimal"), "it is about another policy"),
        (signed(A, limits="0" * 64), "it is about another limits"),
        (replace(signed(A), signature="no Base64!"), "the signature is not one of"),
        (replace(signed(A), signature=""), "the signature is not one of"),
        (Refused("0.json", "it is no signed statement in JSON"), "no signed statement"),
    ],
)
def test_what_does_not_count_is_refused_with_its_reason_and_kept(
    given_: Signed | Refused, reason: str
) -> None:
    found = asked(given_)

    assert not found.holds
    assert reason in found.refused[0].reason
    assert found.refused[0].source == "0.json"
    assert asked(given_, signed(B)).holds


def test_a_signature_of_another_purpose_is_none() -> None:
    said = signed(A).statement
    bare = json.dumps(vars(said), sort_keys=True, separators=(",", ":")).encode()
    signature = base64.b64encode(KEYS["a"].sign(bare)).decode()

    assert not asked(Signed(said, signature)).holds


@pytest.mark.parametrize("trained_by", [("a",), ("A",), (" a ",), ("daemon", "a")])
def test_who_trained_may_not_approve_alone(trained_by: tuple[str, ...]) -> None:
    alone = asked(signed(A), trained_by=trained_by)

    assert alone.missing == "only who trained has signed, and may not approve alone"
    assert asked(signed(A), signed(B), trained_by=trained_by).holds
    assert asked(signed(B), trained_by=trained_by).holds


def test_a_person_who_is_declared_twice_is_one() -> None:
    twin = approver("a", name="Another name", account="another account")
    approvers = (A, twin)

    assert not asked(signed(twin, key="a"), approvers=approvers, trained_by=("a",)).holds
    both = (signed(A), signed(twin, key="a"))
    assert not asked(*both, approvers=approvers, trained_by=()).holds
    same_account = approver("b", account="A")
    pair = (signed(A), signed(same_account, key="b"))
    assert not asked(*pair, approvers=(A, same_account), trained_by=()).holds


def test_where_nobody_knows_who_trained_two_people_must_sign() -> None:
    one = asked(signed(A), trained_by=())

    assert one.missing == "it is not known who trained, so two people must sign"
    assert not asked(signed(A), signed(A, comment="again"), trained_by=()).holds
    assert asked(signed(A), signed(B), trained_by=()).holds


def test_a_name_that_is_declared_twice_counts_for_nobody() -> None:
    assert not asked(signed(A), approvers=(A, approver("b", name=A.name))).holds


EVIDENCE = {"model": {"model.onnx": "1" * 64}, "risk_report": {"report.json": "2" * 64}}


@given(st.data())
def test_any_altered_digit_of_the_evidence_voids_the_approval(data: st.DataObject) -> None:
    now = replace(NOW, evidence=evidence_digest(EVIDENCE))
    given_ = signed(A, evidence=now.evidence)
    assert verdict({"a": given_}, now, BOTH, ("t",), required=True).holds

    artifact = data.draw(st.sampled_from(sorted(EVIDENCE)))
    [(file, digits)] = EVIDENCE[artifact].items()
    place = data.draw(st.integers(0, 63))
    other = data.draw(st.sampled_from("0123456789abcdef").filter(lambda d: d != digits[place]))
    altered = {**EVIDENCE, artifact: {file: digits[:place] + other + digits[place + 1 :]}}
    after = replace(NOW, evidence=evidence_digest(altered))

    assert not verdict({"a": given_}, after, BOTH, ("t",), required=True).holds


@given(st.data())
def test_any_altered_byte_of_a_signature_file_that_matters_voids_it(data: st.DataObject) -> None:
    text = json.dumps(signed(A).to_dict())
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=32, max_codepoint=126))
    altered = parse_signed(text[:place] + other + text[place + 1 :], "a.json")

    if isinstance(altered, Signed) and altered == signed(A):
        assert other == text[place] or text[place].isspace() or other.isspace()
    else:
        assert not asked(altered).holds


@given(st.integers(0, 63), st.integers(1, 255))
def test_any_altered_byte_of_a_signature_voids_it(place: int, change: int) -> None:
    raw = bytearray(base64.b64decode(signed(A).signature))
    raw[place] ^= change

    assert not asked(replace(signed(A), signature=base64.b64encode(raw).decode())).holds


def test_a_signature_is_base64_in_its_one_form() -> None:
    real = signed(A).signature
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    sibling = alphabet[alphabet.index(real[-3]) + 1]
    same_bytes = f"{real[:-3]}{sibling}=="

    assert base64.b64decode(same_bytes) == base64.b64decode(real)
    assert not is_signed_by(replace(signed(A), signature=same_bytes), A.public_key)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", "7", '"text"', "{", "[" * 100_000,
        '{"statement": {}, "signature": ""}',
        '{"statement": null, "signature": ""}',
    ],
)  # fmt: skip
def test_what_is_no_signature_file_is_refused_and_never_fails(text: str) -> None:
    assert isinstance(parse_signed(text, "a.json"), Refused)


def test_a_statement_with_more_or_other_fields_is_refused() -> None:
    record = signed(A).to_dict()
    more = {**record, "statement": {**record["statement"], "also": "this"}}
    number = {**record, "statement": {**record["statement"], "comment": 7}}

    assert parse_signed(json.dumps(record), "a.json") == signed(A)
    for changed in (more, number, {**record, "and": 1}):
        assert isinstance(parse_signed(json.dumps(changed), "a.json"), Refused)


def test_every_person_has_a_file_of_their_own_for_each_evidence() -> None:
    names = {
        file_name(signed(A, approver=name, evidence=evidence).statement)
        for name in ("Å. One", "A One", "李", "王", "../up")
        for evidence in ("e" * 64, "f" * 64)
    }

    assert len(names) == 10
    assert all("/" not in name and name[:16] in ("e" * 16, "f" * 16) for name in names)
