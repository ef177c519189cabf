"""Who asks: by a session's cookie, by HTTP Basic, by a bearer token; or nobody in particular, where there is no login.

Passwords are looked at in threads, few at a time, for each takes some 200 ms and 32 MiB. What was right is remembered
for a while, keyed by a secret of this process, so that a scraper does not pay that at each scrape.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from egret.settings.http_section import Access, Http, HttpUser
from egret.settings.passwords import MAX_PASSWORD, hash_password, hash_token, is_password
from egret.telemetry.table import Login
from egret.web.sessions import Sessions
from egret.web.throttle import Throttle

AT_ONCE = 2  # passwords that are looked at together
MAX_WAITING = 16  # more tries than this at once are nobody's
REMEMBER_S = 600.0
MAX_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who may look."""

    name: str | None  # None: there is no login
    access: Access = Access.ALL


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody who said who they are, and may not look."""

    why: Login
    wait_s: float = 0.0  # before another try


Heard = Callable[[Login, str, str], None]  # outcome, address, name of a known user or ""


class Visitors:
    """Tells who asks.

    Args:
        settings: users and tokens; replaced on reload.
        heard: hears of each try at a password or token that was not remembered.
        clock: seconds, only rising.
    """

    def __init__(self, settings: Http, heard: Heard, clock: Callable[[], float] = time.monotonic) -> None:
        self._heard = heard
        self._clock = clock
        self._sessions = Sessions()
        self._throttle = Throttle()
        self._known: OrderedDict[bytes, float] = OrderedDict()  # passwords that were right, and until when that holds
        self._secret = secrets.token_bytes(32)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobody = hash_password("", log_n=10)
        self.apply(settings)

    def apply(self, settings: Http) -> None:
        """Take other users and tokens; sessions of who is gone, or has another password, are over."""
        self._settings = settings
        self._users = {user.name: user for user in settings.users}
        dearest = max((user.password.reveal() for user in settings.users), key=len, default=self._nobody)
        self._decoy = dearest  # a name that nobody has takes as long as one that somebody has

    async def identify(self, authorization: str | None, cookie: str | None, remote: str) -> Visitor | Refused | None:
        """Who asks; None: they did not say.

        Args:
            authorization: the header.
            cookie: the session's.
            remote: their address.
        """
        if not self._settings.has_login:
            return Visitor(None)
        if cookie and (visitor := self._of_session(cookie)):
            return visitor
        scheme, _, rest = (authorization or "").partition(" ")
        match scheme.lower():
            case "basic":
                return await self._basic(rest.strip(), remote)
            case "bearer":
                return self._bearer(rest.strip(), remote)
        return None

    async def password(self, name: str, password: str, remote: str) -> Visitor | Refused:
        """Whether this is the password of *name*."""
        if self._waiting >= MAX_WAITING:
            return self._refused(Login.LIMITED, name, remote, 1.0)
        wait_s = self._throttle.take(remote, self._clock())
        if wait_s:
            return self._refused(Login.LIMITED, name, remote, wait_s)
        user = self._users.get(name)
        self._waiting += 1
        try:
            async with self._room:
                right = await asyncio.to_thread(is_password, password, user.password.reveal() if user else self._decoy)
        finally:
            self._waiting -= 1
        if user is None or not right:
            return self._refused(Login.WRONG, name, remote)
        self._throttle.give_back(remote, self._clock())
        self._heard(Login.ACCEPTED, remote, name)
        return Visitor(user.name, user.access)

    def begin_session(self, visitor: Visitor) -> str:
        """A session for who just said the right password: what the cookie holds."""
        user = self._users[visitor.name or ""]
        until_s = self._clock() + self._settings.session_lasts.total_seconds()
        return self._sessions.begin(user.name, user.password.reveal(), until_s)

    def end_session(self, cookie: str) -> None:
        """Log out."""
        self._sessions.end(cookie)

    def _of_session(self, cookie: str) -> Visitor | None:
        session = self._sessions.find(cookie, self._clock())
        user = None if session is None else self._users.get(session.user)
        if session is None or user is None or user.password.reveal() != session.password:
            return None
        return Visitor(user.name, user.access)

    async def _basic(self, coded: str, remote: str) -> Visitor | Refused:
        try:
            name, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return self._refused(Login.WRONG, "", remote)
        user = self._users.get(name)
        if colon and user is not None and len(password) <= MAX_PASSWORD and self._remembers(user, password):
            return Visitor(user.name, user.access)
        found = await self.password(name, password, remote)
        if isinstance(found, Visitor) and user is not None:
            self._remember(user, password)
        return found

    def _bearer(self, token: str, remote: str) -> Visitor | Refused:
        hashed = hash_token(token)
        right = [each for each in self._settings.tokens if hmac.compare_digest(each.token.reveal(), hashed)]
        if right:
            return Visitor(right[0].name, right[0].access)
        wait_s = self._throttle.take(remote, self._clock())
        return self._refused(Login.LIMITED if wait_s else Login.WRONG, "", remote, wait_s)

    def _refused(self, why: Login, name: str, remote: str, wait_s: float = 0.0) -> Refused:
        self._heard(why, remote, name if name in self._users else "")  # an unknown name may be a password
        return Refused(why, wait_s)

    def _remembers(self, user: HttpUser, password: str) -> bool:
        until_s = self._known.get(self._mark(user, password))
        return until_s is not None and until_s > self._clock()

    def _remember(self, user: HttpUser, password: str) -> None:
        self._known[self._mark(user, password)] = self._clock() + REMEMBER_S
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    def _mark(self, user: HttpUser, password: str) -> bytes:
        """Of this name, password and hash: with another hash in the settings nothing is remembered."""
        words = f"{user.name}\0{user.password.reveal()}\0{password}"
        return hmac.new(self._secret, words.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
