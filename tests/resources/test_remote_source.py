"""Files behind a URL, over a real web server and in fsspec's memory: the same batches, and each
failure its own clear message."""

import http.server
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_assets.content_hash import bytes_md5
from mlops_assets.source_declaration import Source
from resources.sources.base import Delivery, SourceError, SourceLostError
from resources.sources.files import FileSource
from resources.sources.periods import CutSource
from resources.sources.storage import BLOCK, Storage

SOURCE = Source(
    folder="memory://batches",
    batch_name=r"\d{4}-\d{2}",
    licence="CC0-1.0",
    attribution="them",
    terms="none",
    licence_expires="never",
)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; ``status`` is answered instead where it is set, ``cut_off`` ends the
    connection after that many bytes of a file, and ``tag`` is the entity tag of every file."""

    status: int | None = None
    cut_off: int | None = None
    tag: str | None = None
    sent: list[str]

    def send_head(self) -> Any:
        if self.status is not None:
            self.send_error(self.status)
            return None
        if self.command == "GET":
            type(self).sent.append(self.path)
        return super().send_head()

    def end_headers(self) -> None:
        if self.tag is not None:
            self.send_header("ETag", self.tag)
        if self.path.endswith(".gz"):
            self.send_header("Content-Encoding", "gzip")
        super().end_headers()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        if self.cut_off is None or self.path.endswith("/"):
            super().copyfile(source, outputfile)
        else:
            outputfile.write(source.read(self.cut_off))
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Web:
    """A folder on a web server of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.handler = type("OwnHandler", (Handler,), {"sent": []})
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(self.handler, directory=str(folder))
        )
        self.url = f"http://127.0.0.1:{self.server.server_port}/batches"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def put(self, name: str, content: bytes) -> None:
        path = self.folder / "batches" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def source(self, **declared: Any) -> FileSource:
        return FileSource(self.folder, SOURCE.model_copy(update={"folder": self.url, **declared}))

    def stop(self) -> None:
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "web").mkdir()
    web = Web(tmp_path / "web")
    yield web
    web.stop()


@pytest.fixture
def memory() -> Iterator[Callable[..., FileSource]]:
    """Makes a source of files in fsspec's memory."""
    files = fsspec.filesystem("memory")

    def make(contents: dict[str, bytes], **declared: Any) -> FileSource:
        for name, content in contents.items():
            files.pipe_file(f"/batches/{name}", content)
        return FileSource(Path("/nowhere"), SOURCE.model_copy(update=declared))

    yield make
    if files.exists("/batches"):
        files.rm("/batches", recursive=True)


def test_files_in_memory_are_batches(memory: Callable[..., FileSource], tmp_path: Path) -> None:
    source = memory({"2020-02.parquet": b"b", "2020-01.parquet": b"a", "note.txt": b""})

    assert source.deliveries() == (
        Delivery("2020-01", bytes_md5(b"a")),
        Delivery("2020-02", bytes_md5(b"b")),
    )
    assert source.copy("2020-02", tmp_path).origin["bytes"] == 1
    assert (tmp_path / "data.parquet").read_bytes() == b"b"
    memory({"2020-02.parquet": b"c", "2020-03.parquet": b"d"})
    assert [d.fingerprint for d in source.deliveries()] == [
        bytes_md5(x) for x in (b"a", b"c", b"d")
    ]


def test_folders_below_are_looked_into_where_the_pattern_says_so(
    memory: Callable[..., FileSource],
) -> None:
    contents = {"2020-01.csv": b"a", "x/2020-02.csv": b"b", "x/y/2020-03.csv": b"c"}

    assert len(memory(contents, pattern="**/*.csv").deliveries()) == 3
    assert len(memory({}, pattern="*.csv").deliveries()) == 1
    assert len(memory({}, pattern="x/*.csv").deliveries()) == 1


def test_files_of_a_web_server_are_batches(web: Web, tmp_path: Path) -> None:
    content = bytes(range(256)) * (BLOCK // 100)
    web.put("2020-01.parquet", content)
    web.put("below/2020-02.parquet", b"b")
    web.put("page.html", b"<a href='/'>up</a>")

    assert [d.name for d in web.source().deliveries()] == ["2020-01"]
    deep = web.source(pattern="**/*.parquet")
    assert [d.fingerprint for d in deep.deliveries()] == [bytes_md5(content), bytes_md5(b"b")]
    assert deep.copy("2020-01", tmp_path).origin == {
        "file": "2020-01.parquet",
        "md5": bytes_md5(content),
        "bytes": len(content),
    }
    assert (tmp_path / "data.parquet").read_bytes() == content


def test_one_file_needs_no_listing(web: Web) -> None:
    web.put("index.html", b"nothing is listed here")
    web.put("2020-01 a.parquet", b"a")
    source = web.source(pattern="2020-01 a.parquet", batch_name="2020-01 a")

    assert source.deliveries() == (Delivery("2020-01 a", bytes_md5(b"a")),)
    with pytest.raises(SourceError, match="holds no file"):
        web.source(pattern="2020-02.parquet").deliveries()


def test_packed_files_arrive_packed(web: Web, tmp_path: Path) -> None:
    web.put("2020-01.csv.gz", b"\x1f\x8bas it is")

    web.source(pattern="*.gz").copy("2020-01", tmp_path)

    assert (tmp_path / "original.csv.gz").read_bytes() == b"\x1f\x8bas it is"


def test_a_file_is_fetched_again_only_when_its_server_says_it_changed(web: Web) -> None:
    web.put("2020-01.parquet", b"a")
    web.handler.tag = '"1"'
    source = web.source()
    first = source.deliveries()
    source.deliveries()
    assert web.handler.sent.count("/batches/2020-01.parquet") == 1

    web.put("2020-01.parquet", b"b")
    web.handler.tag = '"2"'

    assert source.deliveries() == (Delivery("2020-01", bytes_md5(b"b")),) != first


def test_a_server_that_is_not_there_is_said_so(web: Web, tmp_path: Path) -> None:
    web.put("2020-01.parquet", b"a")
    web.stop()

    for pattern in ("*.parquet", "2020-01.parquet"):
        source = web.source(pattern=pattern)
        with pytest.raises(SourceLostError, match="cannot be reached: check the address"):
            source.deliveries()
        with pytest.raises(SourceLostError, match="cannot be reached"):
            source.copy("2020-01", tmp_path)


def test_a_folder_that_is_not_there_is_said_so(web: Web, memory: Callable[..., FileSource]) -> None:
    with pytest.raises(SourceError, match=r"batches does not exist: create it or correct"):
        web.source().deliveries()
    with pytest.raises(SourceError, match=r"memory://missing does not exist"):
        memory({}, folder="memory://missing").deliveries()


def test_a_folder_that_is_a_file_is_said_so(memory: Callable[..., FileSource]) -> None:
    with pytest.raises(SourceError, match=r"2020-01\.csv is a file: name its folder"):
        memory({"2020-01.csv": b"a"}, folder="memory://batches/2020-01.csv").deliveries()


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (401, "access to .* is denied: check its permissions, and the credentials"),
        (403, "access to .* is denied"),
        (503, "answers with error 503"),
        (418, "cannot be read"),
    ],
)
@pytest.mark.parametrize("pattern", ["*.parquet", "2020-01.parquet"])
def test_what_a_server_refuses_is_said(status: int, problem: str, pattern: str, web: Web) -> None:
    web.handler.status = status

    with pytest.raises(SourceError, match=problem):
        web.source(pattern=pattern).deliveries()


def test_a_server_that_goes_away_half_way_is_a_source_that_was_lost(
    web: Web, tmp_path: Path
) -> None:
    web.put("2020-01.parquet", b"a" * 3 * BLOCK)
    web.handler.cut_off = BLOCK + 1

    with pytest.raises(SourceLostError, match=r"2020-01\.parquet could be read in part only"):
        web.source().copy("2020-01", tmp_path)


def test_a_file_that_is_replaced_meanwhile_is_a_source_that_was_lost(web: Web) -> None:
    web.put("2020-01.parquet", b"a" * 2 * BLOCK)
    web.handler.tag = '"1"'
    source = web.source()
    [file] = source.files()
    blocks = source.storage.blocks(file)
    next(blocks)
    web.handler.tag = '"2"'

    with pytest.raises(SourceLostError, match="changed while it was read"):
        list(blocks)


def test_a_file_that_disappears_is_said_so(web: Web) -> None:
    web.put("2020-01.parquet", b"a")
    source = web.source()
    [file] = source.files()
    (web.folder / "batches" / "2020-01.parquet").unlink()

    with pytest.raises(SourceError, match=r"2020-01\.parquet in .* is not there any more"):
        list(source.storage.blocks(file))


def test_a_driver_that_is_missing_is_said_with_what_to_install(
    memory: Callable[..., FileSource],
) -> None:
    with pytest.raises(SourceError, match=r"is not installed .*: pip install s3fs"):
        memory({}, folder="s3://bucket/flights").deliveries()
    with pytest.raises(SourceError, match=r"fsspec knows no such protocol: correct source\.folder"):
        memory({}, folder="s4://bucket/flights").deliveries()


def test_what_lets_one_in_is_never_shown() -> None:
    assert str(Storage("https://me:secret@host/a/b?sig=secret#x")) == "https://host/a/b"
    assert str(Storage("s3://bucket/a@b")) == "s3://bucket/a@b"
    assert str(Storage("/data/50#1?")) == "/data/50#1?"


def test_files_of_a_web_server_are_cut_into_batches(web: Web, tmp_path: Path) -> None:
    pq.write_table(pa.table({"season": ["a", "b", "a"], "id": [1, 2, 3]}), tmp_path / "x.parquet")
    web.put("x.parquet", (tmp_path / "x.parquet").read_bytes())
    cut = {**SOURCE.model_dump(), "folder": web.url, "batch_name": None}
    source = Source(**{**cut, "batches": {"column": "season", "period": "value"}})
    cut_source = CutSource(FileSource(tmp_path, source), source)

    deliveries = cut_source.deliveries()

    assert [d.name for d in deliveries] == ["a", "b"]
    assert cut_source.copy("a", tmp_path).delivery == deliveries[0]
    assert pq.read_table(tmp_path / "data.parquet")["id"].to_pylist() == [1, 3]
