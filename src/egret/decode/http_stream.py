"""What takes long on an HTTP connection and need not be held for it: heads of many kilobytes, and chunked bodies.

Ref: RFC 9112 sections 2.2, 5 and 7.1.
"""

from __future__ import annotations

import re

from egret.errors import Malformed, Reason, Unsupported

MAX_SIFTED = 1 << 20  # of one head; no server takes a tenth of it; Reason.TOO_LARGE beyond
MAX_KEPT = 4096  # of the lines that matter
_MAX_LINE = 2048  # a longer line is passed over before its end is there; of a request line this much is kept
_TAIL = 64  # and this much of its end, where the version stands
_MAX_SIZE_LINE = 1024  # a chunk's length with its extensions
_MAX_TRAILERS = 4096
_FIELDS = re.compile(rb"(?:host|content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,7})[ \t]*(?:;[^\n]*)?\r?\n")


class Sieve:
    """Reads a request's head as it comes and keeps the lines that say where it goes and how long its body is.

    ``kept`` and what was not used of the last data are a head again, only shorter.
    """

    __slots__ = ("_begun", "_passed", "_tail", "ended", "kept")

    def __init__(self) -> None:
        self.kept = bytearray()
        self.ended = False  # the empty line came: what follows is no longer the head
        self._begun = b""  # of a line that is longer than is held
        self._tail: bytes | None = None  # its last bytes; None outside of such a line
        self._passed = 0

    @property
    def cost(self) -> int:
        """Bytes of memory, roughly."""
        return 200 + len(self.kept) + len(self._begun)

    def feed(self, data: bytes) -> int:
        """Take what has come behind what was used so far; how many bytes of it are used.

        Raises:
            Unsupported: no end within ``MAX_SIFTED``.
        """
        used = 0
        while not self.ended and (end := data.find(b"\n", used)) >= 0:
            self._line(data[used : end + 1])
            used = end + 1
        if not self.ended and (self._tail is not None or len(data) - used > _MAX_LINE):
            self._pass_over(data[used:])
            used = len(data)
        self._passed += used
        if self._passed > MAX_SIFTED:
            raise Unsupported(Reason.TOO_LARGE, self._passed)
        return used

    def _pass_over(self, piece: bytes) -> None:
        if self._tail is None:
            self._begun, self._tail = piece[:_MAX_LINE], b""
        self._tail = (self._tail + piece)[-_TAIL:]

    def _line(self, line: bytes) -> None:
        if self._tail is not None or len(line) > _MAX_LINE:
            self._pass_over(line)
            line, self._tail = self._begun + (self._tail or b""), None
            if self.kept:
                return  # no host name and no length is as long as that
        empty = line in {b"\n", b"\r\n"}
        if empty and not self.kept:
            return  # RFC 9112 section 2.2
        self.ended = empty
        if not self.kept or empty or (self._matters(line) and len(self.kept) + len(line) <= MAX_KEPT):
            self.kept += line

    def _matters(self, line: bytes) -> bool:
        if line[:1] in b" \t":  # RFC 9112 section 5.2: the line before goes on
            return _FIELDS.match(self.kept, self.kept.rfind(b"\n", 0, -1) + 1) is not None
        return _FIELDS.match(line) is not None


def measure_chunks(data: bytes) -> tuple[int, bool]:
    """How many bytes of a stream the chunks take that *data* begins with; the last may reach beyond it.

    Returns:
        The bytes, and whether they end the body.

    Raises:
        Malformed: no chunk begins where one must.
    """
    offset = 0
    while offset < len(data):
        size = _SIZE.match(data, offset, offset + _MAX_SIZE_LINE)
        if size is None:
            if b"\n" in data[offset : offset + _MAX_SIZE_LINE] or len(data) - offset >= _MAX_SIZE_LINE:
                raise Malformed(Reason.BAD_LENGTH, offset)
            break
        length = int(size[1], 16)
        if not length:
            end = _trailers_end(data, size.end())
            return (offset, False) if end is None else (end, True)
        offset = size.end() + length + 2
    return offset, False


def _trailers_end(data: bytes, offset: int) -> int | None:
    """RFC 9112 section 7.1.2: fields may follow the last chunk; behind them is an empty line."""
    start = offset
    while (end := data.find(b"\n", offset)) >= 0:
        if data[offset:end] in {b"", b"\r"}:
            return end + 1
        offset = end + 1
    if len(data) - start > _MAX_TRAILERS:
        raise Malformed(Reason.TOO_LARGE, start)
    return None
