"""What the templates of docs/webhooks.md make of every kind of alert, and whether its receiver tells a forged request."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import Block

from egret.alerts.model import Alert
from egret.alerts.sensor import SensorAlert
from egret.alerts.template import render
from egret.errors import SinkRejected
from egret.settings.config import load_config
from egret.sinks.webhook import WebhookOptions, WebhookSink
from tests.support.alerts import alerts_of, hello, hostile, opened, sensor_alert, whole_life
from tests.support.documents import ROOT, blocks
from tests.support.patience import PATIENCE_S

PAGE = [block for block in blocks("yaml", "python") if block.file == ROOT / "docs/webhooks.md"]
MENTION = "<!channel>.[x](https://evil.example).@all.example"
ALERTS: list[Alert | SensorAlert] = [
    *whole_life(),
    hostile(),
    *alerts_of(hello(name=MENTION)),
    sensor_alert(1),
    sensor_alert(2),
]
ALERT_IDS = [f"{number}" for number in range(len(ALERTS))]


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SLACK_URL", "TEAMS_URL"):
            patch.setenv(name, "https://chat.example/hook")
        patch.setenv("SPLUNK_TOKEN", "Splunk 0123")
        patch.setenv("PAGER_KEY", "0123456789abcdef")
        for block in (block for block in PAGE if block.language == "yaml"):
            file = tmp_path_factory.mktemp("c") / "egret.yaml"
            file.write_text(block.text)
            found |= {hook.name: hook.filled_template for hook in load_config(file).outputs.webhooks}
    return found


def texts(made: Any) -> Iterator[str]:
    if isinstance(made, dict | list):
        for value in made.values() if isinstance(made, dict) else made:
            yield from texts(value)
    elif isinstance(made, str):
        yield made


@pytest.mark.parametrize("name", ["slack", "teams"])
@pytest.mark.parametrize("alert", ALERTS, ids=ALERT_IDS)
def test_people_get_words_and_nothing_acts(templates: dict[str, Any], name: str, alert: Alert | SensorAlert) -> None:
    said = list(texts(render(templates[name], alert)))
    assert not [text for text in said if "<" in text or "](" in text or "@all" in text or "https://" in text]
    assert all(text for text in said)  # Slack refuses an empty text, and with it the message
    sentence = "lan0 is down" if isinstance(alert, SensorAlert) else "192.0.2.7"
    assert any(sentence in text for text in said)


@pytest.mark.parametrize("alert", ALERTS, ids=ALERT_IDS)
def test_slacks_own_library_takes_it(templates: dict[str, Any], alert: Alert | SensorAlert) -> None:
    made = render(templates["slack"], alert)
    [attachment] = made["attachments"]
    read = [Block.parse(block) for block in attachment["blocks"]]
    assert None not in read
    for block in read:
        assert block is not None
        block.validate_json()
    BlockAttachment(blocks=[block for block in read if block], color=attachment["color"]).validate_json()
    assert len(attachment["blocks"][0]["text"]["text"]) <= 150 or alert == hostile()  # the catalogue names services


@pytest.mark.parametrize("alert", ALERTS, ids=ALERT_IDS)
def test_a_card_has_texts_where_texts_belong(templates: dict[str, Any], alert: Alert | SensorAlert) -> None:
    [attachment] = render(templates["teams"], alert)["attachments"]
    card = attachment["content"]
    assert (attachment["contentType"], card["type"]) == ("application/vnd.microsoft.card.adaptive", "AdaptiveCard")
    *blocks_of_text, facts = card["body"]
    assert all(isinstance(block["text"], str) for block in blocks_of_text)
    assert all(isinstance(fact["title"], str) and isinstance(fact["value"], str) for fact in facts["facts"])


def test_a_pager_has_one_page_an_incident_and_its_end(templates: dict[str, Any]) -> None:
    pages = [render(templates["pager"], alert) for alert in whole_life()]
    assert {page["dedup_key"] for page in pages} == {opened().incident.id}
    assert [page["event_action"] for page in pages] == ["trigger"] * 3 + ["resolve"]
    assert {page["payload"]["severity"] for page in pages} <= {"critical", "error", "warning", "info"}
    raised, over = (render(templates["pager"], sensor_alert(turn)) for turn in (1, 2))
    assert (raised["event_action"], over["event_action"]) == ("trigger", "resolve")
    assert raised["dedup_key"] == over["dedup_key"]
    assert all(0 < len(page["dedup_key"]) <= 255 for page in [*pages, raised])


def test_a_log_store_gets_a_time_that_is_a_number(templates: dict[str, Any]) -> None:
    for alert in ALERTS:
        made = render(templates["splunk"], alert)
        assert isinstance(made["time"], int)
        assert json.loads(json.dumps(made)) == made


@pytest.fixture
def receiver() -> Iterator[tuple[type[BaseHTTPRequestHandler], str]]:
    """The page's own, as it stands there."""
    [block] = [block for block in PAGE if block.language == "python"]
    space: dict[str, Any] = {}
    exec(block.text, space)
    server = HTTPServer(("127.0.0.1", 0), space["Receiver"])
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield space["Receiver"], f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def post(url: str, secret: bytes, *alerts: Alert) -> None:
    async def run() -> None:
        made = WebhookOptions(
            name="own", url=url, secret=secret, render=lambda a: {"id": a.id}, render_sensor=vars, render_digest=vars
        )
        sink = WebhookSink(made)
        try:
            await sink.send(alerts)
        finally:
            await sink.close()

    asyncio.run(run())


def test_the_receiver_takes_what_is_signed_once_and_nothing_else(receiver: tuple[Any, str], tmp_path: Path) -> None:
    handler, url = receiver
    post(url, handler.secret, opened(), opened())
    assert handler.seen == {opened().id: {"id": opened().id}}
    with pytest.raises(SinkRejected):
        post(url, b"another secret, as long as that", opened())
    for stamp in ("", "x", str(int(time.time()) - 600)):
        request = urllib.request.Request(url, b"{}", {"X-Egret-Timestamp": stamp, "X-Egret-Signature": "sha256=0"})
        with pytest.raises(urllib.error.HTTPError, match="403") as caught:
            urllib.request.urlopen(request, timeout=PATIENCE_S)
        caught.value.close()
    assert len(handler.seen) == 1
