"""HTTP/2 with prior knowledge: the authority of a connection's first request.

The first header block can refer to nothing before it, so HPACK needs no memory here: static names,
literals, and the part of the Huffman code that host names are written in.
Ref: RFC 9113 sections 3.3, 4.1, 6.2 and 6.10; RFC 7541 sections 5 and 6, appendices A and B.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from egret.decode.reader import Reader
from egret.errors import Malformed, Reason, Truncated

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_FRAME = Struct("!BHBBI")
_HEADERS, _CONTINUATION = 1, 9
_END_HEADERS, _PADDED, _PRIORITY = 0x04, 0x08, 0x20
_MAX_FIELDS = 128  # looked at for the authority, which comes before all ordinary fields

_AUTHORITY, _METHOD, _HOST = b":authority", b":method", b"host"
_STATIC = {1: (_AUTHORITY, b""), 2: (_METHOD, b"GET"), 3: (_METHOD, b"POST"), 38: (_HOST, b"")}
_UNKNOWN = (b"", b"")

# Appendix B up to eight bits, in code order: the code is canonical, so lengths and order are all of it.
_ALPHABETS = (
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
)


def _codes() -> dict[tuple[int, int], int]:
    codes = {}
    code = size = 0
    for length, characters in _ALPHABETS:
        code <<= length - size
        size = length
        for character in characters:
            codes[size, code] = character
            code += 1
    return codes


_CODES = _codes()
_LONGEST = 8


class Opening(NamedTuple):
    """A connection's first request."""

    method: bytes  # b"" where it is none of those with a short spelling
    authority: bytes | None  # None: the request states none that a host name could be in
    size: int  # bytes up to and with the header block


def parse_opening(data: bytes) -> Opening | None:
    """Parse from the first byte of a client's stream; None: more is needed.

    Raises:
        Malformed: a frame or a field that breaks the rules.
    """
    block = bytearray()
    reader = Reader(data, len(PREFACE))
    try:
        for _ in range(len(data) // _FRAME.size):
            high, low, kind, flags, _stream = _FRAME.unpack(reader.take(_FRAME.size))
            payload = reader.take(high << 16 | low)
            if kind == _HEADERS:
                payload = _strip(payload, flags)
            elif kind != _CONTINUATION or not block:
                continue
            block += payload
            if flags & _END_HEADERS:
                return _opening(bytes(block), reader.offset)
    except Truncated:
        return None
    return None


def _strip(payload: bytes, flags: int) -> bytes:
    """A HEADERS frame's fields, without padding and priority."""
    start, end = 0, len(payload)
    if flags & _PADDED:
        if not payload:
            raise Malformed(Reason.BAD_LENGTH, 0)
        start, end = 1, end - payload[0]
    if flags & _PRIORITY:
        start += 5
    if start > end:
        raise Malformed(Reason.BAD_LENGTH, 0)
    return payload[start:end]


def _opening(block: bytes, size: int) -> Opening:
    method, authority = b"", None
    reader = Reader(block)
    try:
        for name, value in _fields(reader):
            if name == _METHOD:
                method = value
            elif name == _AUTHORITY or (name == _HOST and authority is None):
                authority = value
    except Truncated:
        raise Malformed(Reason.BAD_LENGTH, reader.offset) from None
    return Opening(method, authority, size)


def _fields(reader: Reader) -> Iterator[tuple[bytes, bytes]]:
    """Names and values (RFC 7541 section 6); a field that cannot matter is said as empty."""
    for _ in range(_MAX_FIELDS):
        if not reader.remaining:
            return
        first = reader.uint(1)
        if first & 0x80:
            yield _STATIC.get(_integer(reader, first, 7), _UNKNOWN)
        elif first & 0xE0 == 0x20:
            _integer(reader, first, 5)  # a table's new size
        else:
            index = _integer(reader, first, 6 if first & 0x40 else 4)
            name = _STATIC.get(index, _UNKNOWN)[0] if index else _string(reader)
            yield name, _string(reader)


def _integer(reader: Reader, first: int, bits: int) -> int:
    """RFC 7541 section 5.1; five bytes hold every number that makes sense here."""
    value = first & ((1 << bits) - 1)
    if value < (1 << bits) - 1:
        return value
    for shift in range(0, 35, 7):
        byte = reader.uint(1)
        value += (byte & 0x7F) << shift
        if not byte & 0x80:
            return value
    raise Malformed(Reason.BAD_VALUE, reader.offset)


def _string(reader: Reader) -> bytes:
    """RFC 7541 section 5.2."""
    first = reader.uint(1)
    raw = reader.take(_integer(reader, first, 7))
    return _huffman(raw) if first & 0x80 else raw


def _huffman(raw: bytes) -> bytes:
    """Text in the characters of host names; empty where there are others, which no host has."""
    text = bytearray()
    code = size = 0
    for byte in raw:
        for shift in range(7, -1, -1):
            code, size = code << 1 | (byte >> shift & 1), size + 1
            character = _CODES.get((size, code))
            if character is not None:
                text.append(character)
                code = size = 0
            elif size > _LONGEST:
                return b""
    return bytes(text)
