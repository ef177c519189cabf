"""What holds for every request: who may ask, by which name and method, and what becomes of errors.

Where there is no login, the page must not be readable by a web site that a user of this machine visits: a request must
name an address of ours, localhost or a configured name as its host (DNS rebinding). Where there is one, the cookie
belongs to the name that it was given by, so any will do. What changes something (logging in and out) must come from a
page of ours.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from urllib.parse import quote, urlsplit

from aiohttp import web

from egret.errors import StoreError
from egret.names import split_port
from egret.settings.http_section import Access, Http
from egret.telemetry import Telemetry
from egret.telemetry.table import Stage
from egret.web.api import BadQuery
from egret.web.html import document, text
from egret.web.problems import Problem, fitting
from egret.web.visitors import Refused, Visitor, Visitors

HANDLER_S = 10.0
LOGIN, LOGOUT = "/login", "/logout"
OPEN = frozenset({"/healthz", LOGIN, "/style.css", "/icon.svg"})  # nothing of the network is in them
FOR_METRICS = frozenset({"/metrics", "/readyz"})
VISITOR: ContextVar[Visitor] = ContextVar("visitor")  # who asks, in the task that answers
_METHODS = {LOGIN: frozenset({"GET", "HEAD", "POST"}), LOGOUT: frozenset({"POST"})}
_READ_ONLY = frozenset({"GET", "HEAD"})
_NOT_OURS = "this is not the host you asked for; use its address, or add the name to http.host_names"
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]{0,1000}")  # "//host" and "/\host" are other sites

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """A middleware.

    Args:
        settings: replaced on reload.
        visitors: tells who asks.
        telemetry: counts errors of ours.
    """

    def __init__(self, settings: Http, visitors: Visitors, telemetry: Telemetry) -> None:
        self.settings = settings
        self._visitors = visitors
        self._telemetry = telemetry

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let *handler* answer, or say why not; an error of ours is an answer and a count, never a traceback."""
        return fitting(request, await self._tried(request, handler))

    async def _tried(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await asyncio.wait_for(self._answer(request, handler), HANDLER_S)
        except web.HTTPException as error:
            if error.status < web.HTTPBadRequest.status_code:  # a way to go on, not an error
                return web.Response(status=error.status, headers=error.headers)
            return Problem(error.status, error.reason)
        except BadQuery as error:
            return Problem(400, str(error))
        except StoreError as error:
            self._telemetry.store_failed(str(error))
            return Problem(503, "the incident store cannot be read; the log says why")
        except TimeoutError:
            return Problem(503, "this took too long")
        except (ConnectionError, web.RequestPayloadError):
            return Problem(400, "the request ended too early")  # who sent it is gone, most likely
        except Exception as error:  # noqa: BLE001 (the last door: whatever it is, the page must not take the daemon down)
            self._telemetry.internal_error(Stage.WEB, error)
            return Problem(500, "an error of Egret itself; the log says which")

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        allowed = _METHODS.get(request.path, _READ_ONLY)
        if request.method not in allowed:
            names = ", ".join(sorted(allowed))
            return Problem(405, f"only {names}", {"Allow": names})
        if not self.settings.has_login and not is_ours(request.headers.get("Host"), self.settings):
            return Problem(421, _NOT_OURS)
        if request.method == "POST" and not from_own_page(request, self.settings):
            return Problem(403, "this must come from a page of this server")
        if request.path in OPEN:
            return await handler(request)
        return await self._for_visitors(request, handler)

    async def _for_visitors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        cookie = request.cookies.get(cookie_name(self.settings))
        remote = remote_of(request, self.settings)
        found = await self._visitors.identify(request.headers.get("Authorization"), cookie, remote)
        match found:
            case Visitor():
                if found.access is Access.METRICS and request.path not in FOR_METRICS:
                    return Problem(403, "this login is for /metrics alone")
                VISITOR.set(found)
                return await handler(request)
            case Refused(wait_s=wait_s) if wait_s:
                return Problem(429, "too many wrong tries from this address", {"Retry-After": str(int(wait_s) + 1)})
        return _ask_who(request, cookie, by_form=bool(self.settings.users))


def _ask_who(request: web.Request, cookie: str | None, *, by_form: bool) -> web.Response:
    """A browser is shown the form; a program is asked by HTTP."""
    if not by_form or "text/html" not in request.headers.get("Accept", ""):
        # a script of ours asks on, too, when its session ended: no browser's own dialogue may come of it
        challenge = {} if "Sec-Fetch-Mode" in request.headers else {"WWW-Authenticate": 'Basic realm="Egret"'}
        return Problem(401, "log in first: HTTP Basic, a bearer token, or the cookie that /login gives", challenge)
    if cookie is None and request.headers.get("Sec-Fetch-Site") == "cross-site":
        return _again(request)
    return web.Response(status=303, headers={"Location": f"{LOGIN}?next={quote(request.path_qs)}"})


def _again(request: web.Request) -> web.Response:
    """Who follows a link from a chat comes without the cookie, which is for our own pages only: ask again from here."""
    where = text(own_path(request.path_qs))
    body = f'<main class="narrow"><p><a href="{where}">Go on to Egret</a></p></main>'
    head = f'<meta http-equiv="refresh" content="0; url={where}">'
    return web.Response(text=document("Egret", body, head), content_type="text/html")


def cookie_name(settings: Http) -> str:
    """What the session's cookie is called; a browser takes the longer name from this very host by https alone."""
    return "__Host-egret" if settings.encrypted else "egret"


def remote_of(request: web.Request, settings: Http) -> str:
    """Whose address asks; behind a proxy the one that the proxy itself has added."""
    if settings.tls_by_proxy:
        last = request.headers.getall("X-Forwarded-For", [""])[-1].rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(last))
        except ValueError:
            pass
    return request.remote or ""


def is_ours(host: str | None, settings: Http) -> bool:
    """Whether a Host header is known: an address is nobody's domain and cannot be rebound; a name must be ours."""
    if host is None:
        return False
    name = split_port(host.encode("latin-1", "replace"))[0].decode("latin-1").strip("[]").lower()
    if name == "localhost" or name in settings.known_names:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    ours = ipaddress.ip_address(settings.listen.host)
    return address.is_loopback or address == ours or ours.is_unspecified


def from_own_page(request: web.Request, settings: Http) -> bool:
    """Whether a form was sent from a page of this server, by what the browser says and no page can."""
    if (site := request.headers.get("Sec-Fetch-Site")) is not None:
        return site == "same-origin"
    try:
        origin = urlsplit(request.headers.get("Origin", "")).netloc.lower()
    except ValueError:  # "http://["
        return False
    known = {request.headers.get("Host", "").lower(), urlsplit(settings.public_url or "").netloc.lower()}
    return bool(origin) and origin in known


def own_path(path: str) -> str:
    """*path*, where it is one of this server; else the page."""
    return path if _OWN_PATH.fullmatch(path) else "/"
