"""A ClientHello without what is secret or nobody's business: names and structure stay, contents go.

What is not known to be harmless is blanked: sessions, tickets, pre-shared keys and binders, cookies, key shares, values
of transport parameters, whatever an extension that nobody here knows may hold. Lengths stay, so that the blanked hello
reads as the original did, fingerprint included. Where the original cannot be followed, the blanked one ends.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from egret.decode.reader import Reader
from egret.errors import DecodeError

_RANDOM = 2 + 32  # version and random: sent in the clear, no key follows from them
_HEADER = 4
# What names things that every client of a kind has in common.
_HARMLESS = frozenset(
    {
        10,  # supported_groups
        11,  # ec_point_formats
        13,  # signature_algorithms
        16,  # application_layer_protocol_negotiation
        27,  # compress_certificate
        28,  # record_size_limit
        43,  # supported_versions
        45,  # psk_key_exchange_modes
        50,  # signature_algorithms_cert
        17513,  # application_settings
        17613,
    }
)


class Blanked:
    """A copy of some bytes in which only what is kept is not zero.

    Args:
        data: the original.
        limit: of the copy.
    """

    def __init__(self, data: bytes, limit: int) -> None:
        self.reader = Reader(data[:limit])
        self.copy = bytearray(len(self.reader.data))
        self.end = 0  # up to where the original could be followed

    def keep(self, size: int) -> bytes:
        """Take and keep the next *size* bytes."""
        start = self.reader.offset
        kept = self.reader.take(size)
        self.copy[start : start + size] = kept
        return kept

    def number(self, width: int) -> int:
        """Take and keep an integer, most often a length."""
        return int.from_bytes(self.keep(width), "big")

    def blank(self, size: int) -> None:
        """Step over what is not kept."""
        self.reader.skip(size)

    def followed(self) -> None:
        """Everything up to here reads as it did."""
        self.end = self.reader.offset

    def result(self) -> bytes:
        """The copy, up to where the original could be followed."""
        return bytes(self.copy[: self.end])


def redact_hello(message: bytes, *, datagram: bool, limit: int) -> bytes:
    """Blank a handshake message.

    Args:
        message: from ``msg_type``, as ``tls.parse_client_hello`` takes it; may be cut.
        datagram: a DTLS hello, which has a cookie.
        limit: bytes that the result has at most; whole extensions go.

    Returns:
        The hello, cut where *message* cannot be followed; total.

    Ref: RFC 8446 section 4.1.2 and 4.2, RFC 6347 section 4.2.1, RFC 9849 section 5.
    """
    hello = Blanked(message, limit)
    with suppress(DecodeError):
        _read(hello, datagram=datagram)
    return hello.result()


def _read(hello: Blanked, *, datagram: bool) -> None:
    hello.keep(_HEADER + _RANDOM)
    hello.blank(hello.number(1))  # legacy_session_id
    if datagram:
        hello.blank(hello.number(1))  # cookie
    hello.keep(hello.number(2))  # cipher_suites
    hello.keep(hello.number(1))  # legacy_compression_methods
    hello.followed()
    if not hello.reader.remaining:
        return
    hello.number(2)
    while hello.reader.remaining:
        _extension(hello)
        hello.followed()


def _extension(hello: Blanked) -> None:
    kind, size = hello.number(2), hello.number(2)
    stop = hello.reader.offset + size
    if size > hello.reader.remaining:
        hello.blank(size)  # raises
    if kind in _HARMLESS:
        hello.keep(size)
    elif (read := _PARTLY.get(kind)) is not None:
        _partly(hello, read, stop)
    hello.blank(stop - hello.reader.offset)


def _partly(hello: Blanked, read: Callable[[Blanked, int], None], stop: int) -> None:
    """A broken extension is kept as far as it reads, and never beyond its end."""
    outer, reader = hello.reader, Reader(hello.reader.data, hello.reader.offset, stop)
    hello.reader = reader
    with suppress(DecodeError):
        read(hello, stop)
    hello.reader = outer
    outer.skip(reader.offset - outer.offset)


def _server_name(hello: Blanked, stop: int) -> None:
    """RFC 6066 section 3: the first host name; the list has room for other things."""
    hello.number(2)
    named = False
    while hello.reader.offset < stop:
        is_host, size = hello.number(1) == 0, hello.number(2)
        if is_host and size and not named:
            hello.keep(size)
            named = True
        else:
            hello.blank(size)


def _key_share(hello: Blanked, stop: int) -> None:
    """RFC 8446 section 4.2.8: groups and lengths."""
    hello.number(2)
    while hello.reader.offset < stop:
        hello.number(2)
        hello.blank(hello.number(2))


def _ech(hello: Blanked, _stop: int) -> None:
    """RFC 9849 section 5: type, cipher suite and config id; not what is sealed."""
    hello.keep(6)
    for _ in range(2):
        hello.blank(hello.number(2))


def _transport_parameters(hello: Blanked, stop: int) -> None:
    """RFC 9000 section 18: which there are; their values have connection ids and tokens."""
    while hello.reader.offset < stop:
        _varint(hello)
        hello.blank(_varint(hello))


def _varint(hello: Blanked) -> int:
    """RFC 9000 section 16."""
    first = hello.number(1)
    value = first & 0x3F
    for _ in range((1 << (first >> 6)) - 1):
        value = value << 8 | hello.number(1)
    return value


_PARTLY: dict[int, Callable[[Blanked, int], None]] = {
    0: _server_name,
    51: _key_share,
    57: _transport_parameters,
    0xFE0D: _ech,
}
