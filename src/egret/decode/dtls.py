"""DTLS: the ClientHello's fragments out of a datagram (RFC 6347, RFC 9147; RFC 4347 for version 1.0).

A datagram holds whole records, a record holds whole fragments, and a fragment says where it belongs: message
number, length of the whole message, offset. So each datagram is read by itself, and ``track.dtls``
puts the fragments together, in whatever order they came.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from egret.decode.tls import MAX_HELLO
from egret.errors import Malformed, Reason, Truncated

MAX_FRAGMENTS = 64  # of one datagram; a hello of 2 KB cut for the smallest MTU has eight
_HANDSHAKE = 22
_CLIENT_HELLO = 1
_RECORD = Struct("!BHHIHH")  # type, version, epoch, the sequence number's upper 32 and lower 16 bits, length
_FRAGMENT_SIZE = 12
_VERSIONS = frozenset({0xFEFF, 0xFEFD, 0x0100})  # the record never says 1.3 (RFC 9147 section 4); 0x0100: old OpenSSL
_CAPWAP = b"\x01\x00\x00\x00"  # the preamble that says DTLS follows (RFC 5415 section 4.2)


class Fragment(NamedTuple):
    """A piece of one ClientHello."""

    number: int  # of the message: 0, and 1 for the hello that brings the server's cookie back
    length: int  # of the whole message's body
    offset: int
    data: bytes


class Datagram(NamedTuple):
    """The pieces of hellos that one datagram held, and what ended the reading early."""

    fragments: tuple[Fragment, ...]
    anomaly: Reason | None = None


def hello_start(datagram: bytes | memoryview) -> int | None:
    """Where the first record begins if *datagram* begins with a piece of a DTLS hello, else None; for the gate."""
    for start in (0, 4) if datagram[:4] == _CAPWAP else (0,):
        if len(datagram) >= start + _RECORD.size + _FRAGMENT_SIZE and datagram[start] == _HANDSHAKE:
            _, version, epoch, _, _, length = _RECORD.unpack_from(datagram, start)
            known = version in _VERSIONS and epoch == 0 and length >= _FRAGMENT_SIZE
            if known and datagram[start + _RECORD.size] == _CLIENT_HELLO:
                return start
    return None


def parse_datagram(datagram: bytes, start: int = 0) -> Datagram:
    """Read every fragment of a hello in the plain records of *datagram*, from *start*.

    Raises nothing: what cannot be read ends the reading and is named in ``anomaly``. A last record that is cut
    gives what is there of it.

    Ref: RFC 6347 sections 4.1 and 4.2.2, RFC 9147 sections 4 and 5.2.
    """
    fragments: list[Fragment] = []
    position = start
    try:
        while position + _RECORD.size <= len(datagram) and len(fragments) < MAX_FRAGMENTS:
            kind, version, epoch, _, _, length = _RECORD.unpack_from(datagram, position)
            if version not in _VERSIONS or epoch != 0:  # encrypted from here on
                break
            position += _RECORD.size
            if kind == _HANDSHAKE:
                _read_record(datagram, position, position + length, fragments)
            position += length
    except (Malformed, Truncated) as error:
        return Datagram(tuple(fragments), error.reason)
    return Datagram(tuple(fragments))


def _read_record(data: bytes, position: int, end: int, fragments: list[Fragment]) -> None:
    while position < end and len(fragments) < MAX_FRAGMENTS:
        start = position + _FRAGMENT_SIZE
        if start > end:
            raise Malformed(Reason.BAD_LENGTH, position)
        if start > len(data):
            raise Truncated(len(data))
        length, offset, size = (
            int.from_bytes(data[at : at + 3], "big") for at in (position + 1, position + 6, position + 9)
        )
        stop = start + size
        if offset + size > length or stop > end:
            raise Malformed(Reason.BAD_LENGTH, position)
        if data[position] == _CLIENT_HELLO:
            if length > MAX_HELLO:
                raise Malformed(Reason.TOO_LARGE, position)
            number = int.from_bytes(data[position + 4 : position + 6], "big")
            fragments.append(Fragment(number, length, offset, data[start:stop]))
        if stop > len(data):
            raise Truncated(len(data))
        position = stop


def message(body: bytes, length: int) -> bytes:
    """A hello's *body*, as far as it is here, under the four-byte header that TLS has."""
    return bytes((_CLIENT_HELLO,)) + length.to_bytes(3, "big") + body
