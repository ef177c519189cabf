from __future__ import annotations

import json

import pytest

from egret.model import Endpoint, Event, Frame, Kind, NamedBy
from egret.track.limits import Limits
from egret.track.observer import Observer
from tests.support.hello import CLIENT, START_NS, Tcp, client_hello, connections, observations, records, run, said

ALIBABA = "203.107.1.33"
ASK = b"GET /100000/d?host=www.example.com&sdk=secret HTTP/1.1\r\nHost: 203.107.1.33\r\n\r\n"
ANSWER = json.dumps({"host": "www.example.com", "ips": ["198.51.100.7"], "ttl": 60}).encode()
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER
SAID = [("httpdns", "query", "www.example.com"), ("httpdns", "answer", "www.example.com")]


def talk(reply: list[Frame], tcp: Tcp, ask: bytes = ASK) -> list[Frame]:
    return [*tcp.handshake(), tcp.send(0, ask), *reply]


def test_a_look_up_and_its_answer() -> None:
    tcp = Tcp(server=ALIBABA, dport=80)
    events = run(talk([tcp.reply(0, REPLY)], tcp), flush=False)
    assert said(events) == SAID
    query, answer = observations(events)
    assert (query.client, query.server.port, query.kind) == (Endpoint(b"\xc0\x00\x02\x0a", 40000), 80, Kind.QUERY)
    assert (answer.client, answer.ttl_s, answer.addresses) == (query.client, 60, (b"\xc6\x33\x64\x07",))
    assert dict(query.attributes) == {"transport": "tcp", "provider": "alibaba"}
    assert "secret" not in repr(events)


def test_the_answer_names_later_flows_of_that_client() -> None:
    asked, observer = Tcp(server=ALIBABA, dport=80), Observer()
    run(talk([asked.reply(0, REPLY)], asked), observer, flush=False)
    named = []
    for client in (CLIENT, "192.0.2.99"):
        later = Tcp(client=client, server="198.51.100.7", sport=40001)
        later.at_ns = asked.at_ns
        named += connections(run([*later.handshake(), *later.stream(records(client_hello(None)))], observer))
    assert [(one.named_by, one.name) for one in named] == [
        (NamedBy.ANSWER, "www.example.com"),
        (NamedBy.NOTHING, None),
    ]


@pytest.mark.parametrize("size", [1, 7, 60])
def test_answers_in_pieces(size: int) -> None:
    tcp = Tcp(server=ALIBABA, dport=80)
    pieces = [tcp.reply(at, REPLY[at : at + size]) for at in range(0, len(REPLY), size)]
    pieces[1:] = reversed(pieces[1:])  # the first piece must say that it is HTTP
    assert said(run(talk(pieces, tcp), flush=False)) == SAID


def test_only_the_answers_of_look_ups_are_read() -> None:
    tcp = Tcp(server=ALIBABA, dport=80)
    other = b"GET /other HTTP/1.1\r\nHost: 203.107.1.33\r\n\r\n"
    frames = [tcp.send(len(ASK), other + ASK), tcp.reply(0, b"HTTP/1.1 100 Continue\r\n\r\n" + REPLY * 3)]
    assert said(run(talk(frames, tcp), flush=False)) == [SAID[0], SAID[0], SAID[1], SAID[1]]


def test_an_answer_without_a_length_ends_when_nothing_more_comes() -> None:
    tcp, observer = Tcp(server="119.29.29.29", dport=80), Observer()
    ask = b"GET /d?dn=www.example.com HTTP/1.1\r\nHost: 119.29.29.29\r\n\r\n"
    frames = talk([tcp.reply(0, b"HTTP/1.0 200 OK\r\n\r\n192.0.2.1;192.0.2.2,57")], tcp, ask)
    assert said(run(frames, observer, flush=False)) == SAID[:1]
    assert said(observer.expire(tcp.at_ns + 6_000_000_000)) == SAID[1:]
    assert observer.counters.tracked["httpdns"] == 0


@pytest.mark.parametrize(
    "reply", [b"HTTP/1.1 x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 40000]
)
def test_broken_and_endless_answers_are_left(reply: bytes) -> None:
    tcp, observer = Tcp(server=ALIBABA, dport=80), Observer()
    frames = talk([tcp.reply(at, reply[at : at + 1000]) for at in range(0, len(reply), 1000)], tcp)
    assert said(run(frames, observer, flush=False)) == SAID[:1]
    assert observer.counters.tracked["httpdns"] == 0


def test_an_ordinary_site_is_not_asked() -> None:
    tcp = Tcp(dport=80)
    ask = b"GET /100000/d?host=www.example.com HTTP/1.1\r\nHost: shop.example\r\n\r\n"
    assert said(run(talk([tcp.reply(0, REPLY)], tcp, ask))) == [("http", "request", "shop.example")]


def test_silent_servers_are_forgotten_and_time_may_go_back() -> None:
    tcp, observer = Tcp(server=ALIBABA, dport=80), Observer(Limits())
    run(talk([], tcp), observer, flush=False)
    assert observer.counters.tracked["httpdns"] == 1
    early: list[Event] = observer.feed(Tcp(sport=5).syn()._replace(time_ns=START_NS - 10**12))
    assert early == []
    observer.expire(START_NS)
    assert observer.counters.tracked["httpdns"] == 0
