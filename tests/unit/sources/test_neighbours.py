from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from egret.errors import SourceError
from egret.sources import netlink
from egret.sources.neighbours import GET_NEIGHBOUR, neighbours, read_neighbours

MAC, ROUTER = bytes.fromhex("02005e100001"), bytes.fromhex("02005e1000fe")
V4, V6, HOP = (ip_address(text).packed for text in ("192.0.2.7", "2001:db8::7", "192.0.2.1"))
REACHABLE, STALE, FAILED, NOARP = 0x02, 0x04, 0x20, 0x40


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def entry(ip: bytes, mac: bytes = MAC, state: int = REACHABLE, flags: int = 0) -> bytes:
    family = 2 if len(ip) == 4 else 10
    return struct.pack("=BxxxiHBB", family, 2, state, flags, 1) + attribute(1, ip) + attribute(2, mac)


def route(gateway: bytes, prefix: int = 0) -> bytes:
    return struct.pack("=BBBBBBBBI", 2, prefix, 0, 0, 254, 3, 0, 1, 0) + attribute(5, gateway)


def test_addresses_of_both_families_and_the_router() -> None:
    found = neighbours([entry(V4), entry(V6, state=STALE), entry(HOP, ROUTER)], [route(HOP), route(V4, 24)])
    assert found.entries == {V4: "02:00:5e:10:00:01", V6: "02:00:5e:10:00:01", HOP: "02:00:5e:10:00:fe"}
    assert found.routers == {"02:00:5e:10:00:fe"}


@pytest.mark.parametrize(
    "body",
    [
        entry(V4, state=FAILED),
        entry(V4, state=NOARP),
        entry(V4, flags=0x08),  # we answer for it
        entry(V4, b""),
        entry(V4, bytes(6)),
        entry(b"\1\2"),
        b"",
        b"\2",
        entry(V4)[:13],
    ],
)
def test_what_tells_no_device_is_left_out(body: bytes) -> None:
    assert neighbours([body], [route(HOP), b"", route(b"")]) == ({}, frozenset())


def test_the_kernel_is_asked_for_neighbours_and_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    def dump(kind: int, _fixed: bytes) -> Iterator[bytes]:
        yield {GET_NEIGHBOUR: entry(HOP, ROUTER), netlink.GET_ROUTE: route(HOP)}[kind]

    monkeypatch.setattr(netlink, "dump", dump)
    assert read_neighbours() == ({HOP: "02:00:5e:10:00:fe"}, frozenset({"02:00:5e:10:00:fe"}))


def test_a_kernel_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def dump(_kind: int, _fixed: bytes) -> Iterator[bytes]:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(netlink, "dump", dump)
    with pytest.raises(SourceError, match="neighbour table cannot be read: Operation not permitted"):
        read_neighbours()
