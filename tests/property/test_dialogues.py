"""Names behind preludes, tunnels and earlier messages: any segments in any order say the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.http import MAX_REPLY, parse_reply, parse_request_head
from egret.decode.httpdns import parse_answers, parse_query
from egret.decode.proxy_header import header_size
from egret.decode.socks import MAX_REQUEST, parse_request
from egret.errors import DecodeError
from egret.track.observer import Observer
from egret.track.preludes import hello_may_follow
from tests.support.dialogues import PROXY_1, PROXY_2, STARTTLS, connect, dns_query, socks4, socks5
from tests.support.hello import Tcp, client_hello, connections, observations, openssl_hello, records, run, said

HELLO = openssl_hello("chat.qwen.ai")
SPLIT = records(client_hello(b"chat.qwen.ai"), [1, 3, 70])
REQUESTS = b"".join(
    b"POST /%d HTTP/1.1\r\nContent-Length: 9\r\nHost: h%d.example\r\n\r\nGET / HTT" % (number, number)
    for number in range(4)
)
DNS = b"".join(len(wire).to_bytes(2, "big") + wire for wire in (dns_query("one.example"), dns_query("two.example")))
HTTPDNS = b"GET /1/resolve?host=one.example,two.example HTTP/1.1\r\nHost: httpdns.aliyuncs.com\r\n\r\n"
H2 = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"
    b"\0\0\x0e\x01\x05\0\0\0\x01\x82\x41\x0bone.example"
    b"\0\0\x05\0\0\0\0\0\x01hello"
    b"\0\0\x0e\x01\x05\0\0\0\x03\x82\x41\x0btwo.example"
    b"\0\0\x02\x01\x05\0\0\0\x05\x82\xbf"
)
STREAMS = [
    H2,
    *(b"".join(turns) + HELLO for turns in STARTTLS.values()),
    PROXY_1 + SPLIT,
    PROXY_2 + HELLO,
    socks4(b"chat.example") + HELLO,
    socks5(b"chat.example", methods=b"\x00\x02", login=True) + SPLIT,
    PROXY_2 + socks5(None) + connect("chat.example") + HELLO,
    PROXY_1 + REQUESTS,
    REQUESTS + connect("chat.example"),
    DNS,
    HTTPDNS + REQUESTS,
]
sizes = st.lists(st.integers(1, 300), max_size=30)
randoms = st.randoms(use_true_random=False)


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(STREAMS), sizes, randoms, st.integers(0, 4))
def test_any_segments_in_any_order(stream: bytes, cuts: list[int], rng: random.Random, copies: int) -> None:
    tcp = Tcp(dport=8000, isn=rng.randrange(1 << 32))
    whole = run([*tcp.handshake(), tcp.send(0, stream)])
    frames = tcp.stream(stream, cuts)
    frames += rng.choices(frames, k=copies)
    rng.shuffle(frames)
    events = run([*tcp.handshake(), *frames])
    assert said(whole)
    assert said(events) == said(whole)
    assert len(connections(events)) == len(connections(whole)) <= 1


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(STREAMS), sizes)
def test_the_syn_may_be_missing(stream: bytes, cuts: list[int]) -> None:
    tcp = Tcp(dport=8000)
    assert said(run(tcp.stream(stream, cuts))) == said(run([*tcp.handshake(), tcp.send(0, stream)]))


@pytest.mark.parametrize("stream", STREAMS)
def test_every_cut_says_a_beginning_of_what_the_whole_says(stream: bytes) -> None:
    tcp = Tcp(dport=8000)
    whole = said(run([*tcp.handshake(), tcp.send(0, stream)]))
    for size in range(0, len(stream), 3):
        cut = said(run([*tcp.handshake(), tcp.send(0, stream[:size])]))
        assert cut == whole[: len(cut)]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(STREAMS), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_changed_stream_raises_nothing(stream: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(stream)
    for at, byte in changes:
        changed[at % len(changed)] = byte
    tcp, observer = Tcp(dport=8000), Observer()
    events = run([*tcp.handshake(), *tcp.stream(bytes(changed), [60, 60]), tcp.reply(0, bytes(changed))], observer)
    assert len(connections(events)) <= 1
    assert all(observation.name.isprintable() for observation in observations(events))
    assert observer.streams._flows.held == observer.streams._requests._held == observer.dns.table.held == 0


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.binary(max_size=60), st.sampled_from([b"\x05", b"\x04\x01", b"PROXY ", b"HTTP/1.1 200\r\n"])),
    st.binary(),
)
def test_decoders_are_total(head: bytes, rest: bytes) -> None:
    data = head + rest
    hello_may_follow(data)
    parse_answers(data, ("www.example.com",))
    for parse, bound in ((parse_request, MAX_REQUEST), (header_size, None), (parse_reply, MAX_REPLY)):
        try:
            assert bound is None or parse(data) is None or len(data) > 0
        except DecodeError:
            continue


@settings(max_examples=200)
@given(st.text(max_size=40), st.sampled_from(["203.107.1.1", "a.example"]))
def test_any_target_is_a_query_or_none(text: str, host: str) -> None:
    data = b"GET /1/d?host=" + text.encode().replace(b"\n", b"") + b" HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n"
    try:
        head = parse_request_head(data)
    except DecodeError:
        return
    if head is not None and (query := parse_query(head, b"\xcb\x6b\x01\x01")) is not None:
        assert all(name.isprintable() and "." in name for name in query.names)
