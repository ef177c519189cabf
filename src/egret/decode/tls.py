"""TLS ClientHello: out of a stream's first bytes, out of QUIC CRYPTO data, out of DTLS fragments.

Two readers. :func:`parse_client_hello` takes one handshake message. :func:`read_hello` takes the
first bytes that a client sent on a stream, and peels the record layer: a hello may lie in any number
of records, split anywhere, even inside the handshake header (RFC 8446 section 5.1).

Rules: a name that was read is kept whatever follows it; what followed becomes ``ClientHello.anomaly``.
An extension whose own content is broken spoils that extension only, as its length bounds the damage.
"""

from __future__ import annotations

from typing import NamedTuple

from egret.decode.tls_extensions import VERSIONS, Draft, read_extensions, take, uint, vector
from egret.errors import DecodeError, Malformed, Reason
from egret.model import Recognition
from egret.value import Aside

MAX_HELLO = 16 * 1024  # a browser's post-quantum hello has 1.7 to 2.2 KB; longer ones are used as far as this
HANDSHAKE_RECORD = 0x16
MAX_RECORD = (1 << 14) + 2048  # RFC 5246 section 6.2.3; TLS 1.3 allows less, and nobody is the worse for it
_CLIENT_HELLO = 1
_SERVER_HELLO = 2

_DTLS_VERSIONS = {0x0100: "1.0", 0xFEFF: "1.0", 0xFEFD: "1.2", 0xFEFC: "1.3"}  # 0x0100: OpenSSL before 0.9.8f


class ClientHello(Aside, frozen=True, kw_only=True):
    """What a client offers; *server_name* is the raw HostName, None without the extension."""

    aside = ("message",)

    server_name: bytes | None
    version: int  # the highest that the client offers
    alpn: tuple[bytes, ...] = ()
    ech: bool = False  # an outer encrypted_client_hello is there; GREASE looks the same (RFC 9849 section 6.2)
    ech_config_id: int | None = None
    esni: bool = False
    post_quantum: bool = False  # a hybrid or ML-KEM key share was sent
    ciphers: bytes = b""  # the list as sent, two bytes each
    extensions: tuple[int, ...] | None = None  # the types in order; None: they were not all read
    signature_algorithms: bytes = b""  # the list as sent, two bytes each
    anomaly: Reason | None = None  # what was wrong beside or after the name
    message: bytes = b""  # what was parsed

    @property
    def version_text(self) -> str:
        """The version as people write it: ``1.3``; a draft of 1.3 is ``1.3``; else hexadecimal."""
        if self.version >> 8 == 0x7F:
            return "1.3"
        return VERSIONS.get(self.version) or _DTLS_VERSIONS.get(self.version) or f"0x{self.version:04x}"


class HelloRead(NamedTuple):
    """What :func:`read_hello` made of a stream's first bytes."""

    recognition: Recognition
    hello: ClientHello | None = None
    needed: int = 0  # with NEED_MORE: another look pays when the stream has this many bytes
    reason: Reason | None = None  # with YES and no hello: why it cannot be read
    size: int = 0  # with a whole hello: bytes that its records took


def parse_client_hello(message: bytes | memoryview, *, datagram: bool = False) -> ClientHello:
    """Parse one TLS handshake message.

    Args:
        message: a handshake message from ``msg_type``, without record headers; not kept. It may be
            cut: what is there is used.
        datagram: a DTLS hello, put together and under the same four-byte header as TLS has.

    Returns:
        The hello; with ``anomaly`` set if something beside or after its server_name is broken or missing.

    Raises:
        Truncated: *message* ends before a server_name was read and before the hello ends.
        Malformed: a length or a value contradicts the RFC, and no server_name was read before.

    Ref: RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 6347 section 4.2.1, RFC 9147 section 5.3.
    """
    data = bytes(message)
    draft = Draft()
    try:
        _read_message(data, draft, datagram=datagram)
    except DecodeError as error:
        if draft.server_name is None:
            raise
        return _done(data, draft, error.reason)
    return _done(data, draft)


def _done(data: bytes, draft: Draft, anomaly: Reason | None = None) -> ClientHello:
    return ClientHello(
        server_name=draft.server_name,
        version=draft.version,
        alpn=draft.alpn,
        ech=draft.ech,
        ech_config_id=draft.ech_config_id,
        esni=draft.esni,
        post_quantum=draft.post_quantum,
        ciphers=draft.ciphers,
        extensions=draft.extensions,
        signature_algorithms=draft.signature_algorithms,
        anomaly=anomaly or draft.anomaly,
        message=data,
    )


def _read_message(data: bytes, draft: Draft, *, datagram: bool) -> None:
    if uint(data, 0, 1, 4) != _CLIENT_HELLO:
        raise Malformed(Reason.BAD_VALUE, 0)
    position, end = vector(data, 1, 3, 1 << 25)
    draft.version = uint(data, position, 2, end)
    if (draft.version not in _DTLS_VERSIONS) if datagram else (draft.version >> 8 != 3):
        raise Malformed(Reason.BAD_VALUE, position)
    start, position = vector(data, position + 34, 1, end)  # legacy_session_id, after the 32 random bytes
    if position - start > 32:
        raise Malformed(Reason.BAD_LENGTH, start)
    if datagram:
        _, position = vector(data, position, 1, end)  # cookie
    start, position = vector(data, position, 2, end)  # cipher_suites
    draft.ciphers = data[start:position]
    _, position = vector(data, position, 1, end)  # legacy_compression_methods
    if position == end:  # no extensions: TLS 1.2 and older may leave them out (RFC 5246 section 7.4.1.2)
        take(data, position, end)
        draft.extensions = ()
        return
    position, stop = vector(data, position, 2, end)
    draft.extensions = read_extensions(data, position, stop, draft)
    if stop != end:
        raise Malformed(Reason.BAD_LENGTH, stop)


def read_hello(stream: bytes | memoryview, *, final: bool = False) -> HelloRead:
    """Look for a ClientHello at the start of what a client sent.

    Args:
        stream: the first bytes of one direction, without holes; not kept.
        final: no more bytes will come: use what is there.

    Returns:
        NO: these bytes are no TLS client. NEED_MORE: they may be, or are, but the hello is not whole.
        YES: with the hello, or with the reason why it cannot be read. Raises nothing.

    Ref: RFC 8446 section 5.1, RFC 5246 appendix E.2 (the SSL 2.0 form).
    """
    data = bytes(stream)
    if len(data) < 6:
        return _too_short(data, final=final)
    if data[0] & 0x80:
        return _read_ssl2(data, final=final)
    if not _starts_hello(data):
        return HelloRead(Recognition.NO)
    try:
        message, needed, size = _peel_records(data)
    except DecodeError as error:
        return HelloRead(Recognition.YES, None, 0, error.reason)
    if needed and not final:
        return HelloRead(Recognition.NEED_MORE, None, needed)
    try:
        return HelloRead(Recognition.YES, parse_client_hello(message), size=size)
    except DecodeError as error:
        return HelloRead(Recognition.YES, None, 0, error.reason)


def begins_whole_hello(segment: bytes | memoryview) -> bool:
    """Whether a segment begins with a hello beyond doubt: one message that fills its record.

    It may stand behind a change of cipher or an alert, as after a HelloRetryRequest (RFC 8446 appendix D.4).
    """
    start = 0
    for size in (6, 7):  # one of each at most
        if len(segment) > start + size and segment[start] == (0x14 if size == 6 else 0x15):
            start += size
    data = bytes(segment[start : start + 11])
    return (
        len(data) == 11
        and _starts_hello(data)
        and int.from_bytes(data[3:5], "big") == int.from_bytes(data[6:9], "big") + 4
        and data[9] == 3
    )


def is_server_hello(stream: bytes | memoryview) -> bool:
    """Whether a direction's first bytes are a TLS server's: then the other side is the client."""
    return len(stream) >= 6 and stream[0] == HANDSHAKE_RECORD and stream[1] == 3 and stream[5] == _SERVER_HELLO


def _starts_hello(data: bytes) -> bool:
    """A handshake record of SSL 3.0 to TLS 1.3 whose first byte says ClientHello."""
    return (
        data[0] == HANDSHAKE_RECORD
        and data[1] == 3
        and data[2] <= 4
        and data[5] == _CLIENT_HELLO
        and 0 < int.from_bytes(data[3:5], "big") <= MAX_RECORD
    )


def _too_short(data: bytes, *, final: bool) -> HelloRead:
    """Fewer bytes than it takes to tell: still possible only if each of them fits."""
    fits = b"\x16\x03".startswith(data[:2]) and (len(data) < 3 or data[2] <= 4)
    ssl2 = data[:1] >= b"\x80" and (len(data) < 3 or data[2] == _CLIENT_HELLO)
    if final or not (fits or ssl2):
        return HelloRead(Recognition.NO)
    return HelloRead(Recognition.NEED_MORE, None, 6)


def _peel_records(data: bytes) -> tuple[bytes, int, int]:
    """The hello's bytes as far as they are here, the stream length that would bring more (0: whole), and where it ends.

    A handshake message must not be interleaved with other record types (RFC 8446 section 5.1): a
    record of another type before the hello's end is Malformed, unless a name came before it; then
    the parser says Truncated beside the name.
    """
    pieces: list[bytes] = []
    got = position = 0
    want = 4
    while got < want:
        header = data[position : position + 5]
        if len(header) < 5:
            return b"".join(pieces), position + 6, 0
        if header[0] != HANDSHAKE_RECORD or header[1] != 3:
            return b"".join(pieces), 0, 0
        stop = position + 5 + int.from_bytes(header[3:5], "big")
        piece = data[position + 5 : stop]
        pieces.append(piece)
        got += len(piece)
        want = _wanted(pieces, got)
        if stop > len(data) and got < want:
            return b"".join(pieces), min(stop, len(data) + want - got), 0
        position = stop
    return b"".join(pieces)[:want], 0, position


def _wanted(pieces: list[bytes], got: int) -> int:
    """How long the handshake message is, once its header is here; never more than we keep."""
    if got < 4:
        return 4
    head = pieces[0] if len(pieces[0]) >= 4 else b"".join(pieces)
    return min(4 + int.from_bytes(head[1:4], "big"), MAX_HELLO)


def _read_ssl2(data: bytes, *, final: bool) -> HelloRead:
    """RFC 5246 appendix E.2: a hello in SSL 2.0 framing; it has no extensions, so no name."""
    length = int.from_bytes(data[:2], "big") & 0x7FFF
    version = int.from_bytes(data[3:5], "big")
    if data[2] != _CLIENT_HELLO or version not in VERSIONS or not 9 + 3 <= length <= 1024:
        return HelloRead(Recognition.NO)
    if len(data) < 11:
        return HelloRead(Recognition.NO) if final else HelloRead(Recognition.NEED_MORE, None, 11)
    ciphers, session, challenge = (int.from_bytes(data[at : at + 2], "big") for at in (5, 7, 9))
    whole = 9 + ciphers + session + challenge == length
    if not whole or ciphers == 0 or ciphers % 3 or session not in {0, 16} or not 16 <= challenge <= 32:
        return HelloRead(Recognition.NO)
    return HelloRead(Recognition.YES, ClientHello(server_name=None, version=version))
