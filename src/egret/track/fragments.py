"""IP fragments put together again: any order, duplicates, overlaps; bounded in bytes, count and time.

Overlaps are resolved one way only, and counted: the bytes that came first win. A datagram whose other
fragments never come is used as far as it goes when its time is up.
Ref: RFC 791 section 3.2, RFC 8200 section 4.5, RFC 5722 (overlaps).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from egret.decode.ip import UDP, Datagram, Fragment
from egret.decode.packet import Context, Packet, decode_datagram
from egret.errors import DecodeError, Reason
from egret.model import Anomaly

TIMEOUT_NS = 30 * 1_000_000_000  # as Linux (net.ipv4.ipfrag_time)
MAX_BYTES = 3 << 20  # more than Linux's 4 MB of one namespace, which counts whole buffers; Reason.EVICTED beyond
MAX_DATAGRAMS = 4096
MAX_PIECES = 1024  # of one datagram; 64 KB in the smallest fragments of IPv6's minimum MTU are 54
_MAX_SIZE = 65535
_OVERHEAD = 200  # what one kept piece costs besides its bytes
_NOTHING = memoryview(b"")
_MAX_ANOMALIES = 1024  # kept for the next ``take_anomalies``


class _Key(NamedTuple):
    source: bytes
    destination: bytes
    identification: int
    protocol: int  # IPv4 only: RFC 8200 lets the first fragment alone decide


class _Pieces:
    """One datagram's fragments so far."""

    __slots__ = ("context", "cost", "first", "pieces", "total")

    def __init__(self, first: Datagram, context: Context) -> None:
        self.first = _without_payload(first)  # addresses, and the protocol of the fragment at offset 0 once it is here
        self.context = context
        self.pieces: list[tuple[int, int, bytes]] = []  # start, end on the wire, bytes that were captured; sorted
        self.total: int | None = None
        self.cost = 0

    def whole(self) -> bool:
        """Whether every byte up to the known end was sent; sorted pieces never overlap."""
        if self.total is None:
            return False
        position = 0
        for start, end, _ in self.pieces:
            if start > position:
                return False
            position = end
        return position >= self.total

    def join(self) -> Datagram:
        """The bytes from offset 0 up to the first that is missing."""
        data = bytearray()
        end = 0
        for start, end, piece in self.pieces:  # noqa: B007 (the last end is the claimed length)
            if start > len(data):
                break
            data += piece
        length = self.total if self.total is not None else end
        return self.first._replace(payload=memoryview(bytes(data)), wire_length=max(length, len(data)), fragment=None)


# Of a datagram of UDP: source, destination, identification; the bytes of its fragments from the first on, where each of
# them ends; when and where the first one came.
Train = tuple[bytes, bytes, int, bytes, tuple[int, ...], int, str | None]


class Ahead(Protocol):
    """Fragments that were not added yet, and came behind all that were; the compiled gate's ``Trains``.

    They are such of which nothing is to be said: each in its place, none of them the last, and no others are in
    ``Reassembler.table`` of their datagrams.
    """

    def take(self) -> list[Train]:
        """All of them, in the order in which their datagrams began; they are not held any more."""
        ...

    def since(self) -> int | None:
        """When the first of them came."""
        ...

    def allow(self, room_bytes: int, room_datagrams: int, /) -> None:
        """Hold no more than that, with overhead: there is no room for more of them."""
        ...


class Reassembler:
    """Puts fragments together. ``add`` is what ``decode_packet`` takes as *reassemble*."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_datagrams: int = MAX_DATAGRAMS) -> None:
        self._max_bytes = max_bytes
        self._max_datagrams = max_datagrams
        self._table: OrderedDict[_Key, _Pieces] = OrderedDict()  # oldest first: a datagram keeps its first place
        self._anomalies: list[Anomaly] = []
        self.bytes = 0  # held now
        self.evictions = 0
        self.overlaps = 0
        self._ahead: Ahead | None = None

    @property
    def table(self) -> Mapping[_Key, object]:
        """What is held; who is ``Ahead`` looks whether others of a datagram are here."""
        return self._table

    def follow(self, ahead: Ahead) -> None:
        """Have somebody hold fragments before they come here."""
        self._ahead = ahead
        self._allow(ahead)

    def __len__(self) -> int:
        return len(self._table)

    def add(self, datagram: Datagram, context: Context) -> Datagram | None:
        """Take one fragment; the whole datagram if that was the last one missing.

        Args:
            datagram: with ``fragment`` set; its payload is copied.
            context: time and interface of its frame.
        """
        if self._ahead is None:
            return self._add(datagram, context)
        self._catch_up(self._ahead)
        whole = self._add(datagram, context)
        self._allow(self._ahead)
        return whole

    def _add(self, datagram: Datagram, context: Context) -> Datagram | None:
        fragment = datagram.fragment
        if fragment is None:
            return datagram
        if not self._plausible(datagram, fragment, context):
            return None
        key = _Key(
            datagram.source,
            datagram.destination,
            fragment.identification,
            datagram.protocol if fragment.version == 4 else 6,
        )
        held = self._table.get(key)
        if held is not None and held.context.time_ns + TIMEOUT_NS <= context.time_ns:
            self._drop(key)  # the identification came round again
            held = None
        if held is None:
            held = self._table[key] = _Pieces(datagram, context)
        self._insert(held, datagram, fragment, context)
        if held.whole():
            self._drop(key)
            return held.join()
        self._bound(context)
        return None

    def expire(self, time_ns: int) -> list[Packet]:
        """Give up datagrams older than ``TIMEOUT_NS``: what is there from their first byte on is used."""
        ahead = self._ahead
        if ahead is None:
            return self._expired(time_ns)
        since_ns = ahead.since()
        if since_ns is not None and since_ns + TIMEOUT_NS <= time_ns:
            self._catch_up(ahead)
        packets = self._expired(time_ns)
        self._allow(ahead)
        return packets

    def _expired(self, time_ns: int) -> list[Packet]:
        packets = []
        while self._table:
            key, held = next(iter(self._table.items()))
            if held.context.time_ns + TIMEOUT_NS > time_ns:
                break
            self._drop(key)
            packets += self._give_up(held, Reason.GAP)
        return packets

    def last_words(self) -> Iterator[Packet]:
        """Give up everything, one after the other: the end of the input."""
        if self._ahead is not None:
            self._catch_up(self._ahead)
        while self._table:
            key, held = next(iter(self._table.items()))
            self._drop(key)
            yield from self._give_up(held, Reason.GAP)

    def take_anomalies(self) -> list[Anomaly]:
        """What went wrong since the last call."""
        taken, self._anomalies = self._anomalies, []
        return taken

    def _catch_up(self, ahead: Ahead) -> None:
        """Take what came before what comes now."""
        for source, destination, identification, data, stops, time_ns, interface in ahead.take():
            context, payload, start = Context(time_ns, interface), memoryview(data), 0
            version = 4 if len(source) == 4 else 6
            for stop in stops:
                fragment = Fragment(version, identification, start, more=True)
                self._add(Datagram(source, destination, UDP, payload[start:stop], stop - start, fragment), context)
                start = stop

    def _allow(self, ahead: Ahead) -> None:
        ahead.allow(self._max_bytes - self.bytes, self._max_datagrams - len(self._table))

    def _plausible(self, datagram: Datagram, fragment: Fragment, context: Context) -> bool:
        end = fragment.offset + datagram.wire_length
        if end <= _MAX_SIZE and not (fragment.more and datagram.wire_length % 8) and datagram.wire_length:
            return True
        self._note(context, Reason.BAD_LENGTH)
        return False

    def _insert(self, held: _Pieces, datagram: Datagram, fragment: Fragment, context: Context) -> None:
        start, end = fragment.offset, fragment.offset + datagram.wire_length
        if start == 0:
            held.first = _without_payload(datagram)
        if not fragment.more and held.total is None:
            held.total = end
        pieces = _new_parts(held.pieces, start, end, bytes(datagram.payload))
        if len(held.pieces) + len(pieces) > MAX_PIECES:
            self._note(context, Reason.TOO_LARGE)
            return
        if sum(piece[1] - piece[0] for piece in pieces) != end - start and not _repeats(held.pieces, start, datagram):
            self.overlaps += 1
            self._note(context, Reason.OVERLAP)
        held.pieces = sorted([*held.pieces, *pieces])
        cost = sum(len(piece[2]) + _OVERHEAD for piece in pieces)
        held.cost += cost
        self.bytes += cost

    def _bound(self, context: Context) -> None:
        while self.bytes > self._max_bytes or len(self._table) > self._max_datagrams:
            key = next(iter(self._table))
            self._drop(key)
            self.evictions += 1
            self._note(context, Reason.EVICTED)

    def _drop(self, key: _Key) -> None:
        self.bytes -= self._table.pop(key).cost

    def _give_up(self, held: _Pieces, reason: Reason) -> list[Packet]:
        self._note(held.context, reason)
        if not held.pieces or held.pieces[0][0] != 0:
            return []
        try:
            packet = decode_datagram(held.join(), held.context)
        except DecodeError as error:
            self._note(held.context, error.reason)
            return []
        return [] if packet is None else [packet]

    def _note(self, context: Context, reason: Reason) -> None:
        if len(self._anomalies) < _MAX_ANOMALIES:
            self._anomalies.append(Anomaly(context.time_ns, "ip", reason, None, context.interface))


def _without_payload(datagram: Datagram) -> Datagram:
    """The same without the view that keeps alive what it was cut from: of a file that may be a megabyte."""
    return datagram._replace(payload=_NOTHING)


def _new_parts(pieces: list[tuple[int, int, bytes]], start: int, end: int, data: bytes) -> list[tuple[int, int, bytes]]:
    """The parts of ``start..end`` that no earlier piece covers."""
    parts = []
    position = start
    for taken_start, taken_end, _ in pieces:
        if taken_start >= end:
            break
        if position < taken_start:
            parts.append((position, taken_start, data[position - start : taken_start - start]))
        position = max(position, taken_end)
    if position < end:
        parts.append((position, end, data[position - start : end - start]))
    return parts


def _repeats(pieces: list[tuple[int, int, bytes]], start: int, datagram: Datagram) -> bool:
    """Whether a fragment says again what is known already: a duplicate is no conflict."""
    data = bytes(datagram.payload)
    for taken_start, taken_end, taken in pieces:
        low, high = max(start, taken_start), min(start + len(data), taken_end, taken_start + len(taken))
        if low < high and data[low - start : high - start] != taken[low - taken_start : high - taken_start]:
            return False
    return True
