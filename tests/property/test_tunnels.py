"""Names in tunnels and behind headers, and DNS on other ports: what each message says, and one connection for all."""

from __future__ import annotations

import pytest

from egret.model import NamedBy
from tests.support.dialogues import PROXY_1, PROXY_2, PROXY_LOCAL, connect, dns_answer, dns_query, socks4, socks5
from tests.support.hello import Tcp, client_hello, connections, observations, openssl_hello, records, run, said

HELLO = openssl_hello("chat.qwen.ai")
NAMED = [("tls", "client_hello", "chat.qwen.ai")]


def test_names_in_socks() -> None:
    for prelude in (
        socks4(b"chat.example"),
        socks5(b"chat.example"),
        socks5(b"chat.example", methods=b"\0\2", login=True),
    ):
        tcp = Tcp(dport=1080)
        for stream in (tcp.stream(prelude + HELLO), tcp.stream(prelude + HELLO, [1] * len(prelude))):
            events = run([*tcp.handshake(), *stream])
            assert said(events) == [("socks", "connect", "chat.example"), *NAMED]
            assert [(one.named_by, one.name) for one in connections(events)] == [(NamedBy.SOCKS, "chat.example")]


@pytest.mark.parametrize("prelude", [socks4(None), socks5(None), PROXY_1, PROXY_2, PROXY_LOCAL])
def test_what_names_nothing_leaves_the_naming_to_the_hello(prelude: bytes) -> None:
    tcp = Tcp(dport=1080)
    for size in (1, 9, 1000):
        events = run([*tcp.handshake(), *tcp.stream(prelude + HELLO, [size] * len(prelude))])
        assert said(events) == NAMED
        assert [one.named_by for one in connections(events)] == [NamedBy.HELLO]
    (connection,) = connections(run([*tcp.handshake(), tcp.send(0, prelude)]))
    assert connection.named_by is NamedBy.NOTHING


def test_chains_of_proxies() -> None:
    tcp = Tcp(dport=1080)
    chain = PROXY_2 + socks5(b"one.example") + connect("two.example") + PROXY_1 + HELLO
    expected = [("socks", "connect", "one.example"), ("http", "connect", "two.example"), *NAMED]
    for sizes in ([], [50] * 9, [1] * len(chain)):
        events = run([*tcp.handshake(), *tcp.stream(chain, sizes)])
        assert said(events) == expected
        assert len(connections(events)) == 1


def test_chains_are_bounded() -> None:
    tcp = Tcp(dport=1080)
    for layer in (PROXY_LOCAL, socks4(None), connect("a.example")):
        events = run([*tcp.handshake(), *tcp.stream(layer * 100)])
        assert len(connections(events)) == 1
        assert len(observations(events)) < 10


def test_dns_on_any_port() -> None:
    queries = [dns_query(f"{name}.example") for name in ("one", "two", "three")]
    stream = b"".join(len(query).to_bytes(2, "big") + query for query in queries)
    expected = [("dns", "query", f"{name}.example") for name in ("one", "two", "three")]
    for sizes in ([], [1] * len(stream), [3, 40, 2]):
        tcp = Tcp(dport=5300)
        assert said(run([*tcp.handshake(), *tcp.stream(stream, sizes)])) == expected
        assert said(run([*tcp.handshake(), *reversed(tcp.stream(stream, sizes))])) == expected
        assert said(run(tcp.stream(stream, sizes))) == expected  # its SYN was missed
    link_local = Tcp(dport=5355)
    assert said(run([*link_local.handshake(), *link_local.stream(stream)])) == []


def test_dns_answers_on_any_port() -> None:
    tcp = Tcp(dport=5300)
    query, answer = dns_query("one.example"), dns_answer("one.example", "198.51.100.9")
    asked, answered = (len(wire).to_bytes(2, "big") + wire for wire in (query, answer))
    replies = [tcp.reply(0, answered[:7]), tcp.reply(7, answered[7:])]
    events = run([*tcp.handshake(), tcp.send(0, asked), *replies, tcp.send(len(asked), asked)])
    assert said(events) == [("dns", kind, "one.example") for kind in ("query", "answer", "query")]
    assert {observation.client.port for observation in observations(events)} == {tcp.sport}


def test_a_hello_behind_bytes_that_never_came() -> None:
    tcp = Tcp()
    assert said(run([*tcp.handshake(), tcp.send(500, records(client_hello()))])) == [
        ("tls", "client_hello", "chat.qwen.ai")
    ]


def test_a_tunnel_behind_bytes_that_never_came() -> None:
    tcp, connect = Tcp(dport=3128), b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"
    frames = [tcp.send(500, connect), tcp.send(500 + len(connect), records(client_hello()))]
    assert said(run([*tcp.handshake(), *frames])) == [
        ("http", "connect", "a.example"),
        ("tls", "client_hello", "chat.qwen.ai"),
    ]
