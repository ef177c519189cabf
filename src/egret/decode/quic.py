"""QUIC long headers and the frames of Initial packets (RFC 9000 section 17.2, RFC 9369 section 3.2).

A datagram may hold several packets, and only those with a long header say where they end. Nothing
here keeps state: ``track.quic`` knows which connection attempt a packet belongs to.
"""

from __future__ import annotations

import re
from enum import Enum
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from egret.decode.quic_keys import KNOWN_VERSIONS, SAMPLE, TAG, VERSION_1, VERSION_2, VERSION_2_DRAFT
from egret.errors import Malformed, Reason, Truncated, Unsupported

if TYPE_CHECKING:
    from egret.decode.quic_ciphers import InitialKeys

MAX_CID = 20  # RFC 9000 section 17.2
MAX_PACKETS = 16  # coalesced in one datagram; a client sends two or three
MIN_CLIENT_DATAGRAM = 1200  # RFC 9000 section 14.1
LONG = 0x80
_FIXED = 0x40
_MAX_ACK_RANGES = 1024


class PacketKind(Enum):
    """What a long header says."""

    INITIAL = "initial"
    ZERO_RTT = "0rtt"
    HANDSHAKE = "handshake"
    RETRY = "retry"
    VERSION_NEGOTIATION = "version_negotiation"


_INITIAL, _RETRY = PacketKind.INITIAL, PacketKind.RETRY  # an enum's attribute costs a look-up each time
_START = Struct("!BI")
_padding = re.compile(rb"\0+").match  # ``lstrip`` takes five times as long
_new = tuple.__new__  # a class's own constructor costs as much as all the rest
_BEHIND = frozenset({0xD0, 0xE0})  # how 0-RTT and Handshake packets begin
_PLAIN = {0xC0: PacketKind.INITIAL, 0xD0: PacketKind.ZERO_RTT, 0xE0: PacketKind.HANDSHAKE}  # of version 1
_VERSION_1 = VERSION_1.to_bytes(4, "big")
_SECOND = frozenset({VERSION_2, VERSION_2_DRAFT})
_KINDS_1 = (PacketKind.INITIAL, PacketKind.ZERO_RTT, PacketKind.HANDSHAKE, PacketKind.RETRY)
_KINDS_2 = (PacketKind.RETRY, PacketKind.INITIAL, PacketKind.ZERO_RTT, PacketKind.HANDSHAKE)


class LongHeader(NamedTuple):
    """One packet with a long header; *start*, *payload* and *end* are offsets in its datagram."""

    kind: PacketKind
    version: int
    dcid: bytes
    scid: bytes
    token: bytes
    start: int
    payload: int  # where the protected packet number begins
    end: int
    cut: bool = False  # the snap length left less of it than it had


class Frames(NamedTuple):
    """What the frames of an Initial packet held."""

    crypto: tuple[tuple[int, bytes], ...]  # (offset, data) of each CRYPTO frame, in wire order
    closed: bool  # a CONNECTION_CLOSE came
    anomaly: Reason | None  # what ended the reading early; the CRYPTO frames before it stand


def parse_packets(datagram: bytes, first: LongHeader | None = None, *, cut: bool = False) -> list[LongHeader]:
    """Parse every long header of one UDP payload, in order; what follows a short header is not looked at.

    The *first* may have been parsed already. With *cut* the payload is what the snap length left, and its last packet
    may end beyond it.

    Raises:
        Truncated, Malformed, Unsupported: the *first* packet cannot be read. Rubbish after a whole
            packet is ignored, as RFC 9000 section 12.2 asks of a receiver.
    """
    packets = [first or parse_long_header(datagram, 0, cut=cut)]
    while not packets[-1].cut and packets[-1].end < len(datagram) and len(packets) < MAX_PACKETS:
        start = packets[-1].end
        if not datagram[start] & LONG:
            break
        try:
            packets.append(parse_long_header(datagram, start, cut=cut))
        except (Truncated, Malformed, Unsupported):
            break
    return packets


def is_behind_hello(datagram: bytes, start: int = 0) -> bool:
    """Whether all packets from *start* on are surely of version 1, and 0-RTT, Handshake or behind: none holds a hello.

    What is not sure is no. ``parse_packets`` has nothing against what is yes.

    Ref: RFC 9000 sections 17.2.3 and 17.2.4.
    """
    end = len(datagram)
    while start < end and datagram[start] & LONG:
        position = start + 5
        if datagram[start] & 0xF0 not in _BEHIND or datagram[start + 1 : position] != _VERSION_1:
            return False
        for _ in range(2):  # both ids
            if position >= end or datagram[position] > MAX_CID:
                return False
            position += 1 + datagram[position]
        if position + 2 > end or datagram[position] & 0x80:
            return False
        size, position = _varint(datagram, position)
        start = position + size
    return start <= end


def parse_long_header(datagram: bytes, start: int, *, cut: bool = False) -> LongHeader:
    """Parse the long header at *start*; with *cut* its packet may end beyond the datagram.

    A first packet of an unknown version that is as long as a client's must be is read as one of version 1:
    whether it is shows when its tag verifies, or does not.

    Raises:
        Truncated: the datagram ends first.   Malformed: a connection id is too long, the fixed bit is 0.
        Unsupported: UNKNOWN_VERSION; the invariants (RFC 8999) held, so that it may well be QUIC.

    Ref: RFC 9000 sections 17.2 and 17.2.1 to 17.2.5, RFC 9369 section 3.2.
    """
    plain = _plain_header(datagram, start)
    if plain is not None:
        return plain
    end = len(datagram)
    if start + 7 > end:
        raise Truncated(end)
    first, version = _START.unpack_from(datagram, start)
    dcid, position = _cid(datagram, start + 5)
    scid, position = _cid(datagram, position)
    if version == 0:
        return LongHeader(PacketKind.VERSION_NEGOTIATION, 0, dcid, scid, b"", start, position, end)
    if version not in KNOWN_VERSIONS and (start or not first & _FIXED or (end < MIN_CLIENT_DATAGRAM and not cut)):
        raise Unsupported(Reason.UNKNOWN_VERSION, start + 1)
    kind = (_KINDS_2 if version in _SECOND else _KINDS_1)[(first >> 4) & 3]
    if kind is _RETRY:
        token = datagram[position : max(position, end - TAG)]
        return LongHeader(kind, version, dcid, scid, token, start, position, end)
    token = b""
    if kind is _INITIAL:
        size, position = _varint(datagram, position)
        if position + size > end:
            raise Truncated(end)
        token, position = datagram[position : position + size], position + size
    if not first & _FIXED and not token:  # only a client that was given a token may clear it (RFC 9287 section 3.1)
        raise Malformed(Reason.BAD_VALUE, start)
    length, position = _varint(datagram, position)
    if position + length > end:
        if cut:
            sealed = position + max(0, length - TAG)  # of a tag that is not whole nothing is kept
            return LongHeader(kind, version, dcid, scid, token, start, position, min(end, sealed), cut=True)
        raise Truncated(end)
    return LongHeader(kind, version, dcid, scid, token, start, position, position + length)


def _plain_header(datagram: bytes, start: int) -> LongHeader | None:
    """What nearly all are, in one walk: of version 1, whole, without a token, its length in two bytes; else None."""
    try:
        kind = _PLAIN.get(datagram[start] & 0xF0)
        dcid = start + 6
        to_dcid = dcid + datagram[dcid - 1]
        scid = to_dcid + 1
        at = to_scid = scid + datagram[to_dcid]
        if (
            kind is None
            or to_dcid - dcid > MAX_CID
            or to_scid - scid > MAX_CID
            or datagram[start + 1 : dcid - 1] != _VERSION_1
        ):
            return None
        if kind is _INITIAL:
            if datagram[at]:
                return None
            at += 1
        length = datagram[at] << 8 | datagram[at + 1]
    except IndexError:
        return None
    end = at + 2 + (length & 0x3FFF)
    if length >> 14 != 1 or end > len(datagram):
        return None
    ids = datagram[dcid:to_dcid], datagram[scid:to_scid]
    return _new(LongHeader, (kind, VERSION_1, *ids, b"", start, at + 2, end, False))


def _cid(datagram: bytes, position: int) -> tuple[bytes, int]:
    if position >= len(datagram):
        raise Truncated(len(datagram))
    size = datagram[position]
    if size > MAX_CID:
        raise Malformed(Reason.BAD_LENGTH, position)
    stop = position + 1 + size
    if stop > len(datagram):
        raise Truncated(len(datagram))
    return datagram[position + 1 : stop], stop


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """RFC 9000 section 16: the value and where it ends."""
    if position >= len(data):
        raise Truncated(len(data))
    first = data[position]
    if first < 0x40:  # as nearly all are, and of the others nearly all have two bytes
        return first, position + 1
    if first < 0x80 and position + 1 < len(data):
        return (first & 0x3F) << 8 | data[position + 1], position + 2
    stop = position + (1 << (first >> 6))
    if stop > len(data):
        raise Truncated(len(data))
    return int.from_bytes(data[position:stop], "big") & ((1 << ((stop - position) * 8 - 2)) - 1), stop


def peek_initial(datagram: bytes, header: LongHeader, keys: InitialKeys) -> bytes | None:
    """As ``open_initial``, of a packet whose end, and with it the tag, the snap length cut off.

    Nothing proves that what comes out is what went in: whoever uses it must mark it so. None where it cannot be:
    no room for a sample, or reserved bits that are not zero.
    """
    clear = _unmask(datagram, header, keys)
    if clear is None or clear[0][0] & 0x0C:
        return None
    head, number = clear
    return keys.peek(number, datagram[header.start + len(head) : header.end])


def open_initial(datagram: bytes, header: LongHeader, keys: InitialKeys) -> bytes | None:
    """Remove header protection and decrypt one packet.

    Returns:
        The frames; None when the tag does not verify with these keys, or there is no room for a tag.

    Ref: RFC 9001 sections 5.3 and 5.4.
    """
    clear = _unmask(datagram, header, keys)
    if clear is None:
        return None
    head, number = clear
    # A client's Initial packet numbers are small: the truncated number is the whole one (RFC 9000 appendix A.3).
    return keys.open(number, head, datagram[header.start + len(head) : header.end])


def _unmask(datagram: bytes, header: LongHeader, keys: InitialKeys) -> tuple[bytes, int] | None:
    """The header without its protection, packet number included, and that number; None without room for a sample."""
    _, _, _, _, _, start, payload, end, _ = header
    if payload + 4 + SAMPLE > end:
        return None
    sample = datagram[payload + 4 : payload + 4 + SAMPLE]
    if len(sample) < SAMPLE:
        return None
    mask = keys.mask(sample)
    first = datagram[start] ^ (mask[0] & 0x0F)
    width = (first & 3) + 1
    number = int.from_bytes(datagram[payload : payload + width], "big") ^ int.from_bytes(mask[1 : 1 + width], "big")
    return bytes((first,)) + datagram[start + 1 : payload] + number.to_bytes(width, "big"), number


def parse_frames(payload: bytes, *, cut: bool = False) -> Frames:
    """Read the frames that an Initial packet may hold: PADDING, PING, ACK, CRYPTO, CONNECTION_CLOSE.

    With *cut* the payload ends early: the last frame gives what is there of it.

    Raises nothing: whatever cannot be read ends the reading and is named in ``anomaly``.

    Ref: RFC 9000 sections 12.4 and 19.
    """
    crypto: list[tuple[int, bytes]] = []
    closed = False
    anomaly: Reason | None = None
    position, end = 0, len(payload)
    try:
        while position < end:
            kind, position = payload[position], position + 1
            if kind == 0x06:
                offset, position = _varint(payload, position)
                size, start = _varint(payload, position)
                position = start + size
                if position > end and not cut:
                    raise Malformed(Reason.BAD_LENGTH, start)
                crypto.append((offset, payload[start:position]))
            elif kind == 0x00:  # padding is most of many an Initial, so it is skipped in one step, not byte by byte
                position = _behind_padding(payload, position)
            elif kind in {0x02, 0x03}:
                position = _skip_ack(payload, position, with_ecn=kind == 0x03)
            elif kind == 0x1C:
                position = _skip_close(payload, position)
                closed = True
            elif kind != 0x01:
                raise Malformed(Reason.BAD_VALUE, position - 1)
    except (Truncated, Malformed) as error:
        anomaly = None if cut and isinstance(error, Truncated) else error.reason
    return _new(Frames, (tuple(crypto), closed, anomaly))


def _behind_padding(payload: bytes, position: int) -> int:
    padding = _padding(payload, position)
    return padding.end() if padding else position


def _skip_ack(payload: bytes, position: int, *, with_ecn: bool) -> int:
    """RFC 9000 section 19.3: largest, delay, range count, first range, then gap and length pairs."""
    _, position = _varint(payload, position)
    _, position = _varint(payload, position)
    ranges, position = _varint(payload, position)
    if ranges > _MAX_ACK_RANGES:
        raise Malformed(Reason.BAD_LENGTH, position)
    for _ in range(1 + 2 * ranges + (3 if with_ecn else 0)):
        _, position = _varint(payload, position)
    return position


def _skip_close(payload: bytes, position: int) -> int:
    """RFC 9000 section 19.19: error code, frame type, reason phrase."""
    _, position = _varint(payload, position)
    _, position = _varint(payload, position)
    size, position = _varint(payload, position)
    if position + size > len(payload):
        raise Malformed(Reason.BAD_LENGTH, position)
    return position + size
