r"""Host names as Egret writes them: lower case, no final dot, every odd byte escaped.

A name has one spelling everywhere (catalogue, store, metrics, logs). Bytes that are not printable
ASCII, and dots inside a label, are written as ``\DDD`` (RFC 4343 section 2.1), so that no name from
the wire can carry a control byte, an ANSI sequence or a false label boundary into anything.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

MAX_NAME = 253  # RFC 1035 section 3.1: 255 octets on the wire are 253 characters of text
MAX_LABEL = 63
# As nearly all are written; the last label begins with a letter, so it is no address.
_ORDINARY = re.compile(rb"(?:[a-z0-9_-]{1,63}\.)*[a-z][a-z0-9_-]{0,62}").fullmatch
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")
_ESCAPED = tuple(
    chr(byte) if byte > 0x20 and byte < 0x7F and byte not in b'.\\"' else f"\\{byte:03d}" for byte in range(256)
)


def canonical(labels: Iterable[bytes]) -> str:
    """Spell DNS labels as one name. Total: every byte has a spelling; the root is ``""``."""
    return ".".join(_label(label.lower()) for label in labels)


def _label(label: bytes) -> str:
    if _PLAIN.issuperset(label):
        return label.decode("ascii")
    return "".join(_ESCAPED[byte] for byte in label)


def from_host(raw: bytes) -> str | None:
    """Spell a host from TLS, QUIC or HTTP (no port); None if it is an address literal or no host name.

    The final dot is dropped. U-labels (UTF-8 on the wire) become A-labels where IDNA knows them and
    escaped bytes where it does not.
    """
    if _ORDINARY(raw) and len(raw) <= MAX_NAME:
        return raw.decode("ascii")
    labels = _labels_of(raw)
    return None if labels is None or not _are_labels(labels) else canonical(labels)


def as_said(raw: bytes) -> str | None:
    """As ``from_host``; a name with labels that no resolver takes, empty or too long, is said all the same."""
    if _ORDINARY(raw) and len(raw) <= MAX_NAME:
        return raw.decode("ascii")
    labels = _labels_of(raw)
    return None if labels is None or not any(labels) else canonical(labels)


def _labels_of(raw: bytes) -> list[bytes] | None:
    host = raw.strip(b" \t").removesuffix(b".").lower()
    if not host or len(host) > MAX_NAME or is_address(host):
        return None
    return (host if host.isascii() else _to_ascii(host)).split(b".")


def _are_labels(labels: list[bytes]) -> bool:
    return all(0 < len(label) <= MAX_LABEL for label in labels)


def _to_ascii(host: bytes) -> bytes:
    try:
        return host.decode("utf-8").encode("idna").lower()
    except UnicodeError:
        return host


def split_port(authority: bytes) -> tuple[bytes, int | None]:
    """Split ``host:port`` and ``[v6]:port`` (RFC 3986 section 3.2); a port that is no number is None."""
    if authority.startswith(b"["):
        host, _, rest = authority[1:].partition(b"]")
        if rest and not rest.startswith(b":"):
            return authority, None
        port = rest[1:]
    else:
        host, colon, port = authority.rpartition(b":")
        if not colon or (port and not port.isdigit()) or (b":" in host and is_address(authority)):
            return authority, None
    return host, int(port) if port.isdigit() and len(port) <= 5 and int(port) < 65536 else None


def is_address(host: bytes | str) -> bool:
    """Whether *host* is an IPv4 or IPv6 literal, with or without brackets or zone."""
    text = host.decode("latin-1") if isinstance(host, bytes) else host
    text = text.strip("[]").partition("%")[0]
    if not text or not (text[-1].isdigit() or ":" in text):
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def printable(text: str) -> str:
    """Any text from outside, safe for a terminal or a log line: control and format characters escaped."""
    if text.isprintable():  # nearly always, and a fiftieth of the time
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}" for c in text)


def address_text(ip: bytes) -> str:
    """Text form of a packed address; IPv4-mapped IPv6 stays IPv6."""
    if len(ip) == 4:  # said in a third of the time that an IPv4Address takes to be made
        return f"{ip[0]}.{ip[1]}.{ip[2]}.{ip[3]}"
    return str(ipaddress.ip_address(ip))
