"""What a client's first bytes are: recognised by content, whatever the port."""

from __future__ import annotations

from typing import NamedTuple

from egret import names
from egret.decode import dns, http, proxy_header, socks
from egret.decode.http import MAX_HEAD, RequestHead
from egret.decode.plain_hello import awaited_of_plain
from egret.decode.tls import is_server_hello, read_hello
from egret.errors import DecodeError, Malformed, Reason
from egret.evidence import Raw
from egret.model import Kind, Protocol, Recognition
from egret.track.naming import Said, said_by_hello
from egret.track.preludes import hello_may_follow, possible_hellos

_SOCKS_VERSIONS = frozenset({4, 5})
_MAX_DNS_START = 0x20  # the first byte of a message's length on TCP: 8 KB at most, so that text is none


class Recognised(NamedTuple):
    """What the bytes are, as far as they go."""

    recognition: Recognition
    said: Said | None = None
    needed: int = 0  # with NEED_MORE: another look pays when there are this many bytes
    protocol: Protocol | None = None
    reason: Reason | None = None  # with YES and nothing said: why it cannot be read
    header: int = 0  # with YES and nothing said: bytes to pass over, and what they lead is the message
    size: int = 0  # with a whole hello: bytes that it took
    prelude: bool = False  # with NEED_MORE: these bytes are whole, and a hello may follow at the client's leisure


_NO = Recognised(Recognition.NO)


def recognise(data: bytes, *, final: bool = False) -> Recognised:
    """Read the message that *data* begins with.

    Args:
        data: what a client sent, without holes.
        final: nothing will follow: use what is there.
    """
    if not data:
        return _NO if final else Recognised(Recognition.NEED_MORE, None, 1)
    first = data[0]
    if first == 0x16 or first >= 0x80:
        return _tls(data, final=final)
    if first in b"\rP":
        found = _proxy_header(data, final=final)
        if found.recognition is not Recognition.NO:
            return found
    if first in _SOCKS_VERSIONS:
        found = _socks(data, final=final)
        if found.recognition is not Recognition.NO:
            return found
    if first < _MAX_DNS_START and first not in b"\r\n":
        return _dns(data, final=final)
    return _http(data, final=final)


def is_server(data: bytes) -> bool:
    """Whether a direction's first bytes are a server's: then the other end is the client."""
    return is_server_hello(data) or data.startswith(b"HTTP/1.")


def recognise_anywhere(data: bytes, *, final: bool = False) -> Recognised:
    """As ``recognise``; a TLS hello behind something else counts too: STARTTLS and the like.

    Six bytes of a record and a handshake header seldom come by chance in what clients say before a hello,
    and the hello must then parse.
    """
    found = recognise(data, final=final)
    if found.recognition is not Recognition.NO:
        return found
    for start in possible_hellos(data):
        hello = _tls(data[start:], final=final)
        if hello.said is not None:
            return hello._replace(size=hello.size and hello.size + start)
        if hello.recognition is Recognition.NEED_MORE:
            return hello._replace(needed=hello.needed + start)
    if not final and hello_may_follow(data):
        return Recognised(Recognition.NEED_MORE, None, len(data) + 1, prelude=True)
    return _NO


def _tls(data: bytes, *, final: bool) -> Recognised:
    needed = 0 if final else awaited_of_plain(data)
    if needed:  # what ``read_hello`` says, of most hellos that take two segments
        return Recognised(Recognition.NEED_MORE, None, needed, Protocol.TLS)
    read = read_hello(data, final=final)
    if read.recognition is Recognition.NO:
        return _NO
    if read.hello is not None:
        return Recognised(Recognition.YES, said_by_hello(read.hello, Protocol.TLS), 0, Protocol.TLS, size=read.size)
    return Recognised(read.recognition, None, read.needed, Protocol.TLS, read.reason)


def _proxy_header(data: bytes, *, final: bool) -> Recognised:
    try:
        size = proxy_header.header_size(data)
    except Malformed:
        return _NO
    if size is None:
        return _NO if final else Recognised(Recognition.NEED_MORE, None, len(data) + 1)
    return Recognised(Recognition.YES, header=size)


def _socks(data: bytes, *, final: bool) -> Recognised:
    try:
        request = socks.parse_request(data)
    except Malformed:
        return _NO
    if request is None:
        return _NO if final else Recognised(Recognition.NEED_MORE, None, len(data) + 1, prelude=True)
    name = None if request.host is None else names.from_host(request.host)
    attributes = {"version": request.version, "command": request.command}
    raw = Raw(data[: request.size])
    said = Said(Protocol.SOCKS, Kind.CONNECT, name, attributes, consumed=request.size, raw=raw)
    return Recognised(Recognition.YES, said, 0, Protocol.SOCKS)


def _dns(data: bytes, *, final: bool) -> Recognised:
    recognition = dns.recognise_stream(data)
    if recognition is Recognition.NO or (final and recognition is Recognition.NEED_MORE):
        return _NO
    return Recognised(recognition, None, len(data) + 1, Protocol.DNS if recognition is Recognition.YES else None)


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
    return Recognised(Recognition.YES, said_by_head(head, data), 0, Protocol.HTTP)


def said_by_head(head: RequestHead, data: bytes = b"") -> Said:
    """Method and name only: no path, no cookie, no body is kept. *data* is where the head was read, if it is text."""
    told = dict.fromkeys(name for name in (head.host, *head.others) if name is not None and name != head.name)
    kind = Kind.CONNECT if head.is_connect else Kind.REQUEST
    attributes = {"method": head.method}
    consumed, raw = head.size if head.is_connect else 0, Raw(data[: head.size or MAX_HEAD])
    return Said(Protocol.HTTP, kind, head.name, attributes, None, tuple(told), consumed, raw)
