"""The host of an HTTP request of today's plainest shape, without an object for its fields.

Most requests are one head in one segment, with one Host line, whose body, if there is one, says how long it is.
Whatever is odd is left to ``decode.http``, and this never says anything else than that would
(tests/property/test_plain_request.py). ``worker/native/request.c`` is the same in C.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from egret.decode.plain_hello import is_plain_host

MAX_PLAIN = 4_096  # bytes of a segment; a longer head is one for ``decode.http_stream``
REQUEST_STARTS = frozenset(b"DGHOP")  # the first letters of the methods below

# Origin form, which a proxy is never asked in, and no CONNECT: what follows is HTTP as well (RFC 9112 section 3.2.1).
_LINE = re.compile(rb"(?:GET|POST|HEAD|PUT|OPTIONS|DELETE|PATCH) /[!-~]* HTTP/1\.[01]\r\n").match
_HOST = re.compile(rb"\nhost:[ \t]*([a-z0-9_.-]+)(?::[0-9]{1,5})?[ \t]*\r\n")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n").search
_MAX_HOST = 253


class PlainRequest(NamedTuple):
    """What a request says."""

    host: bytes  # a lower-case host name of several labels, the last of which no number; without its port
    size: int  # bytes of the stream that it takes with its body, which may go on behind the segment


def read_plain(data: bytes) -> PlainRequest | None:
    """What a segment says that is one plain request, with as much of its body as came; None where it is not.

    Ref: RFC 9112 sections 2.1, 3 and 6.3.
    """
    end = data.find(b"\r\n\r\n", 0, MAX_PLAIN)
    line = _LINE(data)
    if line is None or end < 0 or len(data) > MAX_PLAIN:
        return None
    fields = data[line.end() - 1 : end + 2]
    lower = fields.lower()
    if fields.count(b"\n") != fields.count(b"\r\n") + 1 or lower.count(b"\nhost") != 1:
        return None  # a line with another end; a second host
    host = _HOST.search(lower)
    if host is None or b"\ntransfer-encoding" in lower:
        return None
    named = fields[host.start(1) : host.end(1)]
    size = end + 4 + _body(lower)
    return PlainRequest(named, size) if _is_host(named) and end + 4 <= len(data) <= size else None


def _body(fields: bytes) -> int:
    """How long the body is; less than nothing, and more than any head takes off, where that is not plain."""
    if b"\ncontent-length" not in fields:
        return 0
    length = _LENGTH(fields)
    return int(length[1]) if length is not None and fields.count(b"\ncontent-length") == 1 else -MAX_PLAIN


def _is_host(name: bytes) -> bool:
    return len(name) <= _MAX_HOST and is_plain_host(name)
