"""HTTPS records of the plainest shape: a binding whose parameters no reader refuses, and hardly anybody writes others.

What this gives, dnspython gives as well (tests/property/test_plain_binding.py), in thirty times as long, and reads the
others. ``worker/native/records.c`` tells the same shape in C.

Ref: RFC 9460 sections 2.2 and 7.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import NamedTuple

from egret.names import MAX_LABEL, MAX_NAME

__all__ = ["Binding", "read_binding"]

_LABEL = re.compile(rb"[A-Za-z0-9_-]+").fullmatch
_U16 = Struct("!H").unpack_from
_PARAMETER = Struct("!HH").unpack_from
_ALPN, _PORT = 1, 3
_HINTS = {4: 4, 6: 16}  # ipv4hint and ipv6hint: the size of an address


class Binding(NamedTuple):
    """What such a record says."""

    priority: int
    target: str  # canonical; "" stands for the owner
    alpn: tuple[str, ...]
    addresses: tuple[bytes, ...]


def read_binding(data: bytes) -> Binding | None:
    """The data of an HTTPS or SVCB record; None: it is not plain, or not whole."""
    if len(data) < 3 or data[:2] == b"\0\0":  # 0: an alias
        return None
    labels, at = list[bytes](), 2
    while length := data[at]:  # the target, which is not compressed
        label = data[at + 1 : at + 1 + length]
        at += 1 + length
        if length > MAX_LABEL or at > MAX_NAME or at >= len(data) or not _LABEL(label):
            return None
        labels.append(label)
    found = _parameters(data, at + 1)
    if found is None:
        return None
    return Binding(_U16(data)[0], b".".join(labels).lower().decode("ascii"), *found)


def _parameters(data: bytes, at: int) -> tuple[tuple[str, ...], tuple[bytes, ...]] | None:
    """Application protocols and addresses; None if a parameter is another, out of order or malformed."""
    alpn, addresses, last = tuple[str, ...](), list[bytes](), 0
    while at < len(data):
        if at + 4 > len(data):
            return None
        key, size = _PARAMETER(data, at)
        value = data[at + 4 : at + 4 + size]
        at += 4 + size
        if key <= last or at > len(data):
            return None
        last = key
        if key == _ALPN:
            identifiers = _identifiers(value)
            if identifiers is None:
                return None
            alpn = identifiers
        elif key in _HINTS:
            width = _HINTS[key]
            if not value or size % width:
                return None
            addresses += [value[start : start + width] for start in range(0, size, width)]
        elif key != _PORT or size != 2:  # ECH has a structure of its own
            return None
    return alpn, tuple(addresses)


def _identifiers(value: bytes) -> tuple[str, ...] | None:
    found, at = list[str](), 0
    while at < len(value):
        end = at + 1 + value[at]
        if end == at + 1 or end > len(value):
            return None
        found.append(value[at + 1 : end].decode("latin-1"))
        at = end
    return tuple(found) or None
