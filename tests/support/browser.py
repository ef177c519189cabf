"""Chromium without a window, driven by its own protocol over one WebSocket; only this machine's loopback is reached."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.patience import PATIENCE_S

_COMMAND = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "about:blank",
)
_NO_FAULT = ("NavigationEntryMarkedSkippable", "PerformanceIssue")  # what scripts of a test do, who is no user


class BrowserError(RuntimeError):
    """The browser refused, or a script in it threw."""


class Tab:
    """One page. Everything that it asked for, and everything that it complained of, is kept."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            else:
                self._hear(said["method"], said["params"])

    def _hear(self, event: str, told: dict[str, Any]) -> None:
        match event:
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(told["entry"]["text"])
            case "Audits.issueAdded" if not any(each in str(told) for each in _NO_FAULT):
                self.complaints.append(str(told))
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled":
                self.complaints.append(str(told))

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        said = await asyncio.wait_for(answer, PATIENCE_S)
        if "error" in said:
            raise BrowserError(f"{method}: {said['error']['message']}")
        result: dict[str, Any] = said["result"]
        return result

    async def begin(self) -> None:
        """Listen to all that the page does."""
        for domain in ("Page", "Runtime", "Network", "Log", "Audits", "DOM", "Accessibility"):
            await self.call(f"{domain}.enable")

    async def look(self, width: int, height: int = 900, *, dark: bool = False, phone: bool = False) -> None:
        """Be a screen of that size."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def go(self, url: str) -> None:
        """Load *url*, to its end."""
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        said = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            raise BrowserError(f"{script}: {said['exceptionDetails'].get('exception', {}).get('description')}")
        return said["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait for an expression to be true."""
        end_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                if await self.run(f"Boolean({script})"):
                    return
            except BrowserError:
                if time.monotonic() > end_s:
                    raise
            if time.monotonic() > end_s:
                raise BrowserError(f"never true: {script}")
            await asyncio.sleep(0.03)

    async def press(self, key: str, text: str = "") -> None:
        """Press and release a key of the keyboard."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27}.get(key, 0)
        named = {"key": key, "windowsVirtualKeyCode": code, "code": key}
        written = {"text": text} if text else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **named, **written)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    async def write(self, text: str) -> None:
        """Type *text* where the focus is."""
        await self.call("Input.insertText", text=text)

    async def picture(self, path: Path, *, whole: bool = True) -> bytes:
        """A PNG of the page, written to *path* as well."""
        said = await self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        data = base64.b64decode(said["data"])
        await asyncio.to_thread(path.write_bytes, data)
        return data

    async def told(self) -> list[tuple[str, str]]:
        """Role and name of everything that assistive technology is told of."""
        nodes = (await self.call("Accessibility.getFullAXTree"))["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]

    async def controls(self) -> list[tuple[str, str]]:
        """The same of what can be used."""
        roles = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "DisclosureTriangle"}
        return [(role, name) for role, name in await self.told() if role in roles]


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Tab]:
    """A tab of a browser with a profile of its own in *folder*, ended after."""
    profile = folder / "profile"
    process = await asyncio.create_subprocess_exec(
        *_COMMAND[:-1], f"--user-data-dir={profile}", _COMMAND[-1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                (page,) = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                await tab.begin()
                yield tab
    finally:
        process.terminate()
        await process.wait()


async def _port(file: Path) -> int:
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        if lines := await asyncio.to_thread(_lines, file):
            return int(lines[0])
        await asyncio.sleep(0.05)
    raise BrowserError("the browser does not start")


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
