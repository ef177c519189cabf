from __future__ import annotations

import struct

import pytest

from egret.model import Endpoint
from egret.track.share import EVERYONE, FOLLOWED, Share, is_followed, owner_of
from tests.support.hello import ip_packet
from tests.support.jumbles import ethernet

CLIENTS = [f"192.0.2.{number}" for number in range(1, 9)]
SERVERS = [f"203.0.113.{number}" for number in range(1, 65)]


def segment(source: str, destination: str, sport: int, dport: int) -> bytes:
    header = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, 0x10, 9, 0, 0)
    return ethernet(ip_packet(source, destination, 6, header))


def datagram(payload: bytes, sport: int = 40_000, dport: int = 443) -> bytes:
    header = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0)
    return ethernet(ip_packet("192.0.2.1", "192.0.2.2", 17, header + payload))


def owner(frame: bytes, of: int = 1) -> int:
    return Share(0, of).whose(frame, 0, len(frame))


def test_a_server_s_connections_are_one_process_s_in_both_directions() -> None:
    for server in SERVERS:
        there = {owner(segment(client, server, 40_000 + at, 443), 4) for at, client in enumerate(CLIENTS)}
        back = {owner(segment(server, client, 443, 40_000 + at), 4) for at, client in enumerate(CLIENTS)}
        assert there == back
        assert len(there) == 1


def test_servers_are_spread() -> None:
    found = [owner(segment("192.0.2.1", server, 40_000, 443), 4) for server in SERVERS]
    assert min(found.count(number) for number in range(4)) > 4


def test_of_equal_ports_both_ends_count() -> None:
    one, other = Endpoint(bytes([192, 0, 2, 1]), 500), Endpoint(bytes([192, 0, 2, 2]), 500)
    assert owner_of(one, other, 7) == owner_of(other, one, 7)


def test_what_teaches_others_is_everybody_s() -> None:
    assert owner(segment("192.0.2.1", "192.0.2.2", 40_000, 443)) == owner(datagram(b"\x40" + bytes(99))) == 0
    assert owner(segment("192.0.2.1", "192.0.2.2", 40_000, 53)) == EVERYONE
    assert owner(datagram(bytes(99), dport=53)) == EVERYONE
    assert owner(datagram(bytes(4) + b"\0\1" + bytes(60), dport=5000)) == EVERYONE
    assert owner(datagram(bytes(99), dport=4789)) == EVERYONE
    plain = segment("192.0.2.1", "192.0.2.2", 40_000, 443)
    assert owner(plain[:20] + b"\x20\0" + plain[22:]) == EVERYONE  # a fragment
    assert owner(plain[:40]) == EVERYONE


@pytest.mark.parametrize("frame", [segment("192.0.2.1", "192.0.2.7", 40_000, 443), datagram(b"\x40" + bytes(30))])
def test_tags_are_stepped_over(frame: bytes) -> None:
    for number in range(3):
        assert owner(frame[:12] + b"\x81\0\0\7" * number + frame[12:], 9) == owner(frame, 9)
    assert owner(frame[:12] + b"\x88\xa8\0\7" * 3 + frame[12:], 9) == EVERYONE


def test_known_servers_of_httpdns_are_followed_by_all() -> None:
    assert owner(segment("192.0.2.1", "203.107.1.33", 40_000, 80)) == FOLLOWED
    assert owner(segment("203.107.1.33", "192.0.2.1", 80, 40_000)) == FOLLOWED
    assert owner(segment("203.107.1.33", "192.0.2.1", 40_000, 80)) == 0
    assert owner(segment("192.0.2.1", "203.107.1.33", 40_000, 443)) == 0
    assert is_followed(Endpoint(bytes([192, 0, 2, 1]), 40_000), Endpoint(bytes([223, 5, 5, 5]), 80))


def test_a_frame_is_one_s_or_everybody_s() -> None:
    frame, lookup = segment("192.0.2.1", "192.0.2.2", 40_000, 443), datagram(bytes(99), dport=53)
    shares = [Share(number, 3) for number in range(3)]
    assert {share.whose(lookup, 0, len(lookup)) for share in shares} == {EVERYONE}
    ends = Endpoint(bytes([192, 0, 2, 1]), 40_000), Endpoint(bytes([192, 0, 2, 2]), 443)
    (whose,) = {share.whose(b"xx" + frame, 2, 2 + len(frame)) for share in shares}
    assert [share.has(*ends) for share in shares] == [share.number == whose for share in shares]
