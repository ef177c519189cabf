from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import pytest

from egret.errors import SourceError
from egret.sources import afpacket, volume_ring
from egret.sources.afpacket import Opened
from egret.sources.bpf import Instruction
from egret.sources.live import LinkStatistics
from egret.sources.ring import Geometry
from egret.sources.volume_filter import MAX_ADDRESSES, program
from egret.sources.volume_ring import VolumeRing, ring_options

Program = tuple[Instruction, ...]
ADDRESSES = [number.to_bytes(4) for number in range(3000)]


class Rings:
    """Sockets without rings, and a kernel with room for filters of so many instructions."""

    def __init__(self) -> None:
        self.room = 4096
        self.error = errno.ENOMEM
        self.attached: dict[int, list[Program]] = {}
        self.sockets: list[socket.socket] = []

    def open(self, interface: str) -> Opened:
        ours, theirs = socket.socketpair()
        ours.close()
        self.sockets.append(theirs)
        return Opened(theirs, interface, 1, 1, Geometry())

    def attach(self, sock: socket.socket, code: Program) -> None:
        if len(code) > self.room:
            raise OSError(self.error, os.strerror(self.error))
        self.attached.setdefault(sock.fileno(), []).append(code)

    def last(self) -> list[Program]:
        return [programs[-1] for programs in self.attached.values()]


class NoSource:
    """In the place of a ``LiveSource``: opens and keeps no ring."""

    def __init__(self, interfaces: list[str], open_ring: volume_ring.OpenRing) -> None:
        self.open_ring = open_ring
        self.opened = [open_ring(interface) for interface in interfaces]

    def read(self, timeout_s: float) -> Iterator[object]:
        assert timeout_s == 0
        return iter(())

    def statistics(self) -> list[LinkStatistics]:
        return [LinkStatistics("lan0", 1, 2, 3, up=True)]

    def close(self) -> None:
        for opened in self.opened:
            opened.socket.close()


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rings]:
    made = Rings()
    monkeypatch.setattr(afpacket, "attach", made.attach)
    monkeypatch.setattr(volume_ring, "LiveSource", NoSource)
    yield made
    for sock in made.sockets:
        sock.close()


def test_the_second_ring_passes_nothing_at_first_and_can_be_told_what() -> None:
    options = ring_options(4)
    assert (options.filter, options.locked, options.geometry.size) == ("nothing", False, 4 << 20)


def test_every_interface_follows_the_same_addresses(rings: Rings) -> None:
    ring = VolumeRing(["lan0", "lan1"], rings.open)
    assert rings.last() == [program([], 1)] * 2
    assert ring.follow(ADDRESSES[:5]) == 0
    assert rings.last() == [program(ADDRESSES[:5], 1)] * 2
    assert list(ring.read()) == []
    assert ring.statistics()[0].dropped == 2
    ring.close()
    assert ring.follow(ADDRESSES[:5]) == 0  # nothing is there to attach to


def test_more_than_fit_are_left_out_the_oldest_first(rings: Rings) -> None:
    ring = VolumeRing(["lan0"], rings.open)
    assert ring.follow(ADDRESSES) == len(ADDRESSES) - MAX_ADDRESSES
    assert rings.last() == [program(ADDRESSES[-MAX_ADDRESSES:], 1)]


def test_with_little_memory_fewer_fit_and_the_old_filter_makes_room(rings: Rings) -> None:
    ring = VolumeRing(["lan0"], rings.open)
    rings.room = 1000
    left_out = ring.follow(ADDRESSES[:2000])
    assert 1000 < left_out < 2000
    assert rings.last() == [program(ADDRESSES[left_out:2000], 1)]
    assert program([], 1) in next(iter(rings.attached.values()))


def test_an_interface_that_comes_back_follows_what_the_others_do(rings: Rings) -> None:
    ring = VolumeRing(["lan0"], rings.open)
    ring.follow(ADDRESSES[:5])
    opened = ring._open("lan0")
    assert rings.attached[opened.socket.fileno()] == [program(ADDRESSES[:5], 1)]


@pytest.mark.parametrize("room", [0, 4096])
def test_what_the_kernel_refuses_is_an_error_and_leaks_nothing(rings: Rings, room: int) -> None:
    rings.room, rings.error = room, errno.EPERM
    if room:
        ring = VolumeRing(["lan0"], rings.open)
        rings.room = 0
        with pytest.raises(SourceError, match="lan0: no filter for volumes: Operation not permitted"):
            ring.follow(ADDRESSES[:5])
    else:
        with pytest.raises(SourceError, match="lan0"):
            VolumeRing(["lan0"], rings.open)
        assert rings.sockets[0].fileno() == -1
