"""The status page in a real browser, against this machine's loopback only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from egret.model import Severity
from egret.settings.http_section import Http
from egret.settings.values import Listen
from egret.web.server import WebServer
from egret.web.status import Readiness
from tests.support.browser import Tab, browser
from tests.support.login import PASSWORD, with_login
from tests.support.webview import HOSTILE, View, incident, incidents

pytestmark = pytest.mark.integration
NOW = "document.dispatchEvent(new Event('visibilitychange'))"  # ask the server at once
ROWS = "[...document.querySelectorAll('tr[data-key]')].map((row) => row.dataset.key)"
LIVE = "!document.querySelector('header .live') || document.querySelector('#live-state').textContent === 'Live'"
# every text that can be seen, and how far its colour is from what is behind it (WCAG 2.2, 1.4.3)
CONTRASTS = """
(() => {
  const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((each) => each / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const colour = numbers(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.nodeValue.trim() || !node.getClientRects().length) continue;
    if (node.closest("noscript, title, option")) continue;
    const style = getComputedStyle(node);
    const text = node.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [one, other] = [light(numbers(text).slice(0, 3)), light(behind(node))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    seen += 1;
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${node.nodeName}.${node.className}: ${walker.currentNode.nodeValue}`);
  }
  return [seen, low];
})()
"""


class Stage:
    """A browser, and servers in the same loop: one without a login, one with."""

    def __init__(self, runner: asyncio.Runner, folder: Path) -> None:
        self._runner = runner
        self.view = View()
        self._browser = browser(folder)
        self.tab: Tab = runner.run(self._browser.__aenter__())
        self._servers = [
            WebServer(self.view, Http.model_construct(listen=Listen("127.0.0.1", 0))),
            WebServer(View(), with_login()),
        ]
        for server in self._servers:
            runner.run(server.start())
        self.url, self.guarded = (f"http://127.0.0.1:{server.port}" for server in self._servers)
        self.other = self.guarded.replace("127.0.0.1", "localhost")

    def play(self, scene: Callable[[Tab], Awaitable[Any]]) -> Any:
        """Run *scene*; the page may complain of nothing and ask nobody else."""
        self.tab.requests.clear()
        self.tab.complaints.clear()
        self.view.listed = incidents()

        async def watched() -> Any:
            return await scene(self.tab)

        result = self._runner.run(watched())
        assert self.tab.complaints == []  # a violation of the content security policy, a missing file, a script's error
        assert [each for each in self.tab.requests if not each.startswith((self.url, self.guarded, self.other))] == []
        return result

    def close(self) -> None:
        for server in self._servers:
            self._runner.run(server.close())
        self._runner.run(self._browser.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        made = Stage(runner, tmp_path_factory.mktemp("browser"))
        yield made
        made.close()


async def visit(tab: Tab, url: str, width: int = 1280, *, dark: bool = False) -> None:
    await tab.look(width, dark=dark, phone=width < 600)
    await tab.go(url)
    await tab.until(LIVE)


def test_hostile_text_is_text(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        for path in ("/", "/incidents/incident-2"):
            await visit(tab, stage.url + path)
            said = await tab.run("document.body.innerText")
            assert HOSTILE.replace("\x1b", "\\x1b") in said
            assert await tab.run("[...document.scripts].map((each) => each.getAttribute('src'))") == ["/live.js"]

    stage.play(scene)


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read_in_both_schemes(stage: Stage, dark: bool, tmp_path: Path) -> None:
    async def scene(tab: Tab) -> bytes:
        stage.view.listed = [incident(n, severity=each) for n, each in enumerate(Severity)]
        for path in ("/?severity=info", "/incidents/incident-1", "/?q=nothing"):
            await visit(tab, stage.url + path, dark=dark)
            await tab.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            seen, low = await tab.run(CONTRASTS)
            assert seen > 40
            assert low == []
        await visit(tab, f"{stage.guarded}/login", dark=dark)
        assert (await tab.run(CONTRASTS))[1] == []
        await visit(tab, stage.url, dark=dark)
        return await tab.picture(tmp_path / "page.png")

    assert len(stage.play(scene)) > 50_000  # an unstyled or empty page is a tenth of it


@pytest.mark.parametrize("width", [360, 700, 1220, 1600])
def test_nothing_is_wider_than_the_screen(stage: Stage, width: int) -> None:
    async def scene(tab: Tab) -> None:
        stage.view.listed = [
            incident(1, client_name="n" * 63, hosts=("h" * 63 + ".example",), service="S" * 80, vendor="V" * 60),
            *incidents(),
        ]
        for path in ("/?group=front+desk", "/", "/incidents/incident-1"):
            await visit(tab, stage.url + path, width)
            await tab.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            assert await tab.run("document.documentElement.scrollWidth") <= width

    stage.play(scene)


def test_every_control_has_a_name_and_the_page_its_landmarks(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        for url in (f"{stage.url}/", f"{stage.url}/incidents/incident-1", f"{stage.guarded}/login"):
            await visit(tab, url)
            controls = await tab.controls()
            assert len(controls) >= 3
            assert [each for each in controls if not each[1]] == []
            marks = "['header', 'main', 'footer', 'nav'].filter((each) => !document.querySelector(each))"
            assert await tab.run(marks) == ([] if "login" not in url else ["header", "footer", "nav"])
            assert await tab.run("document.querySelectorAll('h1').length") == 1

    stage.play(scene)


def test_a_phones_cards_are_read_aloud_as_the_tables_that_they_are(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        counts = []
        for width in (1400, 360):
            await visit(tab, stage.url, width)
            roles = Counter(role for role, _ in await tab.told())
            counts.append(
                {role: roles[role] for role in ("table", "row", "rowheader", "cell", "columnheader", "region")}
            )
        assert counts[0] == counts[1]
        assert counts[0]["row"] > 20

    stage.play(scene)


def test_what_happens_is_shown_without_loading_the_page(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        await visit(tab, stage.url)
        await tab.run("window.mark = 1; document.querySelector('tr[data-key=incident-2] details').open = true")
        await tab.run("document.querySelector('tr[data-key=incident-2] a').focus()")
        changed = incident(2, detections=99_999, last_ns=incidents()[0].last_ns + 1)
        stage.view.listed = [changed, incident(9, service="A new one"), incidents()[0]]
        await tab.run(NOW)
        await tab.until(f"{ROWS}.join() === 'incident-2,incident-9,incident-1'")
        row = "document.querySelector('tr[data-key=incident-2]')"
        assert "99,999" in await tab.run(f"{row}.innerText")
        assert await tab.run(f"{row}.querySelector('details').open")
        assert await tab.run(f"document.activeElement === {row}.querySelector('a')")
        assert await tab.run("document.querySelector('#announce').textContent") == "1 new incident"
        assert await tab.run("window.mark") == 1

    stage.play(scene)


def test_losses_outputs_and_problems_are_live_as_well(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        await visit(tab, stage.url)
        before = stage.view.now
        failing = replace(before.sinks[0], last_error="HTTP 500", queue_length=77)
        fallen = Readiness(ready=False, reasons=("wg0 is down", "lan0 is down"))
        stage.view.now = replace(before, sinks=(failing, before.sinks[1]), readiness=fallen)
        stage.view.telemetry.link("lan0", received=0, dropped=4_321, up=True)
        stage.view.telemetry.apply_worker_counts([(("connections", "tcp", "nothing"), 90_000)])
        await tab.run(NOW)
        await tab.until("document.querySelector('.tiles').innerText.includes('0 of 2')")
        said = await tab.run("document.querySelector('main').innerText")
        for words in ("HTTP 500", "4,321", "89 alerts wait", "5.4%", "Problem: lan0 is down"):
            assert words in said
        assert await tab.run("document.querySelector('#announce').textContent") == "1 new problem"
        stage.view.now = before

    stage.play(scene)


def test_times_are_the_readers_own_with_utc_beside(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        await tab.call("Emulation.setTimezoneOverride", timezoneId="Asia/Kathmandu")
        await visit(tab, stage.url)
        shown = await tab.run("(({textContent, title}) => [textContent, title])(document.querySelector('td time'))")
        assert shown == ["2026-09-21 19:57:20", "2026-09-21 14:12:20 UTC"]
        assert "Asia/Kat" in await tab.run("document.querySelector('[data-zone]').textContent")
        await tab.call("Emulation.setTimezoneOverride", timezoneId="")

    stage.play(scene)


def test_searching_by_keyboard_alone(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        await visit(tab, stage.url)
        await tab.press("Tab")
        assert await tab.run("document.activeElement.className") == "skip"
        await tab.press("/", "/")
        assert await tab.run("document.activeElement.id + document.activeElement.value") == "q"
        await tab.write("reception")
        await tab.until(f"{ROWS}.join() === 'incident-1' && location.search === '?q=reception'")
        assert await tab.run("document.activeElement.id") == "q"
        await tab.press("Escape")
        await tab.until(f"{ROWS}.length === 3 && location.search === ''")
        await tab.press("Escape")
        assert await tab.run("document.activeElement === document.body")
        await tab.run("document.querySelector('#slash').click()")
        await tab.press("/", "/")
        assert await tab.run("document.activeElement.id") != "q"
        await tab.run("document.querySelector('#slash').click()")

    stage.play(scene)


def test_filters_hold_in_the_address(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        await visit(tab, f"{stage.url}/?vendor=Alibaba")
        field = "document.querySelector('#severity')"
        await tab.run(f"{field}.value = 'medium'; {field}.dispatchEvent(new Event('change', {{bubbles: true}}))")
        await tab.until(f"{ROWS}.join() === 'incident-1,incident-2'")
        assert await tab.run("location.search") == "?severity=medium&vendor=Alibaba"
        await tab.go(await tab.run("location.href"))
        await tab.until(f"{ROWS}.length === 2")
        assert await tab.run(f"{field}.value") == "medium"
        await tab.run("document.querySelector('.found a').click()")
        await tab.until(f"{ROWS}.length === 3")

    stage.play(scene)


def test_updates_can_be_paused(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        await visit(tab, stage.url)
        await tab.run("document.querySelector('#live-button').click()")
        assert await tab.run("document.querySelector('#live-state').textContent") == "Paused"
        stage.view.listed = []
        await tab.run(NOW)
        assert await tab.run(f"{ROWS}.length") == 3
        await tab.run("document.querySelector('#live-button').click()")
        await tab.until("document.querySelector('.empty')")

    stage.play(scene)


def test_in_by_the_form_and_out_again(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        await visit(tab, f"{stage.guarded}/incidents/incident-1")
        assert await tab.run("location.pathname + location.search") == "/login?next=/incidents/incident-1"
        assert await tab.run("document.activeElement.id") == "name"
        await tab.write("alice")
        await tab.press("Tab")
        await tab.write(PASSWORD)
        await tab.press("Enter", "\r")
        await tab.until("location.pathname === '/incidents/incident-1' && document.readyState === 'complete'")
        assert await tab.run("document.cookie") == ""  # not for scripts
        assert "alice" in await tab.run("document.querySelector('header').innerText")
        await tab.run("document.querySelector('.logout button').click()")
        await tab.until("location.pathname === '/login'")
        await visit(tab, stage.guarded)
        assert await tab.run("location.pathname") == "/login"

    stage.play(scene)


def test_a_link_in_a_chat_leads_who_is_logged_in_to_the_incident(stage: Stage) -> None:
    async def scene(tab: Tab) -> None:
        await visit(tab, f"{stage.guarded}/login")
        await tab.write("alice")
        await tab.press("Tab")
        await tab.write(PASSWORD)
        await tab.press("Enter", "\r")
        await tab.until("location.pathname === '/' && document.readyState === 'complete'")
        # another site: the same machine by its other name
        await visit(tab, stage.guarded.replace("127.0.0.1", "localhost") + "/login")
        link = f"{stage.guarded}/incidents/incident-1"
        await tab.run(f"document.body.innerHTML = '<a href=\"{link}\">see</a>'; document.querySelector('a').click()")
        await tab.until("location.pathname === '/incidents/incident-1' && document.querySelector('#proof')")
        await tab.run("document.querySelector('.logout button').click()")
        await tab.until("location.pathname === '/login'")

    stage.play(scene)
