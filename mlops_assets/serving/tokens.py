"""Who may ask: bearer tokens and what they are good for.

Belongs here: making tokens, their file, and judging the one that came with a request. Does not
belong here: the command that makes one (``cli_serving_security.py``), or noticing that the file
changed (``watcher.py``, which calls ``Guard.refresh``).

The file is a JSON list, of mode 0600::

    [{"name": "shop", "sha256": "<hex>", "scopes": ["predict"], "expires": "2026-12-31"}]

``expires`` is the last day, in UTC, on which the token is good; null is for good. To revoke a
token, take its entry out: a running server follows.

A token is 256 random bits, and what is kept of it is its plain SHA-256. A slow or salted hash is
for passwords, which people choose and which can be guessed; nobody can try 2^256 tokens, however
fast the hash, and a slow one would let anybody who sends wrong tokens keep the server busy.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from mlops_assets.serving.refusal import RefusalError

TokenScope = Literal["predict", "metrics", "admin"]
SCOPES: tuple[TokenScope, ...] = get_args(TokenScope)
PREFIX = "mlops_"
"""By which people, and scanners of code, recognise a token that lies where it should not."""
TOKEN_BYTES = 32
TOO_OPEN = 0o037
"""The group may read it, as clusters mount secrets for a process that is not root; nobody else may
anything."""
ANYBODY = "anybody"
"""The name of who asks where no tokens are asked for."""
AUTHENTICATE = (b"www-authenticate", b'Bearer realm="mlops"')
"""The header field that a 401 carries."""
UNAUTHENTICATED = (
    "send a valid token in the header field Authorization: Bearer TOKEN (mlops new-token makes one)"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


class TokensError(ValueError):
    """A tokens file that cannot be used; the text names the file and what to do."""


@dataclass(frozen=True)
class Token:
    """What is kept of a token: everything but itself."""

    name: str
    sha256: str
    scopes: tuple[TokenScope, ...]
    expires: date | None = None

    def is_good_on(self, day: date) -> bool:
        return self.expires is None or day <= self.expires


def new_token(
    name: str, scopes: Sequence[TokenScope], expires: date | None = None
) -> tuple[str, Token]:
    """A new token, which is shown once, and what is kept of it. Raises ``ValueError`` for a name
    that is not 1 to 64 of the characters ``A-Z a-z 0-9 _ . @ -``, and for no or unknown scopes."""
    if not _NAME.fullmatch(name):
        raise ValueError("name a token with up to 64 of the characters A-Z a-z 0-9 _ . @ -")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise ValueError(f"a token is for one or more of {', '.join(SCOPES)}")
    text = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    kept = tuple(scope for scope in SCOPES if scope in scopes)
    return text, Token(name, _sha256(text.encode()), kept, expires)


def add_token(path: Path, token: Token) -> None:
    """Add ``token`` to the file at ``path``, which is made where there is none. The file is whole
    at any moment, and nobody else may read it. Raises ``TokensError`` where the file is broken or
    has a token of that name."""
    tokens = read_tokens(path) if path.exists() else ()
    if any(token.name == other.name for other in tokens):
        raise TokensError(f"{path}: there is a token named {token.name!r} already: revoke it first")
    listed = [
        asdict(one) | {"expires": one.expires.isoformat() if one.expires else None}
        for one in (*tokens, token)
    ]
    content = json.dumps(listed, indent=2, ensure_ascii=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Such a file is made with mode 0600.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Raises ``TokensError`` naming the file, the entry and what is wrong with it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        listed = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise TokensError(f"{path}: cannot be read: {problem.strerror}") from problem
    except ValueError:
        raise TokensError(f"{path}: no JSON: make it with mlops new-token") from None
    if mode & TOO_OPEN:
        raise TokensError(f"{path}: too many may read or write it: chmod 600 {path}")
    if not isinstance(listed, list):
        raise TokensError(f"{path}: no list of tokens: make it with mlops new-token")
    tokens = tuple(_token(path, place, entry) for place, entry in enumerate(listed, 1))
    names = [token.name for token in tokens]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TokensError(f"{path}: two tokens are named {twice[0]!r}")
    return tokens


class Guard:
    """Who may ask a server. Without a file everybody may, which is for loopback alone.

    ``failed`` is told why a changed file cannot be used; the tokens read last stay in force then,
    so that a slip of the pen locks nobody out and lets nobody in.
    """

    def __init__(
        self,
        path: Path | None,
        failed: Callable[[str], None] = lambda _: None,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        """Raises ``TokensError`` where there is a file and it cannot be used."""
        self._path = path
        self._failed = failed
        self._today = today
        self._seen = _state(path)
        self._tokens = read_tokens(path) if path else ()
        self._digests = _digests(self._tokens)

    @property
    def is_open(self) -> bool:
        """Whether no tokens are asked for."""
        return self._path is None

    def check(self, authorization: bytes | None, scope: TokenScope) -> str:
        """The name of whose token came in the header field ``Authorization``.

        Raises ``RefusalError``: ``unauthenticated`` without saying what was wrong with it (send
        ``AUTHENTICATE`` with it), ``forbidden`` where it is not for ``scope``.
        """
        if self._path is None:
            return ANYBODY
        token = self._token_of(authorization or b"")
        if token is None or not token.is_good_on(self._today()):
            raise RefusalError("unauthenticated", UNAUTHENTICATED)
        if scope not in token.scopes:
            raise RefusalError("forbidden", f"this token is not for {scope!r}")
        return token.name

    def refresh(self) -> bool:
        """Read the file again where it changed; whether that changed what is in force."""
        state = _state(self._path)
        if self._path is None or state == self._seen:
            return False
        self._seen = state
        try:
            tokens = read_tokens(self._path)
        except TokensError as problem:
            self._failed(f"{problem}; the tokens read before stay in force")
            return False
        self._tokens, self._digests = tokens, _digests(tokens)
        return True

    def _token_of(self, authorization: bytes) -> Token | None:
        scheme, _, text = authorization.partition(b" ")
        sent = hashlib.sha256(text.strip()).digest()
        digests, tokens = self._digests, self._tokens
        found = None
        # Every entry is compared, in constant time, so that how long it takes tells nothing.
        for token, digest in zip(tokens, digests, strict=True):
            if hmac.compare_digest(sent, digest):
                found = token
        return found if scheme.lower() == b"bearer" else None


def _digests(tokens: Sequence[Token]) -> list[bytes]:
    return [bytes.fromhex(token.sha256) for token in tokens]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _state(path: Path | None) -> tuple[int, ...] | None:
    """What changes whenever the file does."""
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (
        (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_mode)
        if found
        else None
    )


def _token(path: Path, place: int, entry: Any) -> Token:
    where = f"{path}, token {place}"
    fields = {"name", "sha256", "scopes", "expires"}
    if not isinstance(entry, dict) or set(entry) != fields:
        raise TokensError(f"{where}: must have the fields {', '.join(sorted(fields))}")
    name, sha256, scopes = entry["name"], entry["sha256"], entry["scopes"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TokensError(f"{where}: 'name' is not 1 to 64 of the characters A-Z a-z 0-9 _ . @ -")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise TokensError(f"{where}: 'sha256' is not 64 hexadecimal digits")
    if not isinstance(scopes, list) or not scopes or any(one not in SCOPES for one in scopes):
        raise TokensError(f"{where}: 'scopes' is not a list of {', '.join(SCOPES)}")
    return Token(name, sha256, tuple(scopes), _expires(where, entry["expires"]))


def _expires(where: str, text: Any) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise TokensError(
            f"{where}: 'expires' is neither null nor a date such as 2026-12-31"
        ) from (None)
