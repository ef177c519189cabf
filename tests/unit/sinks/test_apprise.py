"""A real SMTP server (aiosmtpd) and a real HTTP receiver, both on 127.0.0.1."""

from __future__ import annotations

import asyncio
import email.header
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from apprise import NotifyBase

from egret.errors import SinkTemporary
from egret.sinks.apprise import AppriseOptions, AppriseSink, sensor_words, words
from egret.value import replace
from tests.support.alerts import hostile, opened, sensor_alert, whole_life
from tests.support.certificates import Authority
from tests.support.digest import digest
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


class Mailbox:
    """Takes every message, after refusing as many as *refuse* says."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.refuse = 0

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            self.refuse -= 1
            return "451 later"
        self.got.append(email.message_from_bytes(envelope.content))
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, ready_timeout=PATIENCE_S)
    controller.start()
    yield box, f"mailto://127.0.0.1:{port}/?from=egret%40gw.example&to=soc%40gw.example&mode=insecure"
    controller.stop()


@contextmanager
def listening(got: list[Any], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A receiver of JSON; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def receiver() -> Iterator[tuple[list[Any], str]]:
    got: list[Any] = []
    with listening(got) as port:
        yield got, f"json://127.0.0.1:{port}/"


def send(sink: AppriseSink) -> None:
    asyncio.run(sink.send([opened()]))


def text_of(message: Message) -> str:
    parts = [part for part in message.walk() if part.get_content_type() == "text/plain"] or [message]
    payload = parts[0].get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_an_alert_is_mailed(mailbox: tuple[Mailbox, str]) -> None:
    box, url = mailbox
    sink = AppriseSink(AppriseOptions(name="people", urls=(url,)))
    assert sink.health() is None
    send(sink)
    [message] = box.got
    subject = str(email.header.make_header(email.header.decode_header(str(message["Subject"]))))
    assert subject == f"Egret: Example Chat, 192.0.2.7, incident {opened().incident.id[:8]}"
    assert message["To"] == "soc@gw.example"
    assert "connected to Example Chat" in text_of(message)


def test_a_server_that_refuses_is_tried_again_and_who_has_it_does_not_get_it_twice(
    mailbox: tuple[Mailbox, str], receiver: tuple[list[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (box, mail), (got, http) = mailbox, receiver
    monkeypatch.setattr(NotifyBase, "request_rate_per_sec", 0)  # its pause before the second mail is not ours to test
    box.refuse = 1
    sink = AppriseSink(AppriseOptions(name="people", urls=(mail, http)))
    with pytest.raises(SinkTemporary, match="address 1 of 2 did not take it"):
        send(sink)
    send(sink)
    assert (len(box.got), len(got)) == (1, 1)
    assert got[0]["title"] == words(opened())[0]
    send(sink)
    assert (len(box.got), len(got)) == (2, 2)


def test_an_address_that_is_none_is_said_and_not_repeated() -> None:
    options = AppriseOptions(name="people", urls=("nonsense://secret",))
    sink = AppriseSink(options)
    assert "address 1 is none" in (sink.health() or "")
    with pytest.raises(SinkTemporary) as caught:
        send(sink)
    assert "secret" not in f"{caught.value} {sink.health()} {options!r}"
    asyncio.run(sink.close())


def test_an_incident_is_one_thread_and_each_message_says_what_it_is() -> None:
    titles, bodies = zip(*map(words, whole_life()), strict=True)
    assert len(set(titles)) == 1
    firsts = [body.splitlines()[0].split("Z: ")[0] for body in bodies]
    assert [first.split()[:2] for first in firsts] == [
        ["MEDIUM", "opened"],
        ["HIGH", "escalated"],
        ["HIGH", "updated"],
        ["HIGH", "closed"],
    ]
    assert ["instead" in body for body in bodies] == [True, True, False, False]
    assert [sensor_words(sensor_alert(turn))[0] for turn in (1, 2)] == ["Egret: sensor: link down lan0"] * 2


def test_words_are_no_markup_whatever_the_network_sent() -> None:
    for alert in [*whole_life(), hostile()]:
        title, body = words(alert)
        assert title.isprintable() or "\u200b" in title
        assert not set("<>`*") & set(title + body)
        assert len(title) <= 200


def test_what_is_amiss_with_the_sensor_is_told(receiver: tuple[list[Any], str]) -> None:
    got, url = receiver
    asyncio.run(AppriseSink(AppriseOptions(name="people", urls=(url,))).warn(sensor_alert()))
    assert got[0]["title"] == "Egret: sensor: link down lan0"
    assert got[0]["message"] == "HIGH raised 2026-01-01T00:00:00Z: sensor link down: lan0 is down; look"


def test_a_digest_is_told_in_full(receiver: tuple[list[Any], str]) -> None:
    got, url = receiver
    asyncio.run(AppriseSink(AppriseOptions(name="people", urls=(url,))).digest(digest()))
    assert got[0]["title"] == "Egret: digest of 2026-01-01: 2 new, 3 incidents"
    assert got[0]["message"].splitlines()[1].strip() == "first seen:"


def test_whom_the_machine_trusts_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat of the company's own, whose certificate its own authority signed."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    got: list[Any] = []
    with listening(got, context) as port:
        send(AppriseSink(AppriseOptions(name="people", urls=(f"jsons://localhost:{port}/",))))
    assert got[0]["title"] == words(opened())[0]


def test_the_incidents_page_is_a_link_and_nothing_else_is() -> None:
    alert = opened()
    page = f"https://egret.example/incidents/{alert.incident.id}"
    text = words(replace(alert, incident=replace(alert.incident, page=page)))[1]
    assert text.splitlines()[-1] == page
    assert text.count("://") == 1
