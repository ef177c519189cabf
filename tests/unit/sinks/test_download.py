from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from egret.errors import UpdateError
from egret.sinks import download as module
from egret.sinks.download import Credentials, download
from tests.support.patience import PATIENCE_S

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", "key", "-out", "cert", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return folder


def fetch(
    certificate: Path,
    handler: Handler,
    *,
    max_bytes: int = 100,
    timeout_s: float = PATIENCE_S,
    credentials: Credentials | None = None,
) -> bytes:
    """What ``_download`` gets of a server in the same loop."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate / "cert", certificate / "key")
    trusting = ssl.create_default_context(cafile=str(certificate / "cert"))

    async def run() -> bytes:
        app = web.Application()
        app.router.add_get("/{path}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served)
            await site.start()
            port = runner.addresses[0][1]
            return await module._download(
                f"https://127.0.0.1:{port}/file?secret", max_bytes, timeout_s, trusting, credentials
            )
        finally:
            await runner.cleanup()

    return asyncio.run(run())


async def sends(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"data")


def test_the_body_comes(certificate: Path) -> None:
    assert fetch(certificate, sends) == b"data"


def test_bounds(certificate: Path) -> None:
    async def hangs(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(PATIENCE_S)
        return web.Response()

    with pytest.raises(UpdateError, match="more than 3 bytes"):
        fetch(certificate, sends, max_bytes=3)
    with pytest.raises(UpdateError, match=r"not there within 0\.2 s"):
        fetch(certificate, hangs, timeout_s=0.2)


def test_redirects_stay_on_https_and_end(certificate: Path) -> None:
    async def once(request: web.Request) -> web.StreamResponse:
        return (
            await sends(request)
            if request.path == "/there"
            else web.Response(status=302, headers={"Location": "/there"})
        )

    async def down(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/x"})

    async def forever(request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "/again"})

    assert fetch(certificate, once) == b"data"
    with pytest.raises(UpdateError, match="only https:// is fetched"):
        fetch(certificate, down)
    with pytest.raises(UpdateError, match="more than 3 redirects"):
        fetch(certificate, forever)


def test_other_answers_are_said_without_what_the_address_may_hide(certificate: Path) -> None:
    async def missing(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    with pytest.raises(UpdateError, match="HTTP 404") as found:
        fetch(certificate, missing)
    assert "secret" not in str(found.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "file:///etc/passwd", "https://", "x"])
def test_nothing_but_https(url: str) -> None:
    with pytest.raises(UpdateError, match="only https:// is fetched"):
        download(url, 10)


def test_nobody_there() -> None:
    with pytest.raises(UpdateError, match="https://127"):
        download("https://127.0.0.1:1/x", 10, 5.0)


def test_credentials_go_to_the_first_host_and_not_to_where_it_sends_on(certificate: Path) -> None:
    heard: list[str | None] = []

    async def sends_on(request: web.Request) -> web.StreamResponse:
        heard.append(request.headers.get("Authorization"))
        if request.host.startswith("127.0.0.1"):
            raise web.HTTPFound(f"https://localhost:{request.url.port}/storage")
        return web.Response(body=b"data")

    assert fetch(certificate, sends_on, credentials=Credentials("7", "key")) == b"data"
    assert heard == ["Basic NzprZXk=", None]
