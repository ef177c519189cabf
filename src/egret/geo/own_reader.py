"""Reads the database that ships with Egret: what ``scripts/geoip_mmdb.py`` writes of MaxMind DB 2.0, and no more of it.

``maxminddb`` takes a tenth of a start to import, and its reader in C wants a second copy of ten megabytes. Only bytes
that are known by their checksum come here; what others wrote is ``maxminddb``'s.

Ref: https://maxmind.github.io/MaxMind-DB/
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

_MARKER = b"\xab\xcd\xefMaxMind.com"
_SEPARATOR = 16  # bytes between the tree and the records
_NODE, _CHILD = 6, 3  # bytes
_V4_DEPTH = 96  # zeros before an IPv4 address in a tree of IPv6
_EXTENDED, _POINTER, _STRING, _MAP, _LIST = 0, 1, 2, 7, 11
_UNSIGNED = frozenset({5, 6, 9})  # of 16, 32 and 64 bits
_POINTERS = (0, 2048, 526336)  # what a pointer of one, two and three more bytes counts from
_LONG = 29  # from here on, a size says in how many more bytes it is
_SIZES = (29, 285, 65821)  # what a size of one, two and three more bytes counts from
_CACHE = 1024  # records, half a megabyte: most flagged servers are of a few networks


class Metadata(NamedTuple):
    """What the file says of itself."""

    ip_version: int
    database_type: str
    build_epoch: int  # s
    description: dict[str, str]
    node_count: int


class OwnReader:
    """One database in memory."""

    def __init__(self, content: bytes) -> None:
        """Read what *content* says of itself.

        Raises:
            ValueError: that is none of ours.
        """
        start = content.rindex(_MARKER) + len(_MARKER)
        found = _Values(content, start).at(0)[0]
        if found["record_size"] != _CHILD * 8 or found["ip_version"] != 6:
            raise ValueError("not what scripts/geoip_mmdb.py writes")
        self._metadata = Metadata(*(found[field] for field in Metadata._fields))
        self._content = content
        self._count = self._metadata.node_count
        self._record = lru_cache(_CACHE)(_Values(content, self._count * _NODE + _SEPARATOR).at)
        self._v4 = self._walk(0, 0, _V4_DEPTH)

    def metadata(self) -> Metadata:
        """What the file says of itself."""
        return self._metadata

    def get(self, address: IPv4Address | IPv6Address) -> object:
        """The record of *address*, not to be changed; None where there is none."""
        bits = address.max_prefixlen
        node = self._walk(self._v4 if bits == 32 else 0, int(address), bits)
        return self._record(node - self._count - _SEPARATOR)[0] if node > self._count else None

    def _walk(self, node: int, number: int, bits: int) -> int:
        """Where the *bits* of *number* lead from *node*: to another, or behind the last one."""
        content, count, mask = self._content, self._count, 1 << bits
        while node < count and mask > 1:
            mask >>= 1
            start = node * _NODE + (_CHILD if number & mask else 0)
            node = int.from_bytes(content[start : start + _CHILD])
        return node


class _Values:
    """A section of values, which point at each other from its start."""

    def __init__(self, content: bytes, start: int) -> None:
        self._content, self._start = content, start

    def at(self, offset: int) -> tuple[Any, int]:
        """The value there, and where the next one is."""
        first = self._byte(offset)
        kind, size, offset = first >> 5, first & 31, offset + 1
        if kind == _POINTER:
            return self._pointed(size, offset)
        if kind == _EXTENDED:
            kind, offset = 7 + self._byte(offset), offset + 1
        if size >= _LONG:
            length = size - _LONG + 1
            size, offset = _SIZES[length - 1] + self._number(offset, length), offset + length
        return self._sized(kind, size, offset)

    def _pointed(self, bits: int, offset: int) -> tuple[Any, int]:
        length = bits >> 3
        there = _POINTERS[length] + ((bits & 7) << 8 * (length + 1) | self._number(offset, length + 1))
        return self.at(there)[0], offset + length + 1

    def _sized(self, kind: int, size: int, offset: int) -> tuple[Any, int]:
        if kind == _MAP:
            return self._map(size, offset)
        if kind == _LIST:
            return self._list(size, offset)
        if kind in _UNSIGNED:
            return self._number(offset, size), offset + size
        if kind != _STRING:
            raise ValueError("a kind of value that scripts/geoip_mmdb.py does not write")
        start = self._start + offset
        return self._content[start : start + size].decode(), offset + size

    def _map(self, size: int, offset: int) -> tuple[dict[str, Any], int]:
        found = {}
        for _ in range(size):
            key, offset = self.at(offset)
            found[key], offset = self.at(offset)
        return found, offset

    def _list(self, size: int, offset: int) -> tuple[list[Any], int]:
        found = []
        for _ in range(size):
            value, offset = self.at(offset)
            found.append(value)
        return found, offset

    def _byte(self, offset: int) -> int:
        return self._content[self._start + offset]

    def _number(self, offset: int, length: int) -> int:
        start = self._start + offset
        return int.from_bytes(self._content[start : start + length])
