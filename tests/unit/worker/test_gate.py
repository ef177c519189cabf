from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import pytest

from bench import workloads
from egret.model import Frame, Kind, Protocol, Transport
from egret.track.observer import Observer
from egret.track.streams import Streams
from egret.worker import engine
from egret.worker.gate import Gate
from egret.worker.greetings import Greetings
from egret.worker.holding import hold_young
from tests.support.noise import FRAMES

SECOND = 1_000_000_000


def gate(observer: Observer | None = None) -> tuple[Gate, Counter[tuple[str, ...]]]:
    counts: Counter[tuple[str, ...]] = Counter()
    observer = observer or Observer()
    flagged = lambda name: name.endswith("site7.example")  # noqa: E731
    quick = hold_young(
        observer,
        Greetings(lambda _name: True, lambda _ip, _port: False, lambda _ip: True, (), observer.judge_ech, counts),
    )
    return Gate(observer, flagged, lambda _client, _server: False, quick, observer.tick, counts), counts


def feed(observer: Observer, one: Gate, data: bytes, time_ns: int) -> bool:
    """Whether the gate took it; else the observer has seen it."""
    taken = one.sluice.skip(data, 0, len(data), time_ns, len(data))
    if not taken:
        observer.feed(Frame(time_ns, 1, memoryview(data), len(data)))
    return taken


def greeting() -> list[bytes]:
    """SYN, SYN and ACK, and a hello."""
    return next(workloads.tls_connections(random.Random(3)))[1]


def bulk(of: bytes, flags: int = workloads.ACK, payload: bytes = bytes(900)) -> bytes:
    """A segment in the direction of *of*."""
    total = (40 + len(payload)).to_bytes(2)
    return of[:16] + total + of[18:47] + bytes([flags]) + of[48:54] + payload


def test_bulk_of_a_decided_connection_is_taken_in_both_directions_until_a_syn() -> None:
    observer = Observer()
    one, _ = gate(observer)
    syn, accepted, *hello = greeting()
    assert [feed(observer, one, data, SECOND) for data in (syn, accepted, *hello)][-1] is False
    for _ in range(2):  # before and after the direction is known as quiet
        assert not feed(observer, one, bulk(syn, payload=b"\x16\3\1\0\5"), SECOND + 1)  # perhaps another hello
        assert feed(observer, one, bulk(syn), SECOND + 1)
    assert feed(observer, one, bulk(accepted), SECOND + 1)
    assert feed(observer, one, bulk(accepted, workloads.FIN | workloads.ACK, b"bye"), SECOND + 1)
    assert not feed(observer, one, bulk(syn, workloads.FIN | workloads.ACK, b"\x16\3\1\0\5"), SECOND + 1)
    another = bulk(syn, workloads.SYN, b"")
    assert not feed(observer, one, another[:38] + b"\0\0\0\1" + another[42:], SECOND + 2)
    assert not feed(observer, one, bulk(syn), SECOND + 2)


def test_what_carries_nothing_is_taken_and_what_waits_for_its_time_is_not_kept_waiting() -> None:
    observer = Observer()
    one, _ = gate(observer)
    syn, accepted, *_ = greeting()
    feed(observer, one, syn, SECOND)
    acknowledgement = bulk(accepted, payload=b"")
    assert feed(observer, one, acknowledgement, SECOND + 1)
    feed(observer, one, acknowledgement, 2 * SECOND)
    assert observer.ticked_ns == 2 * SECOND


def test_malformed_cut_and_fragmented_segments_are_the_observer_s() -> None:
    one, _ = gate()
    segment = bulk(greeting()[0], payload=b"")
    assert not one.sluice.skip(segment[:50], 0, 50, 1, 60)
    for at, value in ((46, 0x40), (46, 0xF0), (20, 0x20), (14, 0x46)):
        odd = segment[:at] + bytes([value]) + segment[at + 1 :]
        assert not one.sluice.skip(odd, 0, len(odd), 1, len(odd)), (at, value)


def test_noise_is_counted_as_frames() -> None:
    observer = Observer()
    one, _ = gate(observer)
    assert [feed(observer, one, frame, 5) for frame in FRAMES[:3]] == [True] * 3
    one.settle()
    assert one.skipped == observer.counters.frames == 3
    assert observer.counters.bytes == sum(map(len, FRAMES[:3]))
    assert not observer.counters.packets.total()


def test_it_counts_what_it_takes() -> None:
    observer = Observer()
    one, counts = gate(observer)
    frames = list(islice(workloads.distinct(random.Random(1)), 5))
    taken = [feed(observer, one, data, 5) for data in [*frames, bulk(greeting()[0], payload=b"")]]
    assert taken == [True] * 6
    assert one.skipped == 6
    one.settle()
    assert one.skipped == 6
    assert counts == {("names", Protocol.DNS, Kind.QUERY): 5}
    assert observer.counters.packets == {Transport.UDP: 5, Transport.TCP: 1}
    assert (observer.counters.frames, observer.counters.bytes) == (6, sum(map(len, frames)) + 54)


def test_of_a_connection_that_a_plain_hello_decided_the_streams_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine.SWITCH, "1")
    asked: list[int] = []
    monkeypatch.setattr(Streams, "watched", lambda _self, key, _other: asked.append(key))
    observer = Observer()
    greetings = Greetings(lambda _: False, lambda *_: False, lambda _: True, (), observer.judge_ech, Counter())
    quick = hold_young(observer, greetings)
    one = Gate(observer, lambda _name: False, lambda _client, _server: False, quick, observer.tick, Counter())
    syn, accepted, *hello = greeting()
    for data in (syn, accepted, *hello, bulk(syn), bulk(accepted), bulk(accepted, payload=b"\x16\3\3")):
        assert one.sluice.skip(data, 0, len(data), SECOND, len(data))
    assert not asked
    another = bulk(syn, payload=b"\x16\3\1\0\5")
    assert not one.sluice.skip(another, 0, len(another), SECOND, len(another))  # perhaps another hello
    one.sluice.forget_quiet()
    assert not one.sluice.skip(another, 0, len(another), SECOND, len(another))
    assert asked
