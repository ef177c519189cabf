from __future__ import annotations

import mmap
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from egret.errors import SourceError
from egret.sources import afpacket, live
from egret.sources.afpacket import Counts, Opened, RingOptions
from egret.sources.live import LinkStatistics, LiveSource
from egret.sources.ring import Geometry

GEOMETRY = Geometry(block_size=4096, blocks=2)
UP = 0x41


class World:
    """Interfaces, and a clock that moves when told."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[int | None, int]] = {"eth0": (3, UP)}
        self.memories: dict[str, mmap.mmap] = {}
        self.peers: dict[str, socket.socket] = {}
        self.now_s = 100.0
        self.refusal: str | None = None
        self.opened: list[str] = []

    def open(self, interface: str) -> Opened:
        self.opened.append(interface)
        if self.refusal:
            raise SourceError(self.refusal)
        ours, theirs = socket.socketpair()
        if interface in self.peers:
            self.peers[interface].close()
        self.peers[interface] = theirs
        index = self.states[interface][0]
        assert index is not None
        return Opened(ours, interface, index, 1, GEOMETRY)

    def map(self, opened: Opened) -> mmap.mmap:
        self.memories[opened.interface] = mmap.mmap(-1, GEOMETRY.size)
        return self.memories[opened.interface]

    def arrive(self, interface: str, data: bytes) -> None:
        memory = self.memories[interface]
        struct.pack_into("=IIIII", memory, 0, 1, 0, 1, 1, 48)
        struct.pack_into("=IIIIIIHHII", memory, 48, 0, 7, 0, len(data), len(data), 0, 82, 96, 0, 0)
        memory[48 + 82 : 48 + 82 + len(data)] = data
        self.peers[interface].send(b"!")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World()
    monkeypatch.setattr(afpacket, "map_ring", made.map)
    monkeypatch.setattr(afpacket, "read_counts", lambda _socket: Counts(5, 2, 1))
    monkeypatch.setattr(live, "_state", lambda interface: made.states[interface])
    monkeypatch.setattr(time, "monotonic", lambda: made.now_s)
    yield made
    for peer in made.peers.values():
        peer.close()


def read(source: LiveSource, world: World) -> list[bytes]:
    world.now_s += 1
    return [bytes(frame.data) for frame in source.read(0)]


def test_frames_come_and_an_idle_read_ends(world: World) -> None:
    source = LiveSource(["eth0"], world.open)
    assert read(source, world) == []
    world.arrive("eth0", b"frame")
    assert read(source, world) == [b"frame"]
    source.close()
    source.close()


def test_counters_add_up(world: World) -> None:
    source = LiveSource(["eth0"], world.open)
    assert source.statistics() == [LinkStatistics("eth0", 5, 2, 1, up=True)]
    assert source.statistics() == [LinkStatistics("eth0", 10, 4, 2, up=True)]
    source.close()
    assert source.statistics() == [LinkStatistics("eth0", 15, 6, 3, up=False)]


def test_down_and_up(world: World) -> None:
    source = LiveSource(["eth0"], world.open)
    world.states["eth0"] = (3, 0x1)
    read(source, world)
    assert source.trouble() == {"eth0": "the interface is down; waiting for it to come up"}
    assert not source.statistics()[0].up
    world.states["eth0"] = (3, UP)
    read(source, world)
    assert source.trouble() == {}
    assert world.opened == ["eth0"]
    source.close()


def test_gone_and_back_under_another_index(world: World) -> None:
    source = LiveSource(["eth0"], world.open)
    world.states["eth0"] = (None, 0)
    read(source, world)
    world.arrive("eth0", b"last words")
    assert read(source, world) == [b"last words"]
    assert "gone" in source.trouble()["eth0"]
    read(source, world)
    assert world.opened == ["eth0"]
    world.states["eth0"] = (9, UP)
    read(source, world)
    assert world.opened == ["eth0", "eth0"]
    assert source.trouble() == {}
    source.close()


def test_reopening_backs_off(world: World) -> None:
    source = LiveSource(["eth0"], world.open)
    world.states["eth0"] = (None, 0)
    read(source, world)
    read(source, world)
    world.states["eth0"] = (9, UP)
    world.refusal = "eth0: no memory"
    for _ in range(60):
        read(source, world)
    assert 5 < len(world.opened) < 15
    assert source.trouble()["eth0"].startswith("eth0: no memory; tried again every")
    source.close()


def test_an_error_on_a_socket_is_taken_off_and_looked_into(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []
    source = LiveSource(["eth0"], world.open)
    read(source, world)
    monkeypatch.setattr(source, "_check", lambda: checks.append(1))
    source._watched[0].opened.socket.close()  # type: ignore[union-attr]
    broken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    broken.setblocking(False)
    broken.connect_ex(("127.0.0.1", 1))
    source._watched[0].opened = Opened(broken, "eth0", 3, 1, GEOMETRY)
    source._poll.register(broken)
    list(source.read(0.5))
    assert checks == [1]
    broken.close()


def test_a_start_that_fails_leaves_nothing_open(world: World) -> None:
    world.states["eth1"] = (4, UP)
    opened: list[Opened] = []

    def only_first(interface: str) -> Opened:
        if interface == "eth1":
            raise SourceError("eth1: no")
        opened.append(world.open(interface))
        return opened[0]

    with pytest.raises(SourceError, match="eth1: no"):
        LiveSource(["eth0", "eth1"], only_first)
    assert opened[0].socket.fileno() == -1


def test_a_ring_that_cannot_be_mapped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_opened: Opened) -> mmap.mmap:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(afpacket, "map_ring", fail)
    with pytest.raises(SourceError, match="eth0: the ring cannot be mapped: Cannot allocate memory"):
        LiveSource(["eth0"], world.open)


def test_the_state_of_real_interfaces() -> None:
    index, flags = live._state("lo")
    assert index == socket.if_nametoindex("lo")
    assert flags & 0x8
    assert live._state("absent0") == (None, 0)


def test_opening_directly(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    asked: list[tuple[str, RingOptions]] = []

    def open_ring(interface: str, options: RingOptions, _young: None) -> Opened:
        asked.append((interface, options))
        return world.open(interface)

    monkeypatch.setattr(afpacket, "open_ring", open_ring)
    live.open_directly(["eth0"], RingOptions(promiscuous=True)).close()
    assert asked == [("eth0", RingOptions(promiscuous=True))]
