from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.sources import fanout
from tests.support.hello import ip_packet
from tests.support.live_bpf import run
from tests.support.reshape import fragments

INSIDE = ("192.0.2.0/24", "198.51.100.64/26", "2001:db8:1::/64", "fc00::/7")
PROGRAM = fanout.program(INSIDE)
CLIENT, RESOLVER, SERVER = "192.0.2.10", "192.0.2.53", "203.0.113.9"
CLIENT6, RESOLVER6, SERVER6 = "2001:db8:1::10", "fd00::53", "2001:db8:2::9"
HOME = {CLIENT: (RESOLVER, SERVER), CLIENT6: (RESOLVER6, SERVER6)}


def packet(source: str, destination: str, sport: int, dport: int, protocol: int = 17) -> bytes:
    return ip_packet(source, destination, protocol, struct.pack("!HHHH", sport, dport, 8, 0) + bytes(24))


def number(data: bytes) -> int:
    return run(PROGRAM, data, 0, 0x0800 if data[0] >> 4 == 4 else 0x86DD)


def of(address: str) -> int:
    """The number of a client, as plainly as it can be said."""
    packed = ip_address(address).packed
    words: tuple[int, ...] = struct.unpack(f"!{len(packed) // 4}I", packed)
    return (sum(words) % 2**32 * 0x9E3779B1 % 2**32) >> 16


@pytest.mark.parametrize("client", HOME)
def test_all_that_a_client_does_has_its_number(client: str) -> None:
    resolver, server = HOME[client]
    outward = [
        packet(client, server, 40_000, 443, 6),
        packet(client, server, 1024, 50_000),
        packet(client, server, 9, 9),
    ]
    inside = [packet(client, resolver, 40_000, 53), packet(client, resolver, 40_000, 53, 6)]
    back = [
        packet(server, client, 443, 40_000, 6),
        packet(server, client, 50_000, 1024),
        packet(resolver, client, 53, 40_000),
    ]
    assert {number(each) for each in outward + inside + back} == {of(client)}  # fmt: skip


@pytest.mark.parametrize("client", HOME)
def test_fragments_go_with_their_client(client: str) -> None:
    _, server = HOME[client]
    whole = ip_packet(server, client, 17, struct.pack("!HHHH", 53, 40_000, 1200, 0) + bytes(1192))
    assert {number(piece) for piece in fragments(whole, 400)} == {of(client)}


@pytest.mark.parametrize("client", HOME)
def test_fragments_between_two_that_are_inside_stay_together(client: str) -> None:
    resolver, _ = HOME[client]
    whole = ip_packet(resolver, client, 17, struct.pack("!HHHH", 53, 40_000, 1200, 0) + bytes(1192))
    assert len({number(piece) for piece in fragments(whole, 400)}) == 1


def test_both_directions_of_a_tunnel_stay_together() -> None:
    """Of VXLAN and Geneve both ends send from high ports, to the same low one."""
    ends = "192.0.2.1", "192.0.2.2"
    for port in (4789, 8472, 6081):
        assert number(packet(*ends, 50_000, port)) == number(packet(*ends[::-1], 60_000, port))


def test_where_nobody_is_inside_the_higher_port_is_the_client() -> None:
    ends = ("203.0.113.1", "203.0.113.2")
    there, back = packet(*ends, 40_000, 443), packet(*ends[::-1], 443, 40_000)
    assert {number(there), number(back)} == {of(ends[0])}
    same = packet(*ends, 500, 500), packet(*ends[::-1], 500, 500)
    assert len({number(each) for each in same}) == 1
    other = ip_packet(*ends, 47, bytes(40)), ip_packet(*ends[::-1], 47, bytes(40))
    assert len({number(each) for each in other}) == 1


@pytest.mark.parametrize(
    "header", ["8100 0007", "88a8 0007 8100 0008", "8864 1100 0001 0016", "8100 0007 8864 1100 0001 0016"]
)
@pytest.mark.parametrize("client", HOME)
def test_tags_and_pppoe_that_are_in_the_frame(header: str, client: str) -> None:
    """The kernel takes the outermost tag off; what it says is in the frame is what comes next."""
    data = packet(client, HOME[client][1], 40_000, 443)
    is_ipv4 = data[0] >> 4 == 4
    outer = bytes.fromhex(header)
    last = (b"\x00\x21" if is_ipv4 else b"\x00\x57") if "8864" in header else b"\x08\x00" if is_ipv4 else b"\x86\xdd"
    assert run(PROGRAM, b"mac!" + outer[2:] + last + data, 4, int.from_bytes(outer[:2])) == of(client)


def test_what_is_no_ip_or_cut_off_goes_to_the_first() -> None:
    assert run(PROGRAM, bytes(60), 0, 0x0806) == 0
    assert run(PROGRAM, bytes(60), 0, 0x8864) == 0
    assert run(PROGRAM, bytes(3), 0, 0x0800) == 0


@given(st.binary(max_size=60), st.sampled_from([0x0800, 0x86DD, 0x8100, 0x8864]))
def test_anything_has_a_number(data: bytes, ethertype: int) -> None:
    assert 0 <= run(PROGRAM, data, 0, ethertype) < 1 << 16


def test_clients_are_spread_evenly() -> None:
    numbers = [number(packet(f"192.0.2.{host}", SERVER, 40_000, 443)) for host in range(1, 255)]
    for workers in (2, 3, 4, 8):
        shares = [sum(each % workers == worker for each in numbers) for worker in range(workers)]
        assert max(shares) < 1.3 * len(numbers) / workers


def test_no_more_networks_than_fit() -> None:
    many = [f"10.{high}.{low}.0/24" for high in range(256) for low in range(8)]
    assert len(fanout.program([*many, *(f"2001:db8:{n:x}::/64" for n in range(300))])) < 4096
    assert len(fanout.program([f"2001:db8::{n:x}/128" for n in range(300)])) < 4096
    assert fanout.program([])
    with pytest.raises(ValueError, match="does not appear"):
        fanout.program(["the house"])


class Socket:
    """Knows one group that ended."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def setsockopt(self, _level: int, option: int, value: object) -> None:
        if option == 18:
            self.said.append(value)
            if value == 666 | 6 << 16:
                raise OSError
        else:
            assert option == 22

    def getsockopt(self, level: int, option: int) -> int:
        assert (level, option) == (263, 18)
        return 77 | 6 << 16


@pytest.mark.parametrize(
    ("group", "outgoing", "said"),
    [
        (None, True, [0x2006 << 16]),
        (None, False, [0x6006 << 16]),
        (77, True, [77 | 6 << 16]),
        (666, True, [666 | 6 << 16, 0x2006 << 16]),
    ],
)
def test_a_group_is_begun_joined_or_begun_anew(group: int | None, outgoing: bool, said: list[int]) -> None:
    sock = Socket()
    assert fanout.join(sock, PROGRAM, group, outgoing=outgoing) == 77  # type: ignore[arg-type]
    assert sock.said == said
