"""Who is logged in on the page. In memory only: a restart ends every session."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from typing import NamedTuple

MAX_SESSIONS = 1_000  # the oldest goes first
_TOKEN = 32  # bytes


class Session(NamedTuple):
    """One login."""

    user: str
    password: str  # the hash that was right then: another one ends it
    until_s: float


class Sessions:
    """Sessions by the hash of their token, so that nothing in memory is a cookie. Times are seconds of any clock."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, user: str, password: str, until_s: float) -> str:
        """Begin one; the token is what the cookie holds."""
        token = secrets.token_urlsafe(_TOKEN)
        self._sessions[_key(token)] = Session(user, password, until_s)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return token

    def find(self, token: str, now_s: float) -> Session | None:
        """The session of a token, None where it ended or never was."""
        key = _key(token)
        session = self._sessions.get(key)
        if session is not None and session.until_s <= now_s:
            del self._sessions[key]
            return None
        return session

    def end(self, token: str) -> None:
        """Log out."""
        self._sessions.pop(_key(token), None)


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
