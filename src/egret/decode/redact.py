"""What may be kept of a message that said a flagged name: up to the name, the rest blanked or left out.

Each function is total, takes what a hostile sender chose, and gives bytes of bounded length that read to the same
name. Cookies, credentials, paths, keys, tickets and bodies are never in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from egret.decode.dns import AAAA, CNAME, DNAME, HTTPS, SVCB, A
from egret.decode.redact_hello import Blanked, redact_hello
from egret.errors import DecodeError, Truncated
from egret.evidence import Form, Proof, Raw
from egret.model import Connection, Kind, Observation, Protocol, Transport

MAX_PROOF = 8 * 1024  # a browser's post-quantum hello has 1.7 to 2.2 KB; what is longer is cut behind the name
_MAX_AUTHORITY = 300
_MAX_LABELS = 128

_NS = 2
_READ = frozenset({A, _NS, CNAME, AAAA, DNAME, SVCB, HTTPS})  # addresses and names; TXT and the like may say anything
_METHOD = re.compile(rb"[A-Za-z][A-Za-z0-9_-]{0,23}")
_ABSOLUTE = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]{0,15}://)([^/?#\s]*)")
_AUTHORITY = re.compile(rb"[^\s/?#@]*")
_ACCOUNT = re.compile(rb"(?<=/)\d+(?=/)")
_NAME_PARTS = (b"host=", b"dn=", b"name=", b"domain=")  # of an HTTPDNS query
_PASSWORD = 2

HELLO_NOTE = "session, keys, tickets and unknown extensions of the hello are zero, its lengths are as they were"
CUT_NOTE = "cut: what followed is left out"
HTTP_NOTE = "request line without its path, and Host lines; every other line and the body are left out"
HTTP2_NOTE = "was HTTP/2: written as the HTTP/1.1 request that it stands for"
SOCKS_NOTE = "user and password are blanked"
HTTPDNS_NOTE = "of the query only the names that were asked for; every other line is left out"
DNS_NOTE = "records other than addresses, aliases and name servers have blank contents"
BLANK_NOTE = "a packet of the connection that nothing in it names; its contents are zero"

_HELLOS = frozenset({Protocol.TLS, Protocol.DTLS, Protocol.QUIC})


def proof_of(event: Observation | Connection) -> Proof | None:
    """What may be kept of the message that *event* came from; None where nothing can be shown of it."""
    raw = event.raw
    if isinstance(event, Connection):
        if raw is not None and event.protocol in _HELLOS:
            return _hello(raw, event.protocol)
        return Proof(Form.BLANK, bytes(8), (BLANK_NOTE,)) if event.transport is Transport.TCP else None
    if raw is None:
        return None
    read = _READERS.get(event.protocol)
    return None if read is None else read(raw, event)


def _hello(raw: Raw, protocol: Protocol | None) -> Proof | None:
    data = redact_hello(raw.data, datagram=protocol is Protocol.DTLS, limit=MAX_PROOF)
    notes = (HELLO_NOTE,) if len(data) == len(raw.data) else (HELLO_NOTE, CUT_NOTE)
    return Proof(Form.HELLO, data, notes, raw.dcid, raw.version) if data else None


def _said_by_hello(raw: Raw, event: Observation) -> Proof | None:
    return _hello(raw, event.protocol)


def _said_by_dns(raw: Raw, _event: Observation) -> Proof | None:
    data = redact_dns(raw.data)
    notes = (DNS_NOTE,) if len(data) == len(raw.data) else (DNS_NOTE, CUT_NOTE)
    return Proof(Form.DNS, data, notes) if data else None


def redact_dns(wire: bytes) -> bytes:
    """Keep questions, owners, addresses and aliases of a message; blank all other records' contents.

    Ref: RFC 1035 section 4, RFC 6891 section 6.1.2, whose options have cookies and clients' addresses.
    """
    message = Blanked(wire, MAX_PROOF)
    try:
        header = message.keep(12)
        questions, *sections = (int.from_bytes(header[at : at + 2], "big") for at in (4, 6, 8, 10))
        for _ in range(questions):
            _skip_name(message)
            message.keep(4)
            message.followed()
        for _ in range(sum(sections)):
            _skip_name(message)
            kind = message.number(2)
            message.keep(6)
            size = message.number(2)
            message.keep(size) if kind in _READ else message.blank(size)
            message.followed()
    except DecodeError:
        pass
    return message.result()


def _skip_name(message: Blanked) -> None:
    """Keep a name up to its end or its first pointer."""
    for _ in range(_MAX_LABELS):
        size = message.number(1)
        if size >= 0xC0:
            message.keep(1)
            return
        if not size:
            return
        message.keep(size)
    raise Truncated(message.reader.offset)


def _said_by_http(raw: Raw, event: Observation) -> Proof | None:
    data = redact_request(raw.data)
    if data is not None:
        return Proof(Form.TEXT, data, (HTTP_NOTE,))
    method = str(event.attributes.get("method", "GET"))
    target = f"{event.name}:{event.server.port}" if event.kind is Kind.CONNECT else "/"
    return Proof(Form.TEXT, f"{method} {target} HTTP/1.1\r\nHost: {event.name}\r\n\r\n".encode(), (HTTP2_NOTE,))


def redact_request(data: bytes) -> bytes | None:
    """Keep method, authority, version and Host lines of a request's head; None where *data* is no text."""
    first, _, rest = data.lstrip(b"\r\n").partition(b"\n")
    words = first.split()
    if len(words) < 2 or not _METHOD.fullmatch(words[0]) or data.startswith(b"PRI * HTTP/2"):
        return None
    method, target = words[:2]
    absolute = _ABSOLUTE.match(target)
    if absolute:
        kept = absolute.group(1) + _authority(absolute.group(2)) + b"/"
    else:
        kept = _authority(target) if method.upper() == b"CONNECT" else b"/"
    version = b"HTTP/1.0" if words[-1] == b"HTTP/1.0" else b"HTTP/1.1"
    lines = [b" ".join((method, kept, version)), *(b"Host: " + host for host in _hosts(rest))]
    return b"\r\n".join([*lines, b"", b""])[:MAX_PROOF]


def _hosts(text: bytes) -> list[bytes]:
    """The values of the Host lines of a head; one may stand in the line behind an empty one."""
    hosts: list[bytes] = []
    folds = False
    for line in text.split(b"\n")[:-1]:  # what follows the last newline is no whole line
        if line in {b"", b"\r"} or len(hosts) > 8:
            break
        name, _, value = line.partition(b":")
        if folds and line[:1] in {b" ", b"\t"}:
            hosts[-1] = _authority(line.strip())
        elif name.rstrip().lower() == b"host":
            hosts.append(_authority(value.strip()))
        folds = bool(hosts) and not hosts[-1]
    return hosts


def _authority(text: bytes) -> bytes:
    """Host and port, without the user and password that may stand before them."""
    found = _AUTHORITY.match(text.split(maxsplit=1)[0].rpartition(b"@")[2] if text.strip() else b"")
    return found.group()[:_MAX_AUTHORITY] if found else b""


def _said_by_httpdns(raw: Raw, _event: Observation) -> Proof | None:
    first, _, rest = raw.data.partition(b"\n")
    target = first.split(b" ")[1] if first.count(b" ") > 1 else b""
    path, _, query = target.partition(b"?")
    path = b"/" + path.partition(b"://")[2].partition(b"/")[2] if b"://" in path else path
    path = _ACCOUNT.sub(lambda found: b"0" * len(found.group()), path)
    asked = [part for part in query.split(b"&") if part.startswith(_NAME_PARTS)]
    lines = [b"GET " + path + b"?" + b"&".join(asked) + b" HTTP/1.1", *(b"Host: " + host for host in _hosts(rest))]
    return Proof(Form.TEXT, b"\r\n".join([*lines, b"", b""])[:MAX_PROOF], (HTTPDNS_NOTE,))


def _said_by_socks(raw: Raw, _event: Observation) -> Proof | None:
    request = Blanked(raw.data, MAX_PROOF)
    try:
        _socks5(request) if raw.data[:1] == b"\x05" else _socks4(request)
    except DecodeError:
        return None
    return Proof(Form.TEXT, request.result(), (SOCKS_NOTE,))


def _socks5(request: Blanked) -> None:
    """RFC 1928 sections 3 and 4; the user and password of RFC 1929 in between keep their lengths."""
    request.keep(1)
    methods = request.keep(request.number(1))
    following = request.number(1)
    if following == 1 and _PASSWORD in methods:
        request.blank(request.number(1))
        request.blank(request.number(1))
        request.keep(1)
    request.keep(request.reader.remaining)
    request.followed()


def _socks4(request: Blanked) -> None:
    request.keep(8)
    user = bytes(request.reader.data[8:]).partition(b"\0")[0]
    request.copy[8 : 8 + len(user)] = b"x" * len(user)
    request.blank(len(user))
    request.keep(request.reader.remaining)
    request.followed()


_READERS: dict[Protocol, Callable[[Raw, Observation], Proof | None]] = {
    Protocol.DNS: _said_by_dns,
    Protocol.TLS: _said_by_hello,
    Protocol.DTLS: _said_by_hello,
    Protocol.QUIC: _said_by_hello,
    Protocol.HTTP: _said_by_http,
    Protocol.SOCKS: _said_by_socks,
    Protocol.HTTPDNS: _said_by_httpdns,
}
