"""HPACK: the header fields of HTTP/2, with the table that later blocks refer to.

Host names are all that is wanted, but what later blocks mean depends on the size of every field before them, so
that whole blocks are read.
Ref: RFC 7541 sections 2 to 6, appendices A and B.
"""

from __future__ import annotations

import re
from collections import deque

from egret.decode.reader import Reader
from egret.errors import Malformed, Reason, Truncated

Field = tuple[bytes, bytes]

_ENTRY_COST = 32  # RFC 7541 section 4.1
_TABLE_LIMIT = 4096  # RFC 9113 section 6.5.2: where nothing else was agreed
_MAX_TABLE = 16 * 1024  # a server may allow its client more than we keep; few do

# Appendix A: "name" or "name value", in order; all values but these are empty.
_STATIC: tuple[Field, ...] = tuple(
    (name.encode(), value.encode())
    for name, _, value in (
        line.partition(" ")
        for line in re.findall(
            r"[^|]+",
            ":authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|"
            ":status 204|:status 206|:status 304|:status 400|:status 404|:status 500|accept-charset|"
            "accept-encoding gzip, deflate|accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|"
            "authorization|cache-control|content-disposition|content-encoding|content-language|content-length|"
            "content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|"
            "if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|"
            "proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|"
            "strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate",
        )
    )
)

# Appendix B, in code order: the code is canonical, so lengths and order are all of it.
_ALPHABETS = (
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b'!"()?'),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
    (19, b"\\\xc3\xd0"),
    (20, b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2"),
    (21, b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6"),
    (22, b"\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\xc4\xc6\xe4\xe8\xe9"),
    (23, bytes.fromhex("0187898a8b8c8d8f93959697989b9d9ea5a6a8aeafb4b6b7bcbfc5e7ef")),
    (24, b"\t\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed"),
    (25, b"\xc7\xcf\xea\xeb"),
    (26, b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff"),
    (27, b"\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe"),
    (28, b"\2\3\4\5\6\7\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\xdc\xf9"),
    (30, b"\n\r\x16"),  # and, last of all, the end of a string, which no string may have
)
_LONGEST = 30


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


class Decoder:
    """The fields of one direction's header blocks, which must be given in order, each whole."""

    __slots__ = ("_entries", "_limit", "_size")

    def __init__(self) -> None:
        self._entries: deque[Field] = deque()  # the youngest first
        self._size = 0
        self._limit = _TABLE_LIMIT

    def fields(self, block: bytes) -> list[Field]:
        """Names and values in order; a field that the table does not have is two empty strings.

        Raises:
            Malformed: the block breaks the rules, and the blocks after it mean nothing.
        """
        reader = Reader(block)
        found = []
        try:
            while reader.remaining:
                field = self._field(reader)
                if field is not None:
                    found.append(field)
        except Truncated:
            raise Malformed(Reason.BAD_LENGTH, reader.offset) from None
        return found

    def _field(self, reader: Reader) -> Field | None:
        """RFC 7541 section 6; None for a change of the table's size."""
        first = reader.uint(1)
        if first & 0x80:
            return self._entry(_integer(reader, first, 7))
        if first & 0xE0 == 0x20:
            self._resize(_integer(reader, first, 5))
            return None
        kept = bool(first & 0x40)
        index = _integer(reader, first, 6 if kept else 4)
        name = self._entry(index)[0] if index else _string(reader)
        value = _string(reader)
        if kept:
            self._keep(name, value)
        return name, value

    def _entry(self, index: int) -> Field:
        """RFC 7541 section 2.3.3; an index of nothing is a field of nothing."""
        if 0 < index <= len(_STATIC):
            return _STATIC[index - 1]
        if not 0 < index - len(_STATIC) <= len(self._entries):
            return b"", b""
        return self._entries[index - len(_STATIC) - 1]

    def _keep(self, name: bytes, value: bytes) -> None:
        self._entries.appendleft((name, value))
        self._size += len(name) + len(value) + _ENTRY_COST
        self._shrink()

    def _resize(self, limit: int) -> None:
        if limit > _MAX_TABLE:
            raise Malformed(Reason.BAD_VALUE, 0)
        self._limit = limit
        self._shrink()

    def _shrink(self) -> None:
        """RFC 7541 section 4.3 and 4.4."""
        while self._size > self._limit and self._entries:
            name, value = self._entries.pop()
            self._size -= len(name) + len(value) + _ENTRY_COST


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
    text = bytearray()
    code = size = 0
    for byte in raw:
        for shift in range(7, -1, -1):
            code, size = code << 1 | (byte >> shift & 1), size + 1
            character = _CODES.get((size, code))
            if character is not None:
                text.append(character)
                code = size = 0
            elif size == _LONGEST:
                raise Malformed(Reason.BAD_VALUE, 0)
    return bytes(text)
