"""What is wrong, for who reads it: a program gets JSON, a person at a browser a page."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from egret.web.answers import dump
from egret.web.html import document, text

FOR_PROGRAMS = ("/api/", "/metrics", "/healthz", "/readyz")
_ELSEWHERE = 421  # no link leads on from there: this name is not ours
_TITLES = {
    400: "That cannot be asked",
    401: "Log in first",
    403: "Not allowed",
    404: "Not found",
    421: "Not under this name",
    429: "Too many tries",
    500: "An error of Egret itself",
    503: "Not now",
}


class Problem(web.Response):
    """What is wrong, as JSON; *message* says it in words."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text=dump({"error": message}), status=status, headers=headers, content_type="application/json")
        self.message = message
        self._more = headers

    def page(self) -> web.Response:
        """The same for people."""
        title = _TITLES.get(self.status, "This does not work")
        on = "" if self.status == _ELSEWHERE else '<p><a href="/">All incidents</a></p>'
        body = f'<main class="narrow"><h1>{title}</h1><p role="alert">{text(self.message)}</p>{on}</main>'
        page = document(f"Egret: {title.lower()}", body)
        return web.Response(text=page, status=self.status, headers=self._more, content_type="text/html")


def fitting(request: web.Request, made: web.StreamResponse) -> web.StreamResponse:
    """*made*; a problem as a page, where a browser asked for one."""
    by_person = "text/html" in request.headers.get("Accept", "") and not request.path.startswith(FOR_PROGRAMS)
    return made.page() if by_person and isinstance(made, Problem) else made
