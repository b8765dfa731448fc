"""``python -m mlops_assets.serving ROOT``: one server, in the foreground."""

import gc
import sys

from mlops_assets.serving.connection import limited_protocol
from mlops_assets.serving.server import ServerError, is_loopback, serve
from mlops_assets.serving.service import ServingService
from mlops_assets.serving.settings import parse_settings
from mlops_assets.serving.structured_log import PROCESS_LOG, log
from mlops_assets.serving.tls import TlsError
from mlops_assets.serving.tokens import TokensError

GARBAGE_THRESHOLDS = (20_000, 50, 100)
"""Answers leave no cycles behind: looking for them as often as Python does by default takes a tenth
of all time, in pauses that double the 99th percentile."""
SWITCH_SECONDS = 0.0005
"""For which a thread may keep the interpreter from the others: the default is ten times as long,
and an answer would wait for the log's thread."""


def main() -> int:
    settings = parse_settings(sys.argv[1:])
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    PROCESS_LOG.take_over_logging()
    try:
        service = ServingService(settings)
        protocol = limited_protocol(settings.limits, service.refused)
        service.describe_connections(protocol.watch)
        if service.tls is None and not is_loopback(settings.host):
            log("no_tls", level="warning", host=settings.host)
        serve(
            service.app,
            settings.host,
            settings.port,
            limits=settings.limits,
            protocol=protocol,
            tls=service.tls.context if service.tls else None,
            is_guarded=not service.guard.is_open,
            on_ready=lambda url: _begin(service, url),
            on_stopping=service.app.drain,
            drain_seconds=settings.drain_seconds,
        )
    except (ServerError, TlsError, TokensError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0 if service.has_started else 1


def _begin(service: ServingService, url: str) -> None:
    gc.collect()
    gc.freeze()  # what is loaded by now stays, and need not be walked through again
    service.announce(url)


if __name__ == "__main__":
    raise SystemExit(main())
