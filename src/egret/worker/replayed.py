"""The segments of a connection that was held, as they would have been decoded."""

from __future__ import annotations

from collections.abc import Sequence

from egret.decode.packet import Packet
from egret.model import Endpoint, Transport

_SYN, _ACK = 0x02, 0x10
_MASK = 0xFFFFFFFF
_NOTHING = memoryview(b"")

# The sequence number behind a client's SYN, when that came and where; the generation of the measured addresses then, if
# it went between none of those, else ``_MEASURED``.
Opened = tuple[int, int, str | None, int]


def packets(
    opened: Opened,
    ends: bytes,
    accepted: bool,
    pieces: Sequence[tuple[int, bytes]],
) -> list[Packet]:
    """A connection's segments, as they would have been decoded; *pieces* of its hello, and when they came."""
    size = (len(ends) - 4) // 2
    client = Endpoint(ends[:size], int.from_bytes(ends[-4:-2]))
    server = Endpoint(ends[size:-4], int.from_bytes(ends[-2:]))
    first, opened_ns, interface, _ = opened

    def packet(time_ns: int, seq: int, flags: int, data: memoryview = _NOTHING) -> Packet:
        return Packet(time_ns, Transport.TCP, client, server, data, len(data), seq & _MASK, flags, interface)

    found = [packet(opened_ns, first - 1, _SYN)]
    if accepted:
        found.append(found[0]._replace(source=server, destination=client, flags=_SYN | _ACK))
    for time_ns, data in pieces:
        found.append(packet(time_ns, first, _ACK, memoryview(data)))
        first += len(data)
    return found
