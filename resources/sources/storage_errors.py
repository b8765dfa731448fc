"""What is said where a file system cannot be read: each kind of failure its own clear message.

Belongs here: telling failures of any fsspec driver apart. Does not belong here: reading
(``storage.py``). A driver's own words are left out, for they may hold keys and signed addresses.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from resources.sources.base import SourceError, SourceLostError

_AWAY = frozenset(
    {
        "ClientConnectionError",
        "ClientPayloadError",
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "ConnectionError",
        "EndpointConnectionError",
        "NoValidConnectionsError",
        "ReadTimeoutError",
        "SSHException",
        "ServiceRequestError",
        "TimeoutError",
        "gaierror",
        "herror",
    }
)
"""Exceptions, here and in drivers, by which a host cannot be reached."""
_DENIED = frozenset(
    {
        "AuthenticationException",
        "ClientAuthenticationError",
        "CredentialRetrievalError",
        "DefaultCredentialsError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "PermissionError",
        "RefreshError",
    }
)


@contextmanager
def explained(what: str, *, is_file: bool = False) -> Iterator[None]:
    """Whatever fails in the block becomes a ``SourceError`` about ``what``, a folder or a file."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        raise _explanation(error, what, is_file) from None  # a log shows causes


def is_not_found(error: BaseException) -> bool:
    """Whether a ``FileNotFoundError`` is one: fsspec raises it for whatever a web server says."""
    chain = _chain(error)
    statuses = [status for status in map(_status, chain) if status is not None]
    return 404 in statuses or not (statuses or _any_is(chain, _AWAY) or _any_is(chain, _DENIED))


def _explanation(error: Exception, what: str, is_file: bool) -> SourceError:
    chain = _chain(error)
    kind = type(error).__name__
    statuses = [status for status in map(_status, chain) if status is not None]
    if isinstance(error, ImportError):
        return _no_driver(error, what)
    if isinstance(error, ValueError) and "Protocol not known" in str(error):
        return SourceError(f"{what}: fsspec knows no such protocol: correct source.folder")
    if {401, 403}.intersection(statuses) or _any_is(chain, _DENIED):
        return SourceError(
            f"access to {what} is denied: check its permissions, and the credentials in the "
            "environment"
        )
    if _any_is(chain, _AWAY):
        return SourceLostError(f"{what} cannot be reached: check the address and the network")
    if any(status >= 500 or status == 429 for status in statuses):
        return SourceLostError(
            f"{what}: its server answers with error {max(statuses)}: wait, or ask its owner"
        )
    if isinstance(error, NotADirectoryError):
        return SourceError(f"source folder {what} is a file: correct source.folder")
    if isinstance(error, FileNotFoundError) and is_not_found(error):
        if is_file:
            return SourceError(f"{what} is not there any more: deliver it again")
        return SourceError(
            f"source folder {what} does not exist: create it or correct source.folder"
        )
    return SourceError(f"{what} cannot be read ({kind}): check source.folder and what is there")


def _no_driver(error: ImportError, what: str) -> SourceError:
    missing = next((e.name for e in _chain(error) if isinstance(e, ImportError) and e.name), None)
    package = missing.split(".")[0] if missing else "what it names"
    return SourceError(
        f"{what}: the driver of this kind of source is not installed ({error}): "
        f"pip install {package}"
    )


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it came from, latest first."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    return chain


def _any_is(chain: list[BaseException], names: frozenset[str]) -> bool:
    return any(kind.__name__ in names for error in chain for kind in type(error).__mro__)


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status", None)
    return status if isinstance(status, int) else None
