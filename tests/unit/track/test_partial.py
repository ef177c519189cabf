from __future__ import annotations

import dns.message

from egret.model import Connection, Event, Observation, Protocol
from egret.track.limits import Limits
from egret.track.partial import PartialObserver
from egret.track.share import Share
from tests.support.hello import Tcp, openssl_hello, run, udp

QUESTION = dns.message.make_query("chat.example", "A", id=7).to_wire()


def observer(number: int, of: int = 2, limits: Limits | None = None) -> PartialObserver:
    return PartialObserver(Share(number, of), limits or Limits())


def said(events: list[Event]) -> list[Protocol]:
    return [event.protocol for event in events if isinstance(event, Observation)]


def test_a_connection_is_one_s_and_a_look_up_everybody_s() -> None:
    tcp = Tcp()
    frames = [*tcp.handshake(), *tcp.stream(openssl_hello("chat.example")), udp(QUESTION, 40_000, 53)]
    each = [run(frames, observer(number)) for number in range(2)]
    assert sorted(map(said, each), key=len) == [[Protocol.DNS], [Protocol.TLS, Protocol.DNS]]
    assert sum(isinstance(event, Connection) for events in each for event in events) == 1


def test_look_ups_on_other_ports_and_over_tcp_are_heard() -> None:
    tcp = Tcp(dport=53)
    frames = [*tcp.handshake(), *tcp.stream(len(QUESTION).to_bytes(2) + QUESTION), udp(QUESTION, 40_000, 5300)]
    assert [said(run(frames, observer(number))) for number in range(2)] == [[Protocol.DNS] * 2] * 2


def test_what_is_no_look_up_on_their_port_is_one_s() -> None:
    tcp = Tcp(dport=53)
    frames = [*tcp.handshake(), *tcp.stream(openssl_hello("chat.example"))]
    assert sorted(said(run(frames, observer(number))) for number in range(2)) == [[], [Protocol.TLS]]


def test_a_share_of_every_bound() -> None:
    each = [observer(number, limits=Limits(flows=8)) for number in range(2)]
    for port in range(5):
        for one in each:
            run([Tcp(sport=40_000 + port).syn()], one, flush=False)
        assert sum(one.evictions for one in each) == (port == 4)


def test_look_ups_that_only_one_knows_for_such_are_noticed() -> None:
    tcp = Tcp(dport=5300)
    frames = [*tcp.handshake(), *tcp.stream(len(QUESTION).to_bytes(2) + QUESTION)]
    each = [observer(number) for number in range(2)]
    for one in each:
        run(frames, one)
    assert sorted(one.adopted for one in each) == [False, True]


def test_how_much_it_remembers_at_the_most() -> None:
    one = observer(0, of=1, limits=Limits(decided=4))
    one.watch_memory()
    for port in range(3):
        tcp = Tcp(sport=40_000 + port)
        run([*tcp.handshake(), *tcp.stream(openssl_hello("chat.example"))], one, flush=False)
    assert one.remembers == (4, 3)  # of six, for it holds two generations of two
    assert one.evictions == 2
