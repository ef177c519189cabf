"""Alerts as JSON to an HTTP endpoint.

With ``sinks.alertmanager`` and ``sinks.download`` the door to aiohttp's client. One request an alert.
``Idempotency-Key`` is the alert's id, the same at every attempt. With a secret,
``X-Egret-Timestamp`` carries the Unix second of the attempt and ``X-Egret-Signature`` carries
``sha256=`` and the hexadecimal HMAC-SHA256 of ``<timestamp>.<body>``: a receiver recomputes it and
refuses old timestamps.

2xx is delivered; 408, 425, 429 and 5xx are tried again, Retry-After obeyed; any other answer is final.
Redirects are not followed: alerts name clients, and go only where the operator said.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from egret.alerts.digest import Digest
from egret.alerts.model import Alert
from egret.alerts.sensor import SensorAlert
from egret.errors import SinkRejected, SinkTemporary
from egret.names import printable
from egret.sinks.answers import judge
from egret.sinks.jsonl import Render


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOptions:
    """Where requests go, and what they carry."""

    name: str
    url: str = field(repr=False)  # may hold a token
    render: Render
    render_sensor: Callable[[SensorAlert], Mapping[str, Any]]
    render_digest: Callable[[Digest], Mapping[str, Any]]
    timeout_s: float = 10.0
    secret: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold tokens
    user_agent: str = "egret"


class WebhookSink:
    """Posts alerts."""

    def __init__(self, options: WebhookOptions) -> None:
        self.name = options.name
        self._options = options
        self._session: aiohttp.ClientSession | None = None

    def health(self) -> str | None:
        """Whether the URL can be one."""
        try:
            parts = urlsplit(self._options.url)
            good = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            good = False
        return None if good else f"webhook {self.name}: the url is not an http or https one"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Post each alert; see ``Sink.send``. Repeats are told apart by the idempotency key."""
        for alert in alerts:
            await self._post(alert.id, self._options.render(alert))

    async def warn(self, alert: SensorAlert) -> None:
        """Post *alert*; see ``sinks.notices.Warns``."""
        await self._post(alert.id, self._options.render_sensor(alert))

    async def digest(self, digest: Digest) -> None:
        """Post *digest*; see ``sinks.base.TakesDigests``."""
        await self._post(digest.id, self._options.render_digest(digest))

    async def _post(self, key: str, document: Mapping[str, Any]) -> None:
        body = json.dumps(document, separators=(",", ":")).encode("ascii")
        session = self._open()
        try:
            async with session.post(
                self._options.url, data=body, headers=self._headers(key, body), allow_redirects=False
            ) as answer:
                judge(answer.status, answer.headers.get("Retry-After"), time.time())
        except aiohttp.InvalidURL as error:
            raise SinkRejected(f"webhook {self.name}: the url cannot be used") from error
        except (aiohttp.ClientError, OSError) as error:
            raise SinkTemporary(printable(f"webhook {self.name}: {type(error).__name__}: {error}")) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._options.timeout_s), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        headers = {
            **self._options.headers,
            "Content-Type": "application/json",
            "User-Agent": self._options.user_agent,
            "Idempotency-Key": key,
        }
        if self._options.secret is not None:
            second = str(int(time.time()))
            headers["X-Egret-Timestamp"] = second
            headers["X-Egret-Signature"] = sign(self._options.secret, second, body)
        return headers

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Give the value of ``X-Egret-Signature``."""
    return f"sha256={hmac.new(secret, timestamp.encode('ascii') + b'.' + body, hashlib.sha256).hexdigest()}"
