"""Datagrams that are counted and not read: plain look-ups, and the bulk of whatever else goes over UDP.

What QUIC connections begin with goes to what follows them, without a Frame and a Packet.

Of a datagram that is no look-up, no hello and no tunnel the observer makes nothing, after it made a Frame and a Packet
of it. Most are just that: QUIC behind its handshake, calls and conferences (RTP), games, VPNs. Their first bytes tell;
where those are noise, one in four looks like a long header until its version and the length of an id are seen.
What is said here follows from ``Observer._datagram`` and from what that calls; ``native/datagrams.c`` is the same in C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import Struct

from egret.decode.plain_tunnel import is_none
from egret.decode.quic import MAX_CID, MIN_CLIENT_DATAGRAM, is_behind_hello
from egret.decode.quic_keys import KNOWN_VERSIONS
from egret.decode.tunnel import UDP_PORTS
from egret.track.observer import LOCAL_DISCOVERY
from egret.track.quic import QUIC_PORTS
from egret.worker.plain import Buffer, PlainLookups

MAX_BULK = 1 << 16  # directions

_DNS = 53
# Ports whose datagrams may be more than their first bytes say, or less: what stays on the link begins no connection.
APART = frozenset({_DNS, *UDP_PORTS, *LOCAL_DISCOVERY})
_DNS_PORT = _DNS.to_bytes(2)
_APART = frozenset(port.to_bytes(2) for port in APART)
_LOCAL = frozenset(port.to_bytes(2) for port in LOCAL_DISCOVERY)
_EXPECTED = frozenset(port.to_bytes(2) for port in QUIC_PORTS)  # there it is told what is no QUIC
_HEAD = Struct("!4xHxxBBBxH").unpack_from  # the length, no checksum; then of the payload all but the fourth byte
_HEADER = 8
_READ = 7  # bytes of a payload; the observer makes nothing of a shorter one
_ONE_QUESTION = 1  # in the fifth and sixth byte, as in every look-up on whatever port

_LONG, _FIXED = 0x80, 0x40
VERSIONS = frozenset(version >> 16 for version in KNOWN_VERSIONS)  # their upper halves; Q050's is that of all Google's
_ID = 5  # of a long header: where the length of its first connection id is
_HANDSHAKE, _PREAMBLE = 0x16, 0x01  # of DTLS, perhaps behind four bytes of CAPWAP
_CAPWAP = bytes((_PREAMBLE, 0, 0, 0, _HANDSHAKE))
_CLEAR_MASK, _CLEAR, _CLEAR_VERSION, Q = 0x0B, 0x09, 9, 0x51  # Google's QUIC with a short header has its version there
VERSION_AT = _HEADER + _CLEAR_VERSION
CLEAR = frozenset(first for first in range(_LONG) if first & _CLEAR_MASK == _CLEAR)
CLOSER = frozenset({*range(_LONG, 0x100), *CLEAR, _HANDSHAKE, _PREAMBLE})


def bitmap(numbers: Iterable[int]) -> bytes:
    """A bit for each number of 16 bits, the lowest first: the compiled gate's sets of them."""
    return sum(1 << number for number in set(numbers)).to_bytes(1 << 13, "little")


class Datagrams:
    """Knows which datagrams the observer makes nothing of.

    Args:
        plain: takes look-ups.
        begins: takes datagrams that begin as QUIC connections do, or says False: the payload, the ends (as they lie in
            a frame), the time, the interface.
        measured: whether the bytes between two ends are counted; that they are not is remembered until ``forget_ends``.
        weigh: counts a datagram of such that is taken: its ends, the first byte of its payload, how long that
            is, its time and interface.
    """

    def __init__(
        self,
        plain: PlainLookups,
        begins: Callable[[bytes, bytes, int, str | None], bool],
        measured: Callable[[bytes], bool],
        weigh: Callable[[bytes, int, int, int, str | None], object],
    ) -> None:
        self.plain = plain
        self._begins = begins
        self._measured = measured
        self._weigh = weigh
        self.bulk: set[bytes] = set()  # ends whose bytes nobody counts, and whose ports say nothing
        self.take_counts = plain.take_counts
        self.opens = True  # datagrams on tunnels' ports; else whose they are is not told

    def forget_names(self) -> None:
        """Ask anew which names are flagged, and whose datagrams are wanted."""
        self.plain.forget()
        self.bulk.clear()

    def forget_ends(self) -> None:
        """Ask anew whose datagrams are wanted."""
        self.plain.forget_ends()
        self.bulk.clear()

    def skip(
        self, buffer: Buffer, at: int, length: int, end: int, ends: bytes, time_ns: int, interface: str | None
    ) -> bool:
        """Take the datagram of *length* bytes at *at* and say True; or False, and it is the observer's.

        At least twelve bytes behind its header are there, its own or not; the frame is cut off at *end*.
        """
        if ends[-2:] == _DNS_PORT or ends[-4:-2] == _DNS_PORT:
            if at + length > end:
                return self.plain.skip_cut(buffer, at, length, end, ends, time_ns)
            return self.plain.skip(buffer, at, length, ends, time_ns)
        return self.pass_over(buffer, at, length, end, ends, time_ns, interface)

    def pass_over(
        self, buffer: Buffer, at: int, length: int, end: int, ends: bytes, time_ns: int, interface: str | None
    ) -> bool:
        """As ``skip``, where no port is that of DNS."""
        known = ends in self.bulk
        apart = not known and (ends[-2:] in _APART or ends[-4:-2] in _APART)
        if apart and not self._is_no_tunnel(buffer, at, end, ends):
            return self._take_local(buffer, at, length, ends, time_ns, interface)
        size, first, second, third, number = _HEAD(buffer, at)
        if number == _ONE_QUESTION or not _HEADER <= size <= length:
            return False
        begins = (
            first in CLOSER
            and size >= _HEADER + _READ
            and _may_matter(buffer, at, first, second, third)
            and not (first >= _LONG | _FIXED and _is_odd(buffer, at, second, third, size, end, ends))
        )
        if begins and (first < _LONG | _FIXED or at + size > end):
            return False
        measured = not known and (self._measured(ends) if apart else not self._is_bulk(ends))
        if begins:
            payload = bytes(buffer[at + _HEADER : at + size])
            if not is_behind_hello(payload) and not self._begins(payload, ends, time_ns, interface):
                return False
        if measured:
            self._weigh(ends, first, size - _HEADER, time_ns, interface)
        return True

    def _is_no_tunnel(self, buffer: Buffer, at: int, end: int, ends: bytes) -> bool:
        """Whether a datagram on a tunnel's port is surely none, and so like all others."""
        source, destination = int.from_bytes(ends[-4:-2]), int.from_bytes(ends[-2:])
        if not self.opens or {source, destination} & LOCAL_DISCOVERY:
            return False
        stop = min(end, at + int.from_bytes(buffer[at + 4 : at + 6]))
        return is_none(destination if destination in UDP_PORTS else source, buffer, at + _HEADER, stop)

    def _take_local(
        self, buffer: Buffer, at: int, length: int, ends: bytes, time_ns: int, interface: str | None
    ) -> bool:
        """Take what stays on its link: nothing is made of that, unless another port says that it is a tunnel."""
        size, first, *_ = _HEAD(buffer, at)
        ports = {ends[-2:], ends[-4:-2]}
        if not ports & _LOCAL or ports & _APART - _LOCAL or not _HEADER <= size <= length:
            return False
        if self._measured(ends):
            self._weigh(ends, first, size - _HEADER, time_ns, interface)
        return True

    def _is_bulk(self, ends: bytes) -> bool:
        """Whether nobody counts what goes between two ends, then remembered."""
        if self._measured(ends):
            return False
        if len(self.bulk) >= MAX_BULK:
            self.bulk.clear()
        self.bulk.add(ends)
        return True


def _may_matter(buffer: Buffer, at: int, first: int, second: int, third: int) -> bool:
    """Whether a payload with one of the rarer first bytes may begin a connection; *at* is where its header is."""
    if first & _LONG:  # without the fixed bit only a known version is QUIC (RFC 9287), and RTP never is
        return bool(first & _FIXED) or second << 8 | third in VERSIONS
    if first == _PREAMBLE:  # most are torrents
        return second == 0 and bytes(buffer[at + _HEADER : at + _HEADER + len(_CAPWAP)]) == _CAPWAP
    return first == _HANDSHAKE or buffer[at + VERSION_AT] == Q


def _is_odd(buffer: Buffer, at: int, second: int, third: int, size: int, end: int, ends: bytes) -> bool:
    """Whether what looks like a long header is surely none that is read (``parse_long_header``), nor is that told.

    A version that nobody knows is only tried in what is as large as a client's must be, or cut off.
    """
    if second << 8 | third in VERSIONS or ends[-2:] in _EXPECTED:
        return False
    return (size < _HEADER + MIN_CLIENT_DATAGRAM and at + size <= end) or buffer[at + _HEADER + _ID] > MAX_CID
