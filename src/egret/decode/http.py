"""HTTP request heads: which host the client asked for. Recognised by content, on any port.

A name is taken only from a line that is whole: a cut Host line names a host that nobody asked for.
Ref: RFC 9112 sections 2, 3 and 5; RFC 9110 section 7.2; RFC 9113 section 3.3 (prior knowledge).
"""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

from egret import names
from egret.decode.http2 import PREFACE, Opening, parse_opening
from egret.errors import DecodeError, Malformed, Reason, Unsupported
from egret.model import Recognition

MAX_HEAD = 16 * 1024  # Apache's and nginx's own limits are of this size; Reason.TOO_LARGE beyond
MAX_REPLY = 16 * 1024  # of a body that is read: the answers of a resolver are far below
_NO_BODY = frozenset({b"204", b"304"})  # and all interim ones: RFC 9112 section 6.3
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")

# Methods are tokens; every registered one is upper case with a hyphen at most, the longest has 17 letters.
_LINE_START = re.compile(rb"[A-Z][A-Z_-]{1,23} [^\x00-\x1f ]")
_LINE_PREFIX = re.compile(rb"[A-Z][A-Z_-]{0,23} ?").fullmatch
_VERSIONS = frozenset({b"HTTP/1.1", b"HTTP/1.0"})
_ANY_VERSION = re.compile(rb" +HTTP/[0-9]", re.IGNORECASE)  # with common methods servers take more than the RFC has
_COMMON = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"PATCH"})
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


class RequestHead(NamedTuple):
    """One request's head, as far as whole lines go."""

    method: str
    name: str | None  # canonical host the request is for; None: an address, or nothing usable
    port: int | None  # as written beside the name
    host: str | None  # the Host line's own name; differs from *name* where a proxy is asked
    is_connect: bool
    size: int  # bytes up to and with the empty line; 0 while that is not there
    body: int | None  # bytes of the body behind it; None: not known, or not to be skipped
    target: bytes  # as in the request line; for looking at, never for keeping


def recognise(data: bytes | memoryview) -> Recognition:
    """Whether a stream's first bytes are an HTTP request: a whole request line says yes."""
    start = bytes(data[:MAX_HEAD]).lstrip(b"\r\n")  # RFC 9112 section 2.2
    if len(start) < len(PREFACE) and PREFACE.startswith(start):
        return Recognition.NEED_MORE
    if start.startswith(PREFACE):
        return Recognition.YES
    line, newline, _ = start.partition(b"\n")
    if newline:
        return Recognition.NO if _request_line(line) is None else Recognition.YES
    begun = _LINE_PREFIX(start) or _LINE_START.match(start)
    return Recognition.NEED_MORE if begun and len(start) < MAX_HEAD else Recognition.NO


def parse_request_head(data: bytes | memoryview, *, final: bool = False) -> RequestHead | None:
    """Parse a request's head from the first byte of a client's stream.

    Args:
        data: what the client sent so far; more than the head does no harm.
        final: nothing will follow, so take what the whole lines say.

    Returns:
        The head as soon as its Host line or its end is there; None: more is needed.

    Raises:
        Malformed: this is no HTTP request.
        Unsupported: no end within ``MAX_HEAD``.
    """
    raw = bytes(data[:MAX_HEAD])
    text = raw.lstrip(b"\r\n")
    if raw.startswith(PREFACE):
        return _http2(raw, final=final)
    first, *lines = text.split(b"\n")
    cut = lines.pop() if lines else first  # what follows the last newline is no whole line
    if cut is first:
        _refuse_incomplete(text, final=final)
        return None
    request = _request_line(first)
    if request is None:
        raise Malformed(Reason.BAD_VALUE, 0)
    size, host, body = _find_fields(lines, len(raw) - len(text) + len(first) + 1)
    settled = size or (host is not None and request[0] != b"CONNECT")  # a tunnel begins where CONNECT's head ends
    if not settled and not final:
        if len(raw) < MAX_HEAD:
            return None
        if host is None and not _own_authority(request):
            raise Unsupported(Reason.TOO_LARGE, MAX_HEAD)
    return _head(request, host, size, body if size else None)


def _http2(raw: bytes, *, final: bool) -> RequestHead | None:
    opening = parse_opening(raw)
    if opening is None:
        if len(raw) == MAX_HEAD:
            raise Unsupported(Reason.TOO_LARGE, MAX_HEAD)
        if final:
            raise DecodeError(Reason.TRUNCATED, len(raw))
        return None
    return head_of_http2(opening)


def head_of_http2(opening: Opening) -> RequestHead:
    """A request of HTTP/2 as the head that it stands for."""
    return _head((opening.method, b""), opening.authority, opening.size, None)


def _refuse_incomplete(text: bytes, *, final: bool) -> None:
    """Without one whole line: wait for it, or say why not."""
    if recognise(text) is Recognition.NO:
        raise Malformed(Reason.BAD_VALUE, 0)
    if final:
        raise DecodeError(Reason.TRUNCATED, len(text))


def _request_line(line: bytes) -> tuple[bytes, bytes] | None:
    """Method and target, or None."""
    method, _, rest = line.rstrip(b"\r\t ").partition(b" ")
    target, _, version = rest.rpartition(b" ")
    if version not in _VERSIONS:
        odd = _ANY_VERSION.search(rest) if method in _COMMON else None
        if odd is None:
            return None
        target = rest[: odd.start()]
    if not _LINE_START.match(method + b" x") or len(method) > 24:
        return None
    return method, target.strip(b" ")


def _find_fields(lines: list[bytes], offset: int) -> tuple[int, bytes | None, int | None]:
    """The offset behind the empty line (0: not there yet), the first Host line's value, the body's length."""
    host = None
    body: int | None = 0
    for line in lines:
        offset += len(line) + 1
        if line in {b"", b"\r"}:
            return offset, host, body
        field, colon, value = line.partition(b":")
        if not colon:
            continue
        name = field.rstrip(b" \t").lower()
        if name == b"host" and host is None:
            host = value.strip(b" \t\r")
        elif name == b"content-length" and body is not None:
            body = _length(value.strip(b" \t\r"))
        elif name == b"transfer-encoding":
            body = None
    return 0, host, body


def _length(value: bytes) -> int | None:
    """RFC 9110 section 8.6; None where it is more than can be followed in a window of sequence numbers."""
    return int(value) if value.isdigit() and len(value) < 10 else None


def _own_authority(request: tuple[bytes, bytes]) -> bytes | None:
    """The authority in the request line itself: CONNECT and absolute form (RFC 9112 section 3.2)."""
    method, target = request
    if method == b"CONNECT":
        return target
    absolute = _ABSOLUTE.match(target)
    return absolute.group(1).rpartition(b"@")[2] if absolute else None


def _host_name(host: bytes) -> str | None:
    """No URL is a host: a client that writes one into its Host line says nothing that can be trusted."""
    return None if b"/" in host else names.from_host(host)


def _head(request: tuple[bytes, bytes], host: bytes | None, size: int, body: int | None) -> RequestHead:
    # The request line's authority decides over the Host line (RFC 9112 section 3.2.2).
    authority = _own_authority(request) or host or b""
    name, port = names.split_port(authority)
    told = names.split_port(host)[0] if host else b""
    return RequestHead(
        request[0].decode("ascii"),
        _host_name(name),
        port,
        _host_name(told),
        request[0] == b"CONNECT",
        size,
        body,
        request[1],
    )


class Reply(NamedTuple):
    """One whole response."""

    status: int
    body: bytes  # decoded from chunks and gzip; cut at ``MAX_REPLY``
    size: int  # bytes of the stream that it took


def parse_reply(data: bytes, *, final: bool = False) -> Reply | None:
    """Parse a response from its first byte.

    Args:
        data: what the server sent so far, without holes.
        final: nothing will follow: a body without a length ends here.

    Returns:
        The response as soon as all of it is there; None: more is needed.

    Raises:
        Malformed: no HTTP response, or one whose body cannot be measured.
    """
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD)
    if not data.startswith(b"HTTP/1."[: len(data)]) or (end < 0 and len(data) >= MAX_HEAD):
        raise Malformed(Reason.BAD_VALUE, 0)
    if end < 0:
        return None
    first, *lines = data[:end].split(b"\r\n")
    status = first[9:12]
    if not status.isdigit():
        raise Malformed(Reason.BAD_VALUE, 9)
    fields = {
        name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(b":") for line in lines)
    }
    empty = status in _NO_BODY or status.startswith(b"1")
    read = (b"", 0) if empty else _body(fields, data[end + 4 :], final=final)
    if read is None:
        return None
    body, size = read
    if fields.get(b"content-encoding") == b"gzip":
        body = _inflate(body)
    return Reply(int(status), body[:MAX_REPLY], end + 4 + size)


def _body(fields: dict[bytes, bytes], rest: bytes, *, final: bool) -> tuple[bytes, int] | None:
    """A response's body and its size in the stream (RFC 9112 section 6.3); None: more is needed."""
    if fields.get(b"transfer-encoding") == b"chunked":
        return _unchunk(rest)
    if b"content-length" not in fields:
        return (rest, len(rest)) if final else None
    length = _length(fields[b"content-length"])
    if length is None:
        raise Malformed(Reason.BAD_LENGTH, 0)
    return (rest[:length], length) if len(rest) >= length else None


def _unchunk(data: bytes) -> tuple[bytes, int] | None:
    """RFC 9112 section 7.1; trailers are not expected."""
    body = bytearray()
    offset = 0
    while (line := data.find(b"\r\n", offset, offset + 20)) >= 0:
        digits = data[offset:line].partition(b";")[0].strip()
        if not digits or len(digits) > 7 or not _HEXADECIMAL.issuperset(digits):
            raise Malformed(Reason.BAD_LENGTH, offset)
        size = int(digits, 16)
        offset = line + 2 + size + 2
        if offset > len(data):
            return None
        if not size:
            return bytes(body), offset
        body += data[line + 2 : line + 2 + size]
    return None


def _inflate(body: bytes) -> bytes:
    """At most ``MAX_REPLY`` bytes, however much a bomb would give."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, MAX_REPLY)
    except zlib.error:
        return b""
