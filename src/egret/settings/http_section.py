"""Section ``http``: the status page, who may see it, and from where."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from egret.settings.passwords import PasswordHashText, TokenHashText
from egret.settings.sections import Section
from egret.settings.units import Duration
from egret.settings.values import FilePath, ListenAddress, parse_listen

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"


class Access(StrEnum):
    """What somebody may see."""

    ALL = "all"
    METRICS = "metrics"  # and whether Egret is alive and ready; no incident


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    more = parts.query or parts.fragment or parts.username
    plain = parts.scheme in {"http", "https"} and parts.hostname and not more
    if not plain or not value.isascii() or not value.isprintable() or any(each in value for each in " \"'<>\\`"):
        raise ValueError("not the address of a page; write it as https://egret.example.org")
    return value.rstrip("/")


class HttpTls(Section):
    """Encryption of the status page, by Egret itself."""

    certificate: FilePath | None = Field(
        default=None, description="PEM file of the certificate and its chain, read again when it changes; null: no TLS"
    )
    key: FilePath | None = Field(default=None, description="PEM file of its key; null: in the same file")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise ValueError("a key without a certificate")
        return self


class HttpUser(Section):
    """Somebody who may log in on the page, and by HTTP Basic."""

    name: Annotated[str, Field(pattern=_NAME)] = Field(description="The name; who looked is written down with it")
    password: PasswordHashText = Field(description="The hash that `egret web password` prints; or where it is kept")
    access: Access = Field(default=Access.ALL, description="`all`, or `metrics` alone: for Prometheus")


class HttpToken(Section):
    """A program that asks with `Authorization: Bearer`."""

    name: Annotated[str, Field(pattern=_NAME)] = Field(description="The name; who looked is written down with it")
    token: TokenHashText = Field(description="The hash that `egret web token` prints; or where it is kept")
    access: Access = Field(default=Access.METRICS, description="`all`, or `metrics` alone")


class Http(Section):
    """The status page, the metrics and the API."""

    enabled: bool = Field(default=True, description="Serve them")
    listen: ListenAddress = Field(
        default=parse_listen("127.0.0.1:9477"),
        description="Address and port; one that other machines can reach needs `users` or `tokens`, and `tls` or "
        "`tls_by_proxy`",
    )
    tls: HttpTls = Field(default=HttpTls.default(), description="")
    tls_by_proxy: bool = Field(
        default=False,
        description="A reverse proxy in front encrypts, and says who asks in `X-Forwarded-For`; Egret need not",
    )
    users: tuple[HttpUser, ...] = Field(
        default=(), max_length=200, description="Who may log in; empty, and no `tokens`: whoever reaches the port"
    )
    tokens: tuple[HttpToken, ...] = Field(default=(), max_length=200, description="Programs that may ask")
    session_lasts: Duration = Field(default=timedelta(hours=12), description="A login on the page ends after this long")
    host_names: tuple[str, ...] = Field(
        default=(),
        description="Names, beside localhost, addresses and that of `public_url`, by which browsers may ask for it; "
        "with a login, any will do",
    )
    public_url: Annotated[str, AfterValidator(_public_url)] | None = Field(
        default=None, description="Where people reach the page; alerts then link to their incident"
    )
    allow_remote: bool = Field(
        default=False, description="No longer used: what an address that others can reach needs is said at `listen`"
    )

    @property
    def has_login(self) -> bool:
        """Whether one must say who one is."""
        return bool(self.users or self.tokens)

    @property
    def encrypted(self) -> bool:
        """Whether browsers reach it by https."""
        return self.tls.certificate is not None or self.tls_by_proxy

    @property
    def known_names(self) -> frozenset[str]:
        """Names by which it may be asked for, lower case."""
        public = urlsplit(self.public_url or "").hostname
        return frozenset(name.lower() for name in (*self.host_names, *([public] if public else [])))

    @field_validator("session_lasts")
    @classmethod
    def _of_use(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= value <= timedelta(days=30):
            raise ValueError('from "1m" to "30d"')
        return value

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        names = Counter([user.name for user in self.users] + [token.name for token in self.tokens])
        twice = [name for name, number in names.items() if number > 1]
        if twice:
            raise ValueError(f"more than one user or token is named '{twice[0]}'")
        return self

    @model_validator(mode="after")
    def _stays_home(self) -> Self:
        lacks = [] if self.has_login else ["a login (http.users; `egret web password` makes one)"]
        lacks += [] if self.encrypted else ["encryption (http.tls, or http.tls_by_proxy behind a reverse proxy)"]
        if lacks and not self.listen.is_loopback:
            raise ValueError(
                f"'{self.listen}' can be reached from other machines and the page names clients: "
                f"that needs {' and '.join(lacks)}; or listen on 127.0.0.1"
            )
        return self
