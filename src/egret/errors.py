"""What can go wrong, as deep as somebody catches it and no deeper.

======================  ==================  ==========================================
raised                  whose fault         caught in, and then
======================  ==================  ==========================================
ConfigError             the operator        cli: all printed, exit 2; a reload keeps the old
CatalogError            the operator        as ConfigError
DecodeError             the sender          once per frame: becomes a counted Anomaly
SourceError             capture             live: back off and reopen; file: stop, exit 1
GeoError                the database        cli: printed; the daemon goes on without it
StoreError              disk                daemon: counted, shown, detection goes on
SinkTemporary           the receiver        retried with back-off
SinkRejected            the receiver        counted as a failed delivery, never retried
======================  ==================  ==========================================
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Why a frame or a stream could not be read in full. A closed list: it is a metric label."""

    TRUNCATED = "truncated"  # a datagram or frame ends before its own lengths do
    BAD_LENGTH = "bad_length"  # a length contradicts what encloses it
    BAD_VALUE = "bad_value"  # a field has a value that the RFC forbids
    BAD_NAME = "bad_name"  # a name that is empty, too long or no host name
    BAD_COMPRESSION = "bad_compression"  # DNS compression that loops, or points forward
    UNKNOWN_LINKTYPE = "unknown_linktype"
    UNKNOWN_VERSION = "unknown_version"  # QUIC version without known salts
    UNSUPPORTED = "unsupported"  # well formed, but not something we read
    DECRYPT_FAILED = "decrypt_failed"  # QUIC Initial whose tag does not verify
    TOO_LARGE = "too_large"  # a message above the bound we reassemble to
    TOO_DEEP = "too_deep"  # more nested headers than the depth budget
    OVERLAP = "overlap"  # fragments or segments that disagree; the first wins
    GAP = "gap"  # bytes that never came; what was there was used
    EVICTED = "evicted"  # dropped by a memory bound before it was whole


class EgretError(Exception):
    """The root of everything Egret raises on purpose."""


class Position(NamedTuple):
    """A place in a text an operator wrote: *line* and *column* count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class ConfigError(EgretError):
    """A setting that cannot be used; says where, what and what to do instead."""

    def __init__(self, message: str, pos: Position | None = None, hint: str | None = None) -> None:
        super().__init__(message, pos, hint)
        self.message = message
        self.pos = pos
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.pos}: " if self.pos else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{hint}"


class CatalogError(ConfigError):
    """A signature that cannot be used."""


class ConfigErrors(EgretError):
    """Every error found in one run over the operator's files, never only the first."""

    def __init__(self, errors: list[ConfigError]) -> None:
        super().__init__(errors)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class DecodeError(EgretError):
    """Bytes from outside that break the rules; *offset* counts from the start of what was parsed."""

    def __init__(self, reason: Reason, offset: int = 0) -> None:
        super().__init__(reason, offset)
        self.reason = reason
        self.offset = offset


class Truncated(DecodeError):
    """The bytes end before the message does."""

    def __init__(self, offset: int = 0) -> None:
        super().__init__(Reason.TRUNCATED, offset)


class Malformed(DecodeError):
    """A length or a value contradicts the RFC."""


class Unsupported(DecodeError):
    """Well formed, but of a kind that Egret does not read."""


class SourceError(EgretError):
    """Capture failed: a file that breaks off, an interface that is gone, a right that is missing."""


class GeoError(EgretError):
    """A GeoIP database that cannot be opened or read."""


class UpdateError(EgretError):
    """A new catalogue that cannot be fetched, trusted or used; the one before stays."""


class StoreError(EgretError):
    """The incident store cannot be read or written."""


class SinkTemporary(EgretError):
    """The receiver cannot take it now; *retry_after_s* is its own wish, if it named one."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s)
        self.retry_after_s = retry_after_s


class SinkRejected(EgretError):
    """The receiver will never take it."""
