"""Google's QUIC before the IETF's: packets, frames, and the CHLO in which a client names its server.

Up to Q046 the handshake is in the clear behind a hash; Q050, T050 and T051 seal it like an IETF Initial, with
salts of their own (``quic_keys``), but keep Google's frames. The hello of the Q versions is a CHLO, a table
of tags; that of the T versions is TLS.

Written from Google's wire layout and crypto documents and from what captures hold: a version says
itself in four letters (``Q043``); before Q039 integers are little-endian, before Q034 a byte of private flags
goes before the frames, and from Q044 on the header is a long one.
"""

from __future__ import annotations

from typing import Literal

from egret.decode.quic import Frames
from egret.decode.tls import MAX_HELLO
from egret.errors import Malformed, Reason, Truncated, Unsupported
from egret.value import Struct

Q043, Q044, Q046, Q050 = 0x51303433, 0x51303434, 0x51303436, 0x51303530
T050, T051 = 0x54303530, 0x54303531
SEALED = frozenset({Q050, T050, T051})  # what lies in an Initial packet, with Google's frames in it
_OLDEST = 0x51303230  # Q020: nothing older was ever deployed on any scale
_Q034, _Q039 = 0x51303334, 0x51303339
MAX_TAGS = 128  # as Chromium's framer
_MAX_FRAMES = 64  # of one packet
_HASH = 12  # FNV-1a of 128 bits, cut
_VERSION_FLAG, _RESET_FLAG, _CID_FLAG = 0x01, 0x02, 0x08
_WIDTHS = (1, 2, 4, 6)
_CRYPTO_STREAM = 1
_CRYPTO_KINDS = frozenset({0x06, 0x08})  # the IETF's and Google's number; T051 has been seen with either
_CHLO = b"CHLO"


class ClearPacket(Struct, frozen=True):
    """A client's packet in the clear."""

    version: int
    cid: bytes
    frames: Frames  # ``crypto`` is what stream 1 holds


class Chlo(Struct, frozen=True):
    """What a CHLO says; *server_name* is the raw SNI tag, None without one."""

    server_name: bytes | None
    anomaly: Reason | None = None  # what was wrong beside or after the name


def version_text(version: int) -> str:
    """``Q046``."""
    return version.to_bytes(4, "big").decode("latin-1")


def _is_clear(version: int) -> bool:
    """Q020 to Q049, with decimal digits."""
    return _OLDEST <= version < Q050 and 0x30 <= version & 0xFF <= 0x39


def begins_clear(datagram: bytes | memoryview) -> bool:
    """Whether *datagram* begins like a client's packet of Q020 to Q049, which bears its version."""
    if len(datagram) < 1 + 8 + 4 + 1 + _HASH:
        return False
    first = datagram[0]
    if first & 0x80:
        return _is_clear(int.from_bytes(datagram[1:5], "big"))
    flags = _VERSION_FLAG | _CID_FLAG
    return first & (flags | _RESET_FLAG) == flags and _is_clear(int.from_bytes(datagram[9:13], "big"))


def parse_clear(datagram: bytes, *, cut: bool = False) -> ClearPacket:
    """Parse a client's packet for which ``begins_clear`` holds.

    Args:
        datagram: the whole of it, or with *cut* as much as the snap length left.
        cut: then the last frame may end early.

    Raises:
        Truncated: it ends before its frames begin.   Malformed: a connection id that no client of Google's sent.
    """
    first = datagram[0]
    if first & 0x80:
        version = int.from_bytes(datagram[1:5], "big")
        if datagram[5] != 0x50:  # eight bytes of the server's id, none of the client's
            raise Malformed(Reason.BAD_VALUE, 5)
        cid, width = datagram[6:14], (first & 3) + 1 if version >= Q046 else 4
        position = 14 + width + _HASH
    else:
        version = int.from_bytes(datagram[9:13], "big")
        cid, width = datagram[1:9], _WIDTHS[first >> 4 & 3]
        position = 13 + width + _HASH
        if version < _Q034:  # private flags; a group number where they say so
            if position >= len(datagram):
                raise Truncated(len(datagram))
            position += 2 if datagram[position] & 0x02 else 1
    if position >= len(datagram):
        raise Truncated(len(datagram))
    return ClearPacket(version, cid, parse_frames(datagram[position:], version, width, cut=cut))


def parse_frames(payload: bytes, version: int, width: int = 4, *, cut: bool = False) -> Frames:
    """Read Google's frames: what the crypto stream holds (stream 1; from Q050 on CRYPTO frames).

    Args:
        payload: the frames of one packet.
        version: of the packet.
        width: bytes of its packet number.
        cut: the last frame may end early.

    Raises nothing: whatever cannot be read ends the reading and is named in ``anomaly``.
    """
    walk = _Walk(payload, version, width, cut=cut)
    anomaly: Reason | None = None
    try:
        for _ in range(_MAX_FRAMES):
            if not walk.step():
                break
    except (Truncated, Malformed, Unsupported) as error:
        anomaly = None if cut and isinstance(error, Truncated) else error.reason
    return Frames(tuple(walk.crypto), walk.closed, anomaly)


class _Walk:
    """One pass over a packet's frames."""

    __slots__ = ("_cut", "_data", "_order", "_position", "_version", "_width", "closed", "crypto")

    def __init__(self, data: bytes, version: int, width: int, *, cut: bool) -> None:
        self._data = data
        self._version = version
        self._width = width
        self._cut = cut
        # The T versions are later than Q050, whatever their letters say.
        self._order: Literal["big", "little"] = "little" if version < _Q039 else "big"
        self._position = 0
        self.crypto: list[tuple[int, bytes]] = []
        self.closed = False

    def step(self) -> bool:
        """Read one frame; False at the end."""
        data = self._data
        if self._position < len(data) and data[self._position] == 0:  # padding
            self._position = len(data) - len(data[self._position :].lstrip(b"\x00"))
        if self._position >= len(data):
            return False
        kind = data[self._position]
        self._position += 1
        if kind & 0x80:
            self._stream(kind)
        elif kind & 0x40:
            self._ack(kind)
        elif kind in _CRYPTO_KINDS and self._version in SEALED:
            self._keep(self._varint(), self._varint())
        elif kind == 0x06:  # STOP_WAITING
            self._skip(self._width + (1 if self._version < _Q034 else 0))
        elif kind == 0x02:  # CONNECTION_CLOSE ends a packet
            self.closed = True
            return False
        elif kind != 0x07:  # PING
            raise Unsupported(Reason.UNSUPPORTED, self._position - 1)
        return True

    def _stream(self, kind: int) -> None:
        """1fdooosss: fin, whether a length is there, and the widths of the offset and of the stream's number."""
        stream = self._uint((kind & 3) + 1)
        code = kind >> 2 & 7
        offset = self._uint(code + 1) if code else 0
        size = self._uint(2) if kind & 0x20 else len(self._data) - self._position
        if stream == _CRYPTO_STREAM:
            self._keep(offset, size)
        else:
            self._skip(size)

    def _ack(self, kind: int) -> None:
        """01ntllmm, from Q034 on: whether there are several blocks, the widths of the largest number and of blocks."""
        if self._version < _Q034:
            raise Unsupported(Reason.UNSUPPORTED, self._position - 1)
        block = _WIDTHS[kind & 3]
        self._skip(_WIDTHS[kind >> 2 & 3] + 2)
        blocks = self._uint(1) if kind & 0x20 else 0
        self._skip(block + blocks * (1 + block))
        stamps = self._uint(1)
        self._skip(5 + 3 * (stamps - 1) if stamps else 0)

    def _keep(self, offset: int, size: int) -> None:
        start, stop = self._position, self._position + size
        if stop > len(self._data) and not self._cut:
            raise Malformed(Reason.BAD_LENGTH, start)
        self.crypto.append((offset, self._data[start:stop]))
        self._position = stop

    def _skip(self, size: int) -> None:
        self._position += size
        if self._position > len(self._data):
            raise Truncated(len(self._data))

    def _uint(self, width: int) -> int:
        start = self._position
        self._skip(width)
        return int.from_bytes(self._data[start : self._position], self._order)

    def _varint(self) -> int:
        """RFC 9000 section 16."""
        start = self._position
        self._skip(1)
        self._skip((1 << (self._data[start] >> 6)) - 1)
        raw = self._data[start : self._position]
        return int.from_bytes(raw, "big") & ((1 << (8 * len(raw) - 2)) - 1)


def begins_chlo(data: bytes) -> bool:
    """Whether the crypto stream may be a client's: ``CHLO``, as far as it is here."""
    return _CHLO.startswith(data[:4])


def chlo_length(data: bytes) -> int:
    """How long the CHLO is that *data* begins with, or how much of it tells; never more than we keep."""
    if len(data) < 8:
        return 8
    values = 8 + 8 * min(int.from_bytes(data[4:6], "little"), MAX_TAGS)
    if len(data) < values:
        return values
    return min(values + int.from_bytes(data[values - 4 : values], "little"), MAX_HELLO) if values > 8 else values


def parse_chlo(data: bytes) -> Chlo:
    """Parse a client's hello: the tags, each with where its value ends, then the values.

    Args:
        data: the crypto stream from its start; it may be cut: what is there is used.

    Raises:
        Truncated: it ends before a server name was read and before the hello ends.
        Malformed: it is no CHLO, or its table contradicts itself before a server name.
    """
    if not data.startswith(_CHLO):
        raise Truncated(len(data)) if begins_chlo(data) else Malformed(Reason.BAD_VALUE, 0)
    if len(data) < 8:
        raise Truncated(len(data))
    count = int.from_bytes(data[4:6], "little")
    if count > MAX_TAGS:
        raise Malformed(Reason.TOO_LARGE, 4)
    base, before, name, anomaly = 8 + 8 * count, 0, None, None
    for at in range(8, base, 8):
        end = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 > len(data) or base + end > len(data):
            anomaly = Reason.TRUNCATED
            break
        if end < before:
            anomaly = Reason.BAD_LENGTH
            break
        if data[at : at + 4] == b"SNI\x00" and name is None:
            name = data[base + before : base + end]
        before = end
    if name is None and anomaly is not None:
        raise Truncated(len(data)) if anomaly is Reason.TRUNCATED else Malformed(anomaly, 8)
    return Chlo(name, anomaly)
