from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from egret.alerts.model import Alert, Incident, Sensor
from egret.alerts.sensor import Turn
from egret.alerts.timestamps import parse_rfc3339
from egret.errors import SinkRejected, SinkTemporary
from egret.model import Severity
from egret.sinks.alertmanager import RESOLVED_S, AlertmanagerOptions, AlertmanagerSink
from egret.value import replace
from tests.support.alerts import hostile, opened, sensor_alert, whole_life
from tests.support.patience import until

SENSOR = Sensor("1", "gw")
LIFE = whole_life()


class Peer:
    """Remembers what it was told; answers with *status*."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.told: list[list[dict[str, Any]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        assert request.path == "/api/v2/alerts"
        self.told.append(json.loads(await request.read()))
        return web.Response(status=self.status)


def talk(peers: Sequence[Peer], work: Callable[[AlertmanagerSink], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        servers = []
        for peer in peers:
            application = web.Application()
            application.router.add_route("*", "/{path:.*}", peer.handle)
            servers.append(TestServer(application))
            await servers[-1].start_server()
        urls = tuple(str(server.make_url("/")) for server in servers)
        sink = AlertmanagerSink(AlertmanagerOptions(name="am", peers=urls, sensor=SENSOR, **options))
        try:
            await work(sink)
        finally:
            await sink.close()
            for server in servers:
                await server.close()

    asyncio.run(main())


def ends_s(post: dict[str, Any]) -> float:
    return parse_rfc3339(post["endsAt"]) / 1e9


def test_an_incident_fires_with_what_it_is_as_labels_and_the_rest_beside() -> None:
    peers = [Peer(), Peer()]
    talk(peers, lambda sink: sink.send([LIFE[1]]))
    for peer in peers:
        [[post]] = peer.told
        assert post["labels"] == {
            "alertname": "EgretIncident",
            "instance": "gw",
            "client": "192.0.2.7",
            "vendor": "Example",
            "service": "Example Chat",
            "signature": "example.chat",
            "class": "ai",
        }
        assert post["annotations"]["severity"] == "high"
        assert "connected to Example Chat" in post["annotations"]["summary"]
        assert parse_rfc3339(post["startsAt"]) == LIFE[1].incident.first_ns
        assert 290 < ends_s(post) - time.time() < 310


def test_labels_stay_the_same_for_life_and_the_end_is_when_it_closed() -> None:
    peer = Peer()

    async def work(sink: AlertmanagerSink) -> None:
        for alert in LIFE:
            await sink.send([alert])

    talk([peer], work)
    posts = [post for told in peer.told for post in told]
    assert len({json.dumps(post["labels"]) for post in posts}) == 1
    assert parse_rfc3339(posts[-1]["endsAt"]) == LIFE[-1].incident.closed_ns
    assert posts[-1]["annotations"]["closed"] == "quiet"


def test_with_the_severity_as_a_label_an_escalation_resolves_the_alert_before() -> None:
    peer = Peer()

    async def work(sink: AlertmanagerSink) -> None:
        await sink.send([LIFE[0]])
        await sink.send([LIFE[1]])

    talk([peer], work, severity_label=True)
    [[first], [before, after]] = peer.told
    assert [post["labels"]["severity"] for post in (first, before, after)] == ["medium", "medium", "high"]
    assert ends_s(before) <= time.time() < ends_s(after)


def test_what_is_open_is_repeated_and_what_no_longer_is_gets_an_end() -> None:
    peer, still = Peer(), [opened().incident]

    async def work(sink: AlertmanagerSink) -> None:
        now_s = time.time()
        await sink.send([opened()])
        still[0] = replace(still[0], detections=7, hosts=("other.example",), servers=())
        await sink.repeat(now_s + 60)
        still.clear()
        await sink.repeat(now_s + 120)
        await sink.repeat(now_s + 180)
        await sink.repeat(now_s + 121 + RESOLVED_S)
        await sink.repeat(now_s + 121 + RESOLVED_S)
        [repeated], [ended], [again] = peer.told[1:]
        assert ends_s(repeated) == pytest.approx(now_s + 360)
        assert repeated["annotations"]["host"] == "other.example"
        assert ends_s(ended) == ends_s(again) == pytest.approx(now_s + 120)

    talk([peer], work, open_now=lambda: still)


def test_after_a_restart_it_repeats_what_this_output_wants() -> None:
    peer = Peer()
    low = replace(opened(Severity.LOW, client=bytes([192, 0, 2, 9])).incident)
    still: list[Incident] = [opened().incident, low]

    async def work(sink: AlertmanagerSink) -> None:
        task = asyncio.create_task(sink.run())
        await until(lambda: len(peer.told) >= 2)
        task.cancel()

    def wants(alert: Alert) -> bool:
        return alert.severity is Severity.HIGH

    talk([peer], work, open_now=lambda: still, wants=wants, repeat_s=0.02)
    assert {post["labels"]["client"] for told in peer.told for post in told} == {"192.0.2.7"}


@pytest.mark.parametrize(
    ("statuses", "error"),
    [((503, 503), SinkTemporary), ((400, 503), SinkTemporary), ((400, 400), SinkRejected), ((503, 200), None)],
)
def test_one_peer_is_enough_and_the_others_are_named(statuses: tuple[int, ...], error: type[Exception] | None) -> None:
    async def work(sink: AlertmanagerSink) -> None:
        if error is None:
            await sink.send([opened()])
        else:
            with pytest.raises(error):
                await sink.send([opened()])
        assert (sink.trouble or "").startswith(f"peer 1: HTTP {statuses[0]}")
        await sink.repeat(time.time())  # raises nothing

    talk([Peer(status) for status in statuses], work, open_now=lambda: [opened().incident])


def test_peers_that_are_not_there_are_temporary_and_their_passwords_are_not_told() -> None:
    async def run() -> None:
        options = AlertmanagerOptions(name="am", peers=("http://u:secret@127.0.0.1:9",), sensor=SENSOR)
        sink = AlertmanagerSink(options)
        assert "secret" not in repr(options)
        with pytest.raises(SinkTemporary, match="alertmanager am") as caught:
            await sink.send([opened()])
        assert "secret" not in str(caught.value)
        assert sink.health() is None
        await sink.close()

    asyncio.run(run())


def test_hostile_text_and_times_are_harmless() -> None:
    peer, evil = Peer(), hostile()
    future = replace(evil, id="x", incident=replace(evil.incident, id="x", first_ns=2**70, closed_ns=-(2**70)))
    talk([peer], lambda sink: sink.send([evil, future]))
    for post in peer.told[0]:
        assert all(text.isprintable() for part in ("labels", "annotations") for text in post[part].values())
        assert parse_rfc3339(post["startsAt"]) <= parse_rfc3339(post["endsAt"])


def test_what_is_amiss_with_the_sensor_fires_until_it_is_over() -> None:
    peer, alert = Peer(), sensor_alert()

    async def work(sink: AlertmanagerSink) -> None:
        await sink.warn(alert)
        await sink.warn(replace(alert, turn=Turn.RECOVERED))

    talk([peer], work)
    [[raised], [recovered]] = peer.told
    assert raised["labels"] == recovered["labels"]
    assert raised["labels"]["alertname"] == "EgretSensor"
    assert ends_s(raised) > alert.time_ns / 1e9 + 86_400
    assert parse_rfc3339(recovered["endsAt"]) == alert.time_ns
