"""One direction of a flow as a key: the hash of both addresses and both ports, as they lie in a frame behind another.

So what has the frame only, and no Packet of it, makes the same key with a slice and a hash.
"""

from __future__ import annotations

from struct import Struct

from egret.model import Endpoint

_PORTS = Struct("!HH").pack
_TWO_PORTS = Struct("!HH").unpack_from
_PARTS = {4 + 2 * size: Struct(f"{size}s{size}s2s2s").unpack for size in (4, 16)}
_new = tuple.__new__


def ends_of(source: Endpoint, destination: Endpoint) -> bytes:
    """Source and destination address, then both ports in network order."""
    return source.ip + destination.ip + _PORTS(source.port, destination.port)


def endpoints_of(ends: bytes) -> tuple[Endpoint, Endpoint]:
    """The reverse of ``ends_of``."""
    size = (len(ends) - 4) // 2
    source, destination = _TWO_PORTS(ends, size * 2)
    return _new(Endpoint, (ends[:size], source)), _new(Endpoint, (ends[size:-4], destination))


def key_of(source: Endpoint, destination: Endpoint) -> int:
    """The key of the direction from *source* to *destination*: ``hash(ends_of(source, destination))``."""
    return hash(source.ip + destination.ip + _PORTS(source.port, destination.port))


def opposite(ends: bytes) -> bytes:
    """The ends of the direction back."""
    parts: tuple[bytes, bytes, bytes, bytes] = _PARTS[len(ends)](ends)
    source, destination, port, other = parts
    return destination + source + other + port
