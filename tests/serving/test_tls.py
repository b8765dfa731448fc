"""TLS with certificates made here: what is spoken, what files are refused, and slow handshakes."""

import ssl
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import make_certificate
from raw_http import LAST, ONE, PATIENT, SHORT, Echo, connect, eventually, read_all, talk

from mlops_assets.serving.connection import limited_protocol
from mlops_assets.serving.server import running
from mlops_assets.serving.tls import ServerTls, TlsError, tls_context


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_certificate(tmp_path)
    return tmp_path


def context_of(folder: Path) -> ssl.SSLContext:
    return tls_context(folder / "server.crt", folder / "server.key")


def trusting(folder: Path, name: str = "server") -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / f"{name}.crt"))


def test_requests_and_refusals_go_through_tls(folder: Path) -> None:
    with running(Echo(), limits=PATIENT, tls=context_of(folder)) as url:
        assert url.startswith("https://")
        told = talk(url, ONE + LAST, context=trusting(folder))
        assert [one.status for one in told] == [200, 200]
        with connect(url, trusting(folder)) as client:
            client.sendall(ONE + b"garbage\r\n\r\n")
            content = b""
            while b"this is no request" not in content:
                content += client.recv(65536)
            assert content.count(b"HTTP/1.1 200 ") == 1
        with connect(url, trusting(folder)) as client:
            assert client.version() == "TLSv1.3"


def test_a_client_that_speaks_no_tls_disturbs_nobody(folder: Path) -> None:
    with running(Echo(), limits=PATIENT, tls=context_of(folder)) as url:
        with connect(url) as client:
            client.sendall(ONE)
            assert b"HTTP" not in read_all(client)
        assert [one.status for one in talk(url, LAST, context=trusting(folder))] == [200]


def test_old_versions_and_weak_ciphers_are_not_spoken(folder: Path) -> None:
    context = context_of(folder)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    names = {cipher["name"] for cipher in context.get_ciphers()}
    assert names and all("GCM" in name or "CHACHA20" in name for name in names)
    assert all(name.startswith(("ECDHE", "TLS_")) for name in names)
    with running(Echo(), tls=context) as url:
        weak = trusting(folder)
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("AES128-SHA")
        with pytest.raises(OSError, match=r"(?i)handshake|reset|eof"):
            connect(url, weak)


def test_handshakes_that_never_end_keep_no_good_client_out(folder: Path) -> None:
    limits = replace(PATIENT, connections=20)
    with running(Echo(), limits=limits, tls=context_of(folder)) as url, ExitStack() as opened:
        pending = [opened.enter_context(connect(url)) for _ in range(100)]
        for client in pending[::2]:
            client.sendall(b"\x16\x03\x01")
        assert [one.status for one in talk(url, LAST, context=trusting(folder))] == [200]
        assert [read_all(client) for client in pending[:50]] == [b""] * 50


def test_a_handshake_has_a_deadline(folder: Path) -> None:
    with (
        running(Echo(), limits=SHORT, tls=context_of(folder)) as url,
        connect(url) as silent,
        connect(url) as slow,
    ):
        slow.sendall(b"\x16\x03\x01")
        assert [read_all(silent), read_all(slow)] == [b"", b""]


def test_deadlines_hold_within_tls(folder: Path) -> None:
    protocol = limited_protocol(SHORT)
    with running(Echo(), limits=SHORT, protocol=protocol, tls=context_of(folder)) as url:
        with connect(url, trusting(folder)) as client:
            client.sendall(b"GET / HT")
            assert client.recv(65536).startswith(b"HTTP/1.1 408 ")
        assert eventually(lambda: protocol.watch.open == 0)


def test_files_that_cannot_be_used_are_named(folder: Path) -> None:
    make_certificate(folder, "other")
    make_certificate(folder, "locked", b"secret")
    good, key = folder / "server.crt", folder / "server.key"
    for certificate, private, problem in [
        (folder / "none.crt", key, r"none\.crt: cannot be read"),
        (good, folder / "none.key", r"none\.key: cannot be read"),
        (key, key, r"server\.key: holds no CERTIFICATE in PEM form"),
        (good, good, r"server\.crt: holds no PRIVATE KEY"),
        (good, folder / "other.key", r"other\.key: is not the key of the certificate in"),
        (good, folder / "locked.key", r"locked\.key: is encrypted"),
    ]:
        with pytest.raises(TlsError, match=problem):
            tls_context(certificate, private)
    (folder / "bad.crt").write_text("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")
    with pytest.raises(TlsError, match=r"bad\.crt"):
        tls_context(folder / "bad.crt", key)


def test_a_renewed_certificate_is_used_without_a_restart(folder: Path) -> None:
    problems: list[str] = []
    tls = ServerTls(folder / "server.crt", folder / "server.key", problems.append)
    with running(Echo(), tls=tls.context) as url:
        assert tls.refresh() is False
        make_certificate(folder, "next")
        (folder / "next.crt").replace(folder / "server.crt")
        assert tls.refresh() is False and "is not the key" in problems[0]
        (folder / "next.key").replace(folder / "server.key")
        assert tls.refresh() is True
        assert [one.status for one in talk(url, LAST, context=trusting(folder))] == [200]
