"""The server's paths: the Open Inference Protocol v2 and what is beside it, as an ASGI application.

Belongs here: which path does what, who may ask it, and how a refusal is told. Does not belong here:
how a release is asked (``inference.py``), what messages say (``protocol.py``, ``row_objects.py``),
or how an application is run (``server.py``).
"""

import re
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple, Protocol

import orjson

from mlops_assets.serving.docs_page import docs_page
from mlops_assets.serving.http_message import (
    Answer,
    Header,
    Receive,
    Scope,
    Send,
    decoded,
    read_body,
    read_header,
    send_answer,
)
from mlops_assets.serving.inference import Inference
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.metrics import CONTENT_TYPE, Metrics
from mlops_assets.serving.openapi import openapi
from mlops_assets.serving.refusal import Kind, RefusalError
from mlops_assets.serving.router import Router
from mlops_assets.serving.structured_log import log
from mlops_assets.serving.tokens import AUTHENTICATE, Guard, TokenScope

EXTENSIONS = ("binary_tensor_data",)
SCOPES: dict[str, TokenScope | None] = {
    "live": None,
    "ready": None,
    "metrics": "metrics",
    "status": "admin",
}
"""What a token must allow, where it is not ``predict``; probes carry none."""
POSTED = ("infer", "predict")
LOCAL = re.compile(rb"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")
LOCAL_ORIGIN = re.compile(rb"https?://" + LOCAL.pattern)
PLAIN_PATHS = {
    "/v2": "server",
    "/v2/health/live": "live",
    "/v2/health/ready": "ready",
    "/v1/predict": "predict",
    "/metrics": "metrics",
    "/admin/status": "status",
    "/openapi.json": "openapi",
    "/docs": "docs",
}
MODEL_PATHS = {(): "metadata", ("ready",): "model ready", ("infer",): "infer"}


class Service(Protocol):
    """What runs beside the application: started before the first request, stopped after the last.
    ``status`` is what an administrator is told; it is told of what is ``refused``."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def status(self) -> Mapping[str, Any]: ...

    def refused(self, kind: Kind) -> None: ...


class Route(NamedTuple):
    """What a path asks for, and of which release where it names one."""

    action: str
    release: str | None = None


class ServerApp:
    """The application that serves the models of ``router``. ``service`` is what lives as long as
    the application does."""

    def __init__(
        self,
        router: Router,
        limits: ServerLimits,
        guard: Guard,
        metrics: Metrics,
        service: Service,
    ) -> None:
        self._router = router
        self._limits = limits
        self._guard = guard
        self._metrics = metrics
        self._service = service
        self._is_draining = False
        self._inference = Inference(router, limits)
        self._routes = {path: Route(action) for path, action in PLAIN_PATHS.items()}
        self._told: dict[str, Callable[[Route], Answer]] = {
            "server": lambda _: _json(_SERVER),
            "live": lambda _: _json({"live": True}),
            "ready": lambda _: self._ready({}),
            "model ready": lambda _: self._ready({"name": router.champion.model.name}),
            "metadata": self._metadata,
            "metrics": lambda _: Answer(metrics.render(), content_type=CONTENT_TYPE.encode()),
            "status": lambda _: _json(service.status()),
            "openapi": lambda _: _json(self._description()),
            "docs": lambda _: self._docs(),
        }

    def drain(self) -> None:
        """From now on, be ready for nothing more: the server is about to end."""
        self._is_draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._service.start()
        # The server ends then, and says so.
        except Exception as problem:
            log("start_failed", level="error", error=problem)
            await send({"type": "lifespan.startup.failed", "message": type(problem).__name__})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.drain()
        await self._service.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        header, action = read_header(scope), "unknown"
        try:
            route = self._route(scope["path"])
            action = route.action
            answer = await self._respond(route, scope["method"], header, receive, started)
        except RefusalError as refusal:
            answer = self._refused(refusal)
        except ConnectionError:
            return
        except Exception as problem:
            # Its text may hold what was sent: the kind has to do.
            log("request_failed", level="error", error=problem, endpoint=action)
            answer = self._refused(RefusalError("internal", "the model could not answer"))
        await send_answer(answer, header, send, with_body=scope["method"] != "HEAD")
        self._metrics.request(action, answer.status, time.perf_counter() - started)

    async def _respond(
        self, route: Route, method: str, header: Header, receive: Receive, started: float
    ) -> Answer:
        scope = SCOPES.get(route.action, "predict")
        if scope is not None:
            self._guard.check(header.authorization, scope)
            if self._guard.is_open:
                _check_is_local(header)
        if route.action not in POSTED:
            if method not in ("GET", "HEAD"):
                raise RefusalError("method", "use GET")
            return self._told[route.action](route)
        if method != "POST":
            raise RefusalError("method", "use POST")
        limit = self._limits.body_bytes
        body = decoded(await read_body(limit, receive), header, limit)
        if route.action == "infer":
            return await self._inference.infer(body, header, route.release, started)
        return await self._inference.predict(body, started)

    def _route(self, path: str) -> Route:
        """Raises ``RefusalError`` where there is nothing at the path."""
        found = self._routes.get(path)
        if found is not None:
            return found
        match path.removesuffix("/").split("/")[1:]:
            case ["v2", "models", name, "versions", named, *rest]:
                release: str | None = named
            case ["v2", "models", name, *rest]:
                release = None
            case _:
                found = self._routes.get(path.removesuffix("/"))
                if found is None:
                    raise RefusalError("not_found", "there is nothing at this path: see /docs")
                return found
        served = self._router.champion.model.name
        if name != served:
            raise RefusalError("not_found", f"this model is not served here: {served} is")
        action = MODEL_PATHS.get(tuple(rest))
        if action is None:
            raise RefusalError("not_found", "there is nothing at this path: see /docs")
        if release is not None and release not in self._router.releases:
            raise RefusalError("not_found", f"this version of {name} is not served here")
        route = Route(action, release)
        if release is None:
            self._routes[path] = route  # of the one model that a server ever serves
        return route

    def _ready(self, named: Mapping[str, Any]) -> Answer:
        ready = self._router.is_ready and not self._is_draining
        return _json({**named, "ready": ready}, 200 if ready else 503)

    def _metadata(self, route: Route) -> Answer:
        model = self._router.champion.model
        versions = [route.release] if route.release else self._router.releases
        return _json(model.metadata(versions))

    def _description(self) -> dict[str, Any]:
        model = self._router.champion.model
        return openapi(model.name, model.release, model.inputs, self._limits)

    def _docs(self) -> Answer:
        page, policy = docs_page(self._description())
        fields = ((b"content-security-policy", policy.encode()),)
        return Answer(page.encode(), content_type=b"text/html; charset=utf-8", fields=fields)

    def _refused(self, refusal: RefusalError) -> Answer:
        self._service.refused(refusal.kind)
        fields: tuple[tuple[bytes, bytes], ...] = ()
        if refusal.kind == "overloaded":
            fields = ((b"retry-after", b"1"),)
        elif refusal.kind == "method":
            fields = ((b"allow", b"POST" if str(refusal).endswith("POST") else b"GET, HEAD"),)
        elif refusal.kind == "unauthenticated":
            fields = (AUTHENTICATE,)
        return _json({"error": str(refusal)}, refusal.status, fields)


def _check_is_local(header: Header) -> None:
    """Where no token is asked for, a page of another site must not ask through its reader's
    browser: neither under a name of its own that leads here, nor across sites."""
    origin = header.origin
    if LOCAL.fullmatch(header.host) and (origin is None or LOCAL_ORIGIN.fullmatch(origin)):
        return
    raise RefusalError("forbidden", "ask this server as localhost, or start it with --tokens")


def _json(
    content: Mapping[str, Any], status: int = 200, fields: tuple[tuple[bytes, bytes], ...] = ()
) -> Answer:
    return Answer(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS), status, fields=fields)


def _own_version() -> str:
    try:
        return version("mlops-assets")
    except PackageNotFoundError:
        return "unknown"


_SERVER = {"name": "mlops-assets", "version": _own_version(), "extensions": EXTENSIONS}
