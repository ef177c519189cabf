"""What a client may say before its hello, in the protocols that turn TLS on in the middle (STARTTLS).

A prelude names nothing. It says only that a hello may follow in the same stream, so that the connection is
worth waiting for. Text: SMTP, IMAP, POP3, FTP, NNTP, ManageSieve, IRC, SIP, XMPP. Binary: the ones below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_PRELUDE = 4096  # of a client before its hello
_LOOKED_AT = 512  # of it, to tell text from binary
_MAX_TRIES = 32  # records that look like hellos and are none

# A record of type handshake, of a hello's size, whose first byte says ClientHello (RFC 8446 sections 4 and 5.1).
_HELLO = re.compile(rb"\x16\x03[\x00-\x04][\x00-\x48].\x01", re.DOTALL)
# Text, and behind it the beginning of a hello that has not come whole. UTF-8 is text too.
_TEXT = re.compile(rb"[\t\r\n\x20-\x7e][\t\r\n\x20-\x7e\x80-\xff]*(?:\x16.*)?", re.DOTALL)
_BINARY = (
    b"\x30",  # LDAP: an ASN.1 sequence (RFC 4511 section 4.1.1)
    b"\x00\x00\x00\x08\x04\xd2\x16\x2f",  # PostgreSQL: SSLRequest
    b"\x00\x00\x00\x08\x04\xd2\x16\x30",  # PostgreSQL: GSSENCRequest, which clients with Kerberos send before it
    b"\x03\x00\x00",  # RDP: TPKT with an X.224 connection request
    b"\x12\x01\x00",  # SQL Server: PRELOGIN; the hello comes in packets of the same framing
    b"AMQP",
    b"\x04",  # SOCKS
    b"\x05",
)
_MYSQL = b"\x00\x00\x01"  # the second packet of a connection, its length before it
_MYSQL_SSL = 0x08  # CLIENT_SSL, in the second byte of the capabilities

MAX_PLAIN = 512
_PLAIN_TEXT = re.compile(rb"[0-9A-OQ-Za-oq-z][\t\r\n\x20-\x7e]*\n|<[\t\r\n\x20-\x7e]*[\n>]").fullmatch
_MAY_BE_HTTP = re.compile(
    rb"\A(?:GET|HEAD|DELETE|OPTIONS)|http/", re.IGNORECASE
).search  # those with a P are none above
_VERSION = re.compile(rb"http/", re.IGNORECASE).search
_POSTGRES = re.compile(rb"(?:\x00\x00\x00\x08\x04\xd2\x16[\x2f\x30])+").fullmatch
_PLAIN_BINARY = re.compile(rb"\x30.|\x03\x00\x00..\xe0|\x20\x00\x00\x01..", re.DOTALL).match  # LDAP, RDP, MySQL


def hello_may_follow(data: bytes) -> bool:
    """Whether a hello may still follow these first bytes of a client."""
    if len(data) > MAX_PRELUDE:
        return False
    return (
        any(data[: len(start)] == start[: len(data)] for start in _BINARY)
        or (data[1:4] == _MYSQL[: len(data) - 1] and (len(data) < 6 or bool(data[5] & _MYSQL_SSL)))
        or _TEXT.fullmatch(data[:_LOOKED_AT]) is not None
    )


def is_plain_prelude(data: bytes) -> bool:
    """Whether these first bytes of a client are surely a prelude, whole, and nothing else that we read.

    Then ``recognise_anywhere`` waits, whatever has come of them before; and if a hello that is whole comes behind them,
    it finds that (tests/property/test_plain_preludes.py). ``worker/native/prelude.c`` is the same in C.
    """
    if len(data) > MAX_PLAIN or b"\x16\x03" in data or data[-1:] == b"\x16" or _MAY_BE_HTTP(data):
        return False
    if data[:1] == b"\x20":
        return _PLAIN_BINARY(data) is not None and bool(data[5] & _MYSQL_SSL)
    return any(plain(data) is not None for plain in (_PLAIN_TEXT, _PLAIN_BINARY, _POSTGRES))


def may_hold_request(data: bytes) -> bool:
    """Whether a request of HTTP may begin anywhere in these bytes."""
    return _VERSION(data) is not None


def possible_hellos(data: bytes) -> Iterator[int]:
    """Where a hello may begin behind the first byte, in order; bounded."""
    for tried, found in enumerate(_HELLO.finditer(data, 1)):
        if tried == _MAX_TRIES:
            return
        yield found.start()
