from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from egret.decode.packet import Packet, decode_packet
from egret.model import Connection, Endpoint, Event, Frame, Kind, Protocol, Transport
from egret.track.direction import ends_of, key_of
from egret.track.observer import Observer
from egret.track.young import SERVER_SIDE
from egret.worker.greetings import Greetings
from egret.worker.holding import hold_young
from egret.worker.quick import METERED, NO, TAKEN, Quick
from tests.support.hello import ACK, FIN, PSH, RST, SECOND_NS, SYN, Tcp, client_hello, ech_outer, openssl_hello, records

HELLO = openssl_hello("www.example.org")
CLIENT, SERVER = Endpoint(b"\xc0\0\2\x0a", 40000), Endpoint(b"\xc6\x33\x64\x14", 443)


class Sensor:
    """A Quick before an observer, or that alone."""

    def __init__(self, *, held: bool = True, plain: str = "www.example.org", limit: int = 100) -> None:
        self.observer = Observer()
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.greetings = Greetings(
            lambda name: name != plain,
            lambda _ip, _port: False,
            lambda _ip: True,
            (),
            self.observer.judge_ech,
            self.counts,
        )
        self.quick = hold_young(self.observer, self.greetings, limit)
        self.observer.streams.hellos.take = self.greetings.take
        self.held = held
        self.events: list[Event] = []

    def told(self) -> int:
        """Hellos that were counted."""
        self.greetings.settle()
        return self.counts["names", Protocol.TLS, Kind.CLIENT_HELLO]

    def ask(self, frame: Frame) -> int:
        """What is said of it."""
        packet = decode_packet(frame)
        assert packet is not None
        data, ends = b"##" + bytes(packet.payload) + b"##", ends_of(packet.source, packet.destination)
        return self.quick.segment(
            data, 2, len(data) - 2, ends, packet.seq, packet.flags, packet.time_ns, packet.interface
        )

    def see(self, frame: Frame) -> bool:
        """Whether it was held."""
        if self.held and self.ask(frame):
            return True
        self.events += self.observer.feed(frame)
        return False

    def state(self) -> object:
        """What is known in the end."""
        self.events += self.observer.flush()
        young = self.observer.streams.young
        decided = [young.decided.get(key_of(*ends)) for ends in ((CLIENT, SERVER), (SERVER, CLIENT))]
        for event in self.events:
            if isinstance(event, Connection) and event.reason is not None:
                self.counts["nameless", event.reason] += 1
                self.counts["connections", Transport.TCP, event.named_by] += 1
        self.events = [event for event in self.events if not isinstance(event, Connection) or event.reason is None]
        return self.events, self.told(), self.counts, decided, self.observer.counters.tracked


def same(frames: Sequence[Frame], *, plain: str = "www.example.org") -> Sensor:
    """A sensor that has seen *frames*, and knows what it would without holding any."""
    one, other = Sensor(plain=plain), Sensor(held=False, plain=plain)
    for frame in frames:
        one.see(frame)
        other.see(frame)
    assert one.state() == other.state()
    return one


@pytest.mark.parametrize("sizes", [[], [100], [11, 400], [100, 100, 100, 100]])
def test_a_plain_hello_is_counted_and_its_connection_known_without_the_observer(sizes: list[int]) -> None:
    tcp, sensor = Tcp(isn=0xFFFFFF00), Sensor()
    assert all(sensor.see(frame) for frame in [tcp.syn(), tcp.syn_ack(), *tcp.stream(HELLO, sizes)])
    assert sensor.told() == 1
    young = sensor.observer.streams.young
    assert (young.decided.get(key_of(CLIENT, SERVER)), young.decided.get(key_of(SERVER, CLIENT))) == (
        0xFFFFFF01,
        SERVER_SIDE,
    )
    assert young.late.starts(key_of(CLIENT, SERVER))
    assert (len(sensor.quick), sensor.observer.streams.tracked()["flows"], sensor.observer.counters.frames) == (0, 0, 0)
    assert sensor.see(tcp.send(len(HELLO), flags=FIN | ACK))
    assert not sensor.see(tcp.send(len(HELLO), b"x", flags=FIN | ACK))


def fail(packet: Packet) -> list[Event]:
    raise AssertionError(packet)


@pytest.mark.parametrize("sizes", [[], [100], [100, 100]])
def test_a_hello_that_must_be_told_is_told_without_the_streams(sizes: list[int]) -> None:
    tcp = Tcp(isn=0xFFFFFF00)
    frames = [tcp.syn(), tcp.syn_ack(), *tcp.stream(HELLO, sizes)]
    same(frames, plain="other.example")
    sensor = Sensor(plain="other.example")
    sensor.observer.held._feed = fail
    sensor.observer.tick(frames[0].time_ns)
    assert [sensor.see(frame) for frame in frames][-1] is False
    assert [type(event).__name__ for event in sensor.events] == ["Observation", "Connection"]
    assert (len(sensor.quick), sensor.told()) == (0, 0)


def odd(make: Callable[[Tcp], Sequence[Frame]]) -> list[Frame]:
    tcp = Tcp(isn=0xFFFFFFE0)
    return [tcp.syn(), tcp.syn_ack(), *make(tcp)]


ODD: dict[str, Callable[[Tcp], Sequence[Frame]]] = {
    "whole": lambda tcp: tcp.stream(HELLO),
    "last first": lambda tcp: tcp.stream(HELLO, [100, 200])[::-1],
    "a piece twice": lambda tcp: [*tcp.stream(HELLO[:300]), *tcp.stream(HELLO, [100, 200])],
    "a hole": lambda tcp: [tcp.send(0, HELLO[:100]), tcp.send(101, HELLO[101:])],
    "six pieces": lambda tcp: tcp.stream(HELLO, [50] * 5),
    "a lone byte": lambda tcp: [tcp.send(0, HELLO[:50]), tcp.send(50, HELLO[50:51]), tcp.send(51, HELLO[51:])],
    "ended": lambda tcp: [tcp.send(0, HELLO[:50]), tcp.send(50, flags=FIN | ACK), tcp.send(50, HELLO[50:])],
    "reset": lambda tcp: [tcp.send(0, flags=RST), *tcp.stream(HELLO)],
    "refused": lambda tcp: [tcp.reply(0, flags=RST | ACK)],
    "another SYN": lambda tcp: [tcp.send(5, flags=SYN), *tcp.stream(HELLO)],
    "the same SYN": lambda tcp: [tcp.syn(), tcp.syn_ack(), *tcp.stream(HELLO)],
    "both open": lambda tcp: [tcp.reply(-1, flags=SYN), *tcp.stream(HELLO)],
    "SYN with the hello": lambda tcp: [tcp.send(-1, HELLO, flags=SYN)],
    "more behind the hello": lambda tcp: tcp.stream(HELLO + b"\x14\3\3\0\1\1"),
    "a second hello": lambda tcp: tcp.stream(HELLO + openssl_hello("chat.example"), [len(HELLO)]),
    "the server first": lambda tcp: [tcp.reply(0, b"220 ready\r\n"), *tcp.stream(HELLO)],
    "a request": lambda tcp: tcp.stream(b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n", [9]),
    "no hello": lambda tcp: tcp.stream(b"\x16\3\1\0\x0a\2" + bytes(9)),
    "no name": lambda tcp: tcp.stream(records(client_hello(None))),
    "two records": lambda tcp: tcp.stream(records(client_hello(b"www.example.org"), [60]), [80]),
    "too long": lambda tcp: tcp.stream(records(client_hello(b"www.example.org", key_share=5000)), [1400] * 3),
    "nothing": lambda _tcp: [],
    "half": lambda tcp: tcp.stream(HELLO[:300]),
    "encrypted": lambda tcp: tcp.stream(records(client_hello(b"www.example.org", extensions=[ech_outer(5)])), [90]),
    "pushed": lambda tcp: [tcp.send(0, HELLO, PSH | ACK)],
}


@pytest.mark.parametrize("what", ODD)
def test_what_comes_otherwise_is_as_if_nothing_had_been_held(what: str) -> None:
    same(odd(ODD[what]))
    same(odd(ODD[what]), plain="other.example")
    same(odd(ODD[what])[1:])
    same([odd(ODD[what])[0], *odd(ODD[what])[2:]])
    same(odd(ODD[what]) * 2)


def test_what_is_held_is_bounded() -> None:
    sensor = Sensor(limit=2)
    assert [sensor.see(Tcp(sport=port).syn()) for port in (1000, 1001, 1002)] == [True, True, False]
    sensor.observer.expire(1)
    assert len(sensor.quick) == 0
    assert sensor.observer.streams.tracked()["flows"] == 3


def test_dns_and_what_is_known_already_is_not_held() -> None:
    sensor = Sensor()
    assert not sensor.see(Tcp(dport=53).syn())
    assert not sensor.see(Tcp(sport=53).syn())
    tcp = Tcp()
    sensor.held = False
    sensor.see(tcp.syn())
    sensor.held = True
    assert not sensor.see(tcp.syn())
    assert not sensor.see(tcp.syn_ack())
    assert not sensor.see(tcp.send(0, flags=FIN))


def test_what_goes_to_a_measured_address_is_the_observer_s_from_that_moment() -> None:
    for seen in (1, 2, 3):
        tcp, sensor = Tcp(), Sensor()
        frames = [tcp.syn(), tcp.syn_ack(), *tcp.stream(HELLO, [100])]
        assert [sensor.see(frame) for frame in frames[:seen]] == [True] * seen
        sensor.observer.volumes.arm(b"\xcb\0\x71\1", SECOND_NS)
        assert sensor.see(frames[0])
        sensor.observer.volumes.arm(SERVER.ip, SECOND_NS)
        assert [sensor.see(frame) for frame in frames[seen:]] == [False] * (4 - seen)
        assert not sensor.see(tcp.syn())
        assert sensor.told() == 1


def test_who_asks_and_meters_is_told_what_the_volumes_must_hear() -> None:
    tcp, sensor = Tcp(), Sensor()
    assert isinstance(sensor.quick, Quick)
    sensor.quick.meters = sensor.observer.volumes.active = True
    sensor.observer.volumes.arm(SERVER.ip, SECOND_NS)
    frames = [tcp.syn(), tcp.syn(), tcp.syn_ack(), *tcp.stream(HELLO, [100]), tcp.syn(), tcp.send(900, flags=FIN)]
    assert [sensor.ask(frame) for frame in frames] == [METERED] * 5 + [NO, METERED]
    assert sensor.told() == 1
    assert not sensor.quick.fresh
    other, again = Tcp(sport=40_001), Tcp(sport=40_002)
    sensor.observer.volumes.active = False
    assert [sensor.ask(frame) for frame in (other.syn(), other.syn_ack(), other.syn_ack())] == [TAKEN] * 3
    sensor.observer.volumes.active = True
    assert [sensor.ask(frame) for frame in (other.send(0, flags=FIN), again.syn_ack())] == [METERED, NO]


def test_an_answer_in_a_direction_that_is_followed_is_the_observer_s() -> None:
    tcp = Tcp()
    begun = [tcp.reply(0, b"234 go\r\n"), tcp.syn(), tcp.syn_ack()]
    same([*begun, tcp.reply(900, b"GET / HTTP/1.1\r\nHost:"), tcp.syn_ack()])
    same([*begun, *tcp.stream(HELLO)])


def test_a_piece_said_again_changes_no_more_than_when_its_client_was_last_heard() -> None:
    sensor, tcp = Sensor(), Tcp(isn=99)
    pieces = tcp.stream(HELLO, [100, 100, len(HELLO) - 200])
    for frame in (tcp.syn(), pieces[0], pieces[0], pieces[1], pieces[0]):
        assert sensor.see(frame)
    assert [len(packet.payload) for packet in sensor.quick.take_all()] == [0, 100, 100]
    other = Sensor()
    for frame in (tcp.syn(), pieces[0], pieces[1], pieces[1]):
        assert other.see(frame)
    assert not other.see(tcp.send(50, HELLO[50:99] + b"x"))


def test_a_syn_that_breaks_off_as_well_opens_another_connection() -> None:
    sensor, tcp = Sensor(), Tcp(isn=99)
    for frame in (tcp.syn(), *tcp.stream(HELLO)):
        assert sensor.see(frame)
    assert sensor.ask(tcp.send(0, b"", RST)) == TAKEN
    assert sensor.ask(tcp.send(0, b"", SYN | RST)) == NO
