"""The HTTP door: loopback by default, bounded; only logging in and out changes anything.

No answer can be framed or read across origins. aiohttp's server is used in this folder and nowhere else.
"""

from __future__ import annotations

import errno
import logging
from importlib import resources

from aiohttp import web

from egret.errors import ConfigError
from egret.settings.http_section import Http
from egret.web.endpoints import Endpoints, Looked
from egret.web.guard import LOGIN, LOGOUT, Guard, Handler
from egret.web.listener import Listener
from egret.web.login import Login
from egret.web.status import StatusView
from egret.web.tls import Certificate
from egret.web.visitors import Visitors

IDLE_S = 30.0  # without a whole request; above a scraper's usual 15 s, so that it keeps its connection
MAX_LINE = 4096
MAX_BODY = 4096  # of the login form

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without any, browsers would not say where a form comes from
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "egret",
}
STATIC = {
    "/style.css": "text/css",
    "/live.js": "text/javascript",
    "/icon.svg": "image/svg+xml",
    "/api/v1/openapi.json": "application/json",
}

# read when the module is: the daemon that serves them may not read its own package any more
FILES = {path: resources.files("egret.web").joinpath(path.rpartition("/")[2]).read_bytes() for path in STATIC}

# a malformed request is answered 400; a line for each would let anyone on this machine write our log
_SILENT = logging.getLogger("egret.web.http")
_SILENT.disabled = True


class WebServer:
    """Serves one view. Make it inside the event loop.

    Args:
        view: where everything comes from.
        settings: where to listen, who may look and which names are ours.
        looked: hears who saw clients' incidents.
        certificate: read before rights were given up; None: it is read at the start, if there is one.
    """

    def __init__(
        self, view: StatusView, settings: Http, looked: Looked | None = None, certificate: Certificate | None = None
    ) -> None:
        self._view = view
        self._settings = settings
        self._certificate = certificate
        self._visitors = Visitors(settings, view.telemetry.login)
        self._guard = Guard(settings, self._visitors, view.telemetry)
        self._login = Login(settings, self._visitors)
        self._ends = Endpoints(view, settings, looked)
        self._runner: web.AppRunner | None = None
        self._listener: Listener | None = None

    def apply(self, settings: Http) -> None:
        """Take other settings, but for where to listen and whether by TLS.

        Raises:
            ConfigError: the certificate cannot be used; nothing has changed.
        """
        if self._certificate is not None:
            self._certificate.adopt(settings.tls)
        self._visitors.apply(settings)
        self._settings = self._guard.settings = self._login.settings = self._ends.settings = settings

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ConfigError: the address is taken, not ours, or not allowed; says what to do.
        """
        if self._certificate is None and self._settings.tls.certificate is not None:
            self._certificate = Certificate(self._settings.tls)
        runner = web.AppRunner(
            self._application(),
            access_log=None,  # who looked at clients is written down by ``looked``, the rest by nobody
            logger=_SILENT,
            handle_signals=False,
            keepalive_timeout=IDLE_S,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            lingering_time=1.0,
        )
        await runner.setup()
        listen = self._settings.listen
        if runner.server is None:
            raise RuntimeError("the runner is not set up")
        try:
            self._listener = Listener(listen, runner.server, self._certificate, self._view.telemetry)
        except OSError as error:
            await runner.cleanup()
            raise _cannot_listen(error, str(listen)) from error
        self._runner = runner

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._listener is None:
            raise RuntimeError("not started")
        return self._listener.port

    async def close(self) -> None:
        """Stop listening and close what is open."""
        if self._listener is not None:
            await self._listener.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it is, for people."""
        scheme = "http" if self._certificate is None else "https"
        return f"{scheme}://{self._settings.listen}/"

    def _application(self) -> web.Application:
        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guard(request, handler)

        app = web.Application(middlewares=[guarded], client_max_size=MAX_BODY)
        app.on_response_prepare.append(_add_headers)
        ends, router = self._ends, app.router
        for path, handler in (
            ("/", ends.page),
            ("/incidents/{incident}", ends.story),
            ("/metrics", ends.metrics),
            ("/healthz", _healthz),
            ("/readyz", ends.readyz),
            ("/api/v1/status", ends.status),
            ("/api/v1/incidents", ends.incidents),
            ("/api/v1/incidents/{incident}", ends.incident),
            ("/api/v1/incidents/{incident}/evidence", ends.evidence),
            ("/api/v1/incidents/{incident}/evidence.pcapng", ends.packets),
            ("/api/v1/coverage", ends.coverage),
        ):
            router.add_get(path, handler)
        router.add_get(LOGIN, self._login.show)
        router.add_post(LOGIN, self._login.enter)
        router.add_post(LOGOUT, self._login.leave)
        for path in STATIC:
            router.add_get(path, self._static)
        return app

    async def _static(self, request: web.Request) -> web.Response:
        return web.Response(body=FILES[request.path], content_type=STATIC[request.path])


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="alive\n")


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _cannot_listen(error: OSError, where: str) -> ConfigError:
    match error.errno:
        case errno.EADDRINUSE:
            message, hint = "another program listens there", "stop it, or set http.listen to another port"
        case errno.EADDRNOTAVAIL:
            message, hint = "this machine has no such address", "set http.listen to 127.0.0.1:9477"
        case errno.EACCES:
            message, hint = "ports below 1024 need a right that Egret does not want", "set http.listen to a higher port"
        case _:
            message, hint = str(error.strerror or error), "set http.listen to 127.0.0.1:9477"
    return ConfigError(f"http.listen: cannot listen on {where}: {message}", None, hint)
