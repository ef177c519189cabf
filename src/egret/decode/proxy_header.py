"""PROXY protocol headers: what a load balancer puts before the stream it passes on.

Nothing in them is kept. They are measured, so that the hello or the request behind them is read.
Ref: the PROXY protocol, sections 2.1 (text) and 2.2 (binary).
"""

from __future__ import annotations

from egret.errors import Malformed, Reason

BINARY = b"\r\n\r\n\x00\r\nQUIT\n"
_TEXT = b"PROXY "
_MAX_TEXT = 107  # with its CR LF
_BINARY_HEAD = 16
_FAMILIES = (b"TCP4", b"TCP6", b"UNKNOWN")


def header_size(data: bytes) -> int | None:
    """The size of the header that *data* begins with; None: more is needed.

    Raises:
        Malformed: no PROXY header.
    """
    if data[: len(BINARY)] == BINARY[: len(data)]:
        return _binary(data)
    if data[: len(_TEXT)] == _TEXT[: len(data)]:
        return _text(data)
    raise Malformed(Reason.BAD_VALUE, 0)


def _binary(data: bytes) -> int | None:
    if len(data) > len(BINARY) and data[len(BINARY)] not in {0x20, 0x21}:  # version 2; LOCAL or PROXY
        raise Malformed(Reason.BAD_VALUE, len(BINARY))
    if len(data) < _BINARY_HEAD:
        return None
    size = _BINARY_HEAD + int.from_bytes(data[14:16], "big")
    return size if len(data) >= size else None


def _text(data: bytes) -> int | None:
    end = data.find(b"\r\n", 0, _MAX_TEXT)
    if end < 0:
        if len(data) >= _MAX_TEXT:
            raise Malformed(Reason.BAD_LENGTH, _MAX_TEXT)
        return None
    if data[len(_TEXT) : end].split(b" ")[0] not in _FAMILIES:
        raise Malformed(Reason.BAD_VALUE, len(_TEXT))
    return end + 2
