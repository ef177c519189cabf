"""The certificate of the status page, read again when its files change.

A renewed certificate holds for the connections after it. Files that cannot be used (half written, a key that does not
fit, not readable since rights were dropped) leave the one in use, and are said.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificate

from egret.errors import ConfigError
from egret.settings.http_section import HttpTls

LOOK_EVERY_S = 5.0

_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A TLS context for servers, and the files that it is made of.

    Args:
        settings: which files.
        clock: seconds, only rising.

    Raises:
        ConfigError: they cannot be used.
    """

    def __init__(self, settings: HttpTls, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._stamp = _stamp(settings)
        self._looked_s = clock()
        self.context = _context()
        _load(self.context, settings)
        self._until_s = _end(settings)

    @property
    def until_s(self) -> float:
        """When it ends, in seconds since the epoch."""
        return self._until_s

    def adopt(self, settings: HttpTls) -> None:
        """Use other files.

        Raises:
            ConfigError: they cannot be used; the old stay.
        """
        if settings != self._settings:
            self._replace(settings)
            self._settings = settings

    def refresh(self) -> str | None:
        """Read the files again if they changed, looking now and then; what is wrong with them, None for nothing."""
        now_s = self._clock()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return None
        self._looked_s = now_s
        stamp = _stamp(self._settings)
        if stamp == self._stamp:
            return None
        try:
            self._replace(self._settings)
        except ConfigError as error:
            return str(error)
        return None

    def _replace(self, settings: HttpTls) -> None:
        stamp = _stamp(settings)
        _load(_context(), settings)  # first where it does no harm
        _load(self.context, settings)
        self._stamp, self._until_s = stamp, _end(settings)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, settings: HttpTls) -> None:
    try:
        # a key behind a pass phrase would otherwise be asked for on the terminal
        context.load_cert_chain(_certificate(settings), settings.key, password=lambda: b"")
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        hint = "PEM files are needed, a key without a pass phrase, and of this certificate"
        raise ConfigError(f"http.tls: {_names(settings)} cannot be used: {reason}", None, hint) from error
    except OSError as error:
        hint = "it must be readable by who runs Egret"
        raise ConfigError(f"http.tls: {_names(settings)} cannot be read: {error.strerror}", None, hint) from error


def _end(settings: HttpTls) -> float:
    """Of the first certificate in the file, which is the server's own."""
    return load_pem_x509_certificate(_certificate(settings).read_bytes()).not_valid_after_utc.timestamp()


def _certificate(settings: HttpTls) -> Path:
    if settings.certificate is None:
        raise RuntimeError("no certificate is configured")
    return settings.certificate


def _names(settings: HttpTls) -> str:
    return " and ".join(str(path) for path in _files(settings))


def _files(settings: HttpTls) -> list[Path]:
    return [path for path in (settings.certificate, settings.key) if path is not None]


def _stamp(settings: HttpTls) -> _Stamp:
    """What tells whether the files changed; a file that cannot be seen differs from one that can."""
    stamps = []
    for path in _files(settings):
        try:
            found = path.stat()
            stamps.append((found.st_ino, found.st_size, found.st_mtime_ns))
        except OSError:
            stamps.append((0, 0, 0))
    return tuple(stamps)
