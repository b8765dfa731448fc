"""Tokens: what is kept of them, who is let in, and how they are revoked."""

import hashlib
import json
import stat
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.serving.refusal import RefusalError
from mlops_assets.serving.tokens import (
    ANYBODY,
    PREFIX,
    SCOPES,
    Guard,
    TokensError,
    add_token,
    new_token,
    read_tokens,
)

TODAY = date(2026, 3, 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "tokens.json"


def bearer(text: str) -> bytes:
    return f"Bearer {text}".encode()


def refusal(guard: Guard, sent: bytes | None, scope: str = "predict") -> RefusalError:
    with pytest.raises(RefusalError) as refused:
        guard.check(sent, scope)
    return refused.value


def test_a_token_is_let_in_for_its_scopes_alone(path: Path) -> None:
    shop, kept = new_token("shop", ["predict"])
    add_token(path, kept)
    board, kept = new_token("board", ["admin", "metrics"])
    add_token(path, kept)
    guard = Guard(path)
    assert guard.check(bearer(shop), "predict") == "shop"
    assert guard.check(f"bearer  {board} ".encode(), "metrics") == "board"
    forbidden = refusal(guard, bearer(shop), "admin")
    assert (forbidden.status, str(forbidden)) == (403, "this token is not for 'admin'")


def test_a_refusal_does_not_say_which_part_was_wrong(path: Path) -> None:
    good, kept = new_token("shop", ["predict"], date(2026, 2, 28))
    add_token(path, kept)
    guard = Guard(path, today=lambda: TODAY)
    sent = [None, b"", b"Bearer", b"Bearer ", b"Basic eDp5", bearer(good + "x"), bearer(good[:-1])]
    sent += [bearer(good), good.encode(), b"Bearer \xff\xfe", bearer(kept.sha256)]
    refusals = [refusal(guard, one) for one in sent]
    assert {(one.status, str(one)) for one in refusals} == {(401, str(refusals[0]))}


def test_a_token_is_good_until_the_end_of_its_last_day(path: Path) -> None:
    text, kept = new_token("shop", ["predict"], TODAY)
    add_token(path, kept)
    assert Guard(path, today=lambda: TODAY).check(bearer(text), "predict") == "shop"
    assert refusal(Guard(path, today=lambda: date(2026, 3, 2)), bearer(text)).status == 401


@given(st.binary(max_size=200))
def test_nothing_else_is_let_in(sent: bytes) -> None:
    text, kept = new_token("shop", SCOPES)
    guard = Guard(None)
    assert guard.check(sent, "admin") == ANYBODY and guard.is_open
    guard._path, guard._tokens = Path("tokens.json"), (kept,)
    guard._digests = [bytes.fromhex(kept.sha256)]
    assert refusal(guard, sent).status == 401
    assert guard.check(bearer(text), "admin") == "shop"


def test_the_file_holds_hashes_and_is_its_owners_alone(path: Path) -> None:
    text, kept = new_token("shop", ["metrics", "predict"], date(2026, 12, 31))
    assert text.startswith(PREFIX) and len(text) >= len(PREFIX) + 43
    assert new_token("shop", ["predict"])[0] != text
    add_token(path, kept)
    assert json.loads(path.read_text()) == [
        {
            "name": "shop",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "scopes": ["predict", "metrics"],
            "expires": "2026-12-31",
        }
    ]
    assert read_tokens(path) == (kept,)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [*path.parent.iterdir()] == [path]


def test_a_token_is_revoked_without_a_restart(path: Path) -> None:
    first, kept = new_token("first", ["predict"])
    add_token(path, kept)
    guard = Guard(path)
    assert guard.refresh() is False
    second, kept = new_token("second", ["predict"])
    add_token(path, kept)
    assert guard.refresh() is True
    assert guard.check(bearer(second), "predict") == "second"
    left = [entry for entry in json.loads(path.read_text()) if entry["name"] == "second"]
    path.write_text(json.dumps(left))
    assert guard.refresh() is True
    assert refusal(guard, bearer(first)).status == 401
    assert guard.check(bearer(second), "predict") == "second"


def test_a_broken_file_keeps_the_last_good_one_and_tells_once(path: Path) -> None:
    text, kept = new_token("shop", ["predict"])
    add_token(path, kept)
    told: list[str] = []
    guard = Guard(path, told.append)
    path.write_text('[{"name": ')
    assert [guard.refresh(), guard.refresh()] == [False, False]
    assert len(told) == 1 and "tokens.json: no JSON" in told[0] and "stay in force" in told[0]
    path.unlink()
    assert guard.refresh() is False and "cannot be read" in told[1]
    assert guard.check(bearer(text), "predict") == "shop"
    assert refusal(guard, None).status == 401


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "a b"}, "token 1: 'name'"),
        ({"sha256": "A" * 64}, "token 1: 'sha256'"),
        ({"scopes": []}, "token 1: 'scopes'"),
        ({"scopes": ["root"]}, "token 1: 'scopes'"),
        ({"scopes": [["predict"]]}, "token 1: 'scopes'"),
        ({"scopes": "predict"}, "token 1: 'scopes'"),
        ({"expires": "soon"}, "token 1: 'expires'"),
        ({"expires": 20261231}, "token 1: 'expires'"),
        ({"more": 1}, "token 1: must have the fields"),
    ],
)
def test_a_wrong_file_is_refused_naming_the_entry(
    path: Path, change: dict[str, object], problem: str
) -> None:
    add_token(path, new_token("shop", ["predict"])[1])
    (entry,) = json.loads(path.read_text())
    path.write_text(json.dumps([entry | change]))
    with pytest.raises(TokensError, match=rf"tokens\.json, {problem}"):
        Guard(path)


def test_a_file_that_too_many_may_read_or_that_is_none_is_refused(path: Path) -> None:
    with pytest.raises(TokensError, match="cannot be read"):
        Guard(path)
    add_token(path, new_token("shop", ["predict"])[1])
    for mode in (0o644, 0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(TokensError, match="chmod 600"):
            Guard(path)
    path.chmod(0o440)
    assert len(read_tokens(path)) == 1
    path.chmod(0o600)
    for content, problem in (("{}", "no list"), ("[1]", "token 1"), ("\xff", "no JSON")):
        path.write_bytes(content.encode("latin-1"))
        with pytest.raises(TokensError, match=problem):
            Guard(path)


def test_names_are_unique_and_plain(path: Path) -> None:
    add_token(path, new_token("shop", ["predict"])[1])
    with pytest.raises(TokensError, match="a token named 'shop' already"):
        add_token(path, new_token("shop", ["admin"])[1])
    for name in ("", "a b", "-x", "x" * 65, "a\n"):
        with pytest.raises(ValueError, match="name a token"):
            new_token(name, ["predict"])
    for scopes in ([], ["root"]):
        with pytest.raises(ValueError, match="predict, metrics, admin"):
            new_token("shop", scopes)
    path.write_text(json.dumps(json.loads(path.read_text()) * 2))
    with pytest.raises(TokensError, match="two tokens are named 'shop'"):
        Guard(path)
