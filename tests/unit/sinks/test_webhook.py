from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from egret.alerts.codec import alert_to_dict
from egret.alerts.formats.digest import digest_to_ecs
from egret.alerts.formats.sensor import sensor_to_ecs
from egret.alerts.model import Sensor
from egret.errors import SinkRejected, SinkTemporary
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from egret.sinks.webhook import WebhookOptions, WebhookSink, sign
from tests.support.alerts import Watch, hostile, numbered, opened, sensor_alert
from tests.support.digest import digest
from tests.support.patience import PATIENCE_S

SECRET = b"a key for this test"
FORMS: dict[str, Any] = {
    "render": alert_to_dict,
    "render_sensor": partial(sensor_to_ecs, sensor=Sensor("1")),
    "render_digest": partial(digest_to_ecs, sensor=Sensor("1")),
}


class Receiver:
    """A real HTTP server on 127.0.0.1 that answers as its script says, or late, or hangs up; then 204."""

    def __init__(self, *script: web.Response | float | None) -> None:
        self.script = list(script)
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        answer = self.script.pop(0) if self.script else web.Response(status=204)
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return web.Response(status=204)
        if answer is None:
            assert request.transport is not None
            request.transport.close()
        return answer or web.Response()

    def run(self, work: Callable[[str], Awaitable[None]]) -> None:
        async def main() -> None:
            application = web.Application()
            application.router.add_route("*", "/{path:.*}", self.handle)
            async with TestServer(application) as server:
                await work(str(server.make_url("/hook")))

        asyncio.run(main())

    def send(self, **options: Any) -> None:
        """Send one alert."""

        async def work(url: str) -> None:
            sink = WebhookSink(WebhookOptions(name="soc", url=url, **FORMS, **options))
            try:
                await sink.send([opened()])
            finally:
                await sink.close()

        self.run(work)


def test_alerts_about_the_sensor_are_posted_too() -> None:
    receiver, alert = Receiver(), sensor_alert()

    async def work(url: str) -> None:
        sink = WebhookSink(WebhookOptions(name="soc", url=url, **FORMS, secret=SECRET))
        await sink.warn(alert)
        await sink.close()

    receiver.run(work)
    [(headers, body)] = receiver.requests
    assert headers["Idempotency-Key"] == alert.id
    assert headers["X-Egret-Signature"] == sign(SECRET, headers["X-Egret-Timestamp"], body)
    assert json.loads(body)["event"]["dataset"] == "egret.sensor"


def test_what_a_request_carries() -> None:
    receiver = Receiver()
    receiver.send(headers={"Authorization": "Bearer x", "Content-Type": "text/plain"}, user_agent="egret/1")
    [(headers, body)] = receiver.requests
    assert json.loads(body) == alert_to_dict(opened())
    assert headers["Idempotency-Key"] == opened().id
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer x"
    assert headers["User-Agent"] == "egret/1"
    assert "X-Egret-Signature" not in headers


def test_a_signature_can_be_checked_by_the_receiver() -> None:
    receiver = Receiver()
    receiver.send(secret=SECRET)
    [(headers, body)] = receiver.requests
    stamp = headers["X-Egret-Timestamp"]
    assert abs(int(stamp) - time.time()) < 60
    expected = hmac.new(SECRET, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Egret-Signature"] == f"sha256={expected}" == sign(SECRET, stamp, body)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_delivered(status: int) -> None:
    Receiver(web.Response(status=status)).send()


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_get_better_is_temporary(status: int) -> None:
    with pytest.raises(SinkTemporary, match=f"HTTP {status}") as caught:
        Receiver(web.Response(status=status)).send()
    assert caught.value.retry_after_s is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_what_will_not_is_rejected(status: int) -> None:
    with pytest.raises(SinkRejected, match=f"HTTP {status}"):
        Receiver(web.Response(status=status)).send()


def test_redirects_are_not_followed() -> None:
    receiver = Receiver(web.Response(status=307, headers={"Location": "/elsewhere"}))
    with pytest.raises(SinkRejected, match="HTTP 307"):
        receiver.send()
    assert len(receiver.requests) == 1


def test_the_receivers_wish_is_carried() -> None:
    with pytest.raises(SinkTemporary) as caught:
        Receiver(web.Response(status=429, headers={"Retry-After": "17"})).send()
    assert caught.value.retry_after_s == 17.0


def test_a_slow_receiver_is_temporary() -> None:
    with pytest.raises(SinkTemporary, match="Timeout"):
        Receiver(5.0).send(timeout_s=0.05)


def test_nobody_there_is_temporary_and_names_no_secret() -> None:
    async def run() -> None:
        url = "http://127.0.0.1:9/hook?token=hidden"
        sink = WebhookSink(WebhookOptions(name="soc", url=url, **FORMS))
        try:
            await sink.send([opened()])
        finally:
            await sink.close()

    with pytest.raises(SinkTemporary, match="webhook soc") as caught:
        asyncio.run(run())
    assert "hidden" not in str(caught.value)


def test_a_url_that_cannot_be_one_is_rejected() -> None:
    async def run() -> None:
        sink = WebhookSink(WebhookOptions(name="soc", url="http:///hook", **FORMS))
        try:
            await sink.send([opened()])
        finally:
            await sink.close()

    with pytest.raises(SinkRejected, match="url"):
        asyncio.run(run())


def test_a_receiver_that_fails_on_purpose_gets_every_alert_once_it_stops() -> None:
    slow_down = web.Response(status=429, headers={"Retry-After": "0"})
    receiver = Receiver(web.Response(status=503), slow_down, None, web.Response(status=410), web.Response(status=500))
    watch = Watch()

    async def work(url: str) -> None:
        sink = WebhookSink(WebhookOptions(name="soc", url=url, **FORMS))
        delivery = Delivery(sink, DeliveryOptions(backoff_s=0.001, backoff_cap_s=0.01), watch)
        delivery.start()
        for alert in numbered(4):
            delivery.offer(alert)
        await delivery.close(PATIENCE_S)

    receiver.run(work)
    assert watch.ids(Outcome.REJECTED) == ["high-0"]
    assert watch.ids(Outcome.DELIVERED) == ["high-1", "high-2", "high-3"]
    assert watch.ids(Outcome.FAILED) == ["high-0"] * 3 + ["high-1"]
    keys = [headers["Idempotency-Key"] for headers, _ in receiver.requests]
    assert keys == ["high-0"] * 4 + ["high-1"] * 2 + ["high-2", "high-3"]


def test_hostile_text_stays_in_the_body() -> None:
    receiver = Receiver()

    async def work(url: str) -> None:
        sink = WebhookSink(WebhookOptions(name="soc", url=url, **FORMS))
        await sink.send([hostile()])
        await sink.close()

    receiver.run(work)
    [(headers, body)] = receiver.requests
    assert body.isascii()
    assert json.loads(body)["incident"] == alert_to_dict(hostile())["incident"]
    assert all(value.isprintable() for value in headers.values())


@pytest.mark.parametrize("url", ["https://soc.example/hook", "http://192.0.2.1:8080/"])
def test_healthy_urls(url: str) -> None:
    assert WebhookSink(WebhookOptions(name="soc", url=url, **FORMS)).health() is None


@pytest.mark.parametrize("url", ["", "ftp://soc.example/", "https://", "http://[bad"])
def test_unhealthy_urls(url: str) -> None:
    assert "url" in (WebhookSink(WebhookOptions(name="soc", url=url, **FORMS)).health() or "")


def test_secrets_are_not_shown() -> None:
    options = WebhookOptions(name="soc", url="https://soc.example/tok", **FORMS, secret=b"key", headers={"A": "pw"})
    assert not any(secret in repr(options) for secret in ("tok", "key", "pw"))


def test_a_digest_is_posted_too() -> None:
    receiver = Receiver()

    async def work(url: str) -> None:
        sink = WebhookSink(WebhookOptions(name="soc", url=url, **FORMS))
        await sink.digest(digest())
        await sink.close()

    receiver.run(work)
    [(headers, body)] = receiver.requests
    assert headers["Idempotency-Key"] == digest().id
    assert json.loads(body)["egret"]["digest"]["schema"] == "egret.digest/1"
