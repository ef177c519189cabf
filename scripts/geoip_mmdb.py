"""Write a MaxMind DB file, format 2.0: sorted disjoint ranges in, bytes out.

Ours, because the general writers insert network by network, which takes minutes for a million of
them. Here the ranges are sorted, so the tree is built once from the leaves up, and equal subtrees
become one node (readers follow node numbers and do not mind). The same input gives the same bytes:
no clock, no hash order.

Ref: https://maxmind.github.io/MaxMind-DB/ (search tree, data section, metadata).
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = bytes(16)
V4_ALIASES = (  # where readers look for an IPv4 address: RFC 4291 2.5.5, RFC 3056, RFC 6052
    (0, 96),
    (0xFFFF << 32, 96),
    (0x64FF9B << 96, 96),
    (0x2002 << 112, 16),
)


class Span(NamedTuple):
    """An inclusive range of addresses and the number of the record it has."""

    first: int
    last: int
    record: int


class Pointer(int):
    """An offset in the data section."""


class Uint16(int):
    """An integer that readers insist on finding as uint16."""


class Uint64(int):
    """An integer that readers insist on finding as uint64."""


class DataSection:
    """The data section while it grows; equal values are stored once."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self._seen: dict[bytes, Pointer] = {}

    def add(self, value: object) -> Pointer:
        """Store *value* (once) and say where it is."""
        encoded = encode(value)
        if encoded not in self._seen:
            self._seen[encoded] = Pointer(len(self.bytes))
            self.bytes += encoded
        return self._seen[encoded]


def encode(value: object) -> bytes:
    """Spell one value: str, int, a list, a mapping with keys that are str or Pointer, or a Pointer."""
    if isinstance(value, Pointer):
        return _pointer(value)
    if isinstance(value, str):
        raw = value.encode()
        return _control(2, len(raw)) + raw
    if isinstance(value, int):
        return _unsigned(value, 5 if isinstance(value, Uint16) else 9 if isinstance(value, Uint64) else 6)
    if isinstance(value, Mapping):
        return _control(7, len(value)) + b"".join(encode(key) + encode(item) for key, item in value.items())
    if isinstance(value, Sequence):
        return _control(11, len(value)) + b"".join(encode(item) for item in value)
    raise TypeError(f"no MaxMind DB type for {type(value).__name__}")


def _control(kind: int, size: int) -> bytes:
    length, rest = _size(size)
    first, extended = (kind << 5, b"") if kind <= 7 else (0, bytes([kind - 7]))
    return bytes([first | length]) + extended + rest


def _size(size: int) -> tuple[int, bytes]:
    if size < 29:
        return size, b""
    if size < 285:
        return 29, bytes([size - 29])
    return 30, (size - 285).to_bytes(2, "big")


def _unsigned(value: int, kind: int) -> bytes:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _control(kind, len(raw)) + raw


def _pointer(offset: int) -> bytes:
    if offset < 2048:
        return struct.pack(">H", 0x2000 | offset)
    if offset < 526336:
        return (0x280000 | (offset - 2048)).to_bytes(3, "big")
    return (0x30000000 | (offset - 526336)).to_bytes(4, "big")


class _Tree:
    """Nodes from the leaves up. A child is a node number (>= 0), a record (~number) or None."""

    def __init__(self) -> None:
        self.nodes: list[tuple[int | None, int | None]] = []
        self._known: dict[tuple[int | None, int | None], int] = {}

    def build(self, spans: Sequence[Span], bits: int) -> int | None:
        """The root of the tree over *bits* address bits; spans sorted and disjoint."""
        firsts = [span.first for span in spans]

        def block(start: int, size: int, low: int, high: int) -> int | None:
            if low == high:
                return None
            only = spans[low]
            if high - low == 1 and only.first <= start and only.last >= start + size - 1:
                return only.record
            half = size // 2
            middle = start + half
            cut = bisect_right(firsts, middle - 1, low, high)
            right_low = cut - 1 if cut > low and spans[cut - 1].last >= middle else cut
            return self._join(block(start, half, low, cut), block(middle, half, right_low, high))

        return block(0, 1 << bits, 0, len(spans))

    def _join(self, left: int | None, right: int | None) -> int | None:
        if left == right and (left is None or left < 0):
            return left
        pair = (left, right)
        if pair not in self._known:
            self._known[pair] = len(self.nodes)
            self.nodes.append(pair)
        return self._known[pair]


def write(
    v4: Sequence[Span], v6: Sequence[Span], records: Sequence[Mapping[str, object]], metadata: dict[str, object]
) -> bytes:
    """Spell the whole file.

    Args:
        v4: spans over 32 bits, sorted and disjoint; *record* is an index into *records*.
        v6: spans over 128 bits, outside of V4_ALIASES.
        records: flat mappings; the keys and every nested value are stored once.
        metadata: without the keys that the tree decides.
    """
    tree = _Tree()
    v4_root = tree.build([span._replace(record=~span.record) for span in v4], 32)
    inside = [span._replace(record=~span.record) for span in v6]
    if v4_root is not None:
        inside += [Span(first, first + (1 << (128 - bits)) - 1, v4_root) for first, bits in V4_ALIASES]
    root = tree.build(sorted(inside), 128)
    if root is None or root < 0:
        raise ValueError("a database needs at least two different answers")
    data, offsets = _store(records)
    body = _nodes(tree.nodes, offsets)
    whole = metadata | {"node_count": len(tree.nodes), "record_size": Uint16(24), "ip_version": Uint16(6)}
    whole |= {"binary_format_major_version": Uint16(2), "binary_format_minor_version": Uint16(0)}
    return body + SEPARATOR + bytes(data.bytes) + MARKER + encode(whole)


def _store(records: Sequence[Mapping[str, object]]) -> tuple[DataSection, list[int]]:
    data = DataSection()
    offsets = []
    for key in sorted({key for record in records for key in record}):
        data.add(key)  # first, where pointers are shortest
    for record in records:
        flat = {data.add(key): value if isinstance(value, int) else data.add(value) for key, value in record.items()}
        offsets.append(int(data.add(flat)))
    return data, offsets


def _nodes(nodes: Sequence[tuple[int | None, int | None]], offsets: Sequence[int]) -> bytes:
    count = len(nodes)  # the root was made last and has to be node 0: number backwards

    def value(child: int | None) -> bytes:
        if child is None:
            return count.to_bytes(3, "big")
        number = count - 1 - child if child >= 0 else count + len(SEPARATOR) + offsets[~child]
        return number.to_bytes(3, "big")

    return b"".join(value(left) + value(right) for left, right in reversed(nodes))
