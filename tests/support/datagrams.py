"""DTLS hellos and gQUIC packets in any shape, for the tests of decode and track."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.support.hello import client_hello, vector

VECTORS = Path(__file__).parents[1] / "vectors"


def captured(name: str) -> bytes:
    """A datagram that a real client sent."""
    return bytes.fromhex((VECTORS / f"{name}.hex").read_text())


def dtls_body(
    name: bytes | None = b"dtls.example",
    *,
    cookie: bytes = b"",
    version: bytes = b"\xfe\xfd",
    random: bytes = bytes(range(32)),
    key_share: int = 32,
    extensions: Iterable[bytes] = (),
) -> bytes:
    """The body of a ClientHello: what TLS's has, with a cookie and the versions of DTLS."""
    hello = client_hello(name, extensions=extensions, key_share=key_share)[4:]
    after_session = 2 + 32 + 1 + 32
    return version + random + hello[34:after_session] + vector(1, cookie) + hello[after_session:]


def dtls_record(body: bytes, *, version: bytes = b"\xfe\xfd", kind: int = 22, epoch: int = 0, number: int = 0) -> bytes:
    return bytes((kind,)) + version + struct.pack("!H", epoch) + number.to_bytes(6, "big") + vector(2, body)


def dtls_fragment(body: bytes, start: int, end: int, *, number: int = 0, kind: int = 1) -> bytes:
    """Bytes *start* to *end* of a handshake message with its header (RFC 6347 section 4.2.2)."""
    piece = body[start:end]
    head = bytes((kind,)) + len(body).to_bytes(3, "big") + struct.pack("!H", number) + start.to_bytes(3, "big")
    return head + vector(3, piece)


def dtls_datagrams(body: bytes, cuts: Sequence[int] = (), *, number: int = 0) -> list[bytes]:
    """The hello in one datagram for each piece between *cuts*."""
    ends = sorted({0, len(body), *(cut for cut in cuts if 0 < cut < len(body))})
    return [
        dtls_record(dtls_fragment(body, start, end, number=number), number=at)
        for at, (start, end) in enumerate(itertools.pairwise(ends))
    ]


def chlo(name: bytes | None = b"chat.example", *, pad: int = 900, **tags: bytes) -> bytes:
    """A CHLO: tags in the order of their numbers, each with where its value ends."""
    values = {b"PAD\x00": b"-" * pad, b"VER\x00": b"Q046", b"PDMD": b"X509"}
    values |= {tag.encode().ljust(4, b"\x00"): value for tag, value in tags.items()}
    if name is not None:
        values[b"SNI\x00"] = name
    table, joined = b"", b""
    for tag in sorted(values, key=lambda tag: tag[::-1]):
        joined += values[tag]
        table += tag + struct.pack("<I", len(joined))
    return b"CHLO" + struct.pack("<HH", len(values), 0) + table + joined


def stream_frame(data: bytes, offset: int = 0, *, stream: int = 1, little: bool = False) -> bytes:
    """One of Google's stream frames, with a length and, where it is not at the start, an offset of two bytes."""
    order = "<" if little else ">"
    head = bytes((0xA0 | (0x04 if offset else 0), stream))
    return head + (struct.pack(order + "H", offset) if offset else b"") + struct.pack(order + "H", len(data)) + data


def gquic_packet(frames: bytes, version: str = "Q043", *, cid: bytes = b"googleid") -> bytes:
    """A client's packet in the clear; its hash is not a real one."""
    number = int(version[1:])
    if number >= 46:
        head = b"\xc3" + version.encode() + b"\x50" + cid + b"\x00\x00\x00\x01"
    elif number == 44:
        head = b"\xff" + version.encode() + b"\x50" + cid + b"\x00\x00\x00\x01"
    else:
        head = b"\x09" + cid + version.encode() + b"\x01"
    return head + bytes(12) + (b"\x00" if number < 34 else b"") + frames
