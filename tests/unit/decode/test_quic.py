from __future__ import annotations

from itertools import product
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.decode import quic
from egret.decode.quic import (
    MAX_PACKETS,
    PacketKind,
    is_behind_hello,
    open_initial,
    parse_frames,
    parse_long_header,
    parse_packets,
    peek_initial,
)
from egret.decode.quic_keys import VERSION_1, VERSION_2, VERSION_2_DRAFT, initial_keys
from egret.decode.tls import parse_client_hello
from egret.errors import DecodeError, Malformed, Reason, Truncated, Unsupported
from tests.support.hello import client_hello, crypto_frame, quic_initial, varint

VECTORS = Path(__file__).parents[2] / "vectors"
DCID = bytes.fromhex("8394c8f03e515708")


def vector(name: str) -> bytes:
    return bytes.fromhex("".join((VECTORS / name).read_text().split()))


@pytest.mark.parametrize(
    ("name", "version"), [("rfc9001_a2_client_initial.hex", VERSION_1), ("rfc9369_a2_client_initial.hex", VERSION_2)]
)
def test_client_initial_of_the_rfcs(name: str, version: int) -> None:
    datagram = vector(name)
    (header,) = parse_packets(datagram)
    assert (header.kind, header.version, header.dcid, header.scid) == (PacketKind.INITIAL, version, DCID, b"")
    payload = open_initial(datagram, header, initial_keys(DCID, version))
    assert payload is not None
    frames = parse_frames(payload)
    assert frames.anomaly is None
    assert [crypto_frame(offset, data) for offset, data in frames.crypto] == [
        b"\x06\x00" + vector("rfc9001_a2_crypto_frame.hex")[2:]
    ]
    assert parse_client_hello(frames.crypto[0][1]).server_name == b"example.com"


def test_other_keys_do_not_open() -> None:
    datagram = vector("rfc9001_a2_client_initial.hex")
    (header,) = parse_packets(datagram)
    assert open_initial(datagram, header, initial_keys(DCID, VERSION_1, server=True)) is None


def test_no_room_for_a_tag() -> None:
    datagram = b"\xc0" + VERSION_1.to_bytes(4, "big") + b"\x00\x00\x00" + varint(10) + bytes(10)
    (header,) = parse_packets(datagram)
    assert open_initial(datagram, header, initial_keys(b"", VERSION_1)) is None


def test_several_packets_in_one_datagram() -> None:
    first = quic_initial(b"\x01", size=200)
    handshake = b"\xe0" + first[1:6] + DCID[:8] + b"\x00" + varint(20) + bytes(20)
    handshake = b"\xe0" + VERSION_1.to_bytes(4, "big") + b"\x08" + DCID + b"\x00" + varint(20) + bytes(20)
    zero_rtt = b"\xd0" + handshake[1:]
    kinds = [header.kind for header in parse_packets(first + zero_rtt + handshake + b"\x40short")]
    assert kinds == [PacketKind.INITIAL, PacketKind.ZERO_RTT, PacketKind.HANDSHAKE]
    assert len(parse_packets(handshake * (MAX_PACKETS + 5))) == MAX_PACKETS
    assert len(parse_packets(first + b"\xff\xff\xff")) == 1


def test_version_negotiation_and_retry() -> None:
    negotiation = b"\x80" + bytes(4) + b"\x01a\x01b" + VERSION_1.to_bytes(4, "big")
    assert parse_packets(negotiation)[0].kind is PacketKind.VERSION_NEGOTIATION
    retry = b"\xf0" + VERSION_1.to_bytes(4, "big") + b"\x01a\x02bc" + b"token" + bytes(16)
    header = parse_packets(retry)[0]
    assert (header.kind, header.scid, header.token) == (PacketKind.RETRY, b"bc", b"token")
    assert parse_packets(b"\xc0" + VERSION_2.to_bytes(4, "big") + retry[5:])[0].kind is PacketKind.RETRY


@pytest.mark.parametrize(
    ("datagram", "error", "reason"),
    [
        (b"\xc0\x00\x00\x00", Truncated, Reason.TRUNCATED),
        (b"\xc0\x0a\x1a\x2a\x3a\x00\x00", Unsupported, Reason.UNKNOWN_VERSION),
        (b"\xc0\x00\x00\x00\x01\x15" + bytes(30), Malformed, Reason.BAD_LENGTH),
        (b"\xc0\x00\x00\x00\x01\x08abc", Truncated, Reason.TRUNCATED),
        (b"\xc0\x00\x00\x00\x01\x01a", Truncated, Reason.TRUNCATED),
        (b"\x80\x00\x00\x00\x01\x00\x00\x00\x00", Malformed, Reason.BAD_VALUE),
        (b"\xc0\x00\x00\x00\x01\x00\x00\x44", Truncated, Reason.TRUNCATED),
        (b"\xc0\x00\x00\x00\x01\x00\x00", Truncated, Reason.TRUNCATED),
        (b"\xc0\x00\x00\x00\x01\x00\x00\x05ab", Truncated, Reason.TRUNCATED),
        (b"\xc0\x00\x00\x00\x01\x00\x00\x00\x44\x00", Truncated, Reason.TRUNCATED),
    ],
)
def test_bad_headers(datagram: bytes, error: type[DecodeError], reason: Reason) -> None:
    with pytest.raises(error) as caught:
        parse_long_header(datagram, 0)
    assert caught.value.reason is reason


def test_an_unknown_version_is_read_as_version_1_where_a_client_may_have_sent_it() -> None:
    datagram = quic_initial(b"\x01", size=1200)
    renamed = datagram[:1] + b"abcd" + datagram[5:]
    (header,) = parse_packets(renamed)
    assert (header.kind, header.version) == (PacketKind.INITIAL, 0x61626364)
    for short in (renamed[:1199], bytes((renamed[0] & 0xBF,)) + renamed[1:]):
        with pytest.raises(Unsupported):
            parse_packets(short)


def test_the_fixed_bit_may_be_cleared_by_who_has_a_token() -> None:
    cleared = quic_initial(b"\x01", token=b"token")
    assert parse_packets(bytes((cleared[0] & 0xBF,)) + cleared[1:])[0].token == b"token"


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2, VERSION_2_DRAFT])
def test_a_packet_without_its_end_can_be_read_without_proof(version: int) -> None:
    hello = client_hello(key_share=800)
    datagram = quic_initial(crypto_frame(0, hello), dcid=DCID, version=version)
    for size in (60, 128, 500, len(datagram) - 1):
        (header,) = parse_packets(datagram[:size], cut=True)
        assert header.cut
        payload = peek_initial(datagram[:size], header, initial_keys(DCID, version))
        assert payload is not None
        frames = parse_frames(payload, cut=True)
        assert frames.anomaly is None
        assert hello.startswith(frames.crypto[0][1])
        assert len(frames.crypto[0][1]) >= min(len(hello), size - 60)
    (header,) = parse_packets(datagram[:37], cut=True)
    assert peek_initial(datagram[:37], header, initial_keys(DCID, version)) is None


def test_other_keys_mostly_show_in_the_reserved_bits() -> None:
    datagram = quic_initial(b"\x01", dcid=DCID)[:300]
    (header,) = parse_packets(datagram, cut=True)
    peeked = [peek_initial(datagram, header, initial_keys(bytes((number,)), VERSION_1)) for number in range(100)]
    assert sum(payload is None for payload in peeked) > 50


@pytest.mark.parametrize("datagram", [b"", b"\xc0", b"\x40", b"\xc0" + bytes(5)])
def test_what_is_shorter_than_any_long_header_is_truncated(datagram: bytes) -> None:
    with pytest.raises(Truncated):
        parse_packets(datagram)


def test_frames_of_an_initial() -> None:
    ack = b"\x02" + varint(7) + varint(100) + varint(1) + varint(2) + varint(0) + varint(3)
    ecn = b"\x03" + ack[1:] + varint(1) + varint(2) + varint(3)
    close = b"\x1c" + varint(0x128) + varint(0) + varint(3) + b"bye"
    frames = parse_frames(bytes(3) + ack + b"\x01" + ecn + crypto_frame(70_000, b"xy") + close + bytes(9))
    assert frames == (((70_000, b"xy"),), True, None)


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"\x08", Reason.BAD_VALUE),
        (b"\x06\x00\x05abc", Reason.BAD_LENGTH),
        (b"\x06", Reason.TRUNCATED),
        (b"\x06\x40", Reason.TRUNCATED),
        (b"\x02\x00\x00\x7f\xff\x00", Reason.BAD_LENGTH),
        (b"\x1c\x00\x00\x05ab", Reason.BAD_LENGTH),
    ],
)
def test_what_came_before_a_bad_frame_is_kept(tail: bytes, reason: Reason) -> None:
    assert parse_frames(crypto_frame(0, b"hello") + tail) == (((0, b"hello"),), False, reason)


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2])
def test_a_real_client_of_aioquic(version: int) -> None:
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection

    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], server_name="dashscope.example", original_version=version
    )
    connection = QuicConnection(configuration=configuration)
    connection.connect(("192.0.2.1", 443), now=0.0)
    ((datagram, _),) = connection.datagrams_to_send(now=0.0)
    (header,) = parse_packets(datagram)
    payload = open_initial(datagram, header, initial_keys(header.dcid, version))
    assert payload is not None
    hello = parse_client_hello(parse_frames(payload).crypto[0][1])
    assert (hello.server_name, hello.alpn, hello.version_text) == (b"dashscope.example", (b"h3",), "1.3")


def test_every_cut_of_a_datagram_is_a_value_or_a_decode_error() -> None:
    whole = quic_initial(crypto_frame(0, client_hello()), token=b"t" * 70, size=600)
    for size in range(1, len(whole)):
        with pytest.raises(DecodeError):
            parse_packets(whole[:size])


HANDSHAKE = b"\xe1\0\0\0\1\x04abcd\0\x40\x28" + bytes(40)
ZERO_RTT = b"\xd1\0\0\0\1\x04abcd\x02xy\x28" + bytes(40)


@pytest.mark.parametrize("behind", [HANDSHAKE, ZERO_RTT, HANDSHAKE + ZERO_RTT, HANDSHAKE + b"\x40short"])
def test_what_holds_no_hello_is_known(behind: bytes) -> None:
    assert is_behind_hello(behind)
    assert not is_behind_hello(behind[:50])
    assert not is_behind_hello(HANDSHAKE + behind[:-9])
    assert not is_behind_hello(behind[:1] + b"\0\0\0\2" + behind[5:])


@given(st.sampled_from([HANDSHAKE * 2, HANDSHAKE + b"\xc1" + ZERO_RTT[1:]]), st.data())
def test_what_is_known_to_hold_no_hello_can_be_parsed_and_holds_none(datagram: bytes, data: st.DataObject) -> None:
    changed = bytearray(datagram[: data.draw(st.integers(1, len(datagram)))])
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.sampled_from([0, 1, 0x14, 0x15, 0x28, 0x40, 0x80, 0xC1, 0xD1, 0xE1, 0xF1]))
    if changed[0] & 0x80 and is_behind_hello(bytes(changed)):
        kinds = {header.kind for header in parse_packets(bytes(changed))}
        assert kinds <= {PacketKind.HANDSHAKE, PacketKind.ZERO_RTT}


HEADERS = [
    first + version + dcid + scid + token + length
    for first, version, dcid, scid, token, length in product(
        (b"\xc0", b"\xd0", b"\xe1", b"\xf0", b"\x80", b"\x43"),
        (b"\0\0\0\1", VERSION_2.to_bytes(4, "big"), bytes(4)),
        *[[bytes([size]) + bytes(range(1, size + 1)) for size in (0, 20, 21)]] * 2,
        (b"", b"\0", b"\1\x40"),
        (b"\x40\x20", b"\x20", b"\xc0\x20", b"\x40\x1f", b"\x40\x21", b"\x40"),
    )
]


@pytest.mark.parametrize(("start", "cut"), [(0, False), (3, True)])
def test_a_plain_header_is_read_as_any_other(start: int, cut: bool) -> None:
    def read(datagram: bytes) -> object:
        try:
            return parse_long_header(datagram, start, cut=cut)
        except DecodeError as error:
            return type(error), error.reason, error.args

    datagrams = [bytes(start) + head + bytes(32) for head in HEADERS] + [bytes(start) + head for head in HEADERS]
    read_at_once = [read(datagram) for datagram in datagrams]
    with patch.object(quic, "_plain_header", new=lambda *_: None):
        assert read_at_once == [read(datagram) for datagram in datagrams]


def test_padding_is_skipped_wherever_it_is() -> None:
    for before, after in ((1, 1), (1, 700), (2, 0), (900, 3)):
        frames = parse_frames(
            bytes(before) + crypto_frame(5, b"ab") + bytes(after) + b"\1" + bytes(after) + b"\x06\0\1c"
        )
        assert frames == (((5, b"ab"), (0, b"c")), False, None)
