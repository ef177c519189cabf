import pytest

from egret.decode.http2 import PREFACE, Opening, Session, Step, parse_opening
from egret.errors import Malformed, Reason

PLAIN = bytes.fromhex("828684410f7777772e6578616d706c652e636f6d")  # RFC 7541 C.3.1
HUFFMAN = bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff")  # RFC 7541 C.4.1
SETTINGS = (4, 0, b"\0\x03\0\0\0\x64")


def stream(*frames: tuple[int, int, bytes]) -> bytes:
    return PREFACE + b"".join(
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + b"\0\0\0\x01" + payload
        for kind, flags, payload in frames
    )


def literal(name: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


@pytest.mark.parametrize("block", [PLAIN, HUFFMAN])
def test_vectors_of_rfc_7541(block: bytes) -> None:
    data = stream(SETTINGS, (1, 4, block))
    assert parse_opening(data) == Opening(b"GET", b"www.example.com", len(data))
    assert parse_opening(data + b"more") == Opening(b"GET", b"www.example.com", len(data))
    assert {parse_opening(data[:size]) for size in range(len(PREFACE), len(data))} == {None}


def test_every_character_of_a_host_in_huffman() -> None:
    """As nghttp2 packs them."""
    text = b"0123456789abcdefghijklmnopqrstuvwxyz-_.:ABCXYZ"
    codes = {
        character: (code, size)
        for size, first, characters in [
            (5, 0x0, b"012aceiost"),
            (6, 0x16, b"-./3456789=A_bdfghlmnpru"),
            (7, 0x5C, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
            (8, 0xFC, b"XZ"),
        ]
        for code, character in enumerate(characters, first)
    }
    bits = "".join(f"{codes[character][0]:0{codes[character][1]}b}" for character in text)
    bits += "1" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big")
    opening = parse_opening(stream((1, 4, b"\x41" + bytes([0x80 | len(packed)]) + packed)))
    assert opening is not None
    assert opening.authority == text


def test_padding_priority_and_continuation() -> None:
    padded = b"\x03" + bytes(5) + HUFFMAN[:6] + bytes(3)
    data = stream(SETTINGS, (1, 0x28, padded), (9, 4, HUFFMAN[6:]))
    assert parse_opening(data) == Opening(b"GET", b"www.example.com", len(data))


def test_fields_of_every_kind() -> None:
    block = b"\x3f\x01" + literal(b":method", b"CONNECT") + b"\x1f\x17\x01x" + literal(b":authority", b"a.example:1")
    opening = parse_opening(stream((1, 4, block)))
    assert opening is not None
    assert (opening.method, opening.authority) == (b"CONNECT", b"a.example:1")


def test_a_host_field_stands_in() -> None:
    opening = parse_opening(stream((1, 4, b"\x82\x66\x01h")))
    assert opening is not None
    assert opening.authority == b"h"


def test_no_authority() -> None:
    opening = parse_opening(stream((1, 4, b"\x82\xbe")))
    assert opening is not None
    assert opening.authority is None


def test_characters_that_no_host_has() -> None:
    opening = parse_opening(stream((1, 4, b"\x41\x83\xff\xff\xff")))
    assert opening is not None
    assert opening.authority == b""


def test_any_number_of_fields() -> None:
    opening = parse_opening(stream((1, 4, b"\x82" * 500 + PLAIN)))
    assert opening is not None
    assert opening.authority == b"www.example.com"


def requests(data: bytes) -> list[bytes | None]:
    """The authorities of a whole stream, frame by frame."""
    session, found, at = Session(), [], len(PREFACE)
    while (step := session.read(data[at:])) is not None:
        at += step.size
        if step.request is not None:
            found.append(step.request.authority)
    return found


def test_a_session_says_every_request() -> None:
    second = bytes.fromhex("828684be58086e6f2d6361636865")  # RFC 7541 C.3.2: the authority is in the table
    other = b"\x82\x41\x05other"
    data = stream(SETTINGS, (1, 4, PLAIN), (0, 1, b"body"), (1, 4, second), (1, 0, other[:3]), (9, 4, other[3:]))
    assert requests(data) == [b"www.example.com", b"www.example.com", b"other"]
    assert requests(data + stream((1, 5, b"\x00\x01x\x01y"))[len(PREFACE) :])[-1] is None  # trailers


def test_other_frames_are_stepped_over_before_they_are_here() -> None:
    assert Session().read(b"\xff\xff\xff\x00\x00" + bytes(4)) == Step(9 + 0xFFFFFF, None)
    assert Session().read(b"\x00\x00\x09\x01\x04" + bytes(12)) is None
    assert Session().read(b"\x00\x00") is None


def test_what_a_session_keeps_is_bounded() -> None:
    with pytest.raises(Malformed):
        Session().read(b"\x01\x00\x00\x01\x04" + bytes(4))
    session, more = Session(), b"\x00\x20\x00\x09\x00" + bytes(4) + bytes(0x2000)
    assert [session.read(more) for _ in range(3)] == [Step(len(more), None)] * 3
    with pytest.raises(Malformed):
        session.read(more)


@pytest.mark.parametrize(
    "frame",
    [(1, 0x0C, b""), (1, 0x0C, b"\x05ab"), (1, 0x24, b"abc"), (1, 4, PLAIN[:-1]), (1, 4, b"\xff" * 9), (1, 4, b"\x41")],
)
def test_what_contradicts_itself(frame: tuple[int, int, bytes]) -> None:
    with pytest.raises(Malformed) as error:
        parse_opening(stream(frame))
    assert error.value.reason in {Reason.BAD_LENGTH, Reason.BAD_VALUE}


def test_other_frames_only() -> None:
    assert parse_opening(stream(SETTINGS, (9, 4, PLAIN))) is None
    assert parse_opening(PREFACE) is None
