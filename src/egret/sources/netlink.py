"""Dumps over rtnetlink: links, addresses and routes of the network namespace we are in.

/sys/class/net would show those of the namespace that mounted it. Only reading, no right needed.

Ref: rtnetlink(7), netlink(7); linux/rtnetlink.h, if_link.h, if_addr.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

GET_LINK, GET_ADDRESS, GET_ROUTE = 18, 22, 26
_ROUTE_FAMILY = 0
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_BUFFER = 1 << 18
_TIMEOUT_S = 5.0


def dump(message_type: int, fixed: bytes) -> Iterator[bytes]:
    """Ask for everything of *message_type*; *fixed* is its zeroed header with the family set.

    Yields:
        Each message's body, its fixed header first.

    Raises:
        OSError: the kernel refuses, or does not answer within 5 s.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _ROUTE_FAMILY) as sock:
        sock.settimeout(_TIMEOUT_S)
        sock.send(_HEADER.pack(_HEADER.size + len(fixed), message_type, _REQUEST_DUMP, 1, 0) + fixed)
        while True:
            for kind, body in _messages(sock.recv(_BUFFER)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError(-int.from_bytes(body[:4], "little", signed=True), "netlink refused")
                yield body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += _align(length)


def attributes(body: bytes, at: int) -> dict[int, bytes]:
    """The attributes from offset *at* on, the last of each type."""
    found = {}
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = body[at + _ATTRIBUTE.size : at + length]
        at += _align(length)
    return found


def _align(length: int) -> int:
    return (length + 3) & ~3
