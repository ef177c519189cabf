"""The server name of a ClientHello of today's plainest shape, in one walk without an object.

Most hellos are one message in one record, whole, with everything where it should be. Of those only the name matters to
most readers, and whether there is an Encrypted Client Hello: most browsers send one, real or GREASE. Whatever is odd is
left to ``decode.tls``, and this never says anything else than that would (tests/property/test_plain_hello.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from struct import error as StructError  # noqa: N812 (the exception's own name says nothing here)

MAX_PLAIN = 4_096  # bytes of a hello that are worth putting together; a browser's post-quantum one has 1.7 to 2.2 KB
SESSION_AT = 43
SERVER_NAME, KEY_SHARE, ECH = 0, 51, 0xFE0D  # extensions
NO_ECH = -1

Plain = tuple[bytes, int]

_HANDSHAKE, _CLIENT_HELLO = 0x16, 1
_SMALLEST = 60
_HEAD = Struct("!BBBHBBHBB")  # record type, version, length; message type, length in two parts; version
_TWO = Struct("!HH")
_U16 = Struct("!H")
_MAX_SESSION = 32
_HOST = re.compile(rb"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.[a-z][a-z0-9_-]{0,62}").fullmatch
_MAX_HOST = 253
_MAX_ALPN = 8
_SIGNATURES, _ALPN, _VERSIONS = 13, 16, 43
_ESNI = 0xFFCE
_OUTER_ECH = 6  # its type, its cipher suite and the id


def read_plain(data: bytes) -> Plain | None:
    """The host that a hello names, and the id of the configuration of its Encrypted Client Hello or ``NO_ECH``.

    Args:
        data: a client's stream from its first byte, without holes.

    Returns:
        A lower-case host name of several labels, the last of which no number; None where *data* is anything but one
        whole hello that names one, or where anything else about it must be told.

    Ref: RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 9849 section 5.
    """
    if len(data) < _SMALLEST:
        return None
    end = first_of_plain(data)
    if end != len(data):
        return None
    try:
        at = _extensions_at(data, end)
        return None if at is None else _walk(data, at, end)
    except (IndexError, StructError):
        return None


def first_of_plain(data: bytes) -> int:
    """How long a client's stream must be to be one plain hello; *data* is the first of it, 0: it cannot be one."""
    return _size(data[: _HEAD.size])


@lru_cache(maxsize=1 << 12)  # of one length they are all alike
def _size(head: bytes) -> int:
    if len(head) < _HEAD.size:
        return 0
    record, major, minor, size, kind, high, low, version, _ = _HEAD.unpack(head)
    if record != _HANDSHAKE or major != 3 or minor > 4 or kind != _CLIENT_HELLO or version != 3:
        return 0
    return 5 + size if size == 4 + (high << 16 | low) else 0


def awaited_of_plain(data: bytes) -> int:
    """How long a client's stream must be to be one plain hello, of which *data* is a part; 0: it may be none."""
    size = first_of_plain(data)
    return size if len(data) < size <= MAX_PLAIN else 0


def _extensions_at(data: bytes, end: int) -> int | None:
    """Where the extensions begin, if they fill the rest of the message."""
    session = data[SESSION_AT]
    if session > _MAX_SESSION:
        return None
    at = SESSION_AT + 1 + session
    at += 2 + _U16.unpack_from(data, at)[0]
    at += 1 + data[at]
    return at + 2 if at + 2 + _U16.unpack_from(data, at)[0] == end else None


def _walk(data: bytes, at: int, end: int) -> Plain | None:
    host, ech = None, NO_ECH
    unpack = _TWO.unpack_from
    while at < end:
        kind, size = unpack(data, at)
        at += 4
        stop = at + size
        if kind == SERVER_NAME:
            if host is not None:
                return None
            host = _host(data, at, stop)
            if host is None:
                return None
        elif kind == ECH:
            if ech != NO_ECH or size < _OUTER_ECH or data[at] != 0:
                return None
            ech = data[at + 5]
        elif kind in _CHECKED and not _CHECKED[kind](data, at, stop):
            return None
        at = stop
    return (host, ech) if at == end and host is not None else None


def _host(data: bytes, at: int, stop: int) -> bytes | None:
    listed, size = _U16.unpack_from(data, at)[0], _U16.unpack_from(data, at + 3)[0]
    if at + 2 + listed != stop or data[at + 2] != 0 or at + 5 + size != stop or size > _MAX_HOST:
        return None
    host = data[at + 5 : stop]
    return host if is_plain_host(host) else None


def is_plain_host(host: bytes) -> bool:
    """Whether a name of no more than 253 bytes is a lower-case host name of several labels, the last no number."""
    return _HOST(host) is not None


def extensions(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, start and end of each extension of a hello that named a host."""
    at = _extensions_at(data, len(data)) or len(data)
    while at < len(data):
        kind, size = _TWO.unpack_from(data, at)
        at += 4 + size
        yield kind, at - size, at


def _list_of_16(data: bytes, at: int, stop: int) -> bool:
    return at + 2 + int(_U16.unpack_from(data, at)[0]) <= stop


def _list_of_8(data: bytes, at: int, stop: int) -> bool:
    return at + 1 + data[at] <= stop


def _alpn(data: bytes, at: int, stop: int) -> bool:
    last: int = at + 2 + _U16.unpack_from(data, at)[0]
    if last > stop:
        return False
    at += 2
    for _ in range(_MAX_ALPN):
        if at < last:
            at += 1 + data[at]
    return at <= last


def _key_share(data: bytes, at: int, stop: int) -> bool:
    last = at + 2 + _U16.unpack_from(data, at)[0]
    at += 2
    while at < last:
        at += 4 + _U16.unpack_from(data, at + 2)[0]
    return bool(at == last <= stop)


def _never(_data: bytes, _at: int, _stop: int) -> bool:
    return False


_CHECKED = {
    _SIGNATURES: _list_of_16,
    _ALPN: _alpn,
    _VERSIONS: _list_of_8,
    KEY_SHARE: _key_share,
    _ESNI: _never,
}
