"""Logging in on the page, and out."""

from __future__ import annotations

from urllib.parse import parse_qs

from aiohttp import web

from egret.settings.http_section import Access, Http
from egret.web.api import BadQuery
from egret.web.guard import LOGIN, cookie_name, own_path, remote_of
from egret.web.html import document, text
from egret.web.visitors import Visitor, Visitors

_WRONG = "That is not the name and password of anybody here."
_LIMITED = "Too many wrong tries from your address. Wait {seconds} s."
_MOST_FIELDS = 8
_METRICS_ONLY = "This login is for the metrics alone."


class Login:
    """Serves ``/login`` and ``/logout``.

    Args:
        settings: replaced on reload.
        visitors: tells who asks.
    """

    def __init__(self, settings: Http, visitors: Visitors) -> None:
        self.settings = settings
        self._visitors = visitors

    async def show(self, request: web.Request) -> web.Response:
        """The form."""
        wanted = own_path(request.query.get("next", "/"))
        if not self.settings.users:
            return _go(wanted)
        return _form(wanted, "")

    async def enter(self, request: web.Request) -> web.Response:
        """Who sent the form."""
        if not self.settings.users:
            return _go("/")
        name, password, wanted = read_form(await request.read())
        wanted = own_path(wanted)
        found = await self._visitors.password(name, password, remote_of(request, self.settings))
        if not isinstance(found, Visitor):
            if found.wait_s:
                seconds = int(found.wait_s) + 1
                return _form(wanted, _LIMITED.format(seconds=seconds), 429, {"Retry-After": str(seconds)})
            return _form(wanted, _WRONG, 401)
        if found.access is Access.METRICS:
            return _form(wanted, _METRICS_ONLY, 403)
        answer = _go(wanted)
        self._set_cookie(answer, self._visitors.begin_session(found))
        return answer

    async def leave(self, request: web.Request) -> web.Response:
        """Log out."""
        if cookie := request.cookies.get(cookie_name(self.settings)):
            self._visitors.end_session(cookie)
        answer = _go(LOGIN)
        self._set_cookie(answer, "", 0)
        return answer

    def _set_cookie(self, answer: web.Response, value: str, max_age_s: int | None = None) -> None:
        lasts_s = int(self.settings.session_lasts.total_seconds()) if max_age_s is None else max_age_s
        answer.set_cookie(
            cookie_name(self.settings),
            value,
            max_age=lasts_s,
            path="/",
            secure=self.settings.encrypted,
            httponly=True,
            samesite="Strict",
        )


def read_form(body: bytes) -> tuple[str, ...]:
    """Name, password and way on of a form that was sent as browsers send it; "" for what is not there.

    Raises:
        BadQuery: it has more fields than any form here.
    """
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BadQuery("this is no form of Egret's") from None
    return tuple(form.get(key, [""])[0] for key in ("name", "password", "next"))


def _go(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where})


def _form(wanted: str, problem: str, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    said = f'<p class="problem" role="alert" id="problem">{text(problem)}</p>' if problem else ""
    described = ' aria-describedby="problem" aria-invalid="true"' if problem else ""
    body = (
        '<main class="narrow"><h1><img src="/icon.svg" alt="" width="32" height="32"> Egret</h1>'
        f'<section aria-labelledby="login"><h2 id="login">Log in</h2>{said}<form method="post" action="{LOGIN}">'
        f'<input type="hidden" name="next" value="{text(wanted)}">'
        '<p><label for="name">Name</label><input id="name" name="name" maxlength="64" autocomplete="username" '
        f'autocapitalize="none" spellcheck="false" required autofocus{described}></p>'
        '<p><label for="password">Password</label><input id="password" name="password" type="password" '
        f'maxlength="256" autocomplete="current-password" required{described}></p>'
        "<p><button>Log in</button></p></form></section>"
        '<p class="note">Authorised use only. Who looks at clients here is written down.</p></main>'
    )
    page = document("Log in to Egret", body)
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)
