"""pcapng files: sections, interfaces, clocks of any resolution.

Where a block is wrong but its end is known, the rest is still read and the fault reported at the end.
Ref: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from struct import Struct
from typing import NamedTuple

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.base import Clock
from egret.sources.bytestream import ByteStream, StreamBroken
from egret.sources.pcap import MAX_CAPTURED

SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"  # reads the same in both byte orders

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_BOUNDED = frozenset({_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET})
_BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_MIN_BLOCK = 12
_SMALLEST_PACKET = 32  # an Enhanced Packet Block without data or options
_MAX_BLOCK = MAX_CAPTURED + (1 << 20)  # options included
_MAX_INTERFACES = 1 << 16  # ids of old packet blocks end here, and no capture has more
_NS = 1_000_000_000
_new = tuple.__new__  # as in pcap.py

_OPTION_END, _OPTION_NAME, _OPTION_RESOLUTION, _OPTION_OFFSET = 0, 2, 9, 14
_MAX_NAME = 64  # characters of an interface name: IFNAMSIZ is 16, Windows writes a GUID


class _Interface(NamedTuple):
    linktype: int
    snaplen: int
    name: str | None
    multiply: int  # time in ns = units * multiply // divide + offset_ns
    divide: int
    offset_ns: int


class _Layouts:
    """The structures of one byte order."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.block = Struct(order + "II")
        self.word = Struct(order + "I")
        self.run = Struct(order + "IIIIIII")
        self.packet = Struct(order + "IIIII")
        self.old_packet = Struct(order + "HHIIII")
        self.interface = Struct(order + "HHI")
        self.option = Struct(order + "HH")
        self.seconds = Struct(order + "q")


_LAYOUTS = {order: _Layouts(order) for order in "<>"}


def read_pcapng(stream: ByteStream) -> Iterator[Frame]:
    """Yield the frames of a pcapng stream that stands at its first byte.

    Raises:
        SourceError: the file is cut off or damaged; everything that could be read was yielded.
    """
    return _Blocks(stream).frames()


class _Blocks:
    """Walks the blocks; one instance a file."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._layouts = _LAYOUTS["<"]
        self._interfaces: list[_Interface] = []
        self._clocks: list[Clock] = []  # theirs
        self._count = 0
        self._last_ns = 0
        self._fault: str | None = None

    def frames(self) -> Iterator[Frame]:
        position = 0
        self._stream.map()
        while (found := self._load(position)) is not None:
            kind, start, end = found
            if kind == _PACKET:
                position = yield from self._run(start)
                if position > start:
                    continue
            frame = self._block(self._stream.window, kind, start, end)
            if frame is not None:
                yield frame
            position = end
        if self._fault is not None:
            raise SourceError(self._fault)

    def _run(self, position: int) -> Generator[Frame, None, int]:
        """Packets that follow each other in the window, in one tight loop; where it stopped.

        Equal to ``_packet`` for each; whatever is odd about a block is left to that.
        """
        window, interfaces = self._stream.window, self._interfaces
        sluice, order = self._stream.sluice, self._layouts.order
        unpack, view, last = self._layouts.run.unpack_from, memoryview(window), len(window) - _SMALLEST_PACKET
        while position <= last:
            if sluice is not None:
                position, taken = sluice.pcapng(window, position, order, self._clocks)
                if taken:
                    self._count += taken
                    self._last_ns = sluice.last_ns
                if position > last:
                    break
            kind, length, number, high, low, captured, original = unpack(window, position)
            end = position + length
            if kind != _PACKET or length & 3 or captured > length - _SMALLEST_PACKET or end > len(window):
                break
            if number >= len(interfaces):
                break
            linktype, _, name, multiply, divide, offset_ns = interfaces[number]
            body = position + 28
            self._count += 1
            self._last_ns = time_ns = (high << 32 | low) * multiply // divide + offset_ns
            wire_length = original if original > captured else captured  # noqa: FURB136 (max() is a call a packet)
            position = end
            yield _new(Frame, (time_ns, linktype, view[body : body + captured], wire_length, name, None))
        return position

    def _load(self, position: int) -> tuple[int, int, int] | None:
        """Bring the block at *position* into the window: its kind, where it starts and ends; None at the end."""
        while True:
            stream = self._stream
            window = stream.window
            available = len(window) - position
            if available >= _MIN_BLOCK:
                kind, length = self._head(window, position)
                if length <= available:
                    return kind, position, position + length
                if length > _MAX_BLOCK:
                    self._pass_over(kind, position, length)
                    position = 0
                    continue
            if not self._more(position):
                if available == 0:
                    return None
                raise self._broken(0, "is cut off")
            position = 0

    def _head(self, window: bytes | memoryview, position: int) -> tuple[int, int]:
        kind, length = self._layouts.block.unpack_from(window, position)
        if kind == _SECTION:
            order = _BYTE_ORDERS.get(bytes(window[position + 8 : position + 12]))
            if order is None:
                raise self._broken(position, "begins a section of unknown byte order, so the file is damaged")
            self._layouts = _LAYOUTS[order]
            kind, length = self._layouts.block.unpack_from(window, position)
        if length < _MIN_BLOCK:
            raise self._broken(position, f"claims {length} bytes, so the file is damaged")
        return kind, (length + 3) & ~3  # some writers forget the padding in the length, never in the block

    def _pass_over(self, kind: int, position: int, length: int) -> None:
        if kind in _BOUNDED:
            raise self._broken(position, f"claims {length} bytes, so the file is damaged")
        try:
            whole = self._stream.skip(position + length)
        except StreamBroken as error:
            raise self._broken(0, f"cannot be had: {error}") from error
        if not whole:
            raise self._broken(0, "is cut off")

    def _more(self, position: int) -> bool:
        try:
            return self._stream.more(position)
        except StreamBroken as error:
            raise self._broken(position, f"cannot be had: {error}") from error

    def _broken(self, position: int, what: str) -> SourceError:
        return SourceError(
            f"the block at byte {self._stream.start + position}, after packet {self._count}, {what}; "
            f"the {self._count} packets before it were read"
        )

    def _block(self, window: bytes | memoryview, kind: int, start: int, end: int) -> Frame | None:
        if kind == _PACKET:
            return self._packet(window, start + 8, end - 4, self._layouts.packet)
        if kind == _INTERFACE:
            self._add_interface(window, start + 8, end - 4)
        elif kind == _SECTION:
            self._interfaces, self._clocks = [], []
        elif kind == _OLD_PACKET:
            return self._packet(window, start + 8, end - 4, self._layouts.old_packet)
        elif kind == _SIMPLE_PACKET:
            return self._simple_packet(window, start + 8, end - 4)
        return None

    def _packet(self, window: bytes | memoryview, start: int, end: int, layout: Struct) -> Frame | None:
        body = start + 20
        if body > end:
            self._note(start, "is shorter than a packet's own fields")
            return None
        fields = layout.unpack_from(window, start)
        number, (high, low, captured, original) = fields[0], fields[-4:]
        if body + captured > end:
            self._note(start, f"holds fewer bytes than the {captured} that it claims")
            return None
        if number >= len(self._interfaces):
            self._note(start, f"names interface {number}, which no block describes")
            return None
        interface = self._interfaces[number]
        self._count += 1
        self._last_ns = (high << 32 | low) * interface.multiply // interface.divide + interface.offset_ns
        data = memoryview(window)[body : body + captured]
        return Frame(self._last_ns, interface.linktype, data, max(original, captured), interface.name)

    def _simple_packet(self, window: bytes | memoryview, start: int, end: int) -> Frame | None:
        """A packet without a time: it gets the last one seen (section 4.4)."""
        if not self._interfaces or end - start < 4:
            self._note(start, "is a simple packet without an interface")
            return None
        interface = self._interfaces[0]
        (original,) = self._layouts.word.unpack_from(window, start)
        captured = min(original, end - start - 4, interface.snaplen or original)
        self._count += 1
        data = memoryview(window)[start + 4 : start + 4 + captured]
        return Frame(self._last_ns, interface.linktype, data, original, interface.name)

    def _note(self, start: int, what: str) -> None:
        if self._fault is None:
            offset = self._stream.start + start - 8
            self._fault = f"the block at byte {offset}, after packet {self._count}, {what}; it was left out"

    def _add_interface(self, window: bytes | memoryview, start: int, end: int) -> None:
        if end - start < 8 or len(self._interfaces) >= _MAX_INTERFACES:
            raise self._broken(start - 8, "describes no usable interface, so the file is damaged")
        linktype, _, snaplen = self._layouts.interface.unpack_from(window, start)
        options = self._options(window, start + 8, end)
        multiply, divide = _resolution(options.get(_OPTION_RESOLUTION, b"\x06"))
        offset = options.get(_OPTION_OFFSET, b"")
        offset_ns = self._layouts.seconds.unpack(offset)[0] * _NS if len(offset) == 8 else 0
        name = options.get(_OPTION_NAME, b"").split(b"\0")[0].decode("utf-8", "replace")[:_MAX_NAME] or None
        self._interfaces.append(_Interface(linktype, snaplen, name, multiply, divide, offset_ns))
        self._clocks.append((linktype, multiply, divide, offset_ns, name))

    def _options(self, window: bytes | memoryview, start: int, end: int) -> dict[int, bytes]:
        """The options up to the end, or to the first that does not fit: they only describe."""
        options: dict[int, bytes] = {}
        while end - start >= 4:
            code, length = self._layouts.option.unpack_from(window, start)
            start += 4
            if code == _OPTION_END or start + length > end:
                break
            options.setdefault(code, bytes(window[start : start + length]))
            start += (length + 3) & ~3
        return options


def _resolution(option: bytes) -> tuple[int, int]:
    """Nanoseconds in a unit, as a fraction (if_tsresol, section 4.2)."""
    exponent = option[0] if option else 6
    if exponent & 0x80:
        return _NS, 1 << (exponent & 0x7F)
    return (10 ** (9 - exponent), 1) if exponent <= 9 else (1, 10 ** (exponent - 9))
