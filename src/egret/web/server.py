"""The HTTP door: loopback by default, bounded; only logging in and out changes anything.

No answer can be framed or read across origins. aiohttp's server is used in this folder and nowhere else.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from importlib import resources

from aiohttp import web

from egret.errors import ConfigError
from egret.settings.http_section import Http
from egret.store.access import EVERYONE, Purpose
from egret.telemetry.metrics import CONTENT_TYPE
from egret.web.answers import answer, problem
from egret.web.api import (
    DEFAULT_LIMIT,
    MAX_INTERVALS,
    MAX_LIMIT,
    MAX_OFFSET,
    coverage_json,
    evidence_json,
    incidents_json,
    read_client,
    read_length,
    read_number,
    read_state,
    status_json,
)
from egret.web.guard import LOGIN, LOGOUT, VISITOR, Guard, Handler, remote_of
from egret.web.listener import Listener
from egret.web.login import Login
from egret.web.page import status_page
from egret.web.status import IncidentState, StatusView
from egret.web.tls import Certificate
from egret.web.visitors import Visitors

IDLE_S = 30.0  # without a whole request; above a scraper's usual 15 s, so that it keeps its connection
MAX_LINE = 4096
MAX_BODY = 4096  # of the login form
PAGE_INCIDENTS = 200  # on the status page; the API has the rest

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without any, browsers would not say where a form comes from
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "egret",
}
STATIC = {"/style.css": "text/css", "/icon.svg": "image/svg+xml", "/api/v1/openapi.json": "application/json"}

# read when the module is: the daemon that serves them may not read its own package any more
FILES = {path: resources.files("egret.web").joinpath(path.rpartition("/")[2]).read_bytes() for path in STATIC}

# a malformed request is answered 400; a line for each would let anyone on this machine write our log
_SILENT = logging.getLogger("egret.web.http")
_SILENT.disabled = True

Looked = Callable[[str, Purpose, str], None]


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
        self._looked = looked
        self._settings = settings
        self._certificate = certificate
        self._visitors = Visitors(settings, view.telemetry.login)
        self._guard = Guard(settings, self._visitors, view.telemetry)
        self._login = Login(settings, self._visitors)
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
        self._settings = self._guard.settings = self._login.settings = settings

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
            trouble = self._view.telemetry.certificate_kept
            self._listener = Listener(listen, runner.server, self._certificate, trouble)
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
        app.router.add_get("/", self._page)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", _healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/api/v1/status", self._status)
        app.router.add_get("/api/v1/incidents", self._incidents)
        app.router.add_get("/api/v1/incidents/{incident}/evidence", self._evidence)
        app.router.add_get("/api/v1/coverage", self._coverage)
        app.router.add_get(LOGIN, self._login.show)
        app.router.add_post(LOGIN, self._login.enter)
        app.router.add_post(LOGOUT, self._login.leave)
        for path in STATIC:
            app.router.add_get(path, self._static)
        return app

    def _note(self, request: web.Request, what: Purpose, client: str = EVERYONE) -> None:
        if self._looked is not None:
            visitor = VISITOR.get()
            who = "" if visitor.name is None else f"{visitor.name} from "
            self._looked(f"http {who}{remote_of(request, self._settings)}", what, client)

    async def _page(self, request: web.Request) -> web.Response:
        self._note(request, Purpose.PAGE)
        page = self._view.incidents(IncidentState.OPEN, limit=PAGE_INCIDENTS, offset=0)
        refresh = request.query.get("refresh") != "off"
        return web.Response(text=status_page(self._view, page, refresh=refresh), content_type="text/html")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._view.telemetry.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _readyz(self, _: web.Request) -> web.Response:
        readiness = self._view.facts().readiness
        body = {"ready": readiness.ready, "reasons": list(readiness.reasons)}
        return answer(body, status=200 if readiness.ready else 503)

    async def _status(self, _: web.Request) -> web.Response:
        return answer(status_json(self._view))

    async def _incidents(self, request: web.Request) -> web.Response:
        query = request.query
        limit = read_number(query.get("limit"), "limit", DEFAULT_LIMIT, MAX_LIMIT)
        offset = read_number(query.get("offset"), "offset", 0, MAX_OFFSET)
        client = read_client(query.get("client"))
        state = read_state(query.get("state"))
        self._note(request, Purpose.API, client or EVERYONE)
        page = self._view.incidents(state, limit=limit, offset=offset, client=client)
        return answer(incidents_json(page, offset))

    async def _evidence(self, request: web.Request) -> web.Response:
        self._note(request, Purpose.EVIDENCE)
        kept = await asyncio.to_thread(self._view.evidence, request.match_info["incident"])
        return problem(404, "there is no evidence of this incident") if kept is None else answer(evidence_json(kept))

    async def _coverage(self, request: web.Request) -> web.Response:
        length = read_length(request.query.get("interval"))
        limit = read_number(request.query.get("limit"), "limit", DEFAULT_LIMIT, MAX_INTERVALS)
        rows = self._view.coverage(length)
        return answer(coverage_json(rows[len(rows) - min(limit, len(rows)) :], length))

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
