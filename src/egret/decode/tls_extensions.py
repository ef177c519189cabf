"""What the extensions of a ClientHello say, as far as Egret reads them.

An extension whose own content is broken spoils that extension only, as its length bounds the damage.
"""

from __future__ import annotations

from collections.abc import Callable

from egret.errors import Malformed, Reason, Truncated

_MAX_HOST = 255
_MAX_ALPN = 8  # as many protocol names as an observation carries
_SERVER_NAME = 0
_SIGNATURE_ALGORITHMS = 13
_ALPN = 16
_SUPPORTED_VERSIONS = 43
_KEY_SHARE = 51
_ECH = 0xFE0D  # RFC 9849 section 5
_ESNI = 0xFFCE  # draft-ietf-tls-esni-02: what ECH was before
_POST_QUANTUM = frozenset({0x11EB, 0x11EC, 0x11ED, 0x0200, 0x0201, 0x0202, 0x6399, 0x639A})

VERSIONS = {0x0002: "SSL 2.0", 0x0300: "SSL 3.0", 0x0301: "1.0", 0x0302: "1.1", 0x0303: "1.2", 0x0304: "1.3"}


class Draft:
    """A hello while it is being read."""

    __slots__ = (
        "alpn",
        "anomaly",
        "ciphers",
        "ech",
        "ech_config_id",
        "esni",
        "extensions",
        "post_quantum",
        "server_name",
        "signature_algorithms",
        "version",
    )

    def __init__(self) -> None:
        self.server_name: bytes | None = None
        self.version = 0
        self.alpn: tuple[bytes, ...] = ()
        self.ech = False
        self.ech_config_id: int | None = None
        self.esni = False
        self.post_quantum = False
        self.ciphers = b""
        self.extensions: tuple[int, ...] | None = None
        self.signature_algorithms = b""
        self.anomaly: Reason | None = None


_Read = Callable[[bytes, int, int, Draft], None]


def uint(data: bytes, position: int, width: int, end: int) -> int:
    """An integer of *width* bytes that must lie before *end*, the end of what encloses it."""
    stop = position + width
    if stop > end:
        raise Malformed(Reason.BAD_LENGTH, position)
    if stop > len(data):
        raise Truncated(len(data))
    return int.from_bytes(data[position:stop], "big")


def vector(data: bytes, position: int, width: int, end: int) -> tuple[int, int]:
    """Start and end of a vector with a length of *width* bytes; its end may lie beyond the bytes we have."""
    start = position + width
    stop = start + uint(data, position, width, end)
    if stop > end:
        raise Malformed(Reason.BAD_LENGTH, position)
    return start, stop


def take(data: bytes, start: int, stop: int) -> bytes:
    """The bytes between; Truncated if they are not all here."""
    if stop > len(data):
        raise Truncated(len(data))
    return data[start:stop]


def read_extensions(data: bytes, position: int, end: int, draft: Draft) -> tuple[int, ...]:
    """Walk the extensions. Most are skipped, so the loop reads their heads without a call for each."""
    here = len(data)
    kinds: list[int] = []
    while position < end:
        start = position + 4
        if start > end:
            raise Malformed(Reason.BAD_LENGTH, position)
        if start > here:
            raise Truncated(here)
        stop = start + (data[position + 2] << 8 | data[position + 3])
        if stop > end:
            raise Malformed(Reason.BAD_LENGTH, position)
        kind = data[position] << 8 | data[position + 1]
        kinds.append(kind)
        read = _EXTENSIONS.get(kind)
        if read is not None:
            _read_one(read, data, start, stop, draft)
        elif stop > here:
            raise Truncated(here)
        position = stop
    return tuple(kinds)


def _read_one(read: _Read, data: bytes, start: int, stop: int, draft: Draft) -> None:
    try:
        read(data, start, stop, draft)
    except Malformed as error:
        draft.anomaly = error.reason
    if stop > len(data):
        raise Truncated(len(data))


def _read_server_name(data: bytes, start: int, end: int, draft: Draft) -> None:
    """RFC 6066 section 3. A list length that lies is an anomaly; the name inside the extension is kept."""
    listed = start + 2 + uint(data, start, 2, end)
    position = start + 2
    while position < end:
        kind = uint(data, position, 1, end)
        start, position = vector(data, position + 1, 2, end)
        name = take(data, start, position)
        if kind == 0 and name and draft.server_name is None:
            draft.server_name = name
    if listed != end:
        raise Malformed(Reason.BAD_LENGTH, position)


def _read_signature_algorithms(data: bytes, start: int, end: int, draft: Draft) -> None:
    """RFC 8446 section 4.2.3."""
    draft.signature_algorithms = take(data, *vector(data, start, 2, end))


def _read_alpn(data: bytes, start: int, end: int, draft: Draft) -> None:
    """RFC 7301 section 3.1."""
    position, stop = vector(data, start, 2, end)
    names: list[bytes] = []
    while position < stop and len(names) < _MAX_ALPN:
        start, position = vector(data, position, 1, stop)
        names.append(take(data, start, position))
    draft.alpn = tuple(names)


def _read_versions(data: bytes, start: int, end: int, draft: Draft) -> None:
    """RFC 8446 section 4.2.1; GREASE values (RFC 8701) are no versions."""
    position, stop = vector(data, start, 1, end)
    offered = take(data, position, stop)
    versions = [int.from_bytes(offered[at : at + 2], "big") for at in range(0, len(offered) - 1, 2)]
    known = [version for version in versions if version in VERSIONS or version >> 8 in {0x7F, 0xFE}]
    if known:
        draft.version = max(known, key=_newness)


def _newness(version: int) -> int:
    """Order versions; drafts of TLS 1.3 come just below it, DTLS counts downwards."""
    if version >> 8 == 0xFE:
        return 0x0400 - (version & 0xFF)
    return 0x0303 if version >> 8 == 0x7F else version


def _read_key_share(data: bytes, start: int, end: int, draft: Draft) -> None:
    """RFC 8446 section 4.2.8: only the groups, never the keys."""
    position, stop = vector(data, start, 2, end)
    while position < stop:
        if uint(data, position, 2, stop) in _POST_QUANTUM:
            draft.post_quantum = True
        _, position = vector(data, position + 2, 2, stop)


def _read_ech(data: bytes, start: int, end: int, draft: Draft) -> None:
    """RFC 9849 section 5: type outer (0), cipher suite, config id. The inner one never travels in the clear."""
    if uint(data, start, 1, end) == 0:
        draft.ech = True
        draft.ech_config_id = uint(data, start + 5, 1, end)


def _read_esni(_data: bytes, _start: int, _end: int, draft: Draft) -> None:
    draft.esni = True


_EXTENSIONS = {
    _SERVER_NAME: _read_server_name,
    _SIGNATURE_ALGORITHMS: _read_signature_algorithms,
    _ALPN: _read_alpn,
    _SUPPORTED_VERSIONS: _read_versions,
    _KEY_SHARE: _read_key_share,
    _ECH: _read_ech,
    _ESNI: _read_esni,
}


def find_server_name(data: bytes) -> bytes | None:
    """A server_name extension anywhere in *data*, a part of a hello whose beginning is missing.

    Three lengths that must agree, around a list with one name that ends where the extension does, do not come by
    chance; the caller still asks for a host name. None where there is none, or it is not whole.
    """
    position = data.find(b"\x00\x00")
    while 0 <= position <= len(data) - 9:
        size = int.from_bytes(data[position + 7 : position + 9], "big")
        stop = position + 9 + size
        lengths = (size + 5).to_bytes(2, "big") + (size + 3).to_bytes(2, "big") + b"\x00"
        if 0 < size <= _MAX_HOST and stop <= len(data) and data[position + 2 : position + 7] == lengths:
            return data[position + 9 : stop]
        position = data.find(b"\x00\x00", position + 1)
    return None
