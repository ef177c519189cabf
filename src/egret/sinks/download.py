"""Fetches a file over HTTPS: bounded in bytes, time and redirects, and never over anything else.

Beside ``sinks.webhook`` and ``sinks.alertmanager`` the only user of aiohttp's client.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import aiohttp

from egret.errors import UpdateError
from egret.names import printable

MAX_REDIRECTS = 3  # a release page sends to its storage, which may send to another region
_REDIRECTS = frozenset({301, 302, 303, 307, 308})  # RFC 9110 section 15.4


class Credentials(NamedTuple):
    """For HTTP basic authentication; sent to the first host only, never to one that it sends on to."""

    user: str
    password: str

    def header(self) -> dict[str, str]:
        """As RFC 7617 section 2 writes them."""
        return {"Authorization": f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"}


def download(
    url: str,
    max_bytes: int,
    timeout_s: float = 60.0,
    context: ssl.SSLContext | None = None,
    credentials: Credentials | None = None,
) -> bytes:
    """The body behind *url*; *context* is for receivers with an own authority.

    Raises:
        UpdateError: not HTTPS, not reachable, not 200, too large or too slow.
    """
    return asyncio.run(_download(url, max_bytes, timeout_s, context, credentials))


async def _download(
    url: str,
    max_bytes: int,
    timeout_s: float,
    context: ssl.SSLContext | None,
    credentials: Credentials | None = None,
) -> bytes:
    first = urlsplit(url).netloc
    try:
        async with asyncio.timeout(timeout_s), aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            for _ in range(MAX_REDIRECTS + 1):
                _must_be_https(url)
                headers = credentials.header() if credentials and urlsplit(url).netloc == first else None
                async with session.get(url, allow_redirects=False, ssl=context or True, headers=headers) as answer:
                    location = answer.headers.get("Location")
                    if answer.status not in _REDIRECTS or location is None:
                        return await _body(answer, max_bytes)
                    url = urljoin(url, location)
            raise UpdateError(f"more than {MAX_REDIRECTS} redirects")
    except TimeoutError:
        raise UpdateError(f"{_shown(url)}: not there within {timeout_s:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise UpdateError(printable(f"{_shown(url)}: {type(error).__name__}: {error}")) from error


def _must_be_https(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise UpdateError(f"{_shown(url)}: only https:// is fetched")


def _shown(url: str) -> str:
    """Scheme and host: what comes after may hold a token."""
    parts = urlsplit(url)
    return printable(f"{parts.scheme}://{parts.hostname}")


async def _body(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    if answer.status != 200:
        raise UpdateError(f"{_shown(str(answer.url))}: HTTP {answer.status}")
    found = bytearray()
    async for chunk in answer.content.iter_chunked(65536):
        found += chunk
        if len(found) > max_bytes:
            raise UpdateError(f"{_shown(str(answer.url))}: more than {max_bytes} bytes")
    return bytes(found)
