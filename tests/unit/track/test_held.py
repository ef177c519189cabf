from __future__ import annotations

from egret.decode.packet import Packet, decode_packet
from egret.model import Frame
from egret.track.direction import ends_of
from egret.track.observer import Observer
from tests.support.hello import SECOND_NS, Tcp, connections, openssl_hello


class Keeper:
    """Keeps segments of connections, in order."""

    def __init__(self, *frames: Frame) -> None:
        self.kept: dict[bytes, list[Packet]] = {}
        for frame in frames:
            packet = decode_packet(frame)
            assert packet is not None
            self.kept.setdefault(ends_of(packet.source, packet.destination), []).append(packet)

    def __len__(self) -> int:
        return len(self.kept)

    def take(self, ends: bytes) -> list[Packet]:
        return self.kept.pop(ends, [])

    def whole(self, _ends: bytes, _seq: int, _payload: bytes) -> None:
        return

    def drop(self, ends: bytes) -> None:
        raise AssertionError(ends)

    def take_all(self) -> list[Packet]:
        kept, self.kept = self.kept, {}
        return [packet for packets in kept.values() for packet in packets]


def test_what_was_kept_of_a_connection_comes_before_what_comes_of_either_direction() -> None:
    for answer in (False, True):
        one, other, hello = Tcp(), Tcp(sport=40001), openssl_hello("one.example")
        observer = Observer()
        observer.feed(Tcp(sport=40002).syn())  # a second begins
        observer.held.keeper = keeper = Keeper(one.syn(), one.send(0, hello[:100]), other.syn())
        if answer:
            assert observer.feed(one.reply(0, b"\x16\3\3\0\x40\2" + bytes(63))) == []
            assert len(keeper) == 1
        assert [event.name for event in connections(observer.feed(one.send(100, hello[100:])))] == ["one.example"]
        assert len(keeper) == 1
        assert observer.streams.tracked()["flows"] == 1


def test_nothing_is_kept_over_the_turn_of_a_second_or_the_end() -> None:
    for ended in (True, False):
        tcp, observer = Tcp(), Observer()
        observer.held.keeper = keeper = Keeper(tcp.syn(), tcp.send(0, openssl_hello("one.example")))
        assert [event.name for event in connections(observer.flush() if ended else observer.expire(1))] == [
            "one.example"
        ]
        assert len(keeper) == 0


def test_a_step_back_in_time_keeps_nothing_either() -> None:
    tcp, observer = Tcp(), Observer()
    observer.feed(tcp.syn())
    observer.held.keeper = keeper = Keeper(Tcp(sport=40001).syn())
    tcp.at_ns -= 100 * SECOND_NS
    observer.feed(tcp.syn())
    assert len(keeper) == 0
    assert observer.streams.tracked()["flows"] == 2
