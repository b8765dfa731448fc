"""Where files are: a folder of this machine, or any that fsspec knows by a URL.

Belongs here: listing files, streaming their bytes, and what is said where that fails. Does not
belong here: what a file is to a use case (``files.py``, ``periods.py``).
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, unquote

import fsspec  # type: ignore[import-untyped]
from fsspec.core import url_to_fs  # type: ignore[import-untyped]
from fsspec.utils import glob_translate  # type: ignore[import-untyped]

from resources.sources.base import SourceError, SourceLostError
from resources.sources.storage_errors import explained, is_not_found

BLOCK = 1 << 20
DEEPEST = 32
"""Folders below the source's folder that ``**`` looks into."""
_CONNECT_SECONDS, _SILENCE_SECONDS = 30, 120
_SAYS_CHANGE = (
    *("ETag", "etag", "md5", "md5Hash", "content_md5", "Content-MD5", "Digest", "sha", "checksum"),
    *("generation", "VersionId", "version_id", "updated", "mtime", "modified", "modify"),
    *("Last-Modified", "LastModified", "last_modified"),
)
"""What file systems call the facts that differ where a file's content may."""


@dataclass(frozen=True)
class StoredFile:
    """A file as its file system lists it.

    ``path`` is what the file system calls it, ``name`` its last part; ``size`` in bytes, where that
    is said. While ``stamp`` is the same the content is, as far as the file system tells; it is
    ``None`` where it tells nothing.
    """

    path: str
    name: str
    size: int | None
    stamp: tuple[str, ...] | None


@dataclass(frozen=True)
class Storage:
    """A folder: a path or a URL."""

    location: str

    @property
    def is_remote(self) -> bool:
        return "://" in self.location and not self.location.startswith("file://")

    def __str__(self) -> str:
        """The location as it may be shown: without user, password and query."""
        if not self.is_remote:
            return self.location
        scheme, _, rest = self.location.partition("://")
        host, slash, path = re.split("[?#]", rest, maxsplit=1)[0].partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"

    def files(self, pattern: str) -> tuple[StoredFile, ...]:
        """The files below the folder that match, ordered by their path.

        Raises ``SourceError`` where the folder is none or cannot be listed.
        """
        with explained(str(self)):
            file_system, root = self._open()
            file_system.invalidate_cache()
            paths = sorted(self._matching(file_system, root, pattern))
            found = (self._stored(file_system, path) for path in paths)
            return tuple(file for file in found if file is not None)

    def below(self, file: StoredFile) -> str:
        """A file's path below the folder."""
        path = file.path.removeprefix(self._open()[1]).lstrip("/")
        return unquote(path) if self._is_http else path

    def blocks(self, file: StoredFile) -> Iterator[bytes]:
        """The bytes of a file in blocks of a megabyte.

        Raises ``SourceError`` where it cannot be opened, and ``SourceLostError`` where it ends
        early, changes meanwhile, or can be read no further.
        """
        count = 0
        with self._stream(file) as stream:
            while block := _read(stream, file.name):
                count += len(block)
                yield block
            if not self.is_remote:
                _require_unchanged(file.name, _local_stamp(stream), file.stamp)
        if file.size is not None and count != file.size:
            raise SourceLostError(
                f"{file.name} in {self} has {file.size} bytes, and {count} came: it changed, or "
                "broke off"
            )
        if self.is_remote:
            self.require_unchanged(file)

    def require_unchanged(self, file: StoredFile) -> None:
        """Raise ``SourceLostError`` where a file is not what it was when it was listed."""
        with explained(f"{file.name} in {self}", is_file=True):
            now = self._stored(self._open()[0], file.path)
        _require_unchanged(file.name, now.stamp if now else ("gone",), file.stamp)

    def _open(self) -> tuple[Any, str]:
        if not self.is_remote:
            path = Path(self.location.removeprefix("file://")).absolute()
            return fsspec.filesystem("file"), str(path)
        options = {"client_kwargs": _http_client()} if self._is_http else {}
        file_system, path = url_to_fs(self.location, **options)
        return file_system, path.rstrip("/")

    @property
    def _is_http(self) -> bool:
        return self.location.startswith(("http://", "https://"))

    def _matching(self, file_system: Any, root: str, pattern: str) -> Iterator[str]:
        if not re.search(r"[*?\[]", pattern):
            # A web server need not list its folders for one file.
            path = f"{root}/{quote(pattern) if self._is_http else pattern}"
            try:
                file_system.info(path)
            except FileNotFoundError as error:
                if not is_not_found(error):
                    raise
                if not self._is_http:
                    self._entries(file_system, root, root)
                return
            yield path
            return
        depth = DEEPEST if "**" in pattern else pattern.count("/")
        matches = re.compile(glob_translate(pattern)).match
        for path in self._walk(file_system, root, root, depth):
            relative = path[len(root) :].lstrip("/")
            if matches(unquote(relative) if self._is_http else relative):
                yield path

    def _walk(self, file_system: Any, root: str, folder: str, depth: int) -> Iterator[str]:
        for entry in self._entries(file_system, root, folder):
            path = entry["name"].rstrip("/")
            if not path.startswith(f"{folder}/"):
                continue
            if entry["type"] == "directory":
                if depth > 0:
                    yield from self._walk(file_system, root, path, depth - 1)
            else:
                yield path

    def _entries(self, file_system: Any, root: str, folder: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = file_system.ls(
            f"{folder}/" if self._is_http else folder, detail=True
        )
        if len(entries) == 1 and entries[0]["type"] == "file" and entries[0]["name"] == root:
            raise SourceError(
                f"source folder {self} is a file: name its folder as source.folder, and the file "
                "as source.pattern"
            )
        return entries

    def _stored(self, file_system: Any, path: str) -> StoredFile | None:
        """``None`` where it is gone meanwhile, or is no file."""
        name = path.rsplit("/", 1)[-1]
        if not self.is_remote:
            local = Path(path)
            if not local.is_file():
                return None
            stat = local.stat()
            return StoredFile(path, name, stat.st_size, _stamp_of(stat))
        try:
            info = file_system.info(path)
        except FileNotFoundError as error:
            if is_not_found(error):
                return None
            raise
        told = tuple(f"{key}={info[key]}" for key in _SAYS_CHANGE if info.get(key))
        stamp = (f"size={info.get('size')}", *told) if told else None
        return StoredFile(path, unquote(name) if self._is_http else name, info.get("size"), stamp)

    @contextmanager
    def _stream(self, file: StoredFile) -> Iterator[BinaryIO]:
        with explained(f"{file.name} in {self}", is_file=True):
            file_system, _ = self._open()
            if not self.is_remote:
                stream = Path(file.path).open("rb")  # noqa: SIM115
            else:
                # One answer holds one state of the file; several ranges might hold several.
                options = {"block_size": 0} if self._is_http else {}
                stream = file_system.open(file.path, "rb", **options)
        with stream:
            yield stream


def _read(stream: BinaryIO, name: str) -> bytes:
    try:
        return stream.read(BLOCK)
    except Exception as error:
        raise SourceLostError(
            f"{name} could be read in part only ({type(error).__name__}): the source went away "
            "meanwhile"
        ) from None


def _require_unchanged(
    name: str, now: tuple[str, ...] | None, before: tuple[str, ...] | None
) -> None:
    if now != before:
        raise SourceLostError(f"{name} changed while it was read")


def _local_stamp(stream: BinaryIO) -> tuple[str, ...]:
    return _stamp_of(os.fstat(stream.fileno()))


def _stamp_of(stat: os.stat_result) -> tuple[str, ...]:
    return str(stat.st_size), str(stat.st_mtime_ns), str(stat.st_ino)


def _http_client() -> dict[str, Any]:
    """How the web is asked: bytes as they are stored, and no limit to the whole, for a large file
    takes its time. What fsspec's own configuration says goes first."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS
    )
    configured = fsspec.config.conf.get("http", {}).get("client_kwargs", {})
    return {
        "timeout": timeout,
        "auto_decompress": False,
        **configured,
        "headers": {"Accept-Encoding": "identity", **configured.get("headers", {})},
    }
