from __future__ import annotations

from collections import Counter

import pytest

from egret.decode.http2 import PREFACE
from egret.model import Frame
from egret.track.answers import Answers
from egret.track.httpdns import HttpDns
from egret.track.limits import Counters, Limits
from egret.track.naming import Ends, Namer
from egret.track.observer import Observer
from egret.track.requests import Requests, Start
from tests.support.hello import RST, START_NS, Tcp, connections, observations, openssl_hello, run, said

FIRST = b"GET /1 HTTP/1.1\r\nHost: one.example\r\n\r\n"
SECOND = b"GET /2 HTTP/1.1\r\nHost: two.example\r\n\r\n"
POST = b"POST /3 HTTP/1.1\r\nContent-Length: 5000\r\nHost: three.example\r\n\r\n"


def names(frames: list[Frame], *, flush: bool = True, observer: Observer | None = None) -> list[str]:
    return [observation.name for observation in observations(run(frames, observer, flush=flush))]


def test_pipelined_requests_are_read_from_one_segment() -> None:
    tcp = Tcp(dport=80)
    events = run([*tcp.handshake(), tcp.send(0, FIRST + FIRST + SECOND + FIRST)], flush=False)
    assert said(events) == [("http", "request", f"{name}.example") for name in ("one", "two", "one")]
    assert len(connections(events)) == 1


def test_bodies_are_stepped_over_whether_they_came_or_not() -> None:
    tcp = Tcp(dport=80)
    body = b"GET /no HTTP/1.1\r\nHost: no.example\r\n\r\n".ljust(5000, b"x")
    for given in (body, body[:100], b""):
        frames = [*tcp.handshake(), tcp.send(0, POST + given), tcp.send(len(POST) + 5000, SECOND)]
        assert names(frames, flush=False) == ["three.example", "two.example"]
    apart = [tcp.send(len(POST), body), tcp.send(len(POST) + 5000, SECOND)]
    assert names([*tcp.handshake(), tcp.send(0, POST), *apart]) == ["three.example", "two.example"]


def test_later_requests_in_any_order() -> None:
    tcp = Tcp(dport=80)
    last, middle = tcp.send(len(FIRST) + 20, SECOND[20:]), tcp.send(len(FIRST), SECOND[:20])
    assert names([*tcp.handshake(), tcp.send(0, FIRST), last, middle], flush=False) == ["one.example", "two.example"]
    assert names([*tcp.handshake(), tcp.send(len(FIRST), SECOND), tcp.send(0, FIRST)]) == ["one.example", "two.example"]


def test_a_name_is_said_before_its_head_is_whole() -> None:
    tcp = Tcp(dport=80)
    cookie = b"GET / HTTP/1.1\r\nHost: two.example\r\nCookie: "
    frames = [*tcp.handshake(), tcp.send(0, FIRST), tcp.send(len(FIRST), cookie)]
    observer = Observer()
    assert names(frames, flush=False, observer=observer) == ["one.example", "two.example"]
    rest = tcp.send(len(FIRST + cookie), b"x\r\n\r\n" + FIRST)
    assert names([rest], observer=observer) == ["one.example"]


@pytest.mark.parametrize("lines", [b"Transfer-Encoding: chunked", b"Content-Length: 9999999999"])
def test_after_a_body_of_unknown_length_the_next_request_is_taken(lines: bytes) -> None:
    tcp = Tcp(dport=80)
    head = b"POST / HTTP/1.1\r\nHost: one.example\r\n" + lines + b"\r\n\r\n"
    pieces = [head, b"5\r\nhello\r\n0\r\n\r\n", b"Not a request\r\n", SECOND[:10], SECOND[10:]]
    frames, at = tcp.handshake(), 0
    for piece in pieces:
        frames.append(tcp.send(at, piece))
        at += len(piece)
    assert names(frames, flush=False) == ["one.example", "two.example"]


def test_missing_bytes_are_waited_for_and_then_given_up() -> None:
    tcp, observer = Tcp(dport=80), Observer()
    frames = [*tcp.handshake(), tcp.send(0, FIRST), tcp.send(len(FIRST) + 10, b"nothing that begins a request")]
    assert names(frames, flush=False, observer=observer) == ["one.example"]
    observer.expire(tcp.at_ns + 6_000_000_000)
    assert names([tcp.send(len(FIRST) + 500, SECOND)], flush=False, observer=observer) == ["two.example"]


def test_a_cut_request_at_the_end_says_its_name() -> None:
    tcp = Tcp(dport=80)
    absolute = b"GET http://two.example/ HTTP/1.1\r\nAccept: x"
    assert names([*tcp.handshake(), tcp.send(0, FIRST + absolute)]) == ["one.example", "two.example"]


def test_a_tunnel_in_a_later_request() -> None:
    tcp = Tcp(dport=3128)
    connect = b"CONNECT two.example:443 HTTP/1.1\r\nHost: two.example:443\r\n\r\n"
    frames = [tcp.send(0, FIRST), tcp.send(len(FIRST), connect)]
    hello = openssl_hello("in.example")
    tunnel = [tcp.send(len(FIRST + connect) + at, hello[at : at + 100]) for at in range(0, len(hello), 100)]
    events = run([*tcp.handshake(), *frames, *tunnel, *tunnel])
    assert said(events) == [
        ("http", "request", "one.example"),
        ("http", "connect", "two.example"),
        ("tls", "client_hello", "in.example"),
    ]
    assert len(connections(events)) == 1


def h2(*blocks: bytes) -> bytes:
    frames = b"".join(len(block).to_bytes(3, "big") + b"\x01\x05\0\0\0\x01" + block for block in blocks)
    return PREFACE + b"\0\0\0\x04\0\0\0\0\0" + frames


def test_every_authority_of_http_2() -> None:
    tcp = Tcp(dport=80)
    stream = h2(b"\x82\x41\x0bone.example", b"\x82\xbe", b"\x82\x41\x0btwo.example", b"\x82\xbf")
    expected = ["one.example", "two.example", "one.example"]
    for sizes in ([], [30] * 9, [1] * len(stream)):
        assert names([*tcp.handshake(), *tcp.stream(stream, sizes)]) == expected
    upgrade = b"GET / HTTP/1.1\r\nHost: one.example\r\nUpgrade: h2c\r\n\r\n"
    assert names([*tcp.handshake(), *tcp.stream(upgrade + stream)]) == expected
    broken = h2(b"\x82\x41\x0bone.example", b"\x82\x41\xff")
    assert names([*tcp.handshake(), *tcp.stream(broken + stream)]) == ["one.example"]


def test_sessions_of_http_2_are_bounded() -> None:
    observer = Observer(Limits(http2_sessions=2))
    clients = [Tcp(sport=port, dport=80) for port in (5001, 5002, 5003)]
    first, later = h2(b"\x82\x41\x0bone.example"), b"\0\0\x0e\x01\x05\0\0\0\x03\x82\x41\x0btwo.example"
    for tcp in clients:
        run([*tcp.handshake(), tcp.send(0, first + later[:5])], observer, flush=False)
    assert observer.counters.evictions["http2_sessions"] == 1
    rest = [tcp.send(len(first) + 5, later[5:]) for tcp in clients]
    assert names(rest, observer=observer) == ["two.example"] * 2
    assert observer.streams._requests._held == 0


LONG = b"Cookie: " + b"c" * 30_000 + b"\r\n"
LONG_HEADS = {
    "a long line before": b"GET / HTTP/1.1\r\n" + LONG + b"Host: two.example\r\n\r\n",
    "a long line behind": b"GET / HTTP/1.1\r\nHost: two.example\r\n" + LONG + b"\r\n",
    "many lines": b"GET / HTTP/1.1\r\n" + b"X-Filler: yes\r\n" * 3000 + b"Host: two.example\r\n\r\n",
    "a long target": b"GET /" + b"p" * 30_000 + b" HTTP/1.1\r\nHost: two.example\r\n\r\n",
    "an upload behind": b"POST / HTTP/1.1\r\n" + LONG + b"Content-Length: 9\r\nHost: two.example\r\n\r\nGET / HTT",
    "chunks behind": b"POST / HTTP/1.1\r\n"
    + LONG
    + b"Host: two.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("head", LONG_HEADS.values(), ids=LONG_HEADS.keys())
@pytest.mark.parametrize("size", [100, 1400, 60_000])
def test_heads_longer_than_what_is_held(head: bytes, size: int) -> None:
    tcp = Tcp(dport=80)
    stream = head + FIRST + head
    expected = ["two.example", "one.example", "two.example"]
    pieces = [(at, stream[at : at + size]) for at in range(0, len(stream), size)]
    observer = Observer()
    assert names([*tcp.handshake(), *(tcp.send(*piece) for piece in pieces)], observer=observer) == expected
    assert observer._streams._flows.held == observer._streams._requests._held == 0
    if size > 10_000:
        return
    swapped = [piece for pair in zip(pieces[1::2], pieces[::2], strict=False) for piece in pair] + pieces[-1:]
    assert names([*tcp.handshake(), *(tcp.send(*piece) for piece in swapped * 2)]) == expected


def test_a_head_that_does_not_end_is_given_up() -> None:
    tcp = Tcp(dport=80)
    line = b"X-Filler: " + b"y" * 1000 + b"\r\n"
    frames = [*tcp.handshake(), tcp.send(0, b"GET / HTTP/1.1\r\n")]
    frames += [tcp.send(16 + at * 10 * len(line), line * 10) for at in range(200)]
    frames.append(tcp.send(16 + 2000 * len(line), b"Host: late.example\r\n\r\n"))
    assert names(frames) == []


CHUNKED = b"POST / HTTP/1.1\r\nHost: one.example\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"0\r\n\r\n",
        b"5;name=value\r\nhello\r\n3e8\r\n" + b"z" * 1000 + b"\r\n0\r\nTrailer: x\r\n\r\n",
        b"26\r\nGET / HTTP/1.1\r\nHost: no.example\r\n\r\n..\r\n0\r\n\r\n",
    ],
)
def test_behind_chunks_the_next_request_begins_anywhere(body: bytes) -> None:
    stream = CHUNKED + body + SECOND
    for sizes in ([], [1] * len(stream), [len(CHUNKED) + 3] * 9, [40] * 99):
        tcp = Tcp(dport=80)
        assert names([*tcp.handshake(), *tcp.stream(stream, sizes)]) == ["one.example", "two.example"]


def test_chunks_need_not_be_captured() -> None:
    tcp = Tcp(dport=80)
    start = CHUNKED + b"fffff\r\n"
    behind = len(start) + 0xFFFFF
    frames = [tcp.send(0, start), tcp.send(behind, b"\r\n0\r\n\r\n" + SECOND)]
    assert names([*tcp.handshake(), *frames], flush=False) == ["one.example", "two.example"]


def test_requests_beyond_bytes_that_never_came() -> None:
    tcp = Tcp(dport=80)
    third = b"GET /3 HTTP/1.1\r\nHost: three.example\r\n\r\n"
    gone = len(FIRST) + 500
    frames = [tcp.send(0, FIRST), tcp.send(gone, SECOND), tcp.send(gone + len(SECOND) + 500, third)]
    assert names([*tcp.handshake(), *frames]) == ["one.example", "two.example", "three.example"]


def test_a_first_request_beyond_bytes_that_never_came() -> None:
    for opened in (True, False):
        for before in (b"x" * 500, b"of a body\r\n", b"\0binary"):
            tcp = Tcp(dport=80)
            handshake = tcp.handshake() if opened else []
            frames = [tcp.send(700, before), tcp.send(700 + len(before), FIRST + SECOND)]
            assert names([*handshake, *frames]) == ["one.example", "two.example"]


def test_tls_after_an_upgrade() -> None:
    options = b"OPTIONS * HTTP/1.1\r\nHost: one.example\r\nUpgrade: TLS/1.0\r\n\r\n"
    hello = openssl_hello("two.example")
    pieces = [(len(options) + at, hello[at : at + 100]) for at in range(0, len(hello), 100)]
    for order in (pieces, [pieces[-1], *pieces[:-1]]):
        tcp = Tcp(dport=80)
        frames = [tcp.send(0, options), *(tcp.send(at, piece) for at, piece in order)]
        events = run([*tcp.handshake(), *frames, *frames])
        assert [event.name for event in observations(events)] == ["one.example", "two.example"]
        assert len(connections(events)) == 1


def test_every_host_line_is_said() -> None:
    two = b"GET / HTTP/1.1\r\nHost: one.example\r\nHost: two.example\r\n\r\n"
    for sizes in ([], [1] * len(two), [40]):
        tcp = Tcp(dport=80)
        assert names([*tcp.handshake(), *tcp.stream(two, sizes)]) == ["one.example", "two.example"]


def test_ports_used_again() -> None:
    tcp = Tcp(dport=80)
    frames = [*tcp.handshake(), tcp.send(0, FIRST), tcp.send(len(FIRST), flags=RST)]
    tcp.isn += 100_000
    assert names([*frames, *tcp.handshake(), tcp.send(0, FIRST)]) == ["one.example", "one.example"]


def test_what_is_held_is_bounded() -> None:
    counters = Counters()
    answers = Answers(Limits(), Counter())
    limits = Limits(http_bytes=5000, http_flows=8)
    requests = Requests(limits, Namer(answers), HttpDns(limits, answers, counters), counters)
    for port in range(1000, 1100):
        tcp = Tcp(sport=port, dport=80)
        ends = Ends(*_ends(tcp))
        requests.begin(port, ends, Start(0, frozenset({"one.example"})), [(0, FIRST), (len(FIRST) + 5, b"x" * 1000)])
        requests.read(port, START_NS)
        assert requests._held <= 5000
    assert len(requests) == 8
    assert counters.evictions["http_flows"] > 92
    requests.flush()
    assert (requests._held, requests._waiting) == (0, {})


def _ends(tcp: Tcp) -> Ends:
    observer = Observer()
    events = run([*tcp.handshake(), tcp.send(0, FIRST)], observer)
    connection = connections(events)[0]
    return Ends(connection.transport, connection.client, connection.server, None)
