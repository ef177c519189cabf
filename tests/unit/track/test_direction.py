from ipaddress import ip_address

import pytest

from egret.model import Endpoint
from egret.track.direction import endpoints_of, ends_of, key_of, opposite


@pytest.mark.parametrize(("client", "server"), [("192.0.2.1", "198.51.100.9"), ("2001:db8::1", "2001:db8::99")])
def test_a_direction_is_what_lies_in_its_frame_and_its_opposite_the_other_way(client: str, server: str) -> None:
    one, other = Endpoint(ip_address(client).packed, 40001), Endpoint(ip_address(server).packed, 443)
    assert ends_of(one, other) == one.ip + other.ip + b"\x9c\x41\x01\xbb"
    assert key_of(one, other) == hash(ends_of(one, other))
    assert opposite(ends_of(one, other)) == ends_of(other, one)
    assert key_of(one, other) != key_of(other, one)


def test_ends_go_there_and_back() -> None:
    for ip in (b"\1\2\3\4", bytes(range(16))):
        ends = Endpoint(ip, 443), Endpoint(ip[::-1], 65_000)
        assert endpoints_of(ends_of(*ends)) == ends
