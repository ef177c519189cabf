from __future__ import annotations

import pytest
from scapy.contrib.http2 import HPackZString

from egret.decode.hpack import Decoder
from egret.errors import Malformed

_FIRST = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
_THIRD = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/index.html"), (b":authority", b"www.example.com")]


@pytest.mark.parametrize(
    "blocks",
    [
        (  # RFC 7541 C.3
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ),
        (  # RFC 7541 C.4
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ),
    ],
)
def test_vectors_of_rfc_7541(blocks: tuple[str, ...]) -> None:
    decoder = Decoder()
    first, second, third = (decoder.fields(bytes.fromhex(block)) for block in blocks)
    assert first == _FIRST
    assert second == [*_FIRST, (b"cache-control", b"no-cache")]
    assert third == [*_THIRD, (b"custom-key", b"custom-value")]


def test_a_table_forgets_its_oldest() -> None:
    """RFC 7541 C.5 and C.6: a table of 256 bytes."""
    responses = (
        (
            "3fe1014803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e17"
            "68747470733a2f2f7777772e6578616d706c652e636f6d"
        ),
        "4803333037c1c0bf",
    )
    decoder = Decoder()
    first, second = (decoder.fields(bytes.fromhex(block)) for block in responses)
    assert first[0] == (b":status", b"302")
    assert second == [(b":status", b"307"), *first[1:]]
    assert decoder.fields(b"\xc1") == [(b"cache-control", b"private")]
    assert decoder.fields(b"\xc2") == [(b"", b"")]  # the first status was pushed out


def test_huffman_of_ascii() -> None:
    """RFC 7541 C.6.3 holds most kinds of characters, a date's and a cookie's among them."""
    block = (
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27"
        "087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"
    )
    fields = Decoder().fields(bytes.fromhex(block))
    assert (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT") in fields
    assert fields[-1] == (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")


def test_every_character_has_its_code() -> None:
    """Scapy's table is another copy of appendix B; the last of its codes ends a string."""
    codes = HPackZString.static_huffman_code[:256]
    for character, (code, size) in enumerate(codes):
        bits = code << -size % 8 | (1 << -size % 8) - 1  # padded with ones
        raw = bits.to_bytes((size + 7) // 8, "big")
        assert Decoder().fields(b"\x58" + bytes([0x80 | len(raw)]) + raw) == [(b"cache-control", bytes([character]))]


def test_no_string_has_an_end_of_its_own() -> None:
    with pytest.raises(Malformed):
        Decoder().fields(b"\x58\x84\xff\xff\xff\xff")


@pytest.mark.parametrize(
    "block", [b"\x41", b"\x41\x05ab", b"\xff", b"\xff\xff\xff\xff\xff\xff\xff", b"\x3f\xff\xff\x0f"]
)
def test_broken_blocks(block: bytes) -> None:
    with pytest.raises(Malformed):
        Decoder().fields(block)
