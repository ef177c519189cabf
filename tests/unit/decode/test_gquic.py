from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.decode.gquic import (
    Q043,
    Q046,
    Q050,
    T050,
    T051,
    Chlo,
    begins_chlo,
    begins_clear,
    chlo_length,
    parse_chlo,
    parse_clear,
    parse_frames,
    version_text,
)
from egret.errors import DecodeError, Malformed, Reason, Truncated
from tests.support.datagrams import chlo, gquic_packet, stream_frame
from tests.support.hello import crypto_frame

HELLO = chlo()
VERSIONS = ["Q024", "Q033", "Q035", "Q039", "Q043", "Q044", "Q046"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_hello_in_the_clear(version: str) -> None:
    little = version < "Q039"
    packet = gquic_packet(bytes(3) + stream_frame(HELLO, little=little) + bytes(40), version)
    assert begins_clear(packet)
    read = parse_clear(packet)
    assert (version_text(read.version), read.cid) == (version, b"googleid")
    assert read.frames == (((0, HELLO),), False, None)


def test_numbers_of_packets_in_any_width() -> None:
    for code, width in enumerate((1, 2, 4, 6)):
        packet = bytes((0x09 | code << 4,)) + b"googleidQ043" + bytes(width + 12) + stream_frame(HELLO)
        assert parse_clear(packet).frames.crypto == ((0, HELLO),)
    assert parse_clear(b"\xc0Q046\x50googleid" + bytes(13) + stream_frame(HELLO)).frames.crypto == ((0, HELLO),)


def test_private_flags_with_a_group() -> None:
    packet = b"\x09googleidQ030" + bytes(13) + b"\x02\x07" + stream_frame(HELLO, little=True)
    assert parse_clear(packet).frames.crypto == ((0, HELLO),)


@pytest.mark.parametrize(
    "datagram",
    [
        b"\x08googleidQ043" + bytes(40),  # no version
        b"\x0bgoogleidQ043" + bytes(40),  # a reset
        b"\x09googleidQ050" + bytes(40),
        b"\x09googleidQ04x" + bytes(40),
        b"\x09googleidT043" + bytes(40),
        b"\xc3Q050\x50googleid" + bytes(40),
        b"\x09googleidQ043",
        b"",
    ],
)
def test_what_is_not_in_the_clear(datagram: bytes) -> None:
    assert not begins_clear(datagram)
    assert not begins_clear(memoryview(datagram))


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"\xc3Q046\x05googleid" + bytes(40), Reason.BAD_VALUE),
        (b"\x39googleidQ043" + bytes(18), Reason.TRUNCATED),
        (b"\x09googleidQ030" + bytes(13), Reason.TRUNCATED),
    ],
)
def test_broken_headers(datagram: bytes, reason: Reason) -> None:
    with pytest.raises(DecodeError) as caught:
        parse_clear(datagram)
    assert caught.value.reason is reason


def test_frames_before_and_after_the_hello() -> None:
    ack = b"\x40\x05\x00\x10\x05\x00"
    blocks = b"\x65\x00\x05\x00\x10\x01\x00\x02\x01\x00\x02\x02" + b"\x01\x02\x03\x04\x05" + b"\x00\x01\x02"
    payload = ack + blocks + b"\x06\x01" + b"\x07" + stream_frame(b"other", stream=3) + stream_frame(HELLO)
    assert parse_frames(payload, Q043, 1).crypto == ((0, HELLO),)
    assert parse_frames(payload + b"\x02\xff", Q043, 1).closed
    no_length = b"\x80\x01" + HELLO
    assert parse_frames(no_length, Q046).crypto == ((0, HELLO),)


@pytest.mark.parametrize("version", [Q050, T050, T051])
def test_crypto_frames(version: int) -> None:
    payload = b"\x07" + b"\x08" + crypto_frame(5, b"hello")[1:] + bytes(9) + crypto_frame(70_000, b"x")
    assert parse_frames(payload, version) == (((5, b"hello"), (70_000, b"x")), False, None)


@pytest.mark.parametrize(
    ("payload", "version", "reason"),
    [
        (b"\x08\x00\x01a", Q043, Reason.UNSUPPORTED),
        (b"\x01", Q043, Reason.UNSUPPORTED),
        (stream_frame(HELLO)[:-1], Q043, Reason.BAD_LENGTH),
        (b"\xa0\x01\x00", Q043, Reason.TRUNCATED),
        (b"\x08\x40", Q050, Reason.TRUNCATED),
        (b"\x40\x05", Q043, Reason.TRUNCATED),
        (b"\x40" + bytes(20), 0x51303330, Reason.UNSUPPORTED),
    ],
)
def test_broken_frames(payload: bytes, version: int, reason: Reason) -> None:
    assert parse_frames(b"\x07" + payload, version).anomaly is reason


def test_a_cut_packet_gives_what_is_there() -> None:
    packet = gquic_packet(stream_frame(HELLO))
    for size in range(40, len(packet), 7):
        frames = parse_clear(packet[:size], cut=True).frames
        assert frames.anomaly is None
        assert HELLO.startswith(b"".join(data for _, data in frames.crypto))


def test_many_frames_are_bounded() -> None:
    assert parse_frames(b"\x07" * 10_000, Q043).crypto == ()
    assert len(parse_frames(stream_frame(b"") * 1000, Q043).crypto) == 64


def test_a_chlo() -> None:
    assert parse_chlo(HELLO) == Chlo(b"chat.example")
    assert parse_chlo(chlo(None)) == Chlo(None)
    assert chlo_length(HELLO) == len(HELLO)
    assert [chlo_length(HELLO[:4]), chlo_length(HELLO[:9])] == [8, 40]
    assert chlo_length(b"CHLO" + bytes(4)) == 8
    assert [begins_chlo(data) for data in (b"", b"CH", HELLO, b"REJ\x00")] == [True, True, True, False]


def test_every_cut_of_a_chlo() -> None:
    name_ends = 40 + 900 + len(b"chat.example")
    for size in range(len(HELLO)):
        if size < name_ends:
            with pytest.raises(Truncated):
                parse_chlo(HELLO[:size])
        else:
            assert parse_chlo(HELLO[:size]) == Chlo(b"chat.example", Reason.TRUNCATED)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"REJ\x00" + bytes(20), Reason.BAD_VALUE),
        (b"CHLO" + struct.pack("<HH", 500, 0) + bytes(80), Reason.TOO_LARGE),
        (b"CHLO\x02\x00\x00\x00AAAA\x05\x00\x00\x00SNI\x00\x01\x00\x00\x00" + bytes(9), Reason.BAD_LENGTH),
    ],
)
def test_no_chlo(data: bytes, reason: Reason) -> None:
    with pytest.raises(Malformed) as caught:
        parse_chlo(data)
    assert caught.value.reason is reason


@given(st.binary(max_size=120), st.sampled_from([Q043, Q046, Q050, T051, 0x51303234]))
def test_any_bytes(data: bytes, version: int) -> None:
    parse_frames(data, version)
    parse_frames(data, version, cut=True)
    for whole in (data, b"CHLO" + data):
        assert chlo_length(whole) >= 8
        with contextlib.suppress(DecodeError):
            parse_chlo(whole)
    packet = b"\x09googleidQ030" + data + bytes(14)
    try:
        parse_clear(packet)
    except DecodeError:
        return
