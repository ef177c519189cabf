"""What a client's first bytes are: recognised by content, whatever the port."""

from __future__ import annotations

import re
from typing import NamedTuple

from egret.decode import http
from egret.decode.http import RequestHead
from egret.decode.tls import is_server_hello, read_hello
from egret.errors import DecodeError, Malformed, Reason
from egret.model import Kind, Protocol, Recognition
from egret.track.naming import Said, said_by_hello

_EMBEDDED_HELLO = re.compile(rb"\x16\x03[\x00-\x04][\x00-\x48].\x01\x00..\x03[\x00-\x03]", re.DOTALL)
# Text commands and the first bytes of a hello behind them; SOCKS 4 and 5; LDAP. Other preludes are short and fixed.
_PRELUDE = re.compile(rb"[\t\r\n\x20-\x7e]*(?:\x16.{0,10})?|[\x04\x05\x30].*", re.DOTALL)
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # PostgreSQL's StartTLS
_MAX_PRELUDE = 4096  # what a client may say before STARTTLS; a PROXY header, a SOCKS request


class Recognised(NamedTuple):
    """What the bytes are, as far as they go."""

    recognition: Recognition
    said: Said | None = None
    needed: int = 0  # with NEED_MORE: another look pays when there are this many bytes
    protocol: Protocol | None = None
    reason: Reason | None = None  # with YES and nothing said: why it cannot be read


_NO = Recognised(Recognition.NO)


def recognise(data: bytes, *, final: bool = False) -> Recognised:
    """Read the message that *data* begins with.

    Args:
        data: what a client sent, without holes.
        final: nothing will follow: use what is there.
    """
    if not data:
        return _NO if final else Recognised(Recognition.NEED_MORE, None, 1)
    if data[0] == 0x16 or data[0] >= 0x80:
        return _tls(data, final=final)
    return _http(data, final=final)


def is_server(data: bytes) -> bool:
    """Whether a direction's first bytes are a server's: then the other end is the client."""
    return is_server_hello(data) or data.startswith(b"HTTP/1.")


def recognise_anywhere(data: bytes, *, final: bool = False) -> Recognised:
    """As ``recognise``; a TLS hello behind something else counts too: STARTTLS, SOCKS, a PROXY header.

    Eleven bytes of a record and a handshake header with fixed values do not come by chance in what
    clients say before a hello, and the hello must then parse.
    """
    found = recognise(data, final=final)
    if found.recognition is not Recognition.NO:
        return found
    inner = _EMBEDDED_HELLO.search(data, 1)
    if inner is not None:
        hello = _tls(data[inner.start() :], final=final)
        if hello.said is not None:
            return hello
        if hello.recognition is Recognition.NEED_MORE:
            return hello._replace(needed=hello.needed + inner.start())
    if not final and _may_be_prelude(data):
        return Recognised(Recognition.NEED_MORE, None, len(data) + 1)
    return _NO


def _may_be_prelude(data: bytes) -> bool:
    """Whether a hello may still follow these bytes in the same stream."""
    if len(data) > _MAX_PRELUDE:
        return False
    return data[:8] == _SSL_REQUEST[: len(data)] or _PRELUDE.fullmatch(data[:512]) is not None


def _tls(data: bytes, *, final: bool) -> Recognised:
    read = read_hello(data, final=final)
    if read.recognition is Recognition.NO:
        return _NO
    if read.hello is not None:
        return Recognised(Recognition.YES, said_by_hello(read.hello, Protocol.TLS), 0, Protocol.TLS)
    return Recognised(read.recognition, None, read.needed, Protocol.TLS, read.reason)


def _http(data: bytes, *, final: bool) -> Recognised:
    recognition = http.recognise(data)
    if recognition is Recognition.NO or (final and recognition is Recognition.NEED_MORE):
        return _NO
    try:
        head = http.parse_request_head(data, final=final)
    except Malformed:
        return _NO
    except DecodeError as error:
        return Recognised(Recognition.YES, None, 0, Protocol.HTTP, error.reason)
    # After CONNECT the tunnel begins behind the empty line, so its end is needed as well.
    if head is None or (head.is_connect and not head.size and not final):
        protocol = Protocol.HTTP if recognition is Recognition.YES else None
        return Recognised(Recognition.NEED_MORE, None, len(data) + 1, protocol)
    return Recognised(Recognition.YES, _said_by_head(head), 0, Protocol.HTTP)


def _said_by_head(head: RequestHead) -> Said:
    """Method and name only: no path, no cookie, no body is kept."""
    also = head.host if head.host != head.name else None
    kind = Kind.CONNECT if head.is_connect else Kind.REQUEST
    attributes = {"method": head.method}
    return Said(Protocol.HTTP, kind, head.name, attributes, None, also, head.size if head.is_connect else 0)
