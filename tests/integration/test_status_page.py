"""The status page in a real browser, against this machine's loopback only."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from egret.settings.http_section import Http
from egret.settings.values import Listen
from egret.web.server import WebServer
from tests.support.webview import HOSTILE, View

pytestmark = pytest.mark.integration
BROWSER = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
PNG_SIZE = slice(16, 24)  # width and height in the IHDR chunk


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server in a thread of its own, ended after the module."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    server = WebServer(View(), Http.model_construct(listen=Listen("127.0.0.1", 0)))

    async def serve() -> None:
        await server.start()
        ready.set()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(server.close())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    yield f"http://127.0.0.1:{server.port}/?refresh=off"
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def browse(folder: Path, *arguments: str) -> tuple[str, str]:
    done = subprocess.run(
        [*BROWSER, f"--user-data-dir={folder / 'profile'}", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return done.stdout, done.stderr


def test_the_browser_shows_hostile_text_as_text_and_complains_of_nothing(url: str, tmp_path: Path) -> None:
    document, log = browse(tmp_path, "--dump-dom", url)
    assert "CONSOLE" not in log  # a violation of the content security policy, a missing file, a script's error
    assert "<script" not in document
    assert HOSTILE.partition("\x1b")[0].replace("<", "&lt;").replace(">", "&gt;") in document


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (500, False)])
def test_the_page_is_drawn(url: str, width: int, dark: bool, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    browse(tmp_path, f"--window-size={width},1500", *scheme, f"--screenshot={picture}", url)
    data = picture.read_bytes()
    assert int.from_bytes(data[PNG_SIZE][:4]) == width
    assert len(data) > 50_000  # an unstyled or empty page is a tenth of it
