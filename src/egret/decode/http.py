"""HTTP request heads: which host the client asked for. Recognised by content, on any port.

A name is taken only from a line that is whole: a cut Host line names a host that nobody asked for.
Ref: RFC 9112 sections 2, 3 and 5; RFC 9110 section 7.2; RFC 9113 section 3.3 (prior knowledge).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from egret import names
from egret.decode.http2 import PREFACE, parse_opening
from egret.errors import DecodeError, Malformed, Reason, Unsupported
from egret.model import Recognition

MAX_HEAD = 16 * 1024  # Apache's and nginx's own limits are of this size; Reason.TOO_LARGE beyond

# Methods are tokens; every registered one is upper case with a hyphen at most, the longest has 17 letters.
_LINE_START = re.compile(rb"[A-Z][A-Z_-]{1,23} [^\x00-\x1f ]")
_LINE_PREFIX = re.compile(rb"[A-Z][A-Z_-]{0,23} ?").fullmatch
_VERSIONS = frozenset({b"HTTP/1.1", b"HTTP/1.0"})
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


class RequestHead(NamedTuple):
    """One request's head, as far as whole lines go."""

    method: str
    name: str | None  # canonical host the request is for; None: an address, or nothing usable
    port: int | None  # as written beside the name
    host: str | None  # the Host line's own name; differs from *name* where a proxy is asked
    is_connect: bool
    size: int  # bytes up to and with the empty line; 0 while that is not there


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
    size, host = _find_host(lines, len(raw) - len(text) + len(first) + 1)
    settled = size or (host is not None and request[0] != b"CONNECT")  # a tunnel begins where CONNECT's head ends
    if not settled and not final:
        if len(raw) < MAX_HEAD:
            return None
        if host is None and not _own_authority(request):
            raise Unsupported(Reason.TOO_LARGE, MAX_HEAD)
    return _head(request, host, size)


def _http2(raw: bytes, *, final: bool) -> RequestHead | None:
    opening = parse_opening(raw)
    if opening is None:
        if len(raw) == MAX_HEAD:
            raise Unsupported(Reason.TOO_LARGE, MAX_HEAD)
        if final:
            raise DecodeError(Reason.TRUNCATED, len(raw))
        return None
    return _head((opening.method, b""), opening.authority, opening.size)


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
    if version not in _VERSIONS or not _LINE_START.match(method + b" x") or len(method) > 24:
        return None
    return method, target.strip(b" ")


def _find_host(lines: list[bytes], offset: int) -> tuple[int, bytes | None]:
    """The offset behind the empty line (0: not there yet) and the first Host line's value."""
    host = None
    for line in lines:
        offset += len(line) + 1
        if line in {b"", b"\r"}:
            return offset, host
        field, colon, value = line.partition(b":")
        if host is None and colon and field.rstrip(b" \t").lower() == b"host":
            host = value.strip(b" \t\r")
    return 0, host


def _own_authority(request: tuple[bytes, bytes]) -> bytes | None:
    """The authority in the request line itself: CONNECT and absolute form (RFC 9112 section 3.2)."""
    method, target = request
    if method == b"CONNECT":
        return target
    absolute = _ABSOLUTE.match(target)
    return absolute.group(1).rpartition(b"@")[2] if absolute else None


def _head(request: tuple[bytes, bytes], host: bytes | None, size: int) -> RequestHead:
    # The request line's authority decides over the Host line (RFC 9112 section 3.2.2).
    authority = _own_authority(request) or host or b""
    name, port = names.split_port(authority)
    return RequestHead(
        request[0].decode("ascii"),
        names.from_host(name),
        port,
        names.from_host(names.split_port(host)[0]) if host else None,
        request[0] == b"CONNECT",
        size,
    )
