"""SOCKS requests: which host a client asks a proxy to connect to. Versions 4, 4a and 5.

Read from the client's side alone: the methods it offers, the user and password it sends (stepped over, never
kept), and the request. The proxy's answers are in the other direction and say nothing that is needed here.
Ref: RFC 1928 sections 3 to 5, RFC 1929; SOCKS 4 and 4a are de facto.
"""

from __future__ import annotations

from egret.decode.reader import Reader
from egret.errors import Malformed, Reason, Truncated
from egret.value import Struct

MAX_REQUEST = 1100  # version 5 with all methods, the longest user and password, and the longest domain
_MAX_USER = 255  # of version 4, which sets no bound; version 5's own
_COMMANDS_4 = {1: "connect", 2: "bind"}
_COMMANDS = _COMMANDS_4 | {3: "udp_associate"}
_PASSWORD = 2
_NO_METHOD_READ = frozenset({1})  # GSSAPI: its exchange could only be guessed at
_IPV4, _DOMAIN, _IPV6 = 1, 3, 4
_ADDRESS_SIZES = {_IPV4: 4, _IPV6: 16}


class SocksRequest(Struct, frozen=True):
    """What the proxy is asked for; *host* is raw, None where an address was given."""

    version: str  # "4", "4a" or "5"
    command: str
    host: bytes | None
    port: int
    size: int  # bytes of the client's stream up to and with the request


def parse_request(data: bytes) -> SocksRequest | None:
    """Parse from the first byte of a client's stream; None: more is needed.

    Raises:
        Malformed: this is no SOCKS client, or one that cannot be followed.
    """
    reader = Reader(data[:MAX_REQUEST])
    try:
        version = reader.uint(1)
        if version == 5:
            return _version5(reader)
        if version == 4:
            return _version4(reader)
    except Truncated:
        if len(data) < MAX_REQUEST:
            return None
        raise Malformed(Reason.TOO_LARGE, MAX_REQUEST) from None
    raise Malformed(Reason.BAD_VALUE, 0)


def _version5(reader: Reader) -> SocksRequest:
    methods = _methods(reader)
    following = reader.uint(1)
    if following == 1 and _PASSWORD in methods:  # RFC 1929 section 2
        for _ in range(2):
            reader.skip(reader.uint(1))
        following = reader.uint(1)
    if following != 5:
        raise Malformed(Reason.BAD_VALUE, reader.offset - 1)
    command = _command(reader, _COMMANDS)
    if reader.uint(1):
        raise Malformed(Reason.BAD_VALUE, reader.offset - 1)
    kind = reader.uint(1)
    host = None
    if kind == _DOMAIN:
        host = reader.take(reader.uint(1))
    elif kind in _ADDRESS_SIZES:
        reader.skip(_ADDRESS_SIZES[kind])
    else:
        raise Malformed(Reason.BAD_VALUE, reader.offset - 1)
    return SocksRequest("5", command, host, reader.uint(2), reader.offset)


def _methods(reader: Reader) -> bytes:
    """RFC 1928 section 3; each method is offered once, so that random bytes are seldom a list of them."""
    count = reader.uint(1)
    offered = bytes(reader.data[2 : 2 + count])
    if not count or len(set(offered)) != len(offered):
        raise Malformed(Reason.BAD_VALUE, 1)
    reader.skip(count)
    if set(offered) == _NO_METHOD_READ:
        raise Malformed(Reason.BAD_VALUE, 2)
    return offered


def _version4(reader: Reader) -> SocksRequest:
    command = _command(reader, _COMMANDS_4)
    port = reader.uint(2)
    address = reader.take(4)
    _text(reader, _MAX_USER)
    named = address[:3] == bytes(3) and address[3]  # 0.0.0.x, x not zero: the name follows (4a)
    host = _text(reader, _MAX_USER) if named else None
    return SocksRequest("4a" if named else "4", command, host, port, reader.offset)


def _command(reader: Reader, known: dict[int, str]) -> str:
    command = known.get(reader.uint(1))
    if command is None:
        raise Malformed(Reason.BAD_VALUE, reader.offset - 1)
    return command


def _text(reader: Reader, limit: int) -> bytes:
    """Printable text up to a zero byte."""
    start = reader.offset
    text, end, _ = bytes(reader.data[start : start + limit + 1]).partition(b"\0")
    if len(text) > limit or any(byte < 0x20 for byte in text):
        raise Malformed(Reason.BAD_VALUE, start)
    reader.skip(len(text) + 1)
    if not end:
        raise Truncated(start)
    return text
