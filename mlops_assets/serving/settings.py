"""How one server is run: what its command line says.

Belongs here: the options and their defaults. Does not belong here: what a use case declares about
serving (``serving_declaration.py``), or secrets, which only the environment holds
(``prediction_log/``, ``alerting.py``).
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mlops_assets.serving.limits import ServerLimits

LOOPBACK = "127.0.0.1"
PORT = 8080


@dataclass(frozen=True)
class Settings:
    """``root`` is the folder of a use case's artifacts; ``release`` the hash to stay with, ``None``
    to follow the champion. Without a ``log_folder`` no answer is kept; with ``log_to_database`` the
    answers end in PostgreSQL and not in files."""

    root: Path
    release: str | None
    host: str
    port: int
    log_folder: Path | None
    log_to_database: bool
    tokens: Path | None
    tls_certificate: Path | None
    tls_key: Path | None
    drain_seconds: float
    limits: ServerLimits


def parse_settings(arguments: Sequence[str]) -> Settings:
    """The settings that a command line gives; ends the process where it makes no sense."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.tls_certificate is None) != (given.tls_key is None):
        parser.error("--tls-certificate and --tls-key go together")
    log_folder = None if given.no_log else given.log or given.root / "served"
    if log_folder is None and given.log_to_database:
        parser.error("--log-database needs the log: leave out --no-log")
    limits = {field.name: getattr(given, field.name) for field in fields(ServerLimits)}
    return Settings(
        root=given.root,
        release=given.release,
        host=given.host,
        port=given.port,
        log_folder=log_folder,
        log_to_database=given.log_to_database,
        tokens=given.tokens,
        tls_certificate=given.tls_certificate,
        tls_key=given.tls_key,
        drain_seconds=given.drain_seconds,
        limits=ServerLimits(**limits),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlops_assets.serving",
        description="Answers over HTTP by the Open Inference Protocol v2, and keeps its answers.",
    )
    parser.add_argument("root", type=Path, help="the artifacts of a use case: artifacts/USE_CASE")
    parser.add_argument("--release", help="stay with the release of this hash")
    parser.add_argument("--host", default=LOOPBACK, help="others than this machine need --tokens")
    parser.add_argument("--port", type=int, default=PORT, help="0 for any that is free")
    parser.add_argument("--log", type=Path, help="where answers are kept; default: ROOT/served")
    parser.add_argument("--no-log", action="store_true", help="keep no answers")
    parser.add_argument(
        "--log-database",
        dest="log_to_database",
        action="store_true",
        help="keep answers in the PostgreSQL that MLOPS_LOG_DATABASE names",
    )
    parser.add_argument("--tokens", type=Path, help="the file of `mlops new-token`")
    parser.add_argument("--tls-certificate", type=Path)
    parser.add_argument("--tls-key", type=Path)
    words = "how long to go on, not ready any more, when told to end; default: 0"
    parser.add_argument("--drain-seconds", type=float, default=0.0, help=words)
    limits = parser.add_argument_group("limits", "on what one client may ask (see limits.py)")
    for name, default in asdict(ServerLimits()).items():
        option = f"--limit-{name.replace('_', '-')}"
        words = f"default: {default:g}"
        limits.add_argument(option, dest=name, type=type(default), default=default, help=words)
    return parser
