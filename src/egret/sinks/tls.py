"""TLS as a client, for sinks that make their own connections."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """Whom to trust, and who we are."""

    ca: Path | None = None  # None: the system's
    certificate: Path | None = None
    key: Path | None = None
    server_name: str | None = None  # None: the host

    def context(self) -> ssl.SSLContext:
        """The context; verification cannot be switched off.

        Raises:
            OSError: a file cannot be read or holds something else (ssl.SSLError is one).
        """
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def trouble(self) -> str | None:
        """What is wrong with the files; None: nothing."""
        try:
            self.context()
        except OSError as error:
            return f"TLS: {error.strerror or error}; name PEM files that the service's user may read"
        return None
