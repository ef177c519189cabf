from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

import pytest

from egret.alerts.sensor import Probe
from egret.catalog.match import Catalog
from egret.decode.link import ETHERNET
from egret.model import Connection, Endpoint, Frame, Kind, NamedBy, Protocol
from egret.sources.channel import Channel, pair
from egret.sources.probes import NAME, frames, from_port
from egret.telemetry.logs import Log
from egret.track.answers import Learnt
from egret.value import replace
from egret.worker.canary import Ear
from egret.worker.equipment import seal
from egret.worker.meter import Meter
from egret.worker.pipeline import Hit, Pipeline
from egret.worker.process import Worker
from egret.worker.wire import Equipped, Heard, Message, Moved, Recollection, Report, Speakers, decode, encode_learnt
from tests.support.alerts import SERVER
from tests.support.crew import FakeRing, FakeSource
from tests.support.dialogues import dns_answer
from tests.support.equipment import PLAIN
from tests.support.hello import CLIENT, Tcp, client_hello, openssl_hello, records, udp
from tests.support.pipeline import CATALOG, seen


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def visit() -> list[Frame]:
    client = Tcp()
    return [*client.handshake(), *client.stream(records(openssl_hello("www.chat.example")))]


def heard(channel: Channel) -> list[Message]:
    said = []
    while received := channel.receive():
        said.append(decode(json.loads(json.dumps(received.message)), CATALOG))
    return said


def work(batches: Sequence[Sequence[Frame]], pipeline: Pipeline | None = None) -> tuple[list[Message], FakeSource]:
    ours, theirs = pair()
    source = FakeSource(batches, lambda: signal.raise_signal(signal.SIGTERM))
    Worker(source, pipeline or Pipeline(CATALOG), theirs).run()
    try:
        return heard(ours), source
    finally:
        ours.close()
        theirs.close()


def total(said: list[Message], *key: str) -> int:
    reports = [each for each in said if isinstance(each, Report)]
    return sum(number for report in reports for name, number in report.counts if name == key)


def test_tells_hits_at_once_and_counts_in_reports() -> None:
    said, source = work([visit()])
    assert [each.match.signature.id for each in said if isinstance(each, Hit)] == ["example.chat"]
    assert total(said, "names", "tls", "client_hello") == 1
    links = [link for each in said if isinstance(each, Report) for link in each.links]
    assert sum(link.received for link in links) == source.received
    assert sum(link.dropped for link in links) == 2
    assert source.closed


@pytest.mark.parametrize("proves", [True, False])
def test_what_proves_a_hit_goes_with_it_only_where_it_is_kept(*, proves: bool) -> None:
    pipeline = Pipeline(CATALOG)
    pipeline.proves = proves
    said, _ = work([visit()], pipeline)
    assert [each.proof is not None for each in said if isinstance(each, Hit)] == [proves]


class Broken(Pipeline):
    def feed(self, frame: Frame) -> list[Hit]:
        if bytes(frame.data[-1:]) == b"!":
            raise ZeroDivisionError
        return super().feed(frame)


def test_a_bug_costs_one_frame_and_is_counted() -> None:
    bad = Frame(1, 101, memoryview(b"E!"), 2)
    said, _ = work([[bad, *visit()]], Broken(CATALOG))
    assert sum(isinstance(each, Hit) for each in said) == 1
    assert total(said, "internal_errors", "decode") == 1


class Full:
    """A channel that has no room for the first messages."""

    def __init__(self, channel: Channel, refuses: int) -> None:
        self._channel, self._refuses = channel, refuses

    def receive(self, descriptors: int = 0) -> None:
        return None

    def send(self, message: dict[str, Any]) -> bool:
        self._refuses -= 1
        return self._refuses < 0 and self._channel.send(message)


def test_a_full_pipe_drops_and_counts_and_loses_no_count() -> None:
    ours, theirs = pair()
    source = FakeSource([visit()], lambda: signal.raise_signal(signal.SIGTERM))
    Worker(source, Pipeline(CATALOG), Full(theirs, 3)).run()  # type: ignore[arg-type]  # only these are used
    said = heard(ours)
    ours.close()
    theirs.close()
    assert total(said, "messages_dropped") == 2
    assert total(said, "names", "tls", "client_hello") == 1


def test_ends_when_the_daemon_is_gone() -> None:
    ours, theirs = pair()
    ours.close()
    source = FakeSource([visit()], lambda: None)
    Worker(source, Pipeline(CATALOG), theirs).run()
    assert source.closed
    theirs.close()


def answered(name: str) -> Frame:
    return udp(dns_answer(name, "198.51.100.7"), 53, 5000, source="192.0.2.53", destination=CLIENT)


def nameless() -> list[Frame]:
    client = Tcp(server="198.51.100.7")
    return [*client.handshake(), *client.stream(records(client_hello(None)))]


def test_flagged_names_of_addresses_outlive_a_worker_and_no_others() -> None:
    said, _ = work([[answered("www.chat.example"), answered("private.example")]])
    kept = [each.name for one in said if isinstance(one, Recollection) for each in one.learnt]
    assert kept == ["www.chat.example"]


def test_a_worker_takes_what_an_earlier_one_learnt() -> None:
    ours, theirs = pair()
    client, server = (ip_address(text).packed for text in (CLIENT, "198.51.100.7"))
    for message in encode_learnt([Learnt(client, server, "www.chat.example", 1 << 62)]):
        ours.send(message)
    ours.send({"learnt": "nonsense"})
    Worker(FakeSource([nameless()], lambda: signal.raise_signal(signal.SIGTERM)), Pipeline(CATALOG), theirs).run()
    said = heard(ours)
    ours.close()
    theirs.close()
    (hit,) = [each for each in said if isinstance(each, Hit)]
    assert isinstance(hit.event, Connection)
    assert (hit.event.named_by, hit.event.name) == (NamedBy.ANSWER, "www.chat.example")
    assert total(said, "internal_errors", "decode") == 1


def test_bytes_are_told_by_client_and_service() -> None:
    said, _ = work([visit()])
    moved = [volume for each in said if isinstance(each, Moved) for volume in each.volumes]
    size = len(records(openssl_hello("www.chat.example")))
    assert [(volume.client, volume.signature, volume.bytes_out) for volume in moved] == [
        (ip_address(CLIENT).packed, "example.chat", size)
    ]


def test_bytes_that_find_the_pipe_full_are_told_later() -> None:
    ours, theirs = pair()
    pipeline = Pipeline(CATALOG)
    worker = Worker(FakeSource([], lambda: None), pipeline, theirs)
    for frame in visit():
        pipeline.feed(frame)
    while theirs.send({"full": "x" * 60_000}):
        pass
    worker._tell_volumes()
    while ours.receive():
        pass
    worker._tell_volumes()
    assert [type(each) for each in heard(ours)] == [Moved]
    ours.close()
    theirs.close()


def test_who_speaks_for_others_is_said_before_what_it_did() -> None:
    relay = seen("chat.example", protocol=Protocol.DNS, kind=Kind.QUERY)
    pipeline = Pipeline(CATALOG)
    pipeline.hits([replace(relay, kind=Kind.ANSWER, server=relay.client, client=Endpoint(SERVER, 1))])
    pipeline.hits([relay])
    said, _ = work([visit()], pipeline)
    kinds = [type(each) for each in said]
    assert kinds.index(Speakers) < kinds.index(Hit)


def test_newer_equipment_is_used_from_the_next_frame_on() -> None:
    ours, theirs = pair()
    descriptor = seal(PLAIN)
    nothing = os.open("/dev/null", os.O_RDONLY)
    ours.send({"equip": 1}, [descriptor])
    ours.send({"equip": 2}, [nothing])
    os.close(descriptor)
    os.close(nothing)
    source = FakeSource([visit()], lambda: signal.raise_signal(signal.SIGTERM))
    Worker(source, Pipeline(Catalog((), "1")), theirs).run()
    said = heard(ours)
    ours.close()
    theirs.close()
    assert said[0] == Equipped(1)
    assert [each.match.signature.id for each in said if isinstance(each, Hit)] == ["example.chat"]
    assert total(said, "internal_errors", "decode") == 1
    assert [each for each in said if isinstance(each, Equipped)] == [Equipped(1)]


def test_the_second_ring_is_read_told_and_closed() -> None:
    ours, theirs = pair()
    pipeline = Pipeline(CATALOG)
    ring = FakeRing()
    ring.dropped = 2
    source = FakeSource([visit()], lambda: signal.raise_signal(signal.SIGTERM))
    Worker(source, pipeline, theirs, meter=Meter(pipeline.observer.volumes, ring, Log())).run()
    assert ring.closed
    assert ring.followed[0] == [ip_address(Tcp().server).packed]
    assert total(heard(ours), "volume_dropped", "lan0") == 2
    ours.close()
    theirs.close()


def test_a_bug_in_counting_does_not_end_the_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair()
    pipeline = Pipeline(CATALOG)
    ring = FakeRing()
    monkeypatch.setattr(ring, "read", lambda: 1 / 0)
    source = FakeSource([visit()], lambda: signal.raise_signal(signal.SIGTERM))
    Worker(source, pipeline, theirs, meter=Meter(pipeline.observer.volumes, ring, Log())).run()
    said = heard(ours)
    assert total(said, "internal_errors", "decode") > 0
    assert total(said, "names", "tls", "client_hello") == 1
    ours.close()
    theirs.close()


def test_the_canary_is_heard_told_and_leaves_no_count() -> None:
    ours, theirs = pair()
    data = from_port(frames()[Probe.DNS], 20_000)
    lo = FakeSource([[Frame(1, ETHERNET, memoryview(data), len(data))]], lambda: None)
    source = FakeSource([visit()], lambda: signal.raise_signal(signal.SIGTERM))
    Worker(source, Pipeline(CATALOG), theirs, ear=Ear(lo)).run()
    said = heard(ours)
    assert [each.hit.event.name for each in said if isinstance(each, Heard)] == [NAME]
    assert total(said, "names", "dns", "query") == 0
    assert lo.closed
    ours.close()
    theirs.close()


def test_a_bug_in_hearing_does_not_end_the_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair()
    ear = Ear(FakeSource([], lambda: None))
    monkeypatch.setattr(ear, "hear", lambda: 1 / 0)
    Worker(FakeSource([visit()], lambda: signal.raise_signal(signal.SIGTERM)), Pipeline(CATALOG), theirs, ear=ear).run()
    said = heard(ours)
    assert total(said, "internal_errors", "decode") > 0
    assert total(said, "names", "tls", "client_hello") == 1
    ours.close()
    theirs.close()


def test_a_full_pipe_swallows_the_canary_and_that_is_counted() -> None:
    ours, theirs = pair()
    while theirs.send({"filler": "x" * 1000}):
        pass
    data = from_port(frames()[Probe.DNS], 20_000)
    lo = FakeSource([[Frame(1, ETHERNET, memoryview(data), len(data))]], lambda: None)

    def make_room_and_end() -> None:
        while ours.receive() is not None:
            pass
        signal.raise_signal(signal.SIGTERM)

    Worker(FakeSource([[]], make_room_and_end), Pipeline(CATALOG), theirs, ear=Ear(lo)).run()
    said = heard(ours)
    assert not [each for each in said if isinstance(each, Heard)]
    assert total(said, "messages_dropped") > 0
    ours.close()
    theirs.close()
