"""The HTTP door: loopback by default, read only, bounded. aiohttp's server is used here and nowhere else.

There is no login, so the page must not be readable by a web site that a user of this machine visits: a request must
name an address of ours, localhost or a configured name as its host (DNS rebinding), and no answer can be framed or read
across origins.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from aiohttp import web

from egret.errors import ConfigError, StoreError
from egret.names import split_port
from egret.settings.sections import Http
from egret.store.access import EVERYONE, Purpose
from egret.telemetry.metrics import CONTENT_TYPE
from egret.telemetry.table import Stage
from egret.web.api import (
    DEFAULT_LIMIT,
    MAX_INTERVALS,
    MAX_LIMIT,
    MAX_OFFSET,
    BadQuery,
    coverage_json,
    evidence_json,
    incidents_json,
    read_client,
    read_length,
    read_number,
    read_state,
    status_json,
)
from egret.web.page import status_page
from egret.web.status import IncidentState, StatusView

MAX_CONNECTIONS = 64  # a scraper, a few browsers, an orchestrator's probes; beyond it something is wrong
IDLE_S = 30.0  # without a whole request; above a scraper's usual 15 s, so that it keeps its connection
CONNECTION_S = 300.0  # how long a connection may stay in all: who reads slowly holds a place for no longer
HANDLER_S = 10.0
MAX_LINE = 4096
PAGE_INCIDENTS = 200  # on the status page; the API has the rest

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
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
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer:
    """Serves one view.

    Args:
        view: where everything comes from.
        settings: where to listen and which names are ours.
        looked: hears who saw clients' incidents.
    """

    def __init__(self, view: StatusView, settings: Http, looked: Looked | None = None) -> None:
        self._view = view
        self._looked = looked
        self._settings = settings
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ConfigError: the address is taken, not ours, or not allowed; says what to do.
        """
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
        try:
            self._server = await asyncio.get_running_loop().create_server(_bounded(runner), listen.host, listen.port)
        except OSError as error:
            await runner.cleanup()
            raise _cannot_listen(error, str(listen)) from error
        self._runner = runner

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            raise RuntimeError("not started")
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and close what is open."""
        if self._server is not None:
            self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=1024)
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/", self._page)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", _healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/api/v1/status", self._status)
        app.router.add_get("/api/v1/incidents", self._incidents)
        app.router.add_get("/api/v1/incidents/{incident}/evidence", self._evidence)
        app.router.add_get("/api/v1/coverage", self._coverage)
        for path in STATIC:
            app.router.add_get(path, self._static)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What holds for every request; an error of ours is an answer and a count, never a traceback to the client."""
        if request.method not in {"GET", "HEAD"}:
            return _problem(405, "only GET and HEAD", {"Allow": "GET, HEAD"})
        if not self._is_ours(request.headers.get("Host")):
            return _problem(
                421, "this is not the host you asked for; use its address, or add the name to http.host_names"
            )
        try:
            return await asyncio.wait_for(handler(request), HANDLER_S)
        except web.HTTPException as error:
            return _problem(error.status, error.reason)
        except BadQuery as error:
            return _problem(400, str(error))
        except StoreError as error:
            self._view.telemetry.store_failed(str(error))
            return _problem(503, "the incident store cannot be read; the log says why")
        except TimeoutError:
            return _problem(503, "this took too long")
        except Exception as error:  # noqa: BLE001 (the last door: whatever it is, the page must not take the daemon down)
            self._view.telemetry.internal_error(Stage.WEB, error)
            return _problem(500, "an error of Egret itself; the log says which")

    def _is_ours(self, host: str | None) -> bool:
        """An address names nobody's domain, so it cannot be rebound; a name must be known."""
        if host is None:
            return False
        name = split_port(host.encode("latin-1", "replace"))[0].decode("latin-1").strip("[]").lower()
        if name == "localhost" or name in {known.lower() for known in self._settings.host_names}:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        ours = ipaddress.ip_address(self._settings.listen.host)
        return address.is_loopback or address == ours or ours.is_unspecified

    def _note(self, request: web.Request, what: Purpose, client: str = EVERYONE) -> None:
        if self._looked is not None:
            self._looked(f"http {request.remote}", what, client)

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
        return _json(body, status=200 if readiness.ready else 503)

    async def _status(self, _: web.Request) -> web.Response:
        return _json(status_json(self._view))

    async def _incidents(self, request: web.Request) -> web.Response:
        query = request.query
        limit = read_number(query.get("limit"), "limit", DEFAULT_LIMIT, MAX_LIMIT)
        offset = read_number(query.get("offset"), "offset", 0, MAX_OFFSET)
        client = read_client(query.get("client"))
        state = read_state(query.get("state"))
        self._note(request, Purpose.API, client or EVERYONE)
        page = self._view.incidents(state, limit=limit, offset=offset, client=client)
        return _json(incidents_json(page, offset))

    async def _evidence(self, request: web.Request) -> web.Response:
        self._note(request, Purpose.EVIDENCE)
        kept = await asyncio.to_thread(self._view.evidence, request.match_info["incident"])
        return _problem(404, "there is no evidence of this incident") if kept is None else _json(evidence_json(kept))

    async def _coverage(self, request: web.Request) -> web.Response:
        length = read_length(request.query.get("interval"))
        limit = read_number(request.query.get("limit"), "limit", DEFAULT_LIMIT, MAX_INTERVALS)
        rows = self._view.coverage(length)
        return _json(coverage_json(rows[len(rows) - min(limit, len(rows)) :], length))

    async def _static(self, request: web.Request) -> web.Response:
        return web.Response(body=FILES[request.path], content_type=STATIC[request.path])


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="alive\n")


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return _json({"error": message}, status=status, headers=headers)


def _json(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers=headers, dumps=_dump)


def _dump(body: object) -> str:
    return json.dumps(body, indent=2) + "\n"


def _bounded(runner: web.AppRunner) -> Callable[[], asyncio.Protocol]:
    """A factory of connections that are not too many and do not stay too long."""
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is not set up")

    def connect() -> asyncio.Protocol:
        if len(server.connections) >= MAX_CONNECTIONS:
            return _Refused()
        handler = server()
        asyncio.get_running_loop().call_later(CONNECTION_S, handler.force_close)
        return handler

    return connect


class _Refused(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it at once."""
        transport.close()


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
