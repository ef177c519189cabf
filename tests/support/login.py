"""Users of the status page, for tests; their hashes are cheap."""

from __future__ import annotations

from typing import Any

from egret.settings.http_section import Access, Http, HttpToken, HttpUser
from egret.settings.passwords import hash_password, hash_token
from egret.settings.values import Listen

PASSWORD = "correct horse battery"
TOKEN = "egret_" + "t" * 43
USER = HttpUser.model_validate({"name": "alice", "password": hash_password(PASSWORD, log_n=10)})
SCRAPER = HttpUser.model_validate(
    {"name": "prometheus", "password": hash_password(PASSWORD, log_n=10), "access": Access.METRICS}
)
PROGRAM = HttpToken.model_validate({"name": "siem", "token": hash_token(TOKEN), "access": Access.ALL})


def with_login(**changes: Any) -> Http:
    """Settings with a login, on any port of the loopback."""
    values = {"listen": Listen("127.0.0.1", 0), "users": (USER, SCRAPER), "tokens": (PROGRAM,), **changes}
    return Http.model_construct(**values)
