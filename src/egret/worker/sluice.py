"""Goes over frames where they lie, in a file's window or in a ring's block, up to the next that is the observer's.

This is the hot loop of everything, so it is written for that: what a frame says is unpacked together with the header of
its record, the most frequent kind comes first, and a segment of a quiet direction costs no call. ``worker/native`` is
the same in C, with this one as its oracle.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from egret.decode.link import ETHERNET
from egret.decode.plain_ip import carried, ends_in
from egret.decode.plain_link import SMALLEST, innermost, ip_in
from egret.decode.plain_noise import frame_is_noise, packet_is_noise, payload_is_noise
from egret.track.late import may_begin
from egret.track.limits import SECOND_NS
from egret.worker.datagrams import CLEAR, CLOSER, VERSION_AT, Datagrams, Q
from egret.worker.orders import SEGMENT, SETTLING, SIZE, SMALLEST_4, TCP, UDP, odd_place, record, tables
from egret.worker.plain import Buffer
from egret.worker.quick import METERED, TAKEN, Holder
from egret.worker.walks import InPython, Walks

MAX_QUIET = 1 << 17  # directions of decided connections; beyond it they are asked about anew
MAX_SILENT = 1 << 12  # of those; the processor has them at hand

Run = Callable[[bytes | memoryview, int, str, int, int, int], tuple[int, int, int]]
Known = dict[bytes, frozenset[int]]  # by ends of a direction, the first bytes that matter there

_SMALLEST_6 = 40 + 20  # of IPv6
_TRANSPORTS, _NEITHER, _LEAST = frozenset({TCP, UDP}), -1, 20  # the last: bytes of them that are looked at
_FRAME = Struct(">" + SEGMENT).unpack_from
_FIELDS_4 = Struct("!BxH2xI2x12s")  # of the packet alone, in the network's order
_FIELDS_6 = Struct("!4xHBx36s")
_SEGMENT = Struct("!4xI4xBB")  # of TCP its number, its header's length and its flags
_NUMBER = Struct("!4xI")
_DATAGRAM = Struct("!38xH")  # of UDP its length, from where its frame begins
_NUMBERS = Struct("!II").unpack_from  # of TCP its number and what it acknowledges
_DNS_PORT, _FROM, _TO = b"\0\x35", slice(-4, -2), slice(-2, None)  # and where the ports are in a frame's ends


class Sluice(Walks, InPython):
    """Counts what needs no closer look.

    Args:
        datagrams: takes those that say nothing more.
        quick: takes what connections begin with.
        tick: called with the time of a frame that comes another second than the last call said; says which one it is.
        watched: the first bytes that still matter in a direction of TCP (given its ends), None if all do.
        measured: whether the bytes between two ends are counted.
        measure: counts a segment of such, that says nothing more than how far its connection got: its ends, numbers
            of sequence and acknowledgement, flags, the length of its payload, its time.
    """

    def __init__(
        self,
        datagrams: Datagrams,
        quick: Holder,
        tick: Callable[[int], int],
        watched: Callable[[bytes], frozenset[int] | None],
        measured: Callable[[bytes], bool],
        measure: Callable[[bytes, int, int, int, int, int], object],
    ) -> None:
        self._datagrams = datagrams
        self._quick = quick
        self._tick = tick
        self._watched = watched
        self._measured = measured
        self._measure = measure
        # Made here: who has the compiled gate never needs them.
        self._ipv4, self._short, _, self._calm, _, self._tcp, self._udp = tables(">")
        self._second_ns = 0  # within a second of it nothing waits for its time
        self.opens = True  # what has options or extension headers, or says no length
        self._quiet: Known = {}  # the first bytes that still matter there
        self._silent: set[bytes] = set()  # some directions in which nothing matters any more
        self._fresh: Known = {}
        self._left: Callable[[bytes, frozenset[int]], bool] = lambda _ends, _starts: False
        self._go_on: Run = lambda _window, position, *_: (position, position, 0)
        self.segments = self.datagrams = self.noise = 0  # taken and not settled
        self.foreign = 0  # of another process that reads the same (``SharedSluice``)
        self._octets = 0
        self.last_ns = 0  # when the last frame came that was asked about
        self._metered: Known = {}  # the same where bytes are counted
        self.forget_names = datagrams.forget_names
        self.forget_ends = datagrams.forget_ends

    def forget_quiet(self) -> None:
        """Ask anew which directions are quiet, and of which bytes are counted."""
        self._quiet.clear()
        self._silent.clear()
        self._fresh.clear()
        self._metered.clear()

    def _hush(self, ends: bytes) -> None:
        """Remember a quiet direction in which nothing matters."""
        if len(self._silent) >= MAX_SILENT:
            self._silent.clear()
        self._silent.add(ends)

    def trust(self, fresh: Known, left: Callable[[bytes, frozenset[int]], bool], go_on: Run) -> None:
        """Of directions that are *fresh* have *left* say whether ``watched`` would say what stands there.

        What follows a segment that ``quick`` took is asked of *go_on* first (``Quick.run``).
        """
        self._fresh, self._left, self._go_on = fresh, left, go_on

    def take_counts(self) -> tuple[int, int, int, int, int, int, int, int]:
        """Since the last time: segments, datagrams, noise, bytes of all; questions, answers, aliases, copies."""
        counts = self.segments, self.datagrams, self.noise, self._octets
        self.segments = self.datagrams = self.noise = self._octets = 0
        return *counts, *self._datagrams.take_counts()

    def pcap(
        self,
        window: bytes | memoryview,
        position: int,
        order: str,
        header: int,
        scale: int,
        linktype: int = ETHERNET,
    ) -> tuple[int, int]:
        """Go over the records of a pcap file.

        Args:
            window: a part of it.
            position: where in it a record begins.
            order: its byte order, as ``struct`` writes it.
            header: the size of a record's header.
            scale: nanoseconds in one unit of the times' fraction.
            linktype: of its frames.

        Returns:
            Where the first record begins that is the observer's, or not whole, or odd; how many are before it.
        """
        if linktype != ETHERNET:
            return self._one_by_one(window, position, order, header, scale, linktype)
        return self._ethernet(window, position, order, header, scale)

    def _ethernet(  # noqa: C901, PLR0912, PLR0915 (one loop: a call takes a third of what most frames take)
        self, window: bytes | memoryview, position: int, order: str, header: int, scale: int
    ) -> tuple[int, int]:
        """As ``pcap``, of Ethernet: equal to ``_one_by_one`` (tests/property/test_gate.py), and made for speed."""
        unpack = record(order, header, SEGMENT).unpack_from
        ipv4, short, lengths, calm, table, tcp, udp = tables(order)
        quiet, silent, young, number_of = self._quiet.get, self._silent, self._quick.segment, _NUMBER.unpack_from
        places, run, begun = table.get, self._go_on, -1
        look_ups, look_up, pass_over = self._datagrams.plain.run, self._datagrams.skip, self._datagrams.pass_over
        bulk, question, length_of = self._datagrams.bulk, lengths[1], _DATAGRAM.unpack_from
        end, second, skipped, segments, datagrams, noise, octets = len(window), SECOND_NS // scale, 0, 0, 0, 0, 0
        last, here, before, behind = end - header - SIZE, self._second_ns // SECOND_NS, -1, -1
        while position <= last:
            seconds, fraction, captured, original, kind, size, fate, ends, begin = unpack(window, position)
            after = position + header + captured
            if after > end or captured > original or fraction >= second:
                break
            if seconds == here and kind in ipv4 and captured >= SMALLEST_4:
                if fate in tcp:
                    if ends in silent and begin in calm and size not in short:
                        segments += 1
                        octets += original
                        before, position = position, after
                        continue
                    start, stop = position + header, position + header + 14 + lengths[size]
                    at, flags = places(begin) or odd_place(window[start + 46], window[start + 47])
                    at += start
                    starts = None if flags & SETTLING > (at < stop) or at > stop else quiet(ends)
                    if starts is not None:
                        is_taken = (
                            not starts or at >= after or window[at] not in starts or not may_begin(window, at, after)
                        )
                        if not starts:
                            self._hush(ends)
                    else:
                        if position == begun:
                            behind_all, latest, number = run(window, position, order, header, scale, here)
                            if number:
                                segments += number
                                octets += behind_all - position - number * header
                                before, position = latest, behind_all
                                continue
                        body, time_ns = start + 34, seconds * SECOND_NS + fraction * scale
                        is_taken = at <= stop <= after and young(
                            window, at, stop, ends, number_of(window, body)[0], flags, time_ns, None
                        )
                        begun = after if is_taken == TAKEN and at == stop else -1
                        if not is_taken:
                            is_taken = self._is_counted(window, body, at, stop, after, ends, flags, time_ns)
                        elif is_taken == METERED:
                            is_taken = self._is_said(window, body, stop - at, ends, flags, time_ns)
                    segments += is_taken
                elif (
                    ends in bulk
                    and begin != question
                    and fate in udp
                    and (
                        (first := window[position + header + 42]) not in CLOSER
                        or (first in CLEAR and window[position + header + 34 + VERSION_AT] != Q)
                    )
                    and 8 <= length_of(window, position + header)[0] <= lengths[size] - 20
                ):  # as ``Datagrams.pass_over``
                    is_taken = True
                    datagrams += 1
                else:
                    is_look_up = ends[_TO] == _DNS_PORT or ends[_FROM] == _DNS_PORT
                    if is_look_up and position == behind:
                        stop, latest, number = look_ups(window, position, order, header, scale, here)
                        if number:
                            datagrams += number
                            octets += stop - position - number * header
                            before, position = latest, stop
                            continue
                    closer, time_ns = look_up if is_look_up else pass_over, seconds * SECOND_NS + fraction * scale
                    body, length = position + header + 34, lengths[size] - 20
                    if fate in udp:
                        is_taken = closer(window, body, length, after, ends, time_ns, None)
                        datagrams += is_taken
                    else:
                        is_taken = packet_is_noise(window, body - 20, after)
                        noise += is_taken
                    if not is_taken and (inner := innermost(window, body - 20, after)) is not None:
                        before = position
                        if not self._packet(window, *inner, original - captured, time_ns, original, None):
                            break
                        skipped += 1
                        position = after
                        continue
                    behind = after if is_look_up else -1
                octets += original * is_taken
            else:
                is_taken = self.skip(window, position + header, after, seconds * SECOND_NS + fraction * scale, original)
                here, size = self._second_ns // SECOND_NS, 1  # it need not be asked about again
                skipped += is_taken
            before = position
            if not is_taken:
                time_ns = seconds * SECOND_NS + fraction * scale
                if size or not self.skip(window, position + header, after, time_ns, original):
                    break
                skipped += 1  # no length was said (TSO)
            position = after
        if before >= 0:
            seconds, fraction = unpack(window, before)[:2]
            self.last_ns = seconds * SECOND_NS + fraction * scale
        self.segments += segments
        self.datagrams += datagrams
        self.noise += noise
        self._octets += octets
        if position > last:  # too near the end for the longest layout
            position, few = self._one_by_one(window, position, order, header, scale, ETHERNET)
            skipped += few
        return position, skipped + segments + datagrams + noise

    def _one_by_one(
        self, window: bytes | memoryview, position: int, order: str, header: int, scale: int, linktype: int
    ) -> tuple[int, int]:
        """As ``pcap``, of whatever frames."""
        unpack, end, taken = Struct(order + "IIII").unpack_from, len(window), 0
        smallest = 0 if linktype == ETHERNET else SMALLEST
        while position <= end - header:
            seconds, fraction, captured, original = unpack(window, position)
            start = position + header
            after, time_ns = start + captured, seconds * SECOND_NS + fraction * scale
            if after > end or not smallest <= captured <= original or fraction >= SECOND_NS // scale:
                break
            if not self.skip(window, start, after, time_ns, original, None, linktype):
                break
            taken += 1
            position = after
        return position, taken

    def skip(
        self,
        buffer: Buffer,
        start: int,
        end: int,
        time_ns: int,
        wire_length: int,
        interface: str | None = None,
        linktype: int = ETHERNET,
    ) -> bool:
        """Count the frame at ``buffer[start:end]`` and say True; or False, and it is the observer's."""
        self.last_ns = time_ns
        if not self._second_ns - SECOND_NS < time_ns < self._second_ns + SECOND_NS:
            self._second_ns = self._tick(time_ns)
        if linktype == ETHERNET and end - start >= SMALLEST_4 and self._is_silent(buffer, start):
            self.segments += 1
            self._octets += wire_length
            return True
        found = ip_in(buffer, start, end, linktype)
        if found is not None:
            missing = max(0, wire_length - (end - start))
            return self._packet(buffer, *found, missing, time_ns, wire_length, interface)
        taken = frame_is_noise(buffer, start, end, linktype)
        self.noise += taken
        self._octets += wire_length * taken
        return taken

    def _is_silent(self, buffer: Buffer, start: int) -> bool:
        """Whether the frame at *start* is a segment that settles nothing, of a direction in which nothing matters."""
        kind, size, fate, ends, begin = _FRAME(buffer, start)
        return (
            ends in self._silent
            and begin in self._calm
            and fate in self._tcp
            and kind in self._ipv4
            and size not in self._short
        )

    def _packet(
        self, buffer: Buffer, at: int, end: int, missing: int, time_ns: int, wire_length: int, interface: str | None
    ) -> bool:
        """Count the packet of IP at ``buffer[at:end]``, of whose frame so many bytes are *missing*."""
        first, length, fate, ends = _FIELDS_4.unpack_from(buffer, at)
        body = at + 20
        if first == 0x45 and length:
            length -= 20
            protocol = TCP if fate in self._tcp else UDP if fate in self._udp else _NEITHER
        elif first >> 4 == 6 and end - at >= _SMALLEST_6:
            length, protocol, ends = _FIELDS_6.unpack_from(buffer, at)
            body = at + 40
        else:
            protocol = _NEITHER
        if protocol not in _TRANSPORTS or not length:
            found = carried(buffer, at, end, missing)
            if found is None:
                return False
            protocol, body, length = found
            if protocol in _TRANSPORTS and (not self.opens or end - body < _LEAST):
                return False
            ends = ends_in(buffer, at, body)
        if protocol == TCP:
            taken = self._segment(buffer, body, length, end, ends, time_ns, interface)
        elif protocol == UDP:
            taken = self._datagrams.skip(buffer, body, length, end, ends, time_ns, interface)
            self.datagrams += taken
        else:
            taken = payload_is_noise(protocol, body, length, buffer, end)
            self.noise += taken
        self._octets += wire_length * taken
        return taken

    def _segment(
        self, buffer: Buffer, body: int, length: int, end: int, ends: bytes, time_ns: int, interface: str | None
    ) -> bool:
        """Count a packet of TCP that has *length* bytes behind its IP header, from *body* on; cut off at *end*."""
        number, offset, flags = _SEGMENT.unpack_from(buffer, body)
        start, last = body + (offset >> 2 & 0x3C), body + length
        taken = (
            body + 20 <= start <= last <= end
            and (flags & SETTLING > (start < last) or ends not in self._quiet)
            and self._quick.segment(buffer, start, last, ends, number, flags, time_ns, interface)
        )
        if taken == METERED:
            self._is_said(buffer, body, last - start, ends, flags, time_ns)
        is_taken = bool(taken) or self._is_counted(buffer, body, start, last, end, ends, flags, time_ns)
        self.segments += is_taken
        return is_taken

    def _is_said(self, buffer: Buffer, body: int, size: int, ends: bytes, flags: int, time_ns: int) -> bool:
        """Say of a segment with a payload of *size* bytes, its header at *body*, how far its connection got."""
        number, ack = _NUMBERS(buffer, body + 4)
        self._measure(ends, number, ack, flags, size, time_ns)
        return True

    def _is_counted(
        self, buffer: Buffer, body: int, start: int, last: int, end: int, ends: bytes, flags: int, time_ns: int
    ) -> bool:
        """Whether a segment that ``quick`` does not hold only says how far its connection got; then that is told.

        Its header is at *body*, its payload from *start* to *last*; the frame is cut off at *end*.
        """
        if flags & SETTLING > (start < last) or not body + 20 <= start <= last:
            return False  # what a last segment says (FIN is 1) is looked at
        quiet = self._quiet.get(ends)
        if quiet is not None:
            return not quiet or start >= end or buffer[start] not in quiet or not may_begin(buffer, start, end)
        fresh = self._fresh.pop(ends, None)
        if fresh is not None and self._left(ends, fresh):
            if start < end and buffer[start] in fresh and may_begin(buffer, start, end):
                return False
            self._remember(self._quiet, ends, fresh)
            return True
        metered = self._metered.get(ends)
        measured = metered is not None or self._measured(ends)
        if not self._is_idle(buffer, start, last, end, ends, self._metered if measured else self._quiet):
            return False
        return not measured or self._is_said(buffer, body, last - start, ends, flags, time_ns)

    def _is_idle(self, buffer: Buffer, start: int, last: int, end: int, ends: bytes, known: Known) -> bool:
        """Whether a segment says nothing that anybody waits for.

        Its payload is from *start* to *last*; the frame is cut off at *end*. Of directions that are *known* little is
        awaited; where that is to be asked, it is remembered there, unless the payload may be just that.
        """
        if ends[_TO] == _DNS_PORT or ends[_FROM] == _DNS_PORT:
            return start == last
        watched = known.get(ends)
        if watched is None:
            if start == last:
                return True
            watched = self._watched(ends)
            if watched is None or (start < end and buffer[start] in watched and may_begin(buffer, start, end)):
                return False
            self._remember(known, ends, watched)
            return True
        return not watched or start >= end or buffer[start] not in watched or not may_begin(buffer, start, end)

    def _remember(self, known: Known, ends: bytes, watched: frozenset[int]) -> None:
        if len(known) >= MAX_QUIET:
            known.clear()
            self._silent.clear()
        known[ends] = watched
