"""What ``egret doctor`` says of the status page: who may see it, and how long its certificate holds."""

from __future__ import annotations

import time
from collections.abc import Iterator

from egret.cli.findings import Finding, Level
from egret.errors import ConfigError
from egret.settings.config import Config
from egret.web.tls import Certificate

_SOON_DAYS = 14
_DAY_S = 86_400


def check_web(config: Config) -> Iterator[Finding]:
    """Where there is a login or TLS."""
    http = config.http
    if http.enabled and http.has_login and not http.encrypted:
        words = "a login without TLS: passwords can be read by who is on the way"
        yield Finding("login", Level.WARN, words, "set http.tls, or http.tls_by_proxy behind a proxy that encrypts")
    if http.enabled and http.tls.certificate is not None:
        yield _certificate(config)


def _certificate(config: Config) -> Finding:
    try:
        until_s = Certificate(config.http.tls).until_s
    except ConfigError as error:
        return Finding("certificate", Level.FAIL, str(error), "correct http.tls; run this as root or as its owner")
    days = int((until_s - time.time()) // _DAY_S)
    words = f"{config.http.tls.certificate}, days left: {days}"
    if days < 0:
        return Finding("certificate", Level.FAIL, f"{words}: it has ended", "renew it in its place")
    if days < _SOON_DAYS:
        return Finding("certificate", Level.WARN, words, "renew it in its place; it is read again by itself")
    return Finding("certificate", Level.OK, words)
