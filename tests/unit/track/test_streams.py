"""TCP, through the observer's door: whole frames in, events out."""

from __future__ import annotations

import random

import pytest

from egret.errors import Reason
from egret.model import Frame, NamedBy, Nameless, Observation
from egret.track.limits import Limits
from egret.track.observer import Observer
from tests.support.dialogues import STARTTLS, socks4
from tests.support.hello import (
    ACK,
    CLIENT6,
    FIN,
    RST,
    SECOND_NS,
    SERVER6,
    SYN,
    Tcp,
    anomalies,
    client_hello,
    connections,
    observations,
    openssl_hello,
    records,
    run,
    said,
)

HELLO = openssl_hello("chat.qwen.ai")
NAMED = [("tls", "client_hello", "chat.qwen.ai")]
SERVER_HELLO = b"\x16\x03\x03\x00\x40\x02" + bytes(63)


def named_once(frames: list[Frame], observer: Observer | None = None) -> None:
    events = run(frames, observer)
    assert said(events) == NAMED
    (connection,) = connections(events)
    assert (connection.named_by, connection.name, connection.client.port) == (NamedBy.HELLO, "chat.qwen.ai", 40000)
    assert not anomalies(events)


def test_a_hello_is_said_at_once_and_once() -> None:
    tcp = Tcp()
    frames = [*tcp.handshake(), *tcp.stream(HELLO), tcp.reply(0, SERVER_HELLO), tcp.send(len(HELLO), b"data")]
    events = run(frames, flush=False)
    assert said(events) == NAMED
    assert len(connections(events)) == 1
    named_once([*frames, *frames, tcp.send(len(HELLO) + 4, flags=FIN | ACK), tcp.reply(64, flags=FIN | ACK)])


def test_ipv6_and_attributes() -> None:
    tcp = Tcp(client=CLIENT6, server=SERVER6, isn=0xFFFFFFF0)
    (observation,) = observations(run([*tcp.handshake(), *tcp.stream(HELLO, [5, 9, 100])]))
    assert str(observation.attributes["ja4"]).startswith("t13d")
    kept = {key: value for key, value in observation.attributes.items() if key != "ja4"}
    assert kept == {"transport": "tcp", "version": "1.3", "alpn": ["h2", "http/1.1"]}
    assert len(observation.client.ip) == 16


@pytest.mark.parametrize("with_syn", [True, False])
@pytest.mark.parametrize("size", [1, 7, 100, 300])
def test_segments_in_any_order(size: int, with_syn: bool) -> None:
    tcp = Tcp()
    opening = tcp.handshake() if with_syn else []
    segments = tcp.stream(HELLO, [size] * (len(HELLO) // size))
    named_once([*opening, *segments])
    named_once([*opening, *reversed(segments)])
    random.Random(size).shuffle(segments)
    named_once([*opening, *segments, *segments])


def test_the_syn_may_come_after_its_data() -> None:
    tcp = Tcp()
    syn, *rest = tcp.handshake()
    named_once([*tcp.stream(HELLO, [100]), syn, *rest])
    first, second, *_ = tcp.stream(HELLO, [100])
    named_once([second, syn, first, *rest])


def test_data_in_the_syn() -> None:
    tcp = Tcp()
    named_once([tcp.send(-1, HELLO, SYN), tcp.syn_ack(), tcp.send(len(HELLO), b"x")])


def test_only_the_syn_ack_was_seen() -> None:
    tcp = Tcp()
    named_once([tcp.syn_ack(), *tcp.stream(HELLO, [200])])


def test_post_quantum_hello_over_two_segments_last_first() -> None:
    tcp = Tcp()
    stream = records(client_hello(key_share=1216), [3, 1, 500])
    named_once([*tcp.handshake(), *reversed(tcp.stream(stream, [1400]))])


def test_keep_alives_never_take_the_place_of_the_stream() -> None:
    tcp = Tcp()
    first, second, third = tcp.stream(HELLO, [100, 100])
    rubbish = [tcp.send(at, b"\x00") for at in (-1, 99, 150, 199, len(HELLO) - 1)]
    named_once([*tcp.handshake(), rubbish[0], first, *rubbish[1:], second, rubbish[3], third])
    named_once([rubbish[0], first, *rubbish[1:], second, third])


def test_a_forged_retransmission_changes_nothing() -> None:
    tcp = Tcp()
    first, second = tcp.stream(HELLO, [100])
    named_once([*tcp.handshake(), first, tcp.send(0, b"\xff" * 100), second])


def test_a_segment_that_never_came() -> None:
    tcp = Tcp()
    stream = records(client_hello(key_share=1216))
    observer = Observer()
    frames = [*tcp.handshake(), *tcp.stream(stream[:400]), tcp.send(900, stream[900:])]
    assert run(frames, observer, flush=False) == []
    assert observer.expire(tcp.at_ns + 4 * SECOND_NS) == []
    events = observer.expire(tcp.at_ns + 6 * SECOND_NS)
    assert said(events) == NAMED
    assert [anomaly.reason for anomaly in anomalies(events)] == [Reason.TRUNCATED]


def test_the_first_segment_never_came() -> None:
    tcp = Tcp()
    (connection,) = connections(run([*tcp.handshake(), tcp.send(900, b"x" * 100), tcp.send(2000, flags=FIN | ACK)]))
    assert connection.reason is Nameless.INCOMPLETE


def test_a_snapped_hello_is_used_as_far_as_it_goes() -> None:
    tcp = Tcp()
    stream = records(client_hello(key_share=1216))
    events = run([*tcp.handshake(), tcp.send(0, stream, cut=300)])
    assert said(events) == NAMED


@pytest.mark.parametrize(
    ("closing", "answered", "reasons"),
    [(FIN | ACK, True, [Nameless.NO_PAYLOAD]), (RST, True, [Nameless.NO_PAYLOAD]), (RST, False, []), (FIN, False, [])],
)
def test_a_handshake_and_nothing_more(closing: int, answered: bool, reasons: list[Nameless]) -> None:
    tcp = Tcp()
    frames = tcp.handshake() if answered else [tcp.syn()]
    events = run([*frames, tcp.send(0, flags=closing)], flush=False)
    assert [connection.reason for connection in connections(events)] == reasons


def test_a_refused_connection_is_none() -> None:
    tcp = Tcp()
    assert run([tcp.syn(), tcp.reply(-1, flags=RST | ACK), tcp.syn(), tcp.reply(-1, flags=RST | ACK)]) == []


def test_silence_is_said_and_still_awaited() -> None:
    tcp, attempt = Tcp(), Tcp(sport=41000)
    observer = Observer()
    run([*tcp.handshake(), attempt.syn()], observer, flush=False)
    events = observer.expire(tcp.at_ns + 121 * SECOND_NS)
    assert [connection.reason for connection in connections(events)] == [Nameless.NO_PAYLOAD]
    assert observer.expire(tcp.at_ns + 125 * SECOND_NS) == []
    tcp.at_ns += 130 * SECOND_NS
    assert said(run(tcp.stream(HELLO), observer)) == NAMED
    assert observer.counters.tracked["flows"] == 0


def test_unknown_bytes() -> None:
    tcp = Tcp(dport=9000)
    (connection,) = connections(run([*tcp.handshake(), tcp.send(0, b"\x07\x00\x01binary")], flush=False))
    assert connection.reason is Nameless.NOT_RECOGNISED


def test_no_server_name() -> None:
    tcp = Tcp()
    events = run([*tcp.handshake(), *tcp.stream(openssl_hello(None))], flush=False)
    assert [connection.reason for connection in connections(events)] == [Nameless.NO_SNI]
    assert observations(events) == []


@pytest.mark.parametrize(("host", "reasons"), [(b"192.0.2.7", []), (b"a" * 254, [Reason.BAD_NAME])])
def test_a_host_that_is_no_name(host: bytes, reasons: list[Reason]) -> None:
    tcp = Tcp()
    events = run([*tcp.handshake(), *tcp.stream(records(client_hello(host)))])
    assert [anomaly.reason for anomaly in anomalies(events)] == reasons
    assert connections(events)[0].reason is Nameless.NO_SNI


def test_a_broken_hello() -> None:
    tcp = Tcp()
    events = run([*tcp.handshake(), *tcp.stream(records(client_hello(None, tail=b"\x00")))])
    assert [anomaly.reason for anomaly in anomalies(events)] == [Reason.BAD_LENGTH]
    assert connections(events)[0].reason is Nameless.UNREADABLE


def test_mid_flow_is_said_once_with_the_lower_port_as_server() -> None:
    tcp = Tcp()
    frames = [tcp.reply(at * 1400, b"\x17\x03\x03" + bytes(1397)) for at in range(40)]
    frames += [tcp.send(at * 100, b"\x17\x03\x03" + bytes(97)) for at in range(10)]
    (connection,) = connections(run(frames))
    assert (connection.reason, connection.server.port) == (Nameless.MID_FLOW, 443)
    observer = Observer()
    (connection,) = connections(run([*frames[:40], *frames[:40]], observer))
    assert (connection.reason, connection.server.port) == (Nameless.MID_FLOW, 443)


def test_a_servers_hello_is_not_a_client() -> None:
    tcp = Tcp()
    named_once([tcp.reply(0, SERVER_HELLO), *tcp.stream(HELLO, [100])])
    named_once([tcp.stream(HELLO, [100])[0], tcp.reply(0, SERVER_HELLO), *tcp.stream(HELLO, [100])])


def test_the_ends_are_used_again() -> None:
    tcp, again = Tcp(), Tcp(isn=500_000)
    other = openssl_hello("www.example.com")
    events = run([*tcp.handshake(), *tcp.stream(HELLO), *again.handshake(), *again.stream(other)])
    assert said(events) == [*NAMED, ("tls", "client_hello", "www.example.com")]
    assert len(connections(events)) == 2
    waiting = run([*tcp.handshake(), *again.handshake(), *again.stream(other)])
    assert [connection.reason for connection in connections(waiting)] == [Nameless.NO_PAYLOAD, None]


def test_http_requests_of_one_connection() -> None:
    tcp = Tcp(dport=8080)
    requests = [
        b"GET /secret?x=1 HTTP/1.1\r\nHost: %s\r\nCookie: a\r\n\r\n" % host
        for host in (b"a.example", b"a.example", b"B.example:8080")
    ]
    stream = b"".join(requests)
    first, second = len(requests[0]), len(requests[0]) + len(requests[1])
    events = run([*tcp.handshake(), *tcp.stream(stream, [20, first - 20, second - first, 30])])
    assert said(events) == [("http", "request", "a.example"), ("http", "request", "b.example")]
    (connection,) = connections(events)
    assert (connection.named_by, connection.name) == (NamedBy.HTTP, "a.example")
    assert observations(events)[0].attributes == {"transport": "tcp", "method": "GET"}


def test_http_server_first_seen() -> None:
    tcp = Tcp(dport=80)
    events = run([tcp.reply(0, b"HTTP/1.1 200 OK\r\n\r\n"), tcp.send(0, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")])
    assert said(events) == [("http", "request", "a.example")]


def test_a_cut_host_line_is_no_name() -> None:
    tcp = Tcp(dport=80)
    events = run([*tcp.handshake(), tcp.send(0, b"GET / HTTP/1.1\r\nHost: a.exam")])
    assert observations(events) == []
    assert len(connections(events)) == 1


def test_a_tunnel_through_a_proxy() -> None:
    tcp = Tcp(dport=3128)
    connect = b"CONNECT chat.qwen.ai:443 HTTP/1.1\r\nHost: chat.qwen.ai:443\r\n\r\n"
    for sizes in ([], [len(connect)], [10, 60, 9, 100]):
        events = run([*tcp.handshake(), *tcp.stream(connect + HELLO, sizes)])
        assert said(events) == [("http", "connect", "chat.qwen.ai"), *NAMED]
        (connection,) = connections(events)
        assert (connection.named_by, connection.name) == (NamedBy.HTTP, "chat.qwen.ai")
    for seed in range(20):
        frames = tcp.stream(connect + HELLO, [10, 60, 9, 100, 50])
        random.Random(seed).shuffle(frames)
        assert said(run([tcp.syn(), *frames])) == [("http", "connect", "chat.qwen.ai"), *NAMED]
        # Without a SYN a hello that comes before its CONNECT is a whole client stream in itself.
        assert said(run(frames))[-1:] == NAMED
    ssh = run([*tcp.handshake(), *tcp.stream(connect + b"SSH-2.0-x\r\n", [len(connect)])])
    assert len(connections(ssh)) == 1


def test_a_stream_of_connects_is_one_connection() -> None:
    tcp = Tcp(dport=3128)
    events = run([*tcp.handshake(), tcp.send(0, b"CONNECT a.example:1 HTTP/1.1\r\n\r\n" * 500)])
    assert len(connections(events)) == 1
    assert {observation.name for observation in observations(events)} == {"a.example"}


@pytest.mark.parametrize(
    "prelude",
    [
        b"EHLO me\r\nSTARTTLS\r\n",
        b"\x05\x01\x00\x05\x01\x00\x01\xc6\x33\x64\x14\x01\xbb",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 4000 443\r\n",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    ],
)
def test_a_hello_behind_something_else(prelude: bytes) -> None:
    tcp = Tcp(dport=5000)
    for sizes in ([], [len(prelude)], [3, 5, 40]):
        named_once([*tcp.handshake(), *tcp.stream(prelude + HELLO, sizes)])


def test_every_second_copy_on_another_interface_changes_nothing() -> None:
    tcp = Tcp()
    frames = [*tcp.handshake(), *tcp.stream(HELLO, [100, 200])]
    named_once([copy for frame in frames for copy in (frame, frame._replace(interface="wan0"))])


def test_flows_are_bounded_and_evictions_counted() -> None:
    observer = Observer(Limits(flows=100, decided=50, http_flows=10))
    hellos = [Tcp(sport=1000 + port, client=f"192.0.2.{host}") for host in range(1, 5) for port in range(500)]
    events = run(
        [frame for tcp in hellos for frame in (*tcp.handshake(), tcp.send(0, HELLO[:50]))], observer, flush=False
    )
    counters = observer.counters
    assert counters.tracked["flows"] == 100
    assert counters.tracked["decided"] <= 200
    assert counters.evictions["flows"] == 1900
    assert {connection.reason for connection in connections(events)} == {Nameless.EVICTED}
    assert len(connections(run([], observer))) == 100


def test_bytes_of_all_streams_are_bounded() -> None:
    observer = Observer(Limits(stream_bytes=100_000))
    frames = []
    for port in range(1, 60):
        tcp = Tcp(sport=port)
        frames += [*tcp.handshake(), tcp.send(10, bytes(12_000))]
    run(frames, observer, flush=False)
    assert observer.counters.evictions["flows"] > 40
    assert observer.streams._flows.held <= 100_000
    run([], observer)
    assert observer.streams._flows.held == 0


def test_bulk_above_the_bound_is_settled() -> None:
    tcp = Tcp()
    frames = [*tcp.handshake(), *(tcp.send(10 + at * 1400, bytes(1400)) for at in range(60))]
    assert [connection.reason for connection in connections(run(frames, flush=False))] == [Nameless.INCOMPLETE]


def test_a_direction_may_evict_its_own_other_direction() -> None:
    tcp = Tcp()
    events = run([*tcp.handshake(), tcp.reply(-1, b"data", SYN), tcp.reply(3, b"more")], Observer(Limits(flows=1)))
    assert [connection.reason for connection in connections(events)] == [Nameless.EVICTED]


def test_an_eviction_uses_what_is_there() -> None:
    observer = Observer(Limits(flows=1))
    first, second = Tcp(), Tcp(sport=40001)
    stream = records(client_hello(key_share=1216))
    events = run([*first.handshake(), first.send(0, stream[:900]), second.syn()], observer, flush=False)
    assert said(events) == NAMED


@pytest.mark.parametrize("turns", STARTTLS.values(), ids=STARTTLS.keys())
def test_a_hello_after_a_dialogue(turns: list[bytes]) -> None:
    tcp = Tcp(dport=2525)
    frames, at, heard = tcp.handshake(), 0, 0
    for turn in turns:
        frames += [tcp.send(at, turn), tcp.reply(heard, b"250 OK\r\n")]
        at, heard = at + len(turn), heard + 8
    hello = [tcp.send(at + start, HELLO[start : start + 200]) for start in range(0, len(HELLO), 200)]
    named_once([*frames, *hello])
    named_once([*frames, *reversed(hello)])
    named_once([tcp.send(0, b"".join(turns) + HELLO)])


def test_a_dialogue_may_take_its_time() -> None:
    tcp, observer = Tcp(dport=25), Observer()
    ehlo = b"EHLO client.example\r\n"
    assert run([*tcp.handshake(), tcp.send(0, ehlo)], observer, flush=False) == []
    (connection,) = connections(observer.expire(tcp.at_ns + 6 * SECOND_NS))
    assert connection.reason is Nameless.NOT_RECOGNISED
    assert observer.expire(tcp.at_ns + 60 * SECOND_NS) == []
    tcp.at_ns += 60 * SECOND_NS
    late = run([tcp.send(len(ehlo), b"STARTTLS\r\n"), tcp.send(len(ehlo) + 10, HELLO)], observer)
    assert [type(event) for event in late] == [Observation]


def test_a_dialogue_that_ends_in_nothing_is_forgotten() -> None:
    tcp, observer = Tcp(dport=25), Observer()
    run([*tcp.handshake(), tcp.send(0, b"EHLO client.example\r\n")], observer, flush=False)
    observer.expire(tcp.at_ns + 6 * SECOND_NS)
    assert observer.expire(tcp.at_ns + 600 * SECOND_NS) == []
    assert observer.counters.tracked["flows"] == 0


@pytest.mark.parametrize("size", [1000, 5000])
def test_hellos_one_behind_the_other(size: int) -> None:
    stream = b"".join(openssl_hello(f"{name}.example") for name in ("one", "two", "three"))
    tcp = Tcp()
    events = run([*tcp.handshake(), *tcp.stream(stream + b"\x17\3\3\0\1x", [size])])
    assert [name for _, _, name in said(events)] == ["one.example", "two.example", "three.example"]
    assert [connection.name for connection in connections(events)] == ["one.example"]


def test_a_hello_late_in_something_unknown() -> None:
    tcp = Tcp(dport=9000)
    noise = b"\x07\xff\x01" + bytes(range(256)) * 40
    start = [*tcp.handshake(), *tcp.stream(noise, [1400] * 7)]
    hello = [tcp.send(len(noise) + at, HELLO[at : at + 200]) for at in range(0, len(HELLO), 200)]
    events = run([*start, *hello, *hello])
    assert said(events) == NAMED
    assert [connection.reason for connection in connections(events)] == [Nameless.NOT_RECOGNISED]
    assert said(run([*start, tcp.send(len(noise), b"\x16\x03\x01\x00\x05\x02xxxx")])) == []


def test_what_was_taken_for_a_client_is_not_held_any_longer() -> None:
    """Turned round, or dropped for the other direction's sake: no byte of it stays in the books."""
    for answer in (b"HTTP/1.1 200 OK\r\n\r\n", b"\0binary"):
        tcp, observer = Tcp(), Observer()
        frames = [tcp.reply(0, answer), tcp.send(500, b"\0other"), tcp.reply(len(answer), answer)]
        run(frames, observer)
        assert observer._streams._flows.held == 0


def test_one_byte_and_then_the_rest_without_a_syn() -> None:
    tcp = Tcp(dport=1080)
    stream = socks4(b"chat.example") + openssl_hello("chat.qwen.ai")
    for sizes in ([1], [1, 1, 1]):
        names = [event.name for event in observations(run(tcp.stream(stream, sizes)))]
        assert names == ["chat.example", "chat.qwen.ai"]


def test_a_lone_byte_of_a_method_is_no_rubbish_before_a_request() -> None:
    request = b"POST /v1/chat HTTP/1.1\r\nUser-Agent: x\r\nHost: chat.qwen.ai\r\n\r\n"
    tcp = Tcp(dport=8080)
    (said,) = observations(run([*tcp.handshake(), *tcp.stream(request, [1, 23])]))
    assert (said.name, said.attributes["method"]) == ("chat.qwen.ai", "POST")
