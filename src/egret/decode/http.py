"""HTTP request heads: which host the client asked for. Recognised by content, on any port.

A name is taken only from a line that is whole: a cut Host line names a host that nobody asked for.
Ref: RFC 9112 sections 2, 3 and 5; RFC 9110 section 7.2; RFC 9113 section 3.3 (prior knowledge).
"""

from __future__ import annotations

import re
import zlib

from egret import names
from egret.decode.http2 import PREFACE, Opening, parse_opening
from egret.errors import DecodeError, Malformed, Reason, Unsupported
from egret.model import Recognition
from egret.value import Struct

MAX_HEAD = 16 * 1024  # Apache's and nginx's own limits are of this size; Reason.TOO_LARGE beyond
MAX_REPLY = 16 * 1024  # of a body that is read: the answers of a resolver are far below
MAX_SURE_LINE = 2048  # of a request that is known by its line alone
_MAX_HOSTS = 8  # of one head
_NO_BODY = frozenset({b"204", b"304"})  # and all interim ones: RFC 9112 section 6.3
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")

# Methods are tokens; every registered one is upper case with a hyphen at most, the longest has 17 letters. Clients
# that write them in lower case are served by some.
_LINE_START = re.compile(rb"[A-Za-z][A-Za-z0-9_-]{1,23}[ \t]+[^\x00-\x1f ]")
_LINE_PREFIX = re.compile(rb"[A-Za-z][A-Za-z0-9_-]{0,23}[ \t]*\r?").fullmatch
_VERSIONS = frozenset({b"HTTP/1.1", b"HTTP/1.0"})
_ANY_VERSION = re.compile(rb" +HTTP/[0-9]", re.IGNORECASE)  # with common methods servers take more than the RFC has
_COMMON = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"PATCH"})
# Without a version that HTTP has: a Host line must show that it is a request after all.
_BARE_LINE = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH)(?: [^\x00-\x1f]*)?")
_OTHER_PROTOCOL = re.compile(rb" (?:RTSP|SIP|ICAP)/[0-9.]+$")
_FIELD_START = re.compile(rb"[!#-'*+.0-9A-Z^-z|~-]*(?:[ \t]*:.*)?", re.DOTALL)
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


class RequestHead(Struct, frozen=True):
    """One request's head, as far as whole lines go."""

    method: str
    name: str | None  # canonical host the request is for; None: an address, or nothing usable
    port: int | None  # as written beside the name
    host: str | None  # the Host line's own name; differs from *name* where a proxy is asked
    is_connect: bool
    size: int  # bytes up to and with the empty line; 0 while that is not there
    body: int | None  # bytes of the body behind it; None: not known, or not to be skipped
    target: bytes  # as in the request line; for looking at, never for keeping
    others: tuple[str, ...] = ()  # what further Host lines name: which of them counts is the server's choice
    chunked: bool = False  # the body comes in chunks, and then says itself where it ends


def recognise(data: bytes | memoryview) -> Recognition:
    """Whether a stream's first bytes are an HTTP request: a whole request line says yes."""
    start = bytes(data[:MAX_HEAD]).lstrip(b"\r\n")  # RFC 9112 section 2.2
    if len(start) < len(PREFACE) and PREFACE.startswith(start):
        return Recognition.NEED_MORE
    if start.startswith(PREFACE):
        return Recognition.YES
    line, newline, rest = start.partition(b"\n")
    if newline:
        if _request_line(line) is not None:
            return Recognition.YES
        return Recognition.NEED_MORE if _is_bare(line, rest) else Recognition.NO
    begun = _LINE_PREFIX(start) or _LINE_START.match(start)
    return Recognition.NEED_MORE if begun and len(start) < MAX_HEAD else Recognition.NO


def begins_head(data: bytes) -> bool:
    """Whether *data* may be the beginning of a head of lines."""
    return not data.startswith(PREFACE) and recognise(data[:MAX_SURE_LINE]) is not Recognition.NO


def begins_request(segment: bytes | memoryview) -> bool:
    """Whether a segment in the middle of a stream begins with a request beyond doubt: its line is whole."""
    line, newline, _ = bytes(segment[:MAX_SURE_LINE]).partition(b"\n")
    return bool(newline) and _request_line(line) is not None


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
    bare = request is None
    fields = _find_fields(lines, len(raw) - len(text) + len(first) + 1)
    if request is None:
        request = _bare_line(first, fields, b"\n".join([*lines, cut]), final=final)
    hosts, size = fields.hosts, fields.size
    # A tunnel begins where CONNECT's head ends; an empty Host line may go on in the next.
    settled = size or (any(hosts) and _method(request) != b"CONNECT")
    if not settled and not final:
        if len(raw) < MAX_HEAD:
            return None
        if not hosts and not _own_authority(request):
            raise Unsupported(Reason.TOO_LARGE, MAX_HEAD)
    return None if bare and not any(hosts) else _head(request, fields)


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
    hosts = [] if opening.authority is None else [opening.authority]
    return _head((opening.method, b""), _Fields(opening.size, hosts, None))


def _refuse_incomplete(text: bytes, *, final: bool) -> None:
    """Without one whole line: wait for it, or say why not."""
    if recognise(text) is Recognition.NO:
        raise Malformed(Reason.BAD_VALUE, 0)
    if final:
        raise DecodeError(Reason.TRUNCATED, len(text))


def _request_line(line: bytes) -> tuple[bytes, bytes] | None:
    """Method and target, or None."""
    method, _, rest = line.rstrip(b"\r\t ").replace(b"\t", b" ").partition(b" ")
    target, _, version = rest.rpartition(b" ")
    if version not in _VERSIONS:
        odd = _ANY_VERSION.search(rest) if method.upper() in _COMMON else None
        if odd is None:
            return None
        target = rest[: odd.start()]
    if not _LINE_START.match(method + b" x") or len(method) > 24:
        return None
    return method, target.strip(b" ")


def _is_bare(line: bytes, rest: bytes) -> bool:
    """Whether *line* asks without a version, and *rest* may go on with a field."""
    line = line.rstrip(b"\r\t ")
    if _BARE_LINE.fullmatch(line) is None or _OTHER_PROTOCOL.search(line):
        return False
    return _FIELD_START.fullmatch(rest) is not None


def _bare_line(line: bytes, fields: _Fields, rest: bytes, *, final: bool) -> tuple[bytes, bytes]:
    """The method of a line without a version, and no target: it is believed only with a Host line behind it."""
    if not _is_bare(line, rest) or (not any(fields.hosts) and (fields.size or final)):
        raise Malformed(Reason.BAD_VALUE, 0)
    return line.split()[0], b""


class _Fields(Struct, frozen=True):
    """What a head's lines say, as far as they are whole."""

    size: int  # the offset behind the empty line; 0: not there yet
    hosts: list[bytes]  # the values of all Host lines
    body: int | None
    chunked: bool = False


def _find_fields(lines: list[bytes], offset: int) -> _Fields:
    hosts: list[bytes] = []
    body: int | None = 0
    chunked = folds = False
    for line in lines:
        offset += len(line) + 1
        if line in {b"", b"\r"}:
            return _Fields(offset, hosts, None if chunked else body, chunked)
        if folds and line[:1] in b" \t":  # RFC 9112 section 5.2
            hosts[-1] = line.strip(b" \t\r")
        field, colon, value = line.partition(b":")
        name = field.rstrip(b" \t").lower() if colon else b""
        folds = False
        if name == b"host":
            hosts.append(value.strip(b" \t\r").partition(b"\r")[0])  # a lone CR ends a line for some
            folds = not hosts[-1]
        elif name == b"content-length" and body is not None:
            body = _length(value.strip(b" \t\r"))
        elif name == b"transfer-encoding":
            body = None
            chunked = value.strip(b" \t\r").lower() == b"chunked"
    return _Fields(0, hosts, None)


def _length(value: bytes) -> int | None:
    """RFC 9110 section 8.6; None where it is more than can be followed in a window of sequence numbers."""
    return int(value) if value.isdigit() and len(value) < 10 else None


def _own_authority(request: tuple[bytes, bytes]) -> bytes | None:
    """The authority in the request line itself: CONNECT and absolute form (RFC 9112 section 3.2)."""
    absolute = _ABSOLUTE.match(request[1])
    if absolute:
        return absolute.group(1).rpartition(b"@")[2]
    return request[1] if _method(request) == b"CONNECT" else None


def _method(request: tuple[bytes, bytes]) -> bytes:
    return request[0].upper()


def _host_name(host: bytes) -> str | None:
    """No URL is a host: a client that writes one into its Host line says nothing that can be trusted."""
    return None if b"/" in host else names.as_said(host)


def _head(request: tuple[bytes, bytes], fields: _Fields) -> RequestHead:
    told = [_host_name(names.split_port(host)[0]) if host else None for host in fields.hosts[:_MAX_HOSTS]]
    # The request line's authority decides over the Host line (RFC 9112 section 3.2.2).
    authority = _own_authority(request) or next(iter(fields.hosts), b"")
    name, port = names.split_port(authority)
    return RequestHead(
        request[0].decode("ascii"),
        _host_name(name),
        port,
        told[0] if told else None,
        _method(request) == b"CONNECT",
        fields.size,
        fields.body,
        request[1],
        tuple(other for other in told[1:] if other is not None),
        fields.chunked,
    )


class Reply(Struct, frozen=True):
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
