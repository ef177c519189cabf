"""What capture formats of fixed records have in common: a header that says how long the packet behind it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any, NamedTuple

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream, StreamBroken
from egret.sources.pcap import MAX_CAPTURED


class Record(NamedTuple):
    """One record: *before* bytes of header, *captured* of packet, *after* of padding or trailer."""

    linktype: int
    time_ns: int
    captured: int
    original: int
    before: int
    after: int = 0


class Records:
    """A cursor over the records of a file, that says where one broke."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.count = 0

    def load(self, size: int) -> bool:
        """Bring *size* bytes into the window; False at the end of the file.

        Raises:
            SourceError: the file ends or breaks within them.
        """
        try:
            held = len(self.stream.peek(size))
        except StreamBroken as error:
            raise self.broken(f"cannot be had: {error}") from error
        if 0 < held < size:
            raise self.broken("is cut off")
        return held >= size

    def skip(self, size: int) -> None:
        """Pass over *size* bytes, which may be more than memory should hold.

        Raises:
            SourceError: they are not all there.
        """
        try:
            whole = self.stream.skip(size)
        except StreamBroken as error:
            raise self.broken(f"cannot be had: {error}") from error
        if not whole:
            raise self.broken("is cut off")

    def take(self, record: Record) -> Frame:
        """The frame of the record at the cursor, which moves behind it.

        Raises:
            SourceError: its lengths cannot be, or it is cut off.
        """
        if not 0 <= record.captured <= MAX_CAPTURED or not 0 <= record.after <= MAX_CAPTURED:
            raise self.broken(f"claims {record.captured} bytes, so the file is damaged")
        body = record.before + record.captured
        if record.before < 0 or body + record.after < 1:  # the cursor would stand still
            raise self.broken("claims no length at all, so the file is damaged")
        if not self.load(body + record.after):
            raise self.broken("is cut off")
        data = memoryview(self.stream.window)[record.before : body]
        self.count += 1
        self.stream.skip(body + record.after)
        return Frame(record.time_ns, record.linktype, data, max(record.original, record.captured))

    def broken(self, what: str) -> SourceError:
        """The error that says at which packet and byte."""
        return SourceError(
            f"packet {self.count + 1}, at byte {self.stream.start}, {what}; the {self.count} before it were read"
        )


def file_header(stream: ByteStream, size: int) -> bytes:
    """The first *size* bytes, consumed.

    Raises:
        SourceError: they are not all there.
    """
    header = stream.peek(size)
    if len(header) < size:
        raise SourceError(f"the file header is cut off: {len(header)} of {size} bytes are there")
    stream.skip(size)
    return header


def walk(stream: ByteStream, layout: Struct, read: Callable[[tuple[Any, ...]], Record | None]) -> Iterator[Frame]:
    """Yield a frame for each header of *layout*; None from *read* is the end of the packets.

    Raises:
        SourceError: the file is cut off or damaged; everything before that was yielded.
    """
    records = Records(stream)
    while records.load(layout.size):
        record = read(layout.unpack_from(stream.window))
        if record is None:
            return
        yield records.take(record)
