"""What clients say before their hellos, as the protocols' documents write it, for tests of STARTTLS and tunnels."""

from __future__ import annotations

import dns.message
import dns.rrset

NAME = "mail.example"
_BIND = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"  # RFC 4511 section 4.14.1
_MYSQL = bytes.fromhex("20000001 85aeff19 00000001 ff") + bytes(23)  # CLIENT_SSL is in the capabilities
_RDP = bytes.fromhex("0300002c27e00000000000") + b"Cookie: mstshash=me\r\n" + bytes.fromhex("0100080003000000")
_PRELOGIN = bytes.fromhex("1201002f00000100") + bytes.fromhex("00001a000601002000010200210001ff") + bytes(23)

# Each: what the client says in turn, before its hello.
STARTTLS: dict[str, list[bytes]] = {
    "smtp": [b"EHLO client.example\r\n", b"STARTTLS\r\n"],
    "lmtp": [b"LHLO client.example\r\n", b"STARTTLS\r\n"],
    "imap": [b"a001 CAPABILITY\r\n", b"a002 STARTTLS\r\n"],
    "pop3": [b"CAPA\r\n", b"STLS\r\n"],
    "ftp": [b"AUTH TLS\r\n"],
    "nntp": [b"CAPABILITIES\r\n", b"STARTTLS\r\n"],
    "sieve": [b"STARTTLS\r\n"],
    "irc": [b"CAP LS 302\r\nNICK me\r\n", b"STARTTLS\r\n"],
    "xmpp": [
        "<?xml version='1.0'?><stream:stream to='im.example' xml:lang='de' from='jürgen@im.example'>".encode(),
        b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    ],
    "ldap": [_BIND],
    "postgresql": [bytes.fromhex("0000000804d2162f")],
    "postgresql with gss": [bytes.fromhex("0000000804d21630"), bytes.fromhex("0000000804d2162f")],
    "mysql": [_MYSQL],
    "rdp": [_RDP],
    "sql server": [_PRELOGIN, bytes.fromhex("120102050000 0000")],
    "amqp": [b"AMQP\x02\x01\x00\x00"],
}

PROXY_1 = b"PROXY TCP4 192.0.2.9 198.51.100.9 4711 443\r\n"
PROXY_2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0f" + bytes(12) + b"\x04\x00\x00"  # with an empty TLV
PROXY_LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


def socks4(host: bytes | None, user: bytes = b"me") -> bytes:
    address = b"\xc6\x33\x64\x07" if host is None else b"\x00\x00\x00\x01"
    return b"\x04\x01\x01\xbb" + address + user + b"\x00" + (b"" if host is None else host + b"\x00")


def socks5(host: bytes | None, *, methods: bytes = b"\x00", login: bool = False, command: int = 1) -> bytes:
    greeting = b"\x05" + bytes([len(methods)]) + methods
    password = b"\x01\x02me\x06secret" if login else b""
    target = b"\x01\xc6\x33\x64\x07" if host is None else b"\x03" + bytes([len(host)]) + host
    return greeting + password + b"\x05" + bytes([command]) + b"\x00" + target + b"\x01\xbb"


def connect(host: str) -> bytes:
    return f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode()


def dns_query(name: str) -> bytes:
    return dns.message.make_query(name, "A", id=4711).to_wire()


def dns_answer(name: str, address: str) -> bytes:
    message = dns.message.make_response(dns.message.make_query(name, "A", id=4711))
    message.answer.append(dns.rrset.from_text(name + ".", 60, "IN", "A", address))
    return message.to_wire()
