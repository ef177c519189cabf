"""HTTP/2 with prior knowledge: the authority of each request.

Ref: RFC 9113 sections 3.3, 4.1, 6.2 and 6.10.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from egret.decode.hpack import Decoder, Field
from egret.decode.reader import Reader
from egret.errors import Malformed, Reason, Truncated

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_FRAME = Struct("!BHBBI")
_HEADERS, _CONTINUATION = 1, 9
_END_HEADERS, _PADDED, _PRIORITY = 0x04, 0x08, 0x20
_MAX_BLOCK = 16 * 1024  # of one request's fields, in any number of frames

_AUTHORITY, _METHOD, _HOST = b":authority", b":method", b"host"


class Opening(NamedTuple):
    """A connection's first request."""

    method: bytes  # b"" where it is none of those with a short spelling
    authority: bytes | None  # None: the request states none that a host name could be in
    size: int  # bytes up to and with the header block


def parse_opening(data: bytes) -> Opening | None:
    """Parse from the first byte of a client's stream; None: more is needed.

    Raises:
        Malformed: a frame or a field that breaks the rules.
    """
    block = bytearray()
    reader = Reader(data, len(PREFACE))
    try:
        for _ in range(len(data) // _FRAME.size):
            high, low, kind, flags, _stream = _FRAME.unpack(reader.take(_FRAME.size))
            payload = reader.take(high << 16 | low)
            if kind == _HEADERS:
                payload = _strip(payload, flags)
            elif kind != _CONTINUATION or not block:
                continue
            block += payload
            if flags & _END_HEADERS:
                return _opening(bytes(block), reader.offset)
    except Truncated:
        return None
    return None


def _strip(payload: bytes, flags: int) -> bytes:
    """A HEADERS frame's fields, without padding and priority."""
    start, end = 0, len(payload)
    if flags & _PADDED:
        if not payload:
            raise Malformed(Reason.BAD_LENGTH, 0)
        start, end = 1, end - payload[0]
    if flags & _PRIORITY:
        start += 5
    if start > end:
        raise Malformed(Reason.BAD_LENGTH, 0)
    return payload[start:end]


def _opening(block: bytes, size: int) -> Opening:
    return _request(Decoder().fields(block), size)


def _request(fields: list[Field], size: int) -> Opening:
    method, authority = b"", None
    for name, value in fields:
        if name == _METHOD:
            method = value
        elif name == _AUTHORITY or (name == _HOST and authority is None):
            authority = value
    return Opening(method, authority, size)


class Step(NamedTuple):
    """What one frame was: its size, and the request whose fields it ended."""

    size: int
    request: Opening | None


class Session:
    """A client's frames after the preface, one by one: the requests of all its streams.

    Only what requests say is looked at; all other frames are stepped over, whether they were captured or not.
    """

    __slots__ = ("_block", "_decoder")

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._block = bytearray()  # of a request whose fields go on in the next frame

    def read(self, data: bytes) -> Step | None:
        """Read the frame that *data* begins with; None: more is needed.

        Raises:
            Malformed: a frame or a field that breaks the rules; what follows cannot be read.
        """
        if len(data) < _FRAME.size:
            return None
        high, low, kind, flags, _stream = _FRAME.unpack_from(data)
        size = _FRAME.size + (high << 16 | low)
        if kind not in {_HEADERS, _CONTINUATION}:
            return Step(size, None)
        if size > _MAX_BLOCK or len(self._block) > _MAX_BLOCK:
            raise Malformed(Reason.TOO_LARGE, 0)
        if len(data) < size:
            return None
        payload = data[_FRAME.size : size]
        self._block += _strip(payload, flags) if kind == _HEADERS else payload
        if not flags & _END_HEADERS:
            return Step(size, None)
        fields = self._decoder.fields(bytes(self._block))
        self._block.clear()
        return Step(size, _request(fields, size))
