from __future__ import annotations

import random

import dns.message
import dns.rrset
import pytest

from egret.errors import Reason
from egret.model import Frame
from egret.track.dns_streams import MAX_PENDING
from egret.track.limits import Limits
from egret.track.observer import Observer
from tests.support.hello import (
    ACK,
    FIN,
    SECOND_NS,
    Tcp,
    anomalies,
    observations,
    openssl_hello,
    run,
    said,
    vector,
)

NAMES = ["a.example", "b.example", "c.example"]
QUERIES = [dns.message.make_query(name + ".", "A").to_wire() for name in NAMES]
STREAM = b"".join(vector(2, query) for query in QUERIES)


def tcp53(*, isn: int = 1000, sport: int = 40000) -> Tcp:
    return Tcp(dport=53, isn=isn, sport=sport)


def names(frames: list[Frame], observer: Observer | None = None) -> list[str]:
    return [observation.name for observation in observations(run(frames, observer))]


@pytest.mark.parametrize("with_syn", [True, False])
@pytest.mark.parametrize("sizes", [[], [1] * 90, [1], [2, 3], [29, 30]])
def test_messages_split_anywhere(sizes: list[int], with_syn: bool) -> None:
    tcp = tcp53(isn=0xFFFFFFF0)
    opening = [tcp.syn(), tcp.syn_ack()] if with_syn else []
    frames = tcp.stream(STREAM, sizes)
    assert names([*opening, *frames, *frames]) == NAMES


def test_segments_in_any_order() -> None:
    tcp = tcp53()
    frames = tcp.stream(STREAM, [5] * 20)
    for seed in range(10):
        random.Random(seed).shuffle(frames)
        assert names([tcp.syn(), *frames]) == NAMES


def test_answers_come_from_the_server() -> None:
    response = dns.message.make_response(dns.message.make_query("a.example.", "A"))
    response.answer.append(dns.rrset.from_text("a.example.", 20, "IN", "A", "198.51.100.1"))
    tcp = tcp53()
    events = run([*tcp.handshake(), tcp.reply(0, vector(2, response.to_wire())), tcp.send(0, flags=FIN | ACK)])
    assert said(events) == [("dns", "answer", "a.example")]
    (observation,) = observations(events)
    assert (observation.client.port, observation.attributes) == (40000, {"transport": "tcp"})


def test_a_hole_is_given_up() -> None:
    tcp = tcp53()
    first, second, third = (vector(2, query) for query in QUERIES)
    observer = Observer()
    frames = [tcp.syn(), tcp.send(0, first), tcp.send(len(first + second), third)]
    assert [o.name for o in observations(run(frames, observer, flush=False))] == ["a.example"]
    assert observer.expire(tcp.at_ns + SECOND_NS) == []
    events = observer.expire(tcp.at_ns + 6 * SECOND_NS)
    assert said(events) == [("dns", "query", "c.example")]
    assert anomalies(events)[0].reason is Reason.GAP
    assert observer.expire(tcp.at_ns + 130 * SECOND_NS) == []
    assert observer.counters.tracked["dns_streams"] == 0


def test_a_bound_is_a_hole_too() -> None:
    tcp = tcp53()
    frames = [tcp.syn(), *(tcp.send(100 + at * 1400, bytes(1400)) for at in range(MAX_PENDING // 1400 + 2))]
    events = run(frames)
    assert observations(events) == []
    assert Reason.GAP in {anomaly.reason for anomaly in anomalies(events)}


def test_capture_that_begins_inside_a_message() -> None:
    tcp = tcp53()
    whole = vector(2, QUERIES[1])
    assert names([tcp.reply(0, b"\x00garbage that is no message"), tcp.send(0, STREAM)]) == NAMES
    assert names([tcp.reply(0, bytes(50)), tcp.reply(50, whole)]) == ["b.example"]


def test_tls_on_port_53() -> None:
    tcp = tcp53()
    hello = openssl_hello("dot.example")
    events = run([*tcp.handshake(), *tcp.stream(hello, [100]), tcp.reply(0, b"\x16\x03\x03\x00\x40\x02" + bytes(63))])
    assert said(events) == [("tls", "client_hello", "dot.example")]
    assert anomalies(events) == []


def test_directions_and_bytes_are_bounded() -> None:
    observer = Observer(Limits(dns_streams=10, dns_bytes=50_000))
    for port in range(1000, 1050):
        tcp = tcp53(sport=port)
        run([tcp.syn(), tcp.send(0, b"\x0f\xff" + bytes(3000)), tcp.send(9000, bytes(9000))], observer, flush=False)
    assert observer.counters.tracked["dns_streams"] <= 10
    assert observer.counters.evictions["dns_streams"] >= 40
    assert observer.dns.table.held <= 50_000


def test_a_long_lived_connection_moves_its_anchor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egret.track.dns_streams._REBASE", 10)
    tcp = tcp53()
    assert names([tcp.syn(), *tcp.stream(STREAM, [27, 27])]) == NAMES


def test_any_order_without_a_handshake_when_the_last_piece_comes_first() -> None:
    frames = tcp53().stream(STREAM, [20] * 10)
    assert names([frames[-1], *frames[:-1]]) == NAMES


def test_a_message_that_is_cut_off_says_what_it_begins_with() -> None:
    tcp, query = tcp53(), dns.message.make_query("d.example.", "A", use_edns=0).to_wire()
    assert names([tcp.syn(), *tcp.stream(vector(2, query)[:-2])]) == ["d.example"]


def test_what_came_before_its_turn_is_handed_on() -> None:
    """Where the first byte says that port 53 carries something else, nothing before it is lost."""
    for stream in (openssl_hello("one.example"), b"GET / HTTP/1.1\r\nHost: one.example\r\n\r\n"):
        for opened in (True, False):
            tcp = Tcp(dport=53)
            handshake = tcp.handshake() if opened else []
            sizes = [50] * 20 if opened else [40]  # without a SYN the request's line must be whole in its segment
            frames = tcp.stream(stream, sizes)[::-1]
            observer = Observer()
            assert [event.name for event in observations(run([*handshake, *frames], observer))] == ["one.example"]
            assert observer.dns.table.held == observer._streams._flows.held == 0


def test_a_stream_of_holes_counts_what_holding_them_takes() -> None:
    observer = Observer(Limits(dns_bytes=50_000))
    for port in range(1000, 1004):
        tcp = tcp53(sport=port)
        run([tcp.syn(), *(tcp.send(at, b"\x0f") for at in range(10, 310, 3))], observer, flush=False)
    assert observer.counters.evictions["dns_streams"] == 1  # 100 bytes each, and 160 for each
