"""Classic pcap files: both byte orders, micro- and nanoseconds, and the variants still met.

Ref: draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream, StreamBroken

# A length above this is damage, not a packet: twice what libpcap's largest snap length allows for
# super-packets would do, some writers go further. It bounds memory against a forged length.
MAX_CAPTURED = 16 << 20

_MICRO, _NANO = 1000, 1
_HEADER_SIZE = 24
_LONGER = (20, 24, 28)  # Nokia's, Red Hat 6.1's, SuSE 6.3's
_GUESSED_RECORDS = 3
_USUAL_LENGTH, _USUAL_PAUSE_S = 1 << 18, 1 << 26  # two years
_new = tuple.__new__  # half the cost of a NamedTuple's own constructor; one call a packet


class _Variant(NamedTuple):
    order: str
    scale: int  # nanoseconds in one unit of the fraction
    record: str  # layout of a record header; longer in the modified format of the 1990s
    record_size: int


MAGICS = {
    b"\xd4\xc3\xb2\xa1": _Variant("<", _MICRO, "IIII", 16),
    b"\xa1\xb2\xc3\xd4": _Variant(">", _MICRO, "IIII", 16),
    b"\x4d\x3c\xb2\xa1": _Variant("<", _NANO, "IIII", 16),
    b"\xa1\xb2\x3c\x4d": _Variant(">", _NANO, "IIII", 16),
    b"\x34\xcd\xb2\xa1": _Variant("<", _MICRO, "IIII", 24),
    b"\xa1\xb2\xcd\x34": _Variant(">", _MICRO, "IIII", 24),
}


def read_pcap(stream: ByteStream) -> Iterator[Frame]:
    """Yield the frames of a pcap stream that stands at its first byte.

    Raises:
        SourceError: the file is cut off or damaged; everything before that was yielded.
    """
    header = stream.peek(_HEADER_SIZE)
    if len(header) < _HEADER_SIZE:
        raise SourceError(f"the file header is cut off: {len(header)} of {_HEADER_SIZE} bytes are there")
    variant = MAGICS[header[:4]]
    major, minor, network = Struct(variant.order + "4xHH12xI").unpack(header)
    # Before version 2.4 the two lengths stood the other way round; one old writer called itself 543.
    swapped = (major, minor) <= (2, 3) or major == 543
    stream.skip(_HEADER_SIZE)
    variant = _real_variant(stream, variant)
    stream.map()
    return _records(stream, variant, network & 0xFFFF, swapped=swapped)


def _real_variant(stream: ByteStream, variant: _Variant) -> _Variant:
    """Old patched libpcaps wrote longer record headers under the same magic: the first two records tell.

    As long as those make sense with the header that the magic means, it is believed. What comes through a pipe is not
    begun before they are there: what a file is must not depend on how its bytes come.
    """
    for size in (variant.record_size, *_LONGER):
        if size >= variant.record_size and _makes_sense(stream, variant, size):
            return variant._replace(record_size=size)
    return variant


def _makes_sense(stream: ByteStream, variant: _Variant, size: int) -> bool:
    unpack, offset, before = Struct(variant.order + variant.record).unpack_from, 0, 0
    for number in range(_GUESSED_RECORDS):
        start = _ahead(stream, offset + size)
        if len(start) < offset + size:
            # a file that is cut off contradicts nothing; to be longer headers, records must end where it does
            return size == variant.record_size or (number > 1 and len(start) == offset)
        seconds, fraction, captured, original = unpack(start, offset)
        apart = abs(seconds - before) if number else 0
        if not captured <= original <= _USUAL_LENGTH or fraction >= 1_000_000_000 or apart > _USUAL_PAUSE_S:
            return False
        before, offset = seconds, offset + size + captured
    return True


def _ahead(stream: ByteStream, size: int) -> bytes:
    """The next *size* bytes; fewer if the file ends or breaks before, which reading on will tell."""
    try:
        return stream.peek(size)
    except StreamBroken:
        return bytes(stream.window[:size])


def _records(stream: ByteStream, variant: _Variant, linktype: int, *, swapped: bool) -> Iterator[Frame]:
    unpack = Struct(variant.order + variant.record).unpack_from
    scale, size = variant.scale, variant.record_size
    sluice = None if swapped else stream.sluice
    count = position = 0
    window = stream.window
    view, end = memoryview(window), len(window)
    while True:
        if sluice is not None:
            position, taken = sluice.pcap(window, position, variant.order, size, scale, linktype)
            count += taken
        body = position + size
        if body <= end:
            seconds, fraction, captured, original = unpack(window, position)
            if captured > original:
                captured, original = (original, captured) if swapped else (captured, captured)
            after = body + captured
            if after <= end:
                if not captured:
                    _check(stream, position, count)
                count += 1
                position, time_ns = after, seconds * 1_000_000_000 + fraction * scale
                yield _new(Frame, (time_ns, linktype, view[body:after], original, None, None))
                continue
            if captured > MAX_CAPTURED:
                raise _broken(stream, position, count, f"claims {captured} bytes, so the file is damaged")
        if not _more(stream, position, count):
            if position == end:
                return
            raise _broken(stream, 0, count, "is cut off")
        position = 0
        window = stream.window
        view, end = memoryview(window), len(window)


def _check(stream: ByteStream, position: int, count: int) -> None:
    """An empty record may be a hole in the memory that the file was."""
    try:
        stream.check()
    except StreamBroken as error:
        raise _broken(stream, position, count, f"cannot be had: {error}") from error


def _more(stream: ByteStream, position: int, count: int) -> bool:
    try:
        return stream.more(position)
    except StreamBroken as error:
        raise _broken(stream, position, count, f"cannot be had: {error}") from error


def _broken(stream: ByteStream, position: int, count: int, what: str) -> SourceError:
    return SourceError(
        f"packet {count + 1}, at byte {stream.start + position}, {what}; the {count} before it were read"
    )
