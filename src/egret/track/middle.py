"""Segments that are surely from the middle of a stream: nothing that Egret reads begins with one of them, or in it.

Of a connection whose SYN was not seen they are only counted, and not kept: it began before the capture, or its
beginning was lost. They are as long as segments of bulk are, so that the tail of a hello, which may come before its
head, is none of them.
"""

from __future__ import annotations

import re

from egret.decode.plain_link import Buffer

ENOUGH = 4  # segments with which nothing begins: their connection is in its middle
LEAST = 1_200  # bytes; what is left of a hello behind a full segment is less
MOST_KEPT = ENOUGH * LEAST  # of shorter ones, in the order of their stream, while nothing begins with them
LIKE_ONE = memoryview(b"\xff" * LEAST)  # of them nothing but that they are such is ever asked

_LOOKED_AT_FIRST = 8
_LOOKED_AT = 512  # to tell text from binary: as ``preludes`` has it
_HELLO_START = 0x16
# Hellos; proxies' headers and requests; servers' answers; SOCKS, LDAP, SQL Server, AMQP (``preludes``).
_BEGINNERS = frozenset(b"\x16\t\r\nPH\x04\x05\x30\x12A")
_NO_TEXT = re.compile(rb"[^\t\r\n\x20-\x7e\x80-\xff]").search
_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_-]*[ \t\r\n]").match  # a request's method
# As ``preludes.possible_hellos``, of which the end may be missing.
_HELLO = re.compile(rb"\x16(?:\Z|\x03(?:\Z|[\x00-\x04](?:\Z|[\x00-\x48](?:\Z|.(?:\Z|\x01)))))", re.DOTALL).search


def is_middle(segment: Buffer, size: int) -> bool:
    """Whether *segment*, of *size* bytes on the wire, is one of those; that an odd one is not is no harm."""
    if size < LEAST or len(segment) < _LOOKED_AT_FIRST:
        return False
    first, third = segment[0], segment[2]
    if first in _BEGINNERS or not (segment[1] or third):  # two zeros: PostgreSQL, RDP, MySQL
        return False
    if first >= 0x80:
        begins = third == 1  # SSL 2.0 (RFC 5246 appendix E.2)
    elif first < 0x20:
        begins = segment[6:8] == b"\0\1"  # DNS: one question
    else:
        begins = _may_be_text(segment)
    return not begins and _HELLO(segment) is None


def _may_be_text(segment: Buffer) -> bool:
    """Whether what begins with a byte of text goes on like text, or like a request."""
    odd = _NO_TEXT(segment, 0, _LOOKED_AT)
    return odd is None or segment[odd.start()] == _HELLO_START or _WORD(segment) is not None
