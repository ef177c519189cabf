"""Endace ERF files: records one after the other, and nothing before them. Ref: ERF Types Reference Guide."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from egret.model import Frame
from egret.sources.bytestream import ByteStream
from egret.sources.records import Record, walk

LINKTYPE = 197
HEADER_SIZE = 16

_RECORD = Struct("<IIB")
_SIZES = Struct("!HHH")
_LAYOUT = Struct("<IIBB6s")
_TYPES = frozenset({*range(1, 26), 27, 48})
_GUESSES = 3
_YEAR_1995, _YEAR_2100 = 788_918_400, 4_102_444_800
_MORE, _PAD = 0x80, 48


def looks_like_erf(start: bytes | memoryview) -> bool:
    """Whether *start*, the file's first bytes, is a run of ERF records: nothing else marks such a file."""
    offset = 0
    for guess in range(_GUESSES):
        if len(start) < offset + HEADER_SIZE:
            return guess > 0 and offset == len(start)
        _, seconds, kind = _RECORD.unpack_from(start, offset)
        length, _, _ = _SIZES.unpack_from(start, offset + 10)
        dated = _YEAR_1995 <= seconds < _YEAR_2100
        if kind & ~_MORE not in _TYPES or not dated or length < HEADER_SIZE:
            return False
        offset += length
    return True


def read_erf(stream: ByteStream) -> Iterator[Frame]:
    """Yield the frames of an ERF stream; each is the whole record, as in a pcap file of link type 197.

    Raises:
        SourceError: the file is cut off or damaged; everything before that was yielded.
    """
    return (frame for frame in walk(stream, _LAYOUT, _record) if frame.data[8] & ~_MORE != _PAD)


def _record(fields: tuple[int, int, int, int, bytes]) -> Record:
    fraction, seconds, _, _, sizes = fields
    length, _, original = _SIZES.unpack(sizes)
    time_ns = seconds * 1_000_000_000 + (fraction * 1_000_000_000 >> 32)
    return Record(LINKTYPE, time_ns, length if length >= HEADER_SIZE else -1, original + HEADER_SIZE, 0)
