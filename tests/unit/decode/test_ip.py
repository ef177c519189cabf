import pytest
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)

from egret.decode.ip import Datagram, Fragment, continue_chain, parse_ip
from egret.decode.packet import decode_packet
from egret.errors import DecodeError, Reason
from tests.support.net import (
    CLIENT,
    CLIENT6,
    HELLO,
    SERVER,
    SERVER6,
    decoded,
    ether,
    frame,
    ip,
)


def test_extension_headers() -> None:
    chain = IPv6(src=CLIENT6, dst=SERVER6) / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt()
    atomic = chain / IPv6ExtHdrFragment(offset=0, m=0) / UDP(sport=1, dport=2) / HELLO
    assert bytes(decoded(ether() / atomic).payload) == HELLO


def test_a_chain_of_headers_has_an_end() -> None:
    data = bytes(IPv6(src=CLIENT6, dst=SERVER6, nh=60, plen=8 * 40)) + (b"\x3c\0" + bytes(6)) * 40
    with pytest.raises(DecodeError) as error:
        decode_packet(frame(data, 101))
    assert error.value.reason is Reason.TOO_DEEP


def test_authentication_headers_are_stepped_over() -> None:
    authentication = b"\x06\x04" + bytes(22)
    inner = bytes(TCP(sport=1, dport=2) / HELLO)
    v4 = IP(src=CLIENT, dst=SERVER, proto=51) / (authentication + inner)
    v6 = IPv6(src=CLIENT6, dst=SERVER6, nh=51) / (authentication + inner)
    assert bytes(decoded(ether() / v4).payload) == HELLO
    assert bytes(decoded(ether() / v6).payload) == HELLO


def test_options_and_padding_are_no_payload() -> None:
    packet = IP(src=CLIENT, dst=SERVER, options=[IPOption_NOP()] * 4) / TCP(options=[("NOP", None)] * 4) / b"x"
    padded = bytes(ether() / packet) + bytes(8)
    assert bytes(decoded(padded).payload) == b"x"


def test_bad_checksums_are_accepted() -> None:
    packet = ether() / IP(src=CLIENT, dst=SERVER, chksum=1) / TCP(chksum=1) / HELLO
    assert bytes(decoded(packet).payload) == HELLO


@pytest.mark.parametrize("size", [100, 65_000, 200_000])
def test_super_packets_without_a_length(size: int) -> None:
    payload = bytes(size)
    headers = bytes(TCP(sport=1, dport=2, chksum=0))
    v4 = bytes(IP(src=CLIENT, dst=SERVER, len=0, chksum=0, proto=6)) + headers + payload
    v6 = bytes(IPv6(src=CLIENT6, dst=SERVER6, plen=0, nh=6)) + headers + payload
    for data in (v4, v6):
        assert decoded(data, 101).wire_payload_length == size
        assert len(decoded(data, 101, cut=50).payload) == size - 50
        assert decoded(data, 101, cut=50).wire_payload_length == size


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x44" + bytes(19), Reason.BAD_LENGTH),
        (b"\x50" + bytes(19), Reason.BAD_VALUE),
        (b"\x45\0\0\x13" + bytes(16), Reason.BAD_LENGTH),
        (b"\x46\0\0\x30" + bytes(16), Reason.TRUNCATED),
        (b"", Reason.TRUNCATED),
        (bytes(IP(src=CLIENT, dst=SERVER) / TCP(dataofs=4)), Reason.BAD_LENGTH),
        (bytes(IP(src=CLIENT, dst=SERVER) / TCP(dataofs=15)), Reason.BAD_LENGTH),
        (bytes(IP(src=CLIENT, dst=SERVER) / UDP(len=7)), Reason.BAD_LENGTH),
        (bytes(IP(src=CLIENT, dst=SERVER, proto=51) / b"\x06\x09"), Reason.TRUNCATED),
        (bytes(IPv6(src=CLIENT6, dst=SERVER6, nh=60, plen=8)) + b"\x06\x09" + bytes(6), Reason.TRUNCATED),
        (bytes(IPv6(src=CLIENT6, dst=SERVER6, nh=60, plen=8)) + b"\x06\x01" + bytes(14), Reason.BAD_LENGTH),
    ],
)
def test_what_contradicts_itself(data: bytes, reason: Reason) -> None:
    with pytest.raises(DecodeError) as error:
        decode_packet(frame(data, 101))
    assert error.value.reason is reason


def datagram(protocol: int, payload: bytes) -> Datagram:
    return Datagram(
        ip(CLIENT6), ip(SERVER6), protocol, memoryview(payload), len(payload), Fragment(6, 1, 0, more=False)
    )


def test_headers_behind_a_fragment_header_are_stepped_over() -> None:
    found = continue_chain(datagram(60, b"\x2b\0" + bytes(6) + b"\x11\0" + bytes(6) + b"rest"))
    assert (found.protocol, bytes(found.payload), found.wire_length, found.fragment) == (17, b"rest", 4, None)


@pytest.mark.parametrize(
    ("payload", "reason"), [((b"\x3c\0" + bytes(6)) * 40, Reason.TOO_DEEP), (b"\x11\x05", Reason.TRUNCATED)]
)
def test_chains_behind_a_fragment_header_are_bounded(payload: bytes, reason: Reason) -> None:
    with pytest.raises(DecodeError) as error:
        continue_chain(datagram(60, payload))
    assert error.value.reason is reason


@pytest.mark.parametrize("more", [False, True])
def test_fragments_say_where_they_stand(more: bool) -> None:
    v4 = IP(src=CLIENT, dst=SERVER, id=9, frag=3, flags="MF" if more else 0, proto=17) / b"12345678"
    v6 = IPv6(src=CLIENT6, dst=SERVER6) / IPv6ExtHdrFragment(id=9, offset=3, m=int(more), nh=17) / b"12345678"
    assert parse_ip(memoryview(bytes(v4))).fragment == Fragment(4, 9, 24, more)
    found = parse_ip(memoryview(bytes(v6)))
    assert (found.fragment, found.protocol, bytes(found.payload)) == (Fragment(6, 9, 24, more), 17, b"12345678")


def test_a_header_that_is_cut() -> None:
    with pytest.raises(DecodeError):
        parse_ip(memoryview(bytes.fromhex("46000030") + bytes(16)))
