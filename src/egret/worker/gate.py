"""The gate: a frame that can change nothing but a count goes no further than this.

Nearly all frames are of two kinds. One is a segment of a TCP connection that is decided already, or one that carries
nothing. The other is a look-up of a name that no signature names, in a message of the plainest shape. The gate tells
both by a few tests on the frame where it lies, without an object, counts them, and lets everything else through:
whatever it does not know for sure is the observer's. With and without it a capture gives the same hits and the same
counts (tests/property/test_gate.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from mmap import mmap
from struct import Struct

from egret.model import Protocol, Transport
from egret.track.direction import opposite
from egret.track.observer import Observer
from egret.worker.plain import PlainLookups
from egret.worker.quick import Quick

MAX_QUIET = 1 << 17  # directions of decided connections; beyond it they are asked about anew

_IPV4, _IPV6 = b"\x08\x00\x45", b"\x86\xdd"
_SMALLEST_4, _SMALLEST_6 = 14 + 20 + 20, 14 + 40 + 20
_FIELDS_4 = Struct("!16xH2xHxB2x12sI4xBB")  # length, fragment, protocol, ends; of TCP number, header's length, flags
_FIELDS_6 = Struct("!18xHBx36sI4xBB")
_TCP, _UDP = 6, 17
_FRAGMENT = 0x3FFF
_SETTLING = 0x07  # FIN, SYN, RST
_DNS_PORT = b"\0\x35"

Buffer = bytes | bytearray | mmap


class Gate:
    """Counts what needs no closer look, for one observer.

    Args:
        observer: what sees the frames that are let through.
        flagged: whether a signature names a host.
        matters: whether any question of a client does, or any answer that a server gives it (packed addresses).
        quick: holds what TCP connections begin with.
        counts: where names are counted, under the pipeline's keys.
    """

    def __init__(
        self,
        observer: Observer,
        flagged: Callable[[str], bool],
        matters: Callable[[bytes, bytes | None], bool],
        quick: Quick,
        counts: Counter[tuple[str, ...]],
    ) -> None:
        self._observer = observer
        self._streams = observer.streams
        self._counts = counts
        self._quick = quick
        self._from_ns = self._until_ns = 0
        self._quiet: dict[bytes, frozenset[int]] = {}  # the first bytes that still matter there
        self._plain = PlainLookups(observer.lookups, flagged, matters)
        self._tcp = self._udp = self._bytes = 0
        self._settled = 0
        self.last_ns = 0  # when the last frame came
        self._volumes = observer.volumes
        observer.streams.on_change(self._quiet.clear)
        observer.volumes.on_arming = self._quiet.clear

    def skip(
        self, buffer: Buffer, start: int, end: int, time_ns: int, wire_length: int, interface: str | None = None
    ) -> bool:
        """Count the Ethernet frame at ``buffer[start:end]`` and say True; or False, and it is the observer's."""
        self.last_ns = time_ns
        if not self._from_ns < time_ns < self._until_ns and not self._is_now(time_ns):
            return False
        if end - start < _SMALLEST_4:
            return False
        if buffer[start + 12 : start + 15] == _IPV4:
            length, fragment, protocol, ends, seq, offset, flags = _FIELDS_4.unpack_from(buffer, start)
            if fragment & _FRAGMENT:
                return False
            length, body = length - 20, start + 34
        elif end - start >= _SMALLEST_6 and buffer[start + 12 : start + 14] == _IPV6:
            length, protocol, ends, seq, offset, flags = _FIELDS_6.unpack_from(buffer, start)
            body = start + 54
        else:
            return False
        if protocol == _TCP:
            header, last = offset >> 2 & 0x3C, body + length
            if (flags & _SETTLING or not self._is_idle_segment(buffer, body, end, ends, length, header)) and not (
                20 <= header <= length
                and last <= end
                and self._quick.segment(buffer, body + header, last, ends, seq, flags, time_ns, interface)
            ):
                return False
            self._tcp += 1
        elif protocol == _UDP:
            if (
                body + length > end
                or self._is_measured(ends)
                or not self._plain.skip(buffer, body, length, ends, time_ns)
            ):
                return False
            self._udp += 1
        else:
            return False
        self._bytes += wire_length
        return True

    def _is_idle_segment(self, buffer: Buffer, body: int, end: int, ends: bytes, length: int, header: int) -> bool:
        """Whether a segment says nothing that anybody waits for."""
        watched = self._quiet.get(ends)
        if watched is None:
            if not 20 <= header <= length or _DNS_PORT in {ends[-4:-2], ends[-2:]} or self._is_measured(ends):
                return False
            return header == length or self._quieten(buffer, body + header, end, ends)
        at = body + header
        return 20 <= header <= length and (not watched or at >= end or buffer[at] not in watched)

    def _quieten(self, buffer: Buffer, at: int, end: int, ends: bytes) -> bool:
        """Remember a direction of which little is awaited, unless the payload at *at* may be just that."""
        watched = self._streams.watched(hash(ends), hash(opposite(ends)))
        if watched is None or (at < end and buffer[at] in watched):
            return False
        if len(self._quiet) >= MAX_QUIET:
            self._quiet.clear()
        self._quiet[ends] = watched
        return True

    def _is_measured(self, ends: bytes) -> bool:
        """Whether the bytes of the addresses' traffic are counted."""
        if not self._volumes.active:
            return False
        size = (len(ends) - 4) // 2
        return self._volumes.is_armed(ends[:size]) or self._volumes.is_armed(ends[size:-4])

    def forget_names(self) -> None:
        """Other names are flagged now."""
        self._plain.forget()

    def _is_now(self, time_ns: int) -> bool:
        """Whether nothing waits for its time at *time_ns*: the observer looks about once a second."""
        self._from_ns, self._until_ns = self._observer.same_tick
        return self._from_ns < time_ns < self._until_ns

    @property
    def skipped(self) -> int:
        """Frames that went no further."""
        return self._settled + self._tcp + self._udp

    def settle(self) -> None:
        """Add to the counts what was skipped since the last time."""
        counters, plain, frames = self._observer.counted, self._plain, self._tcp + self._udp
        self._settled += frames
        counters.frames += frames
        counters.bytes += self._bytes
        counters.packets[Transport.TCP] += self._tcp
        counters.packets[Transport.UDP] += self._udp
        for kind, number in plain.take_counts():
            self._counts["names", Protocol.DNS, kind] += number
        self._tcp = self._udp = self._bytes = 0
